// One partition of the internal topic, as its owner runs it: the groups in it, and the way of their changes to the log.
//
// Stepped by Groups. Changes are applied in memory when they are staged and answered when they are replicated, in
// order: what is asked later waits behind them, so nobody is told what a crash, or another leader, could take back. If
// a write fails, all that is in memory is dropped and loaded again from what the log kept.
// Invariants. At most one write is under way. The log, replayed, gives what is in memory once all writes are durable.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "broker/call.h"
#include "broker/group_call.h"
#include "group/group.h"
#include "wire/records.h"

namespace penstock::group {

/// Some records on their way to the log, and who waits for them.
struct Write {
    struct Stored {
        std::string group;
        int32_t generation = 0;
    };
    wire::BatchBuilder records;
    IntrusiveList<broker::Call, broker::OwnerQueue> calls;
    std::vector<Stored> groups;
};

/// What all groups of a shard have in common.
struct GroupContext {
    const broker::GroupOptions options;
    Time time;
    TimerHeap timers;
    Random random;
    IntrusiveList<broker::Call, broker::OwnerQueue> answers;
    size_t memory = 0;           ///< see GroupHost::memory()
    bool staged = false;         ///< some partition has a write to begin

    void answer(broker::GroupCall& call);
};

enum class HostedState : uint8_t { unloaded, loading, active };

struct Hosted final : GroupHost {
    Hosted(const log::LogKey& k, GroupContext& c) : key(k), context(c) {}

    const log::LogKey key;
    GroupContext& context;
    HostedState state = HostedState::unloaded;
    bool wanted = true;          ///< this broker leads the partition
    LeaderEpoch epoch{-1};       ///< under which it does: what is in memory is of that epoch
    std::map<std::string, std::unique_ptr<Group>, std::less<>> groups;

    // Loading.
    broker::FetchCall fetch;
    broker::FetchPart part;
    Offset next;                 ///< to be read
    Nanos reload_at{0};

    // Writing.
    std::deque<std::unique_ptr<Write>> writes;
    bool writing = false;        ///< the first of them is under way
    broker::AppendCall append;
    std::vector<std::byte> batch;
    Fragment body;

    Group* find(std::string_view group_id);
    Group& make(std::string_view group_id);

    // Staging. All take effect at once, and are durable when the write that is the last now is.
    void commit(Group& group, const broker::CommitOffsetsCall& call);
    void remove_offset(Group& group, const std::string& topic, int32_t partition);
    void remove(Group& group);
    /// Forgets a group that nobody joined and that has committed nothing: nothing of it was ever stored.
    void forget_unused(Group& group);
    void remove_expired(int64_t retention_ms);
    /// Answers the call as soon as everything that is staged so far is durable.
    void answer_behind_writes(broker::GroupCall& call);

    /// Makes the first write's batch ready in `append`. False: there is none, or one is under way.
    bool begin_write(Time time);
    /// The first write is durable.
    void end_write();

    /// Takes what was read while loading: whole batches, from `next` on. True if there was any.
    bool take_batches(std::span<const std::byte> bytes);
    void end_load();
    /// Forgets everything in memory. All that wait are answered.
    void drop(broker::ErrorCode error);

    /// Neither of its own calls is in the owner's hands.
    bool quiet() const { return append.asks == 0 && fetch.asks == 0; }

private:
    const broker::GroupOptions& options() const override { return context.options; }
    Time time() const override { return context.time; }
    TimerHeap& timers() override { return context.timers; }
    void answer(broker::GroupCall& call) override { context.answer(call); }
    size_t& memory() override { return context.memory; }
    void store(Group& group, bool waited_for) override;
    std::string new_member_id(std::string_view prefix) override;

    Write& staged();
    void stage(std::span<const std::byte> name, wire::OptionalBytes value);
    void stage_removal(const std::string& group, const std::string& topic, int32_t partition);
    void take_record(const wire::Record& record);

    std::vector<std::byte> key_bytes_, value_bytes_;
    Arena arena_{limits::group_record_bytes_max};
};

}  // namespace penstock::group
