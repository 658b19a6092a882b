// Elections that an operator asks for: the rules, over the state. Errors are Kafka's, one per partition.
//
// Preferred: the first replica becomes the leader, if it is in sync and alive. Unclean: where nobody in sync is alive,
// the first living replica becomes the leader and the whole in-sync set. What it does not have is lost, so nothing
// does this by itself.
#pragma once

#include <string>
#include <vector>

#include "coordinator/state.h"
#include "wire/kafka/errors.h"
#include "wire/node/partitions.h"

namespace penstock::coordinator {

/// Of an election or a reassignment.
struct PartitionOutcome {
    std::string topic;
    int32_t partition = -1;
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string message{};
};

struct Elections {
    std::vector<PartitionOutcome> outcomes;    ///< in the order of the request; for all: without those not needed
    std::vector<PartitionOutcome> losses{};    ///< unclean elections, with what to tell an operator
    bool more = false;                         ///< there were more than limits::changed_partitions_max
};

/// The request's type is one of the known ones.
Elections elect_leaders(State& state, const wire::node::ElectLeadersRequest& request);

}  // namespace penstock::coordinator
