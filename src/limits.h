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

// --- wire: messages and batches ----------------------------------------------------------------------------------

/// Kafka's max.message.bytes, unless a topic says otherwise
inline constexpr uint32_t batch_bytes_default = 1'048'588;
inline constexpr uint32_t writer_chunk_bytes_max = 16 * kib;  ///< small fields gather in these between spliced records

// --- log: idempotent producers -----------------------------------------------------------------------------------

/// Batches of a producer that a log remembers: what Kafka's clients may have under way, so what they may send again.
inline constexpr uint32_t producer_batches = 5;
/// Producers that a log remembers, some 250 bytes each, twice in memory; beyond it the one idle longest is forgotten.
/// More than append to a partition in the time below, and a log full of them still fits a checkpoint's frame.
inline constexpr uint32_t producers_per_log = 4096;
/// Kafka's producer.id.expiration.ms: a producer idle for so long is forgotten.
inline constexpr int64_t producer_expiration_ms = 24 * 3600 * int64_t{1000};

// --- log: commits that nobody waits for --------------------------------------------------------------------------

/// What memory logs append goes into a commit when there is so much: most of it goes to the segments directly, and a
/// commit's block of overhead counts for little.
inline constexpr uint64_t patient_commit_bytes = 256 * kib;
/// Or when the first of it has waited so long: what a crash may take beyond what the disk is busy with. With 5 ms and
/// 64 KiB so many acknowledgements met a write that they made the 99th percentile: 48 us instead of 23, of 14 typical.
inline constexpr int64_t patient_commit_ns = 20 * millisecond_ns;

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
inline constexpr uint32_t rack_bytes_max = 255;               ///< names of data centres and zones are shorter
inline constexpr uint32_t shards_max = 1024;                  ///< cores of the largest machines, with room
inline constexpr uint32_t deleted_topics_max = 100'000;       ///< not confirmed by a broker that is away; more: refused
/// In one block, as in Kafka; half of one is always at hand, so a broker asks once for hundreds of new producers.
inline constexpr int32_t producer_id_block = 1000;
inline constexpr uint32_t coordinator_epochs_max = 1000;      ///< starts remembered, to know an old backup
inline constexpr uint32_t changed_topics_max = 10'000;        ///< topics in one create or delete request
/// Partitions in one request that proposes in-sync sets, elects or reassigns, and in its answer
inline constexpr uint32_t changed_partitions_max = 10'000;
/// Leaderships that one round gives back to preferred leaders: each is a short stop for its clients
inline constexpr uint32_t leader_moves_per_round = 1000;
/// Partitions of internal topics that one transaction gives more replicas: what is copied at once stays bounded
inline constexpr uint32_t internal_raises_per_step = 16;

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
/// Proposals of in-sync sets, of many partitions each, that wait in a broker's link
inline constexpr uint32_t link_in_sync_requests_max = 64;
inline constexpr uint32_t link_in_sync_under_way_max = 4;     ///< of them sent and not answered
/// One group of changes stops growing here: keeps commits short
inline constexpr uint32_t transaction_rows_max = 20'000;
inline constexpr uint32_t store_transactions_max = 16;        ///< queue of the store's thread; the coordinator uses one

static_assert(connection_requests_max >= link_admin_under_way_max + link_in_sync_under_way_max + 3,
              "register, heartbeat and watch besides");
static_assert(connection_frames_max > 2 * connection_requests_max);
static_assert(node_request_bytes_max + changed_topics_max * (topic_name_bytes_max + 400) < node_frame_bytes_max);
static_assert(node_request_bytes_max + changed_partitions_max * (topic_name_bytes_max + 400) < node_frame_bytes_max);
static_assert(uint64_t{partitions_per_topic_max} * (4 * 4 * replication_factor_max + 32) +
                      uint64_t{topic_configs_max} * (config_key_bytes_max + config_value_bytes_max + 8) +
                      uint64_t{brokers_max} * (host_bytes_max + rack_bytes_max + 64) +
                      uint64_t{deleted_topics_max} * 16 + watch_page_bytes < node_frame_bytes_max,
              "the largest page of a watch fits a frame");

// --- broker: Kafka connections of one shard -------------------------------------------------------------------------

/// Requests of one connection under way at once; further ones wait in the socket. Java sends 5, librdkafka any number.
/// Batches for 1,000 partitions do not share disk writes: 64 under way got 1.0 GB/s to disk, 256 get 1.4.
inline constexpr uint32_t requests_per_connection = 256;
/// Requests under way on a shard; a connection beyond it waits for another's to end.
inline constexpr uint32_t requests_per_shard = 16 * 1024;
/// Frames up to this size are copied into the request: cheaper than holding a receive buffer for them.
inline constexpr uint32_t copied_frame_bytes = 4 * 1024;
/// A piece of a frame this large may keep its receive buffer; smaller ones would waste too much of the pool.
inline constexpr uint32_t lent_piece_bytes = 16 * 1024;
/// Below this share of free receive buffers everything that stays is copied out of them.
inline constexpr double receive_pool_share_low = 0.5;
/// Memory that frames are copied into comes in blocks of this size at most.
inline constexpr uint32_t frame_block_bytes = 64 * 1024;
/// Frames up to this size draw on a part of the request memory that large frames cannot take, so a few of those that
/// are half sent do not shut everybody else out.
inline constexpr uint32_t small_frame_bytes = 64 * 1024;
/// Bytes behind a frame that has to wait, copied out of the receive buffers; beyond it the connection is closed.
inline constexpr uint64_t backlog_bytes_per_shard = 32 * 1024 * 1024;
/// Decoded structs and the response of one request.
inline constexpr size_t request_arena_bytes = 64 * 1024 * 1024;
/// What an idle request keeps of its arena.
inline constexpr size_t request_arena_kept_bytes = 16 * 1024;
/// Arenas of all requests of a shard: no request starts while they hold more.
inline constexpr uint64_t arena_bytes_per_shard = 128 * 1024 * 1024;
/// Events taken from the connections in one turn: bounds the turn, the rest waits for the next.
inline constexpr size_t stream_events_per_turn = 256;
/// Requests started in one turn from what had already been received.
inline constexpr uint32_t requests_started_per_turn = 1024;
/// Bytes of a response handed to the driver at once: the unit in which a reader's progress is seen.
inline constexpr uint64_t send_piece_bytes = 1024 * 1024;
/// A frame must be whole this long after its first byte, plus a second for each of its MiB: slow senders hold memory.
inline constexpr int64_t frame_timeout_ns = 30'000'000'000;
/// A reader that took nothing for so long is closed: what it does not read stays pinned in the cache.
inline constexpr int64_t send_stall_timeout_ns = 60'000'000'000;
/// How long a request may go on to wait when its client has ended its side: most of these have gone, and the rest has
/// no use for an answer that waited for more.
inline constexpr int64_t ended_wait_ns = 1'000'000'000;
/// Kafka's connections.max.idle.ms.
inline constexpr int64_t connection_idle_timeout_ns = 600'000'000'000;

// --- broker: requests ------------------------------------------------------------------------------------------------

/// Kafka's fetch.max.bytes of the broker: no response is larger, one batch aside.
inline constexpr uint32_t fetch_response_bytes = 55 * 1024 * 1024;
/// The longest that a Fetch may wait, whatever the client asks: bounds what an idle consumer holds.
inline constexpr int32_t fetch_wait_ms = 5 * 60 * 1000;
/// The longest timeout of a Produce or an admin request that is honoured.
inline constexpr int32_t request_timeout_ms = 10 * 60 * 1000;
/// How long Metadata waits for the topics that it creates before it answers "not yet".
inline constexpr int32_t auto_create_wait_ms = 10 * 1000;
/// Topics created by one Metadata request.
inline constexpr uint32_t auto_create_topics = 100;
/// Topics in one CreateTopics or DeleteTopics request: each is compared with all the others.
inline constexpr size_t topics_per_request = 2000;
/// What a client is told of an error; it may have to repeat what the client sent.
inline constexpr size_t error_message_bytes = 1024;
/// Configs that one resource of a request changes: more than Kafka knows for any.
inline constexpr size_t configs_per_resource = 1000;
/// How long a change of configs waits for the coordinator.
inline constexpr int32_t alter_configs_wait_ms = 30 * 1000;
/// How often it is made anew because somebody else's came first.
inline constexpr uint32_t alter_configs_attempts = 5;
/// Kafka's max.request.partition.size.limit: partitions in one answer to DescribeTopicPartitions.
inline constexpr int32_t described_partitions = 2000;
/// How long a request of a group waits for the internal topic to be made.
inline constexpr int32_t offsets_topic_wait_ms = 10 * 1000;
/// Groups in one request that takes several: each becomes a call.
inline constexpr size_t groups_per_request = 10'000;
/// How long a request of a group other than a join or a sync waits: these need one commit of the log at most.
inline constexpr int64_t group_call_ns = 10'000'000'000;
/// The longest rebalance timeout that a join or a sync is held for; a client that asked for more comes again.
inline constexpr int64_t group_wait_ns = 3'600'000'000'000;
/// What a join gets on top of its own timeouts: the group's timers end it first, unless the group is stuck.
inline constexpr int64_t group_wait_slack_ns = 300'000'000'000;
/// Kafka's offset.metadata.max.bytes.
inline constexpr size_t offset_metadata_bytes = 4096;
/// A batch that is decompressed to find a timestamp, or to be compacted, may not become larger than this.
inline constexpr size_t decompressed_batch_bytes = 64 * 1024 * 1024;
/// How long a new producer waits for an id that the coordinator has been asked for.
inline constexpr int64_t producer_id_wait_ns = 2'000'000'000;
/// Logs created or removed in one turn while a new view of the cluster is applied.
inline constexpr uint32_t log_changes_per_turn = 64;
/// How long a follower may take to append what its leader sent; then the leader asks it where it stands.
inline constexpr int64_t replicate_wait_ns = 10'000'000'000;
/// Requests of other nodes that find room beside those of clients: sixteen leaders' shards with all they may send.
inline constexpr uint32_t node_requests_per_shard = 1024;
/// Reads retried in one turn.
inline constexpr uint32_t reads_per_turn = 256;

// --- groups ----------------------------------------------------------------------------------------------------------

/// Members of one group, with those that were given an id and have not come back: each rebalance looks at all.
inline constexpr size_t group_members = 10'000;
/// What the groups of one shard may take in memory, with their members' subscriptions and assignments and all committed
/// offsets: beyond it nobody else is let in, and nothing new committed. A plain consumer takes some 1 KiB, an offset
/// 200 bytes.
inline constexpr size_t group_memory_per_shard = 512 * mib;
/// What a group, a member or an offset takes besides its strings.
inline constexpr size_t group_bytes = 512;
inline constexpr size_t group_member_bytes = 512;
inline constexpr size_t group_offset_bytes = 160;
/// A group as it is stored, with what its members subscribe to and were assigned.
inline constexpr size_t group_record_bytes_max = 16 * mib;
/// Records are stored together until they are this large.
inline constexpr size_t group_batch_bytes = 512 * kib;
/// Read at once while groups are loaded.
inline constexpr uint32_t group_load_bytes = 1 * mib;
/// Kafka's: how long somebody may wait for its first generation.
inline constexpr int64_t group_first_join_ns = 300'000'000'000;
/// How often expired offsets are looked for: Kafka's offsets.retention.check.interval.ms.
inline constexpr int64_t group_sweep_ns = 600'000'000'000;
/// How often a load looks whether the other replicas have confirmed that it saw everything.
inline constexpr int64_t group_confirm_ns = 10'000'000;
/// Between attempts to load groups whose log could not be read or written.
inline constexpr int64_t group_reload_ns = 1'000'000'000;

// --- shards ----------------------------------------------------------------------------------------------------------

inline constexpr uint32_t shards = 256;
/// Calls of one shard to another under way; further ones wait at home. Enough that a burst of a turn fits.
inline constexpr size_t calls_between_shards = 1024;
/// Slots that the rings towards one shard have together, so that many shards do not need memory by their square.
inline constexpr size_t calls_towards_shard = 16 * 1024;
/// Rounds in which a turn lets answers make new work; what is left waits for the next turn.
inline constexpr uint32_t rounds_per_turn = 8;
/// Graceful stop: connections that have not finished by then are closed.
inline constexpr int64_t stop_timeout_ns = 1'000'000'000;
/// Changes of topics that wait for the coordinator, of all shards.
inline constexpr size_t topic_changes = 1024;
/// How long the logs of deleted topics have been gone before the coordinator may forget them: their removal is durable
/// with the next commit of the journal, and until then a crash would bring them back with nobody to delete them.
inline constexpr int64_t removal_settle_ns = 2'000'000'000;

/// Proposals of in-sync sets that shard 0 puts into one request: what is decided together is stored together.
inline constexpr size_t proposals_per_request = 1000;

// --- shards: replication to other nodes -------------------------------------------------------------------------

/// Records in one request to a follower, unless a single batch is larger.
inline constexpr uint64_t replicate_bytes = 1 * mib;
/// Partitions in one request: two fragments of a send each, and the blocks that the records lie in.
inline constexpr size_t replicate_partitions = 128;
/// Records on their way to one follower of a partition, and to all followers of a shard's: memory of the cache that
/// they pin.
inline constexpr uint64_t follower_bytes_under_way = 4 * mib;
inline constexpr uint64_t replica_bytes_under_way = 16 * mib;
/// Requests on their way to one shard of another broker.
inline constexpr size_t peer_requests_under_way = 64;
/// Between attempts to reach another broker.
inline constexpr int64_t peer_backoff_ns = 100'000'000;
/// The answer to a ReadReplica: what lies under one checksum, 64 KiB and a batch. That to a ReplicaState is smaller: it
/// has a line for each leader epoch that the log remembers.
inline constexpr uint32_t peer_answer_bytes_max = 68 * mib;
/// How long a replica is waited for that is asked for what has rotted, before the next is asked.
inline constexpr int64_t repair_wait_ns = 2'000'000'000;
/// Of such questions that wait for a connection to one shard of another broker: more are not asked.
inline constexpr size_t peer_repairs_max = 16;

static_assert(calls_towards_shard / shards >= 64);
static_assert(copied_frame_bytes < lent_piece_bytes && lent_piece_bytes <= frame_block_bytes);
static_assert(frame_block_bytes <= small_frame_bytes);
static_assert(request_arena_kept_bytes * requests_per_shard <= 2 * arena_bytes_per_shard);

// --- client: the C SDK --------------------------------------------------------------------------------------------

/// Of one record with its batch: what brokers that are set generously take in one request.
inline constexpr uint64_t client_record_bytes_max = 64 * mib;
inline constexpr size_t client_record_headers_max = 100'000;
/// An answer that says it is larger is not believed. Brokers answer a Fetch with a first batch of any size.
inline constexpr uint32_t client_answer_bytes_max = 256 * mib;
/// What decoding an answer may take beside its bytes: descriptions of 100,000 partitions.
inline constexpr uint64_t client_answer_arena_bytes_max = 64 * mib;
/// What encoding a request may take beside its records.
inline constexpr uint64_t client_request_arena_bytes_max = 16 * mib;
/// Rounds of events in a turn, so that an application gets to run beside a flood.
inline constexpr uint32_t client_event_rounds = 16;
/// Connections of a client: four purposes at each of 256 shards.
inline constexpr uint32_t client_connections_max = 1024;
inline constexpr uint32_t client_brokers_max = 4096;
/// Batch buffers that a producer keeps for the next batches.
inline constexpr uint32_t client_idle_buffers_max = 64;
/// Requests under way on one connection: more only wait at the broker.
inline constexpr uint32_t client_requests_under_way = 8;
/// Of one Produce request, unless a single batch is larger; and batches in it, two fragments each of a send's 512.
inline constexpr uint64_t client_produce_bytes_max = 1 * mib;
inline constexpr uint32_t client_produce_batches_max = 200;
/// Partitions that a group's leader may give to one consumer: what somebody else wrote is not believed without end.
inline constexpr uint32_t client_partitions_max = 100'000;
/// Events of a group that nobody takes.
inline constexpr uint32_t client_events_max = 64;

}  // namespace penstock::limits

#endif  // PENSTOCK_LIMITS_H
