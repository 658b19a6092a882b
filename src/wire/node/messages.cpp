// Reading and writing of this folder's messages: compiled here, once, for all who do it.
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/partitions.h"
#include "wire/node/register_broker.h"
#include "wire/node/topics.h"
#include "wire/node/watch_cluster.h"

namespace penstock::wire {

#define PENSTOCK_CODEC(M)                                \
    template bool decode(Reader&, M&, int16_t);          \
    template bool encode(Writer&, const M&, int16_t);    \
    template uint64_t encoded_size(const M&, int16_t)

PENSTOCK_CODEC(node::AllocateProducerIdsRequest);
PENSTOCK_CODEC(node::AllocateProducerIdsResponse);
PENSTOCK_CODEC(node::AlterPartitionsRequest);
PENSTOCK_CODEC(node::AlterPartitionsResponse);
PENSTOCK_CODEC(node::BrokerHeartbeatRequest);
PENSTOCK_CODEC(node::BrokerHeartbeatResponse);
PENSTOCK_CODEC(node::ElectLeadersRequest);
PENSTOCK_CODEC(node::AlterReassignmentsRequest);
PENSTOCK_CODEC(node::ElectLeadersResponse);
PENSTOCK_CODEC(node::AlterReassignmentsResponse);
PENSTOCK_CODEC(node::RegisterBrokerRequest);
PENSTOCK_CODEC(node::RegisterBrokerResponse);
PENSTOCK_CODEC(node::CreateTopicsRequest);
PENSTOCK_CODEC(node::DeleteTopicsRequest);
PENSTOCK_CODEC(node::AlterTopicConfigsRequest);
PENSTOCK_CODEC(node::CreatePartitionsRequest);
PENSTOCK_CODEC(node::CreateTopicsResponse);
PENSTOCK_CODEC(node::DeleteTopicsResponse);
PENSTOCK_CODEC(node::AlterTopicConfigsResponse);
PENSTOCK_CODEC(node::CreatePartitionsResponse);
PENSTOCK_CODEC(node::WatchClusterRequest);
PENSTOCK_CODEC(node::WatchClusterResponse);

#undef PENSTOCK_CODEC

}  // namespace penstock::wire
