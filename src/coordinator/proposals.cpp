#include "coordinator/proposals.h"

#include <algorithm>

#include "coordinator/partition_change.h"
#include "coordinator/verdict.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::InSyncMember;
using wire::node::ProposedPartition;

namespace {

Verdict check_epochs(const Partition& partition, NodeId proposer, const ProposedPartition& proposal) {
    if (partition.leader != proposer)
        return refuse(ErrorCode::fenced_leader_epoch,
                      "broker " + std::to_string(proposer.value) + " is not the leader on record, " +
                          std::to_string(partition.leader.value) + " is");
    if (partition.leader_epoch.value != proposal.leader_epoch)
        return refuse(ErrorCode::fenced_leader_epoch,
                      "the leader epoch is " + std::to_string(partition.leader_epoch.value) + ", not " +
                          std::to_string(proposal.leader_epoch));
    if (partition.partition_epoch != proposal.partition_epoch)
        return refuse(ErrorCode::invalid_update_version,
                      "the partition's epoch is " + std::to_string(partition.partition_epoch) + ", not " +
                          std::to_string(proposal.partition_epoch));
    return {};
}

Verdict check_form(wire::Array<InSyncMember> isr) {
    if (isr.empty()) return refuse(ErrorCode::invalid_request, "an in-sync set is never empty");
    if (isr.size() > limits::replication_factor_max)
        return refuse(ErrorCode::invalid_request, "an in-sync set has at most " +
                                                      std::to_string(limits::replication_factor_max) + " members");
    for (size_t i = 0; i < isr.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (isr[i].id == isr[j].id)
                return refuse(ErrorCode::invalid_request,
                              "the in-sync set names broker " + std::to_string(isr[i].id) + " twice");
    return {};
}

/// A leader that leaves its own set wants another to lead. It brings nobody in, since it does not know any more who has
/// everything.
Verdict check_resignation(const State& state, const Partition& partition, wire::Array<InSyncMember> isr) {
    const auto may_lead = [&](const InSyncMember& member) { return state.eligible(NodeId{member.id}); };
    if (!std::ranges::all_of(isr, [&](const InSyncMember& m) { return in_sync(partition, NodeId{m.id}); }))
        return refuse(ErrorCode::invalid_request, "a leader that resigns leaves others in sync, and adds none");
    if (!std::ranges::any_of(isr, may_lead))
        return refuse(ErrorCode::ineligible_replica, "nobody of the in-sync set that would be left may lead");
    return {};
}

Verdict check_member(const State& state, const Partition& partition, const InSyncMember& member) {
    const NodeId id{member.id};
    auto ineligible = [&](const char* why) {
        return refuse(ErrorCode::ineligible_replica, "broker " + std::to_string(member.id) + " " + why);
    };
    if (std::ranges::find(partition.replicas, id) == partition.replicas.end()) return ineligible("is not a replica");
    const Broker* broker = state.broker(id);
    if (broker == nullptr || broker->fenced) return ineligible("is not alive");
    if (broker->incarnation != member.incarnation) return ineligible("has another incarnation: it was restarted");
    if (broker->stopping && !in_sync(partition, id)) return ineligible("is about to stop");
    return {};
}

Verdict check(const State& state, const Partition& partition, NodeId proposer, const ProposedPartition& proposal) {
    if (Verdict v = check_epochs(partition, proposer, proposal); !v.good()) return v;
    if (Verdict v = check_form(proposal.isr); !v.good()) return v;
    for (const InSyncMember& member : proposal.isr)
        if (Verdict v = check_member(state, partition, member); !v.good()) return v;
    const bool resigns = std::ranges::find(proposal.isr, proposer.value, &InSyncMember::id) == proposal.isr.end();
    return resigns ? check_resignation(state, partition, proposal.isr) : Verdict{};
}

// In the order of the replicas, so that equal sets are equal records.
std::vector<NodeId> ordered(const Partition& partition, wire::Array<InSyncMember> members) {
    std::vector<NodeId> isr;
    for (NodeId id : partition.replicas)
        if (std::ranges::find(members, id.value, &InSyncMember::id) != members.end()) isr.push_back(id);
    return isr;
}

ProposalOutcome take(State& state, NodeId proposer, const ProposedPartition& proposal) {
    ProposalOutcome outcome{.topic = proposal.topic, .partition = proposal.partition, .message = {}};
    const Topic* topic = state.topic(proposal.topic);
    if (topic == nullptr) {
        outcome.error = ErrorCode::unknown_topic_id;
        return outcome;
    }
    if (proposal.partition < 0 || static_cast<size_t>(proposal.partition) >= topic->partitions.size()) {
        outcome.error = ErrorCode::unknown_topic_or_partition;
        return outcome;
    }
    const Partition& record = topic->partitions[static_cast<size_t>(proposal.partition)];
    Verdict verdict = check(state, record, proposer, proposal);
    outcome.error = verdict.error;
    outcome.message = std::move(verdict.message);
    if (verdict.good()) {
        Partition changed = record;
        changed.isr = ordered(record, proposal.isr);
        settle(state, changed);
        if (changed != record) state.set_partition(topic->id, proposal.partition, std::move(changed));
    }
    outcome.record = record;
    return outcome;
}

}  // namespace

std::vector<ProposalOutcome> take_proposals(State& state, NodeId proposer, wire::Array<ProposedPartition> proposals) {
    std::vector<ProposalOutcome> outcomes;
    outcomes.reserve(proposals.size());
    for (const ProposedPartition& proposal : proposals) outcomes.push_back(take(state, proposer, proposal));
    return outcomes;
}

}  // namespace penstock::coordinator
