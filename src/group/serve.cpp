// The calls on groups, each for one API.
#include <algorithm>

#include "base/assert.h"
#include "group/groups.h"
#include "limits.h"

namespace penstock::group {

using namespace broker;

void Groups::refuse(GroupCall& call, ErrorCode error) {
    call.error = error;
    context_.answer(call);
}

/// A request may go beyond the limit by its own size, which is bounded.
bool Groups::has_room() const { return context_.memory < limits::group_memory_per_shard; }

void Groups::on_call(GroupCall& call, Time time) {
    context_.time = time;
    PENSTOCK_ASSERT(!call.held);
    call.held = true;
    if (call.op == GroupOp::list) return list(static_cast<ListGroupsCall&>(call));
    const auto at = hosted_.find(call.key);
    if (at == hosted_.end() || !at->second->wanted) return refuse(call, ErrorCode::not_coordinator);
    if (at->second->state != HostedState::active) return refuse(call, ErrorCode::coordinator_load_in_progress);
    serve(*at->second, call);
}

void Groups::on_cancel(GroupCall& call, Time time) {
    context_.time = time;
    if (!call.held) return;
    if (call.held_by != nullptr) return call.held_by->group->forget(call);
    static_cast<ListLink<OwnerQueue>&>(call).unlink();
    refuse(call, ErrorCode::request_timed_out);
}

void Groups::serve(Hosted& hosted, GroupCall& call) {
    Group* group = hosted.find(call.group_id);
    switch (call.op) {
        case GroupOp::join: return join(hosted, static_cast<JoinGroupCall&>(call));
        case GroupOp::sync:
            if (group == nullptr) return refuse(call, ErrorCode::unknown_member_id);
            return group->sync(static_cast<SyncGroupCall&>(call));
        case GroupOp::heartbeat:
            if (group == nullptr) return refuse(call, ErrorCode::unknown_member_id);
            return group->heartbeat(static_cast<HeartbeatCall&>(call));
        case GroupOp::leave:
            if (group != nullptr) return group->leave(static_cast<LeaveGroupCall&>(call));
            for (auto& member : static_cast<LeaveGroupCall&>(call).members) member.error = ErrorCode::unknown_member_id;
            return refuse(call, ErrorCode::none);
        case GroupOp::describe:
            if (group != nullptr) group->describe(static_cast<DescribeGroupCall&>(call));
            return refuse(call, ErrorCode::none);
        case GroupOp::commit_offsets: return commit_offsets(hosted, static_cast<CommitOffsetsCall&>(call));
        case GroupOp::fetch_offsets: return fetch_offsets(hosted, static_cast<FetchOffsetsCall&>(call));
        case GroupOp::remove: return remove_group(hosted, static_cast<DeleteGroupCall&>(call));
        case GroupOp::remove_offsets: return remove_offsets(hosted, static_cast<DeleteOffsetsCall&>(call));
        case GroupOp::list: break;
    }
    PENSTOCK_ASSERT(false);
}

void Groups::join(Hosted& hosted, JoinGroupCall& call) {
    Group* group = hosted.find(call.group_id);
    if (group == nullptr) {
        if (!call.member.member_id.empty()) return refuse(call, ErrorCode::unknown_member_id);
        if (!has_room()) return refuse(call, ErrorCode::group_max_size_reached);
        group = &hosted.make(call.group_id);
    }
    group->join(call);
    hosted.forget_unused(*group);  // it may have been refused
}

void Groups::commit_offsets(Hosted& hosted, CommitOffsetsCall& call) {
    Group* group = hosted.find(call.group_id);
    if (group == nullptr) {
        // Consumers that assign partitions to themselves only keep their offsets here.
        if (call.member.generation >= 0) {
            return refuse(call, call.unknown_group_is_not_found ? ErrorCode::group_id_not_found
                                                                : ErrorCode::illegal_generation);
        }
    } else if (const ErrorCode error = group->check_commit(call.member); error != ErrorCode::none) {
        return refuse(call, error);
    }
    if (!has_room()) return refuse(call, ErrorCode::policy_violation);
    if (!call.offsets.empty()) hosted.commit(group != nullptr ? *group : hosted.make(call.group_id), call);
    hosted.answer_behind_writes(call);
}

void Groups::fetch_offsets(Hosted& hosted, FetchOffsetsCall& call) {
    const Group* group = hosted.find(call.group_id);
    const auto add = [&](std::string_view topic, int32_t partition, const CommittedOffset& committed) {
        call.offsets.push_back({.topic = std::string(topic),
                                .topic_id = committed.topic_id,
                                .partition = partition,
                                .offset = committed.offset,
                                .leader_epoch = committed.leader_epoch,
                                .metadata = committed.metadata});
    };
    if (call.all && group != nullptr) {
        for (const auto& [topic, partitions] : group->offsets())
            for (const auto& [partition, committed] : partitions) add(topic, partition, committed);
    }
    for (const FetchOffsetsCall::Wanted& wanted : call.wanted) {
        const CommittedOffset* found = group == nullptr ? nullptr : group->offset(wanted.topic, wanted.partition);
        add({}, wanted.partition, found != nullptr ? *found : CommittedOffset{});
    }
    hosted.answer_behind_writes(call);
}

void Groups::remove_group(Hosted& hosted, DeleteGroupCall& call) {
    Group* group = hosted.find(call.group_id);
    if (group == nullptr) return refuse(call, ErrorCode::group_id_not_found);
    if (group->has_members()) return refuse(call, ErrorCode::non_empty_group);
    hosted.remove(*group);
    hosted.answer_behind_writes(call);
}

void Groups::remove_offsets(Hosted& hosted, DeleteOffsetsCall& call) {
    Group* group = hosted.find(call.group_id);
    if (group == nullptr) return refuse(call, ErrorCode::group_id_not_found);
    // Only of consumers it can be known what they subscribe to.
    if (group->has_members() && group->protocol_type() != "consumer") return refuse(call, ErrorCode::non_empty_group);
    for (DeleteOffsetsCall::Wanted& wanted : call.wanted) {
        if (group->subscribes(wanted.topic)) wanted.error = ErrorCode::group_subscribed_to_topic;
        else hosted.remove_offset(*group, std::string(wanted.topic), wanted.partition);
    }
    hosted.answer_behind_writes(call);
}

void Groups::list(ListGroupsCall& call) {
    for (const auto& [_, hosted] : hosted_) {
        if (!hosted->wanted) continue;
        if (hosted->state != HostedState::active) call.error = ErrorCode::coordinator_load_in_progress;
        for (const auto& [id, group] : hosted->groups)
            call.groups.push_back({id, group->protocol_type(), to_string(group->state())});
    }
    context_.answer(call);
}

}  // namespace penstock::group
