// What the APIs of consumer groups ask of the shard that has the group: one call each.
//
// The group lives where its partition of the internal topic `__consumer_offsets` has its owner (broker/group_place.h);
// src/group serves the calls there. What is asked are views into the request's frame and arena, which stay until the
// answer; what is answered is owned by the call, since the group goes on changing. A join, or a sync, may be held for
// as long as a rebalance takes; a cancel answers it at once with Kafka's REQUEST_TIMED_OUT.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/call.h"
#include "wire/codec.h"

namespace penstock::group {
struct GroupTimer;
}

namespace penstock::broker {

enum class GroupOp : uint8_t {
    join,
    sync,
    heartbeat,
    leave,
    commit_offsets,
    fetch_offsets,
    describe,
    list,
    remove,
    remove_offsets,
};

struct GroupCall : Call {
    explicit GroupCall(GroupOp o) : Call(CallKind::group), op(o) {}
    virtual ~GroupCall() = default;  ///< a request keeps them as GroupCall

    GroupOp op;
    log::LogKey key;             ///< the group's partition of the internal topic; of a list: not looked at
    std::string_view group_id;   ///< the same

    ErrorCode error = ErrorCode::none;

    group::GroupTimer* held_by = nullptr;  ///< the owner's: the member that a join or sync waits with
};

/// Who speaks for a member. From consumers without a group: generation -1 and an empty id.
struct MemberIdentity {
    std::string_view member_id;
    std::optional<std::string_view> instance_id;  ///< of a static member
    int32_t generation = -1;
};

struct JoinGroupCall : GroupCall {
    JoinGroupCall() : GroupCall(GroupOp::join) {}

    struct Protocol {
        std::string_view name;
        wire::Bytes metadata;
    };
    MemberIdentity member;       ///< the generation is not looked at
    std::string_view client_id;
    std::string_view client_host;
    int32_t session_timeout_ms = 0;
    int32_t rebalance_timeout_ms = 0;
    std::string_view protocol_type;
    std::span<const Protocol> protocols;  ///< the most wanted first
    bool id_required = false;    ///< from version 4 on: a new dynamic member first gets its id, and error 79
    bool may_skip_assignment = false;     ///< from version 9 on

    struct Member {
        std::string id;
        std::optional<std::string> instance_id;
        std::string metadata;    ///< for the chosen protocol
    };
    int32_t generation = -1;
    std::string member_id;       ///< also beside error 79
    std::string leader_id;
    std::string chosen_protocol_type;
    std::string chosen_protocol;
    bool skip_assignment = false;
    std::vector<Member> members;  ///< for the leader alone
};

struct SyncGroupCall : GroupCall {
    SyncGroupCall() : GroupCall(GroupOp::sync) {}

    struct Assignment {
        std::string_view member_id;
        wire::Bytes bytes;
    };
    MemberIdentity member;
    std::optional<std::string_view> protocol_type;   ///< from version 5 on, to be compared with the group's
    std::optional<std::string_view> protocol;        ///< the same
    std::span<const Assignment> assignments;  ///< the leader's

    std::string chosen_protocol_type;
    std::string chosen_protocol;
    std::string assignment;
};

struct HeartbeatCall : GroupCall {
    HeartbeatCall() : GroupCall(GroupOp::heartbeat) {}

    MemberIdentity member;
};

struct LeaveGroupCall : GroupCall {
    LeaveGroupCall() : GroupCall(GroupOp::leave) {}

    struct Member {
        std::string_view member_id;  ///< may be empty beside an instance id
        std::optional<std::string_view> instance_id;
        ErrorCode error = ErrorCode::none;  ///< answered
    };
    std::span<Member> members;
};

struct CommitOffsetsCall : GroupCall {
    CommitOffsetsCall() : GroupCall(GroupOp::commit_offsets) {}

    struct Offset {
        std::string_view topic;
        Uuid topic_id;
        int32_t partition = 0;
        int64_t offset = -1;
        int32_t leader_epoch = -1;
        std::string_view metadata;
    };
    MemberIdentity member;
    std::span<const Offset> offsets;  ///< of topics that exist, with metadata within the limit: home has looked
    bool unknown_group_is_not_found = false;  ///< from version 9 on: error 69 where it was 22
};

struct FetchOffsetsCall : GroupCall {
    FetchOffsetsCall() : GroupCall(GroupOp::fetch_offsets) {}

    struct Wanted {
        std::string_view topic;
        int32_t partition = 0;
    };
    MemberIdentity member;       ///< from version 9 on, and looked at only if it names a member
    bool all = false;            ///< everything that the group has committed
    std::span<const Wanted> wanted;

    struct Offset {
        std::string topic;       ///< set if all were asked for, then ordered by topic and partition
        Uuid topic_id;           ///< that it was committed for: void if the topic of this name is another one now
        int32_t partition = 0;
        int64_t offset = -1;
        int32_t leader_epoch = -1;
        std::string metadata;
    };
    std::vector<Offset> offsets; ///< one for each wanted, in order; -1 where nothing was committed
};

struct DescribeGroupCall : GroupCall {
    DescribeGroupCall() : GroupCall(GroupOp::describe) {}

    struct Member {
        std::string id;
        std::optional<std::string> instance_id;
        std::string client_id;
        std::string client_host;
        std::string metadata;    ///< for the chosen protocol; empty while there is none
        std::string assignment;
    };
    bool found = false;          ///< otherwise Kafka says state "Dead", or from version 6 on error 69
    std::string_view state;      ///< Kafka's spelling; static
    std::string protocol_type;
    std::string protocol;
    std::vector<Member> members;
};

/// All groups of one shard.
struct ListGroupsCall : GroupCall {
    ListGroupsCall() : GroupCall(GroupOp::list) {}

    struct Group {
        std::string id;
        std::string protocol_type;
        std::string_view state;  ///< Kafka's spelling; static
    };
    std::vector<Group> groups;
};

struct DeleteGroupCall : GroupCall {
    DeleteGroupCall() : GroupCall(GroupOp::remove) {}
};

struct DeleteOffsetsCall : GroupCall {
    DeleteOffsetsCall() : GroupCall(GroupOp::remove_offsets) {}

    struct Wanted {
        std::string_view topic;
        int32_t partition = 0;
        ErrorCode error = ErrorCode::none;  ///< answered: 86 while a member subscribes to the topic
    };
    std::span<Wanted> wanted;
};

}  // namespace penstock::broker
