// All consumer groups of one shard: those whose partition of the internal topic has its owner here.
//
// Stepped by its shard, once a turn: on_turn(), on_call()/on_cancel() for what the mailboxes and this shard's own
// requests bring, on_answered() for its own calls (their request is null), flush() once the rest of the turn is done,
// poll_answer() until it is empty. on_view() when a new view of the cluster is published.
// It reads and writes the internal topic as any client of the Owner does. Until a partition's groups are loaded, calls
// on them are refused with Kafka's COORDINATOR_LOAD_IN_PROGRESS, which clients answer with patience.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "broker/handler.h"
#include "group/group.h"
#include "group/hosted.h"

namespace penstock::group {

class Groups final {
public:
    /// `exchange` must outlive it; it carries its own calls to this shard's owner.
    Groups(const broker::BrokerOptions& options, broker::Exchange& exchange);
    ~Groups();
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    void on_view(const broker::TopicTable& topics, Time time);
    void on_call(broker::GroupCall& call, Time time);
    void on_cancel(broker::GroupCall& call, Time time);
    void on_answered(broker::Call& call);
    /// True if anything happened.
    bool on_turn(Time time);
    bool flush();
    /// A call that is answered now, in no particular order; null when there is none.
    broker::Call* poll_answer() { return context_.answers.pop_front(); }
    Nanos next_deadline() const;

    /// None of its own calls is in the owner's hands.
    bool quiet() const;

private:
    void serve(Hosted& hosted, broker::GroupCall& call);
    void join(Hosted& hosted, broker::JoinGroupCall& call);
    void commit_offsets(Hosted& hosted, broker::CommitOffsetsCall& call);
    void fetch_offsets(Hosted& hosted, broker::FetchOffsetsCall& call);
    void remove_group(Hosted& hosted, broker::DeleteGroupCall& call);
    void remove_offsets(Hosted& hosted, broker::DeleteOffsetsCall& call);
    void list(broker::ListGroupsCall& call);
    void refuse(broker::GroupCall& call, broker::ErrorCode error);
    bool has_room() const;

    void ask(broker::Call& call, broker::Ask what);
    void load_more(Hosted& hosted);
    void on_fetched(Hosted& hosted);
    void fail(Hosted& hosted);
    bool look_after_partitions();

    const broker::BrokerOptions options_;
    broker::Exchange& exchange_;
    GroupContext context_;
    std::map<log::LogKey, std::unique_ptr<Hosted>> hosted_;
    Nanos sweep_at_ = never;
    Nanos look_at_ = never;         ///< when a partition is to be loaded or let go of: not looked for every turn
    std::vector<std::byte> read_;   ///< what a load copies out of the cache, to give that back at once
};

}  // namespace penstock::group
