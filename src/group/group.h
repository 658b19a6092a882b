// One consumer group of the classic protocol: its members, their rebalances, and what they have committed.
//
// Stepped by Groups (groups.h), which gives it calls, expired timers, and the news that what it asked to be stored is
// durable. Every call is answered through GroupHost::answer(), at once or when the rebalance that it waits for ends.
// Invariants. `leader_` is a member, or there are none. A member waits with at most one join and one sync. No timer is
// set for a member that is gone. In `stable` every member's assignment is durable in the internal topic.
// What it does not do: look at subscriptions (opaque bytes, the leader's business), but for whether a topic is in them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timer_heap.h"
#include "base/units.h"
#include "broker/group_call.h"
#include "broker/options.h"
#include "group/records.h"
#include "limits.h"

namespace penstock::group {

using broker::ErrorCode;

class Group;

enum class TimerKind : uint8_t { member, pending, rebalance, sync };

struct GroupTimer : Timer {
    GroupTimer(TimerKind k, Group& g) : kind(k), group(&g) {}
    TimerKind kind;
    Group* group;
};

/// What a group asks of its surroundings.
class GroupHost {
public:
    virtual ~GroupHost() = default;
    virtual const broker::GroupOptions& options() const = 0;
    virtual Time time() const = 0;
    virtual TimerHeap& timers() = 0;
    virtual void answer(broker::GroupCall& call) = 0;
    /// Stores the group as it is now. If `waited_for`, Group::on_stored() says when that is durable.
    virtual void store(Group& group, bool waited_for) = 0;
    /// Bytes that all groups take together: within limits::group_memory_per_shard.
    virtual size_t& memory() = 0;
    /// One that nobody else has, made of what the member is called by and a random part.
    virtual std::string new_member_id(std::string_view prefix) = 0;
};

enum class GroupState : uint8_t { empty, preparing_rebalance, completing_rebalance, stable };
std::string_view to_string(GroupState state);  ///< Kafka's spelling

struct CommittedOffset {
    int64_t offset = -1;
    int32_t leader_epoch = -1;
    std::string metadata;
    int64_t commit_timestamp = -1;  ///< Unix milliseconds
    Uuid topic_id;
};

class Group {
public:
    Group(std::string id, GroupHost& host);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    const std::string& id() const { return id_; }
    GroupState state() const { return state_; }
    int32_t generation() const { return generation_; }
    const std::string& protocol_type() const { return protocol_type_; }
    bool has_members() const { return !members_.empty() || !pending_.empty(); }
    int64_t empty_since_ms() const { return state_timestamp_; }

    // Calls. Each is answered, now or later.
    void join(broker::JoinGroupCall& call);
    void sync(broker::SyncGroupCall& call);
    void heartbeat(broker::HeartbeatCall& call);
    void leave(broker::LeaveGroupCall& call);
    void describe(broker::DescribeGroupCall& call) const;

    /// Whether this member may commit now. Counts as a sign of life.
    ErrorCode check_commit(const broker::MemberIdentity& who);
    /// A member subscribes to the topic, or might, for all that can be read.
    bool subscribes(std::string_view topic) const;

    void on_timer(GroupTimer& timer);
    /// The state of this generation, stored by store(group, true), is durable.
    void on_stored(int32_t generation);
    /// Home does not wait any longer for a join or sync.
    void forget(broker::GroupCall& call);
    /// Answers all that wait; the group ends.
    void disband(ErrorCode error);

    /// For the internal topic. Strings point into the group.
    GroupValue to_record(Arena& arena) const;
    void load(const GroupValue& value);
    /// After loading: members have their whole session to be heard of.
    void start_sessions();

    // What is committed, durable or on its way.
    using Offsets = std::map<std::string, std::map<int32_t, CommittedOffset>, std::less<>>;
    const Offsets& offsets() const { return offsets_; }
    /// Null where nothing is.
    const CommittedOffset* offset(std::string_view topic, int32_t partition) const;
    void put_offset(std::string_view topic, int32_t partition, CommittedOffset offset);
    /// False where there was nothing.
    bool erase_offset(std::string_view topic, int32_t partition);

private:
    struct Protocol {
        std::string name;
        std::string metadata;
        friend bool operator==(const Protocol&, const Protocol&) = default;
    };

    struct Member : GroupTimer {
        explicit Member(Group& of) : GroupTimer(TimerKind::member, of) {}
        std::string id;
        std::optional<std::string> instance_id;
        std::string client_id, client_host;
        int32_t session_timeout_ms = 0;
        int32_t rebalance_timeout_ms = 0;
        std::vector<Protocol> protocols;
        std::string assignment;
        broker::JoinGroupCall* join = nullptr;
        broker::SyncGroupCall* sync = nullptr;
        size_t memory = 0;      ///< counted by the host
        bool is_new = false;    ///< has not finished its first join
        bool synced = false;    ///< in this generation
        const Protocol* protocol(std::string_view name) const;
    };

    struct Pending : GroupTimer {
        explicit Pending(Group& of) : GroupTimer(TimerKind::pending, of) {}
        std::string id;
        size_t memory() const { return limits::group_member_bytes + id.size(); }
    };

    // Joining: group_join.cpp
    void join_new(broker::JoinGroupCall& call);
    void join_known(broker::JoinGroupCall& call);
    void rejoin_settled(Member& member, broker::JoinGroupCall& call);
    bool accepts_another(const broker::JoinGroupCall& call) const;
    bool supports(const broker::JoinGroupCall& call) const;
    void add(std::string id, broker::JoinGroupCall& call);
    void update(Member& member, broker::JoinGroupCall& call);
    void replace_static(std::string old_id, std::string id, broker::JoinGroupCall& call);
    bool has_room_for(const broker::JoinGroupCall& call) const;
    void take_identity(Member& member, const broker::JoinGroupCall& call);
    void hold(Member& member, broker::JoinGroupCall& call);
    void answer_join(Member& member, std::string_view leader, bool with_members, bool skip_assignment);
    void answer_joined(Member& member);

    // Rebalancing: group_rebalance.cpp
    void rebalance_or_complete();
    void prepare_rebalance();
    void maybe_complete_join();
    void complete_join();
    bool elect_leader();
    void become_empty();
    std::string select_protocol() const;
    bool supported_by_all(std::string_view protocol) const;
    void on_rebalance_timer();
    void on_sync_timer();
    void on_member_timer(Member& member);
    int64_t rebalance_timeout_ns() const;

    // group.cpp
    Member* find(const broker::MemberIdentity& who, ErrorCode& error);
    ErrorCode leave_one(const broker::LeaveGroupCall::Member& who);
    void remove(Member& member, ErrorCode error);
    void after_removal();
    void end_pending(Pending& pending);
    void touch(Member& member);
    void count_memory(Member& member);
    void answer_sync(Member& member, ErrorCode error);
    void refuse(broker::GroupCall& call, ErrorCode error);

    const std::string id_;
    GroupHost& host_;
    Offsets offsets_;
    size_t memory_ = 0;  ///< of the group and its offsets, counted by the host
    GroupState state_ = GroupState::empty;
    int64_t state_timestamp_ = -1;
    int32_t generation_ = 0;
    std::string protocol_type_, protocol_, leader_;
    std::map<std::string, std::unique_ptr<Member>, std::less<>> members_;
    std::map<std::string, std::string, std::less<>> static_members_;  ///< instance id → member id
    std::map<std::string, std::unique_ptr<Pending>, std::less<>> pending_;  ///< have an id, and have not come back

    // The first rebalance of an empty group waits for more members.
    bool initial_ = false;
    bool joined_lately_ = false;
    int64_t initial_left_ns_ = 0;
    GroupTimer rebalance_timer_{TimerKind::rebalance, *this};
    GroupTimer sync_timer_{TimerKind::sync, *this};
};

}  // namespace penstock::group
