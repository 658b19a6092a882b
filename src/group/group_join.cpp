// Joining: who is let in, as whom, and whether that begins a rebalance.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "group/group.h"
#include "limits.h"

namespace penstock::group {

using namespace broker;

void Group::join(JoinGroupCall& call) {
    if (call.session_timeout_ms < host_.options().session_timeout_min_ms ||
        call.session_timeout_ms > host_.options().session_timeout_max_ms) {
        return refuse(call, ErrorCode::invalid_session_timeout);
    }
    if (!accepts_another(call) || !has_room_for(call)) return refuse(call, ErrorCode::group_max_size_reached);
    if (!supports(call)) return refuse(call, ErrorCode::inconsistent_group_protocol);
    if (call.member.member_id.empty()) join_new(call);
    else join_known(call);
}

bool Group::accepts_another(const JoinGroupCall& call) const {
    const bool known = members_.contains(call.member.member_id) || pending_.contains(call.member.member_id) ||
                       (call.member.instance_id && static_members_.contains(*call.member.instance_id));
    return known || members_.size() + pending_.size() < limits::group_members;
}

bool Group::has_room_for(const JoinGroupCall& call) const {
    size_t wanted = limits::group_member_bytes + 4 * call.client_id.size();
    for (const JoinGroupCall::Protocol& p : call.protocols) wanted += p.name.size() + p.metadata.size();
    return host_.memory() + wanted <= limits::group_memory_per_shard;
}

/// Its kind of group, and at least one protocol that every member knows.
bool Group::supports(const JoinGroupCall& call) const {
    if (call.protocol_type.empty() || call.protocols.empty()) return false;
    if (members_.empty()) return true;
    if (call.protocol_type != protocol_type_) return false;
    return std::ranges::any_of(call.protocols,
                               [&](const JoinGroupCall::Protocol& p) { return supported_by_all(p.name); });
}

void Group::join_new(JoinGroupCall& call) {
    const std::optional<std::string_view>& instance = call.member.instance_id;
    std::string id = host_.new_member_id(instance ? *instance : call.client_id);
    if (instance) {
        const auto known = static_members_.find(*instance);
        if (known != static_members_.end()) return replace_static(known->second, std::move(id), call);
        return add(std::move(id), call);
    }
    if (!call.id_required) return add(std::move(id), call);
    auto pending = std::make_unique<Pending>(*this);
    pending->id = id;
    host_.memory() += pending->memory();
    host_.timers().set(*pending, host_.time().now + call.session_timeout_ms * millisecond_ns);
    pending_.emplace(id, std::move(pending));
    call.member_id = std::move(id);
    refuse(call, ErrorCode::member_id_required);
}

void Group::join_known(JoinGroupCall& call) {
    if (const auto pending = pending_.find(call.member.member_id); pending != pending_.end()) {
        if (call.member.instance_id) return refuse(call, ErrorCode::unknown_member_id);
        std::string id = pending->first;
        end_pending(*pending->second);
        return add(std::move(id), call);
    }
    ErrorCode error = ErrorCode::none;
    Member* member = find(call.member, error);
    if (member == nullptr) return refuse(call, error);
    if (state_ == GroupState::preparing_rebalance) {
        update(*member, call);
        return rebalance_or_complete();
    }
    rejoin_settled(*member, call);
}

/// While nothing is being rebalanced: a client that lost the last answer gets it again; a change begins a rebalance,
/// and so does the leader, who asks for one when topics have changed.
void Group::rejoin_settled(Member& member, JoinGroupCall& call) {
    const bool same = std::ranges::equal(call.protocols, member.protocols, [](const auto& asked, const Protocol& had) {
        return asked.name == had.name && had.metadata.size() == asked.metadata.size() &&
               std::ranges::equal(std::as_bytes(std::span(had.metadata)), asked.metadata);
    });
    const bool wants_rebalance = state_ == GroupState::stable && member.id == leader_;
    if (same && !wants_rebalance) {
        hold(member, call);
        return answer_joined(member);
    }
    update(member, call);
    prepare_rebalance();
}

void Group::take_identity(Member& member, const JoinGroupCall& call) {
    member.client_id = call.client_id;
    member.client_host = call.client_host;
    member.session_timeout_ms = call.session_timeout_ms;
    member.rebalance_timeout_ms = call.rebalance_timeout_ms > 0 ? call.rebalance_timeout_ms : call.session_timeout_ms;
    member.protocols.clear();
    for (const JoinGroupCall::Protocol& protocol : call.protocols) {
        member.protocols.push_back(
            {std::string(protocol.name),
             std::string(reinterpret_cast<const char*>(protocol.metadata.data()), protocol.metadata.size())});
    }
    count_memory(member);
}

void Group::hold(Member& member, JoinGroupCall& call) {
    // The client has given up on the earlier one: it asks again.
    if (JoinGroupCall* earlier = std::exchange(member.join, &call)) {
        earlier->held_by = nullptr;
        refuse(*earlier, ErrorCode::rebalance_in_progress);
    }
    call.held_by = &member;
}

void Group::add(std::string id, JoinGroupCall& call) {
    auto made = std::make_unique<Member>(*this);
    Member& member = *made;
    member.id = id;
    member.is_new = true;
    take_identity(member, call);
    if (call.member.instance_id) {
        member.instance_id = std::string(*call.member.instance_id);
        static_members_[*member.instance_id] = id;
    }
    if (members_.empty()) protocol_type_ = call.protocol_type;
    if (leader_.empty()) leader_ = id;
    members_.emplace(std::move(id), std::move(made));
    hold(member, call);
    joined_lately_ = true;
    // While it waits for its first generation it sends no heartbeats, and nobody else knows whether it is still there.
    host_.timers().set(member, host_.time().now + limits::group_first_join_ns);
    rebalance_or_complete();
}

void Group::update(Member& member, JoinGroupCall& call) {
    take_identity(member, call);
    hold(member, call);
    touch(member);
}

/// The same instance, started again: it takes over the place of the member that it was.
void Group::replace_static(std::string old_id, std::string id, JoinGroupCall& call) {
    auto node = members_.extract(old_id);
    PENSTOCK_ASSERT(!node.empty());
    Member& member = *node.mapped();
    if (JoinGroupCall* join = std::exchange(member.join, nullptr)) {
        join->held_by = nullptr;
        refuse(*join, ErrorCode::fenced_instance_id);
    }
    if (member.sync != nullptr) answer_sync(member, ErrorCode::fenced_instance_id);
    const bool leads = leader_ == old_id;
    member.id = id;
    node.key() = id;
    members_.insert(std::move(node));
    static_members_[*member.instance_id] = id;
    if (leads) leader_ = id;
    const Protocol* before = member.protocol(protocol_);
    const std::string subscription = before == nullptr ? std::string() : before->metadata;
    update(member, call);
    if (state_ != GroupState::stable) return rebalance_or_complete();
    const Protocol* now = member.protocol(protocol_);
    if (select_protocol() != protocol_ || now == nullptr || now->metadata != subscription) return prepare_rebalance();
    // Nothing changes for the others. An old client that leads must not be told so: it would assign anew.
    host_.store(*this, false);
    const bool skips = leads && call.may_skip_assignment;
    answer_join(member, leads && !skips ? old_id : leader_, skips, skips);
}

/// Of this generation, as everybody gets it when a rebalance is complete.
void Group::answer_joined(Member& member) { answer_join(member, leader_, member.id == leader_, false); }

void Group::answer_join(Member& member, std::string_view leader, bool with_members, bool skip_assignment) {
    JoinGroupCall& call = *std::exchange(member.join, nullptr);
    call.held_by = nullptr;
    call.error = ErrorCode::none;
    call.generation = generation_;
    call.member_id = member.id;
    call.leader_id = leader;
    call.chosen_protocol_type = protocol_type_;
    call.chosen_protocol = protocol_;
    call.skip_assignment = skip_assignment;
    if (with_members) {
        for (const auto& [_, other] : members_) {
            const Protocol* protocol = other->protocol(protocol_);
            call.members.push_back(
                {other->id, other->instance_id, protocol == nullptr ? std::string() : protocol->metadata});
        }
    }
    touch(member);
    host_.answer(call);
}

}  // namespace penstock::group
