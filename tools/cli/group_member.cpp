#include "cli/group_member.h"

#include "wire/kafka/heartbeat.h"
#include "wire/kafka/leave_group.h"
#include "wire/kafka/sync_group.h"

namespace penstock::cli {

using client::Subscriber;
using client::assign_ranges;
using client::consumer_protocol_type;
using client::decode_assignment;
using client::decode_subscription;
using client::encode_assignment;
using client::encode_subscription;

namespace {

using wire::kafka::HeartbeatRequest;
using wire::kafka::HeartbeatResponse;
using wire::kafka::JoinGroupRequest;
using wire::kafka::JoinGroupResponse;
using wire::kafka::LeaveGroupRequest;
using wire::kafka::LeaveGroupResponse;
using wire::kafka::SyncGroupRequest;
using wire::kafka::SyncGroupResponse;

constexpr std::string_view protocol_name = "range";

int32_t milliseconds(Duration duration) { return static_cast<int32_t>(duration / std::chrono::milliseconds(1)); }

template <class M>
ErrorCode error_on_top(const Reply<M>& reply) { return reply->error_code; }

}  // namespace

Failure GroupMember::refused(const std::string& what, ErrorCode error) const {
    Failure failure = refusal(fmt::format("{} group '{}'", what, group_.group()), error);
    if (error == ErrorCode::inconsistent_group_protocol)
        failure.hint = "Its other members do not use the range assignor of consumers.";
    return failure;
}

bool GroupMember::to_join_again(ErrorCode error) {
    if (error == ErrorCode::unknown_member_id) name_.member_id.clear();
    return error == ErrorCode::unknown_member_id || error == ErrorCode::illegal_generation ||
           error == ErrorCode::rebalance_in_progress;
}

Outcome<std::vector<int32_t>> GroupMember::join() {
    const Deadline deadline = group_.client().deadline() + times_.rebalance;
    next_heartbeat_ = Deadline::max();
    while (true) {
        auto joined = join_once(deadline);
        if (!joined) return std::unexpected(std::move(joined.error()));
        if (*joined) {
            auto synced = sync_once(**joined, deadline);
            if (!synced) return std::unexpected(std::move(synced.error()));
            if (*synced) {
                next_heartbeat_ = Clock::now() + times_.heartbeat;
                return std::move(**synced);
            }
        }
        if (Clock::now() >= deadline) return refuse(fmt::format("group '{}' does not come to rest", group_.group()));
    }
}

Outcome<std::optional<GroupMember::JoinReply>> GroupMember::join_once(Deadline deadline) {
    const std::vector<std::byte> subscription = encode_subscription({topic_});
    const JoinGroupRequest::Protocol protocol{protocol_name, subscription};
    JoinGroupRequest request;
    request.group_id = group_.group();
    request.session_timeout_ms = milliseconds(times_.session);
    request.rebalance_timeout_ms = milliseconds(times_.rebalance);
    const std::string member_id = name_.member_id;
    request.member_id = member_id;
    request.protocol_type = consumer_protocol_type;
    request.protocols = {&protocol, 1};
    auto reply = group_.call<JoinGroupResponse>(request, deadline, error_on_top<JoinGroupResponse>);
    if (!reply) return std::unexpected(std::move(reply.error()));
    const ErrorCode error = reply->message.error_code;
    if (error == ErrorCode::member_id_required || error == ErrorCode::none) name_.member_id = reply->message.member_id;
    if (error == ErrorCode::member_id_required || to_join_again(error)) return std::nullopt;
    if (error != ErrorCode::none) return std::unexpected(refused("cannot join", error));
    name_.generation = reply->message.generation_id;
    return std::move(*reply);
}

Outcome<std::map<std::string, Assignment>> GroupMember::assign(const JoinReply& joined, Deadline deadline) {
    std::map<std::string, Assignment> assigned;
    if (joined->leader != joined->member_id || joined->skip_assignment) return assigned;
    std::vector<Subscriber> subscribers;
    for (const auto& member : joined->members) {
        auto topics = decode_subscription(member.metadata);
        if (!topics) return refuse(fmt::format("member '{}' of group '{}' does not say what it reads",
                                               printable(member.member_id), group_.group()));
        Subscriber& subscriber = subscribers.emplace_back();
        subscriber.member_id = member.member_id;
        if (member.group_instance_id) subscriber.instance_id = std::string(*member.group_instance_id);
        subscriber.topics = std::move(*topics);
    }
    const auto cluster = group_.client().describe(deadline);
    if (!cluster) return std::unexpected(cluster.error());
    std::map<std::string, int32_t> counts;
    for (const TopicInfo& topic : cluster->topics) counts[topic.name] = static_cast<int32_t>(topic.partitions.size());
    return assign_ranges(std::move(subscribers), counts);
}

Outcome<std::optional<std::vector<int32_t>>> GroupMember::sync_once(const JoinReply& joined, Deadline deadline) {
    const auto assigned = assign(joined, deadline);
    if (!assigned) return std::unexpected(assigned.error());
    std::map<std::string, std::vector<std::byte>> bytes;
    for (const auto& [member, assignment] : *assigned) bytes[member] = encode_assignment(assignment);
    std::vector<SyncGroupRequest::Assignment> assignments;
    for (const auto& [member, encoded] : bytes) assignments.push_back({member, encoded});
    SyncGroupRequest request;
    request.group_id = group_.group();
    request.generation_id = name_.generation;
    const std::string member_id = name_.member_id;
    request.member_id = member_id;
    request.protocol_type = consumer_protocol_type;
    request.protocol_name = protocol_name;
    request.assignments = assignments;
    const auto reply = group_.call<SyncGroupResponse>(request, deadline, error_on_top<SyncGroupResponse>);
    if (!reply) return std::unexpected(reply.error());
    if (to_join_again(reply->message.error_code)) return std::nullopt;
    if (reply->message.error_code != ErrorCode::none)
        return std::unexpected(refused("cannot join", reply->message.error_code));
    auto ours = decode_assignment(reply->message.assignment.value_or(wire::Bytes()));
    if (!ours) return refuse(fmt::format("the leader of group '{}' assigned what makes no sense", group_.group()));
    return std::move((*ours)[topic_]);
}

Outcome<bool> GroupMember::keep_alive() {
    if (Clock::now() < next_heartbeat_) return true;
    HeartbeatRequest request;
    request.group_id = group_.group();
    request.generation_id = name_.generation;
    const std::string member_id = name_.member_id;
    request.member_id = member_id;
    const auto reply =
        group_.call<HeartbeatResponse>(request, group_.client().deadline(), error_on_top<HeartbeatResponse>);
    if (!reply) return std::unexpected(reply.error());
    next_heartbeat_ = Clock::now() + times_.heartbeat;
    if (reply->message.error_code == ErrorCode::none) return true;
    if (to_join_again(reply->message.error_code)) return false;
    return std::unexpected(refused("no longer in", reply->message.error_code));
}

Outcome<bool> GroupMember::commit(const Offsets& offsets) {
    if (offsets.empty()) return true;
    const auto error = group_.commit(name_, offsets, group_.client().deadline());
    if (!error) return std::unexpected(error.error());
    if (*error == ErrorCode::none) return true;
    if (to_join_again(*error)) return false;
    return std::unexpected(refused("cannot commit to", *error));
}

void GroupMember::leave() {
    if (name_.member_id.empty()) return;
    const LeaveGroupRequest::Member member{name_.member_id, {}, {}};
    LeaveGroupRequest request;
    request.group_id = group_.group();
    request.member_id = name_.member_id;
    request.members = {&member, 1};
    // The session ends by itself if this fails.
    static_cast<void>(
        group_.call<LeaveGroupResponse>(request, group_.client().deadline(), error_on_top<LeaveGroupResponse>));
    name_ = {};
}

}  // namespace penstock::cli
