// Every bound of the core, with its reason. A folder has its section; relations between bounds are asserted here.

// With src on the include path this file is also found as the C library's <limits.h>, by the standard library too, and
// even by that header itself on its way down: pass every such include on, outside of the guard. Only a "system" header
// may do so without a warning.
#pragma GCC system_header
#include_next <limits.h>

#ifndef PENSTOCK_LIMITS_H
#define PENSTOCK_LIMITS_H

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace penstock::limits {

// --- coordinator: the cluster's state, and the broker's view of it -----------------------------------------------

inline constexpr uint32_t brokers_max = 1024;                 ///< they come whole in every page of a watch
/// Each costs every broker a view entry of some 200 bytes
inline constexpr uint32_t topics_max = 100'000;
/// A topic goes out as one piece: see node_frame_bytes_max
inline constexpr uint32_t partitions_per_topic_max = 10'000;
/// The coordinator holds all in memory, some 150 bytes each
inline constexpr uint32_t partitions_max = 1'000'000;
/// More copies than anybody runs; bounds a partition's size
inline constexpr uint32_t replication_factor_max = 16;
/// Kafka's: the name and a suffix once had to fit a file name
inline constexpr uint32_t topic_name_bytes_max = 249;
inline constexpr uint32_t topic_configs_max = 64;             ///< twice the number of topic settings that Kafka knows
inline constexpr uint32_t config_key_bytes_max = 128;
inline constexpr uint32_t config_value_bytes_max = 4096;      ///< the longest are lists of replicas to throttle
inline constexpr uint32_t host_bytes_max = 255;               ///< of a DNS name
inline constexpr uint32_t shards_max = 1024;                  ///< cores of the largest machines, with room
inline constexpr uint32_t deleted_topics_max = 100'000;       ///< not confirmed by a broker that is away; more: refused
inline constexpr uint32_t coordinator_epochs_max = 1000;      ///< starts remembered, to know an old backup
inline constexpr uint32_t changed_topics_max = 10'000;        ///< topics in one create or delete request

// --- coordinator: the link with brokers --------------------------------------------------------------------------

inline constexpr uint32_t node_frame_bytes_max = 16 * mib;    ///< holds the largest topic several times over
/// Its answer repeats it with messages, and must fit a frame
inline constexpr uint32_t node_request_bytes_max = 8 * mib;
inline constexpr uint32_t watch_page_bytes = 256 * kib;       ///< a page ends behind the topic that fills it
/// A broker reconnects before its old one ends
inline constexpr uint32_t coordinator_connections_max = 2 * brokers_max;
inline constexpr uint32_t connection_requests_max = 16;       ///< waiting in the coordinator; a link sends fewer
inline constexpr uint32_t connection_frames_max = 64;         ///< answers that a broker has not read; then it is closed
inline constexpr uint32_t waiting_request_bytes_max = 64 * mib;  ///< of all connections; above it new ones are closed
inline constexpr uint32_t link_admin_requests_max = 1024;     ///< changes that wait in a broker's link
inline constexpr uint32_t link_admin_under_way_max = 8;       ///< of them sent and not answered
/// One group of changes stops growing here: keeps commits short
inline constexpr uint32_t transaction_rows_max = 20'000;
inline constexpr uint32_t store_transactions_max = 16;        ///< queue of the store's thread; the coordinator uses one

static_assert(connection_requests_max >= link_admin_under_way_max + 3, "register, heartbeat and watch besides");
static_assert(connection_frames_max > 2 * connection_requests_max);
static_assert(node_request_bytes_max + changed_topics_max * (topic_name_bytes_max + 400) < node_frame_bytes_max);
static_assert(uint64_t{partitions_per_topic_max} * (2 * 4 * replication_factor_max + 16) +
                      uint64_t{topic_configs_max} * (config_key_bytes_max + config_value_bytes_max + 8) +
                      uint64_t{brokers_max} * (host_bytes_max + 32) + uint64_t{deleted_topics_max} * 16 +
                      watch_page_bytes < node_frame_bytes_max,
              "the largest page of a watch fits a frame");

}  // namespace penstock::limits

#endif  // PENSTOCK_LIMITS_H
