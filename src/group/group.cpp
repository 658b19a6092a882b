#include "group/group.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "wire/reader.h"

namespace penstock::group {

using namespace broker;

std::string_view to_string(GroupState state) {
    switch (state) {
        case GroupState::empty: return "Empty";
        case GroupState::preparing_rebalance: return "PreparingRebalance";
        case GroupState::completing_rebalance: return "CompletingRebalance";
        case GroupState::stable: return "Stable";
    }
    PENSTOCK_ASSERT(false);
}

Group::Group(std::string id, GroupHost& host)
    : id_(std::move(id)), host_(host), memory_(limits::group_bytes + 2 * id_.size()),
      state_timestamp_(host.time().wall_ms) {
    host_.memory() += memory_;
}

Group::~Group() {
    for (auto& [_, member] : members_) {
        PENSTOCK_ASSERT(member->join == nullptr && member->sync == nullptr);
        host_.timers().cancel(*member);
    }
    for (auto& [_, pending] : pending_) {
        host_.timers().cancel(*pending);
        host_.memory() -= pending->memory();
    }
    host_.timers().cancel(rebalance_timer_);
    host_.timers().cancel(sync_timer_);
    host_.memory() -= memory_;
}

const CommittedOffset* Group::offset(std::string_view topic, int32_t partition) const {
    const auto partitions = offsets_.find(topic);
    if (partitions == offsets_.end()) return nullptr;
    const auto at = partitions->second.find(partition);
    return at == partitions->second.end() ? nullptr : &at->second;
}

void Group::put_offset(std::string_view topic, int32_t partition, CommittedOffset offset) {
    erase_offset(topic, partition);
    const size_t bytes = limits::group_offset_bytes + offset.metadata.size();
    memory_ += bytes;
    host_.memory() += bytes;
    offsets_[std::string(topic)].emplace(partition, std::move(offset));
}

bool Group::erase_offset(std::string_view topic, int32_t partition) {
    const auto partitions = offsets_.find(topic);
    if (partitions == offsets_.end()) return false;
    const auto at = partitions->second.find(partition);
    if (at == partitions->second.end()) return false;
    const size_t bytes = limits::group_offset_bytes + at->second.metadata.size();
    memory_ -= bytes;
    host_.memory() -= bytes;
    partitions->second.erase(at);
    if (partitions->second.empty()) offsets_.erase(partitions);
    return true;
}

const Group::Protocol* Group::Member::protocol(std::string_view name) const {
    const auto at = std::ranges::find(protocols, name, &Protocol::name);
    return at == protocols.end() ? nullptr : &*at;
}

void Group::refuse(GroupCall& call, ErrorCode error) {
    call.error = error;
    host_.answer(call);
}

/// Null with the reason: it is no member, or the static member of that instance is another one by now.
Group::Member* Group::find(const MemberIdentity& who, ErrorCode& error) {
    if (who.instance_id) {
        const auto known = static_members_.find(*who.instance_id);
        if (known == static_members_.end()) return error = ErrorCode::unknown_member_id, nullptr;
        if (known->second != who.member_id) return error = ErrorCode::fenced_instance_id, nullptr;
    }
    const auto at = members_.find(who.member_id);
    if (at == members_.end()) return error = ErrorCode::unknown_member_id, nullptr;
    return at->second.get();
}

void Group::touch(Member& member) {
    host_.timers().set(member, host_.time().now + member.session_timeout_ms * millisecond_ns);
}

void Group::count_memory(Member& member) {
    host_.memory() -= member.memory;
    member.memory = limits::group_member_bytes + member.assignment.size() + 2 * member.id.size() +
                    member.client_id.size() + 2 * member.instance_id.value_or("").size();
    for (const Protocol& protocol : member.protocols) member.memory += protocol.name.size() + protocol.metadata.size();
    host_.memory() += member.memory;
}

void Group::sync(SyncGroupCall& call) {
    ErrorCode error = ErrorCode::none;
    Member* member = find(call.member, error);
    if (member == nullptr) return refuse(call, error);
    if (call.member.generation != generation_) return refuse(call, ErrorCode::illegal_generation);
    if ((call.protocol_type && *call.protocol_type != protocol_type_) || (call.protocol && *call.protocol != protocol_))
        return refuse(call, ErrorCode::inconsistent_group_protocol);
    if (state_ == GroupState::empty) return refuse(call, ErrorCode::unknown_member_id);
    if (state_ == GroupState::preparing_rebalance) return refuse(call, ErrorCode::rebalance_in_progress);
    if (member->sync != nullptr) answer_sync(*member, ErrorCode::rebalance_in_progress);
    member->synced = true;
    member->sync = &call;
    call.held_by = member;
    touch(*member);
    if (state_ == GroupState::stable) return answer_sync(*member, ErrorCode::none);
    if (member->id != leader_) return;
    size_t given_bytes = 0;
    for (const SyncGroupCall::Assignment& given : call.assignments) given_bytes += given.bytes.size();
    if (host_.memory() + given_bytes > limits::group_memory_per_shard)
        return answer_sync(*member, ErrorCode::unknown_server_error);  // as Kafka does when it cannot store it
    for (auto& [_, other] : members_) other->assignment.clear();
    for (const SyncGroupCall::Assignment& given : call.assignments) {
        const auto to = members_.find(given.member_id);
        if (to == members_.end()) continue;
        to->second->assignment.assign(reinterpret_cast<const char*>(given.bytes.data()), given.bytes.size());
    }
    for (auto& [_, other] : members_) count_memory(*other);
    host_.store(*this, true);
}

void Group::answer_sync(Member& member, ErrorCode error) {
    SyncGroupCall& call = *std::exchange(member.sync, nullptr);
    call.held_by = nullptr;
    call.error = error;
    if (error == ErrorCode::none) {
        call.chosen_protocol_type = protocol_type_;
        call.chosen_protocol = protocol_;
        call.assignment = member.assignment;
    }
    host_.answer(call);
}

void Group::on_stored(int32_t generation) {
    if (state_ != GroupState::completing_rebalance || generation != generation_) return;
    state_ = GroupState::stable;
    for (auto& [_, member] : members_) {
        if (member->sync == nullptr) continue;
        answer_sync(*member, ErrorCode::none);
        touch(*member);
    }
}

void Group::heartbeat(HeartbeatCall& call) {
    ErrorCode error = ErrorCode::none;
    Member* member = find(call.member, error);
    if (member == nullptr) return refuse(call, error);
    if (call.member.generation != generation_) return refuse(call, ErrorCode::illegal_generation);
    touch(*member);
    refuse(call, state_ == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress : ErrorCode::none);
}

void Group::leave(LeaveGroupCall& call) {
    for (LeaveGroupCall::Member& who : call.members) who.error = leave_one(who);
    host_.answer(call);
}

ErrorCode Group::leave_one(const LeaveGroupCall::Member& who) {
    if (const auto pending = pending_.find(who.member_id); pending != pending_.end()) {
        if (who.instance_id) return ErrorCode::unknown_member_id;
        end_pending(*pending->second);
        maybe_complete_join();
        return ErrorCode::none;
    }
    MemberIdentity identity{who.member_id, who.instance_id, generation_};
    if (who.member_id.empty() && who.instance_id) {
        // An administrator removes a static member by its instance alone.
        const auto known = static_members_.find(*who.instance_id);
        if (known != static_members_.end()) identity.member_id = known->second;
    }
    ErrorCode error = ErrorCode::none;
    Member* member = find(identity, error);
    if (member == nullptr) return error;
    remove(*member, ErrorCode::unknown_member_id);
    after_removal();
    return ErrorCode::none;
}

/// Its open calls are answered with `error`.
void Group::remove(Member& member, ErrorCode error) {
    host_.timers().cancel(member);
    if (JoinGroupCall* join = std::exchange(member.join, nullptr)) {
        join->held_by = nullptr;
        refuse(*join, error);
    }
    if (member.sync != nullptr) answer_sync(member, error);
    if (member.instance_id) static_members_.erase(*member.instance_id);
    host_.memory() -= member.memory;
    const std::string id = member.id;
    members_.erase(id);
    if (leader_ == id) leader_ = members_.empty() ? std::string() : members_.begin()->first;
}

void Group::end_pending(Pending& pending) {
    host_.timers().cancel(pending);
    host_.memory() -= pending.memory();
    const std::string id = pending.id;
    pending_.erase(id);
}

void Group::after_removal() {
    if (state_ == GroupState::preparing_rebalance) maybe_complete_join();
    else if (state_ != GroupState::empty) prepare_rebalance();
}

ErrorCode Group::check_commit(const MemberIdentity& who) {
    const bool nobody = who.generation < 0 && who.member_id.empty() && !who.instance_id;
    if (who.generation < 0 && state_ == GroupState::empty) return ErrorCode::none;
    if (nobody) return ErrorCode::unknown_member_id;
    ErrorCode error = ErrorCode::none;
    Member* member = find(who, error);
    if (member == nullptr) return error;
    if (who.generation != generation_) return ErrorCode::illegal_generation;
    if (state_ == GroupState::completing_rebalance) return ErrorCode::rebalance_in_progress;
    touch(*member);
    return ErrorCode::none;
}

/// The embedded protocol of consumers: int16 version, then the topics.
bool Group::subscribes(std::string_view topic) const {
    if (members_.empty()) return false;
    for (const auto& [_, member] : members_) {
        const Protocol* protocol = member->protocol(protocol_);
        if (protocol_type_ != "consumer" || protocol == nullptr) return true;
        const auto* bytes = reinterpret_cast<const std::byte*>(protocol->metadata.data());
        const Fragment whole{bytes, static_cast<uint32_t>(protocol->metadata.size())};
        Arena arena(limits::group_record_bytes_max);
        wire::Reader reader(std::span(&whole, 1), arena);
        wire::Decoder decoder(reader, 0, false);
        int16_t version = 0;
        wire::Array<std::string_view> topics;
        decoder.field(version);
        decoder.field(topics);
        if (!reader.ok() || std::ranges::find(topics, topic) != topics.end()) return true;
    }
    return false;
}

void Group::describe(DescribeGroupCall& call) const {
    call.found = true;
    call.state = to_string(state_);
    call.protocol_type = protocol_type_;
    const bool settled = state_ == GroupState::stable;
    if (settled) call.protocol = protocol_;
    for (const auto& [_, member] : members_) {
        const Protocol* protocol = settled ? member->protocol(protocol_) : nullptr;
        call.members.push_back({member->id, member->instance_id, member->client_id, member->client_host,
                                protocol != nullptr ? protocol->metadata : std::string(),
                                settled ? member->assignment : std::string()});
    }
}

void Group::on_timer(GroupTimer& timer) {
    switch (timer.kind) {
        case TimerKind::member: return on_member_timer(static_cast<Member&>(timer));
        case TimerKind::pending:
            end_pending(static_cast<Pending&>(timer));
            return maybe_complete_join();
        case TimerKind::rebalance: return on_rebalance_timer();
        case TimerKind::sync: return on_sync_timer();
    }
}

void Group::forget(GroupCall& call) {
    auto& member = static_cast<Member&>(*std::exchange(call.held_by, nullptr));
    if (call.op == GroupOp::join) member.join = nullptr;
    else member.sync = nullptr;
    touch(member);  // it counted as alive while it waited
    refuse(call, ErrorCode::rebalance_in_progress);  // the one that clients answer with another attempt
}

void Group::disband(ErrorCode error) {
    while (!members_.empty()) remove(*members_.begin()->second, error);
}

GroupValue Group::to_record(Arena& arena) const {
    GroupValue value;
    value.protocol_type = protocol_type_;
    value.generation = generation_;
    if (!protocol_.empty()) value.protocol = protocol_;
    if (!leader_.empty()) value.leader = leader_;
    value.state_timestamp = state_timestamp_;
    const std::span<GroupValue::Member> members = arena.make_array<GroupValue::Member>(members_.size());
    PENSTOCK_ASSERT(members.size() == members_.size());
    const auto bytes_of = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    size_t next = 0;
    for (const auto& [_, member] : members_) {
        const Protocol* protocol = member->protocol(protocol_);
        members[next++] = {.id = member->id,
                           .instance_id = member->instance_id,
                           .client_id = member->client_id,
                           .client_host = member->client_host,
                           .rebalance_timeout_ms = member->rebalance_timeout_ms,
                           .session_timeout_ms = member->session_timeout_ms,
                           .subscription = protocol == nullptr ? wire::Bytes() : bytes_of(protocol->metadata),
                           .assignment = bytes_of(member->assignment)};
    }
    value.members = members;
    return value;
}

void Group::load(const GroupValue& value) {
    disband(ErrorCode::none);
    protocol_type_ = value.protocol_type;
    generation_ = value.generation;
    protocol_ = value.protocol.value_or("");
    leader_ = value.leader.value_or("");
    state_timestamp_ = value.state_timestamp;
    const auto text = [](wire::Bytes bytes) {
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    for (const GroupValue::Member& stored : value.members) {
        auto member = std::make_unique<Member>(*this);
        member->id = stored.id;
        if (stored.instance_id) {
            member->instance_id = std::string(*stored.instance_id);
            static_members_[*member->instance_id] = member->id;
        }
        member->client_id = stored.client_id;
        member->client_host = stored.client_host;
        member->rebalance_timeout_ms = stored.rebalance_timeout_ms;
        member->session_timeout_ms = stored.session_timeout_ms;
        member->protocols.push_back({protocol_, text(stored.subscription)});
        member->assignment = text(stored.assignment);
        member->synced = true;
        count_memory(*member);
        members_.insert_or_assign(member->id, std::move(member));
    }
    state_ = members_.empty() ? GroupState::empty : GroupState::stable;
    if (!members_.contains(leader_)) leader_ = members_.empty() ? std::string() : members_.begin()->first;
}

void Group::start_sessions() {
    for (auto& [_, member] : members_) touch(*member);
}

}  // namespace penstock::group
