// Where a partition that a request names is: on which shard of this broker, or why it is not here.
#pragma once

#include <cstdint>

#include "broker/handler.h"
#include "wire/kafka/node_endpoint.h"

namespace penstock::broker {

struct Place {
    ErrorCode error = ErrorCode::none;
    const Topic* topic = nullptr;
    const PartitionView* partition = nullptr;  ///< set when the partition exists
    log::LogKey key;
    uint32_t owner = 0;                        ///< the shard, when there is no error
};

/// `topic` null: unknown; `by_id` says which of Kafka's two codes that is.
Place find_place(const Serving& serving, const Topic* topic, int32_t partition, bool by_id);

/// For the tag that saves a client its Metadata request.
wire::kafka::LeaderIdAndEpoch leader_of(const PartitionView* partition);

/// The same numbers, in the arena of the request.
std::span<const int32_t> node_ids(Request& request, const std::vector<NodeId>& nodes);
/// Of them those that are not alive.
std::span<const int32_t> offline_ids(Request& request, const ClusterView& view, const std::vector<NodeId>& nodes);

/// Null: the broker did not say.
wire::NullableString rack_of(const BrokerView& broker);

/// The alive brokers, for the same purpose; in the arena of the request.
std::span<const wire::kafka::NodeEndpoint> endpoints(Request& request, const ClusterView& view);

}  // namespace penstock::broker
