// Rebalancing: waiting for the members to join again, then for the leader's assignment.
#include <algorithm>

#include "base/assert.h"
#include "group/group.h"

namespace penstock::group {

using namespace broker;

void Group::rebalance_or_complete() {
    if (state_ == GroupState::preparing_rebalance) maybe_complete_join();
    else prepare_rebalance();
}

int64_t Group::rebalance_timeout_ns() const {
    int32_t longest = 0;
    for (const auto& [_, member] : members_) longest = std::max(longest, member->rebalance_timeout_ms);
    return longest * millisecond_ns;
}

void Group::prepare_rebalance() {
    PENSTOCK_ASSERT(state_ != GroupState::preparing_rebalance);
    if (state_ == GroupState::completing_rebalance) {
        for (auto& [_, member] : members_) {
            member->assignment.clear();
            if (member->sync != nullptr) answer_sync(*member, ErrorCode::rebalance_in_progress);
        }
    }
    host_.timers().cancel(sync_timer_);
    initial_ = state_ == GroupState::empty;
    state_ = GroupState::preparing_rebalance;
    int64_t wait_ns = rebalance_timeout_ns();
    if (initial_) {
        joined_lately_ = false;
        const int64_t delay_ns = host_.options().initial_rebalance_delay_ms * millisecond_ns;
        initial_left_ns_ = std::max<int64_t>(wait_ns - delay_ns, 0);
        wait_ns = delay_ns;
    }
    host_.timers().set(rebalance_timer_, host_.time().now + wait_ns);
    maybe_complete_join();
}

/// All that are known are there, so nobody else is waited for. The first rebalance waits for its time.
void Group::maybe_complete_join() {
    if (state_ != GroupState::preparing_rebalance || initial_ || !pending_.empty()) return;
    if (std::ranges::all_of(members_, [](const auto& m) { return m.second->join != nullptr; })) complete_join();
}

void Group::on_rebalance_timer() {
    if (state_ != GroupState::preparing_rebalance) return;
    if (initial_ && joined_lately_ && initial_left_ns_ > 0) {
        // Others came meanwhile, so more may: in steps of the delay, but never beyond the rebalance timeout.
        joined_lately_ = false;
        const int64_t delay_ns = host_.options().initial_rebalance_delay_ms * millisecond_ns;
        const int64_t step_ns = std::min(delay_ns, initial_left_ns_);
        initial_left_ns_ -= step_ns;
        host_.timers().set(rebalance_timer_, host_.time().now + step_ns);
        return;
    }
    complete_join();
}

void Group::complete_join() {
    host_.timers().cancel(rebalance_timer_);
    initial_ = false;
    for (auto at = members_.begin(); at != members_.end();) {
        Member& member = *(at++)->second;
        if (member.join == nullptr && !member.instance_id) remove(member, ErrorCode::unknown_member_id);
    }
    if (members_.empty()) return become_empty();
    if (!elect_leader()) {
        // Only static members are left, and none has come back: they have until their sessions end.
        host_.timers().set(rebalance_timer_, host_.time().now + std::max(rebalance_timeout_ns(), millisecond_ns));
        return;
    }
    generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
    protocol_ = select_protocol();
    state_ = GroupState::completing_rebalance;
    state_timestamp_ = host_.time().wall_ms;
    host_.timers().set(sync_timer_, host_.time().now + rebalance_timeout_ns());
    for (auto& [_, member] : members_) {
        member->synced = false;
        member->is_new = false;
        if (member->join != nullptr) answer_joined(*member);
    }
}

/// The old one if it came back. False: nobody came.
bool Group::elect_leader() {
    const auto leader = members_.find(leader_);
    if (leader != members_.end() && leader->second->join != nullptr) return true;
    for (const auto& [id, member] : members_) {
        if (member->join == nullptr) continue;
        leader_ = id;
        return true;
    }
    return false;
}

void Group::become_empty() {
    state_ = GroupState::empty;
    state_timestamp_ = host_.time().wall_ms;
    generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
    protocol_.clear();
    leader_.clear();
    host_.timers().cancel(sync_timer_);
    host_.store(*this, false);
}

bool Group::supported_by_all(std::string_view protocol) const {
    return std::ranges::all_of(members_, [&](const auto& m) { return m.second->protocol(protocol) != nullptr; });
}

/// Each member votes for the first on its list that all know.
std::string Group::select_protocol() const {
    std::map<std::string_view, size_t> known_to, votes;
    for (const auto& [_, member] : members_) {
        for (const Protocol& protocol : member->protocols) ++known_to[protocol.name];
    }
    for (const auto& [_, member] : members_) {
        const auto first = std::ranges::find_if(
            member->protocols, [&](const Protocol& p) { return known_to[p.name] == members_.size(); });
        if (first != member->protocols.end()) ++votes[first->name];
    }
    const auto most = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
    return most == votes.end() ? std::string() : std::string(most->first);
}

/// Whoever did not ask for its assignment in time is taken for dead.
void Group::on_sync_timer() {
    if (state_ != GroupState::completing_rebalance && state_ != GroupState::stable) return;
    bool removed = false;
    for (auto at = members_.begin(); at != members_.end();) {
        Member& member = *(at++)->second;
        if (member.synced) continue;
        remove(member, ErrorCode::unknown_member_id);
        removed = true;
    }
    if (removed) prepare_rebalance();
}

/// The session ended. Who waits for us cannot send heartbeats: a first join ends all the same, in the end.
void Group::on_member_timer(Member& member) {
    if ((member.join != nullptr && !member.is_new) || member.sync != nullptr) return touch(member);
    remove(member, ErrorCode::unknown_member_id);
    after_removal();
}

}  // namespace penstock::group
