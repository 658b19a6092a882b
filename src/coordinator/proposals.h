// Proposals of in-sync sets by leaders: the rules, over the state. Errors are Kafka's, one per partition.
//
// A proposal is taken only from the leader on record under the epochs on record, and only with members that are alive
// under the incarnation in which the leader saw them have everything: one that restarted since may have lost some.
// A broker that is about to stop may stay in a set, but not enter one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/state.h"
#include "wire/kafka/errors.h"
#include "wire/node/alter_partitions.h"

namespace penstock::coordinator {

struct ProposalOutcome {
    Uuid topic;
    int32_t partition = -1;
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string message;
    /// What is on record now; absent: there is no such partition.
    std::optional<Partition> record{};
};

/// Each proposal is taken or refused on its own; in the order of the request.
std::vector<ProposalOutcome> take_proposals(State& state, NodeId proposer,
                                            wire::Array<wire::node::ProposedPartition> proposals);

}  // namespace penstock::coordinator
