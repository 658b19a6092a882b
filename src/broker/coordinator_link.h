// The broker's side of its link to the coordinator: registers, heartbeats, watches the cluster's state, forwards
// changes of topics and partitions, and starts again with backoff when the connection ends.
//
// Stepped by shard 0. Holds no socket: the shard connects, carries bytes both ways and reports what happened.
// Per turn: on_*() for what came in, on_turn(now), then poll_*() until each is empty, and next_deadline() for the wait.
//
// Invariants. The last view stays good while the coordinator is away. A coordinator of another cluster, or one whose
// revision went back (an old backup), is refused: its state never replaces a newer one. Whatever the peer sends, the
// worst is a closed connection. A change whose answer was lost is answered "timed out: it may have happened"; so is
// a proposal of in-sync sets, which never outlives the connection on which it was made.
// What it does not do: apply views, touch logs, log lines (see reason()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "base/uuid.h"
#include "broker/cluster_view.h"

namespace penstock::wire::kafka {
enum class ErrorCode : int16_t;  // wire/kafka/errors.h
}

namespace penstock::broker {

struct LinkOptions {
    NodeId node_id{1};
    Uuid incarnation;              ///< random, new for every start of the process
    Uuid storage_id;               ///< of the data directory: log::OpenReport
    std::string advertised_host;
    uint16_t advertised_port = 0;
    uint16_t native_port = 0;      ///< of shard 0, the other shards' behind it; 0: none
    uint32_t shard_count = 1;
    std::string rack;              ///< where the broker stands; empty: not said
    bool clean = false;            ///< the storage was shut down cleanly before this start
    Uuid cluster_id;               ///< the cluster that this data directory belongs to; zero: any, the first one seen
    uint64_t seed = 0;             ///< of the jitter in the backoff
    int64_t connect_timeout_ns = 5 * second_ns;
    int64_t answer_timeout_ns = 5 * second_ns;  ///< silence to a heartbeat after which the connection is given up
    int64_t backoff_min_ns = 50 * millisecond_ns;
    int64_t backoff_max_ns = 2 * second_ns;
};

enum class LinkState : uint8_t {
    waiting,      ///< until the backoff ends
    connecting,
    registering,  ///< connected, not accepted yet
    registered,   ///< has a session and watches
    refused,      ///< the coordinator refused us or we refused it: reason() says why; tried again at backoff_max
};

struct NewTopic {
    std::string name;
    int32_t partitions = -1;            ///< -1: the coordinator's default, or as many as `assignment` names
    int16_t replication_factor = -1;    ///< -1: the default
    std::vector<std::vector<NodeId>> assignment;  ///< replicas of each partition; empty: placed by the coordinator
    std::vector<ConfigEntry> configs;   ///< already validated by the broker; names and values are stored as they are
};

/// A topic by name, or by id when the name is empty.
struct TopicRef {
    std::string name;
    Uuid id;
};

/// A topic that is to have `count` partitions, the old ones among them.
struct NewPartitions {
    std::string topic;
    int32_t count = 0;
    std::optional<std::vector<std::vector<NodeId>>> assignment;  ///< of the new ones; absent: placed by the coordinator
};

/// A topic's configs as they are to be, if they still are as `expected` says: invalid_update_version if not.
struct TopicConfigs {
    std::string name;
    Uuid id;
    std::vector<ConfigEntry> expected;
    std::vector<ConfigEntry> configs;
};

struct TopicResult {
    std::string name;
    Uuid id;
    wire::kafka::ErrorCode error{};  ///< none: it is done
    std::string message;        ///< for humans; empty when there is nothing to say
    int32_t partitions = -1;    ///< of created topics, with what follows
    int16_t replication_factor = -1;
    std::vector<ConfigEntry> configs;
};

struct PartitionRef {
    std::string topic;
    int32_t partition = -1;
};

enum class Election : uint8_t {
    preferred,  ///< of the first replica, if it is alive and in sync
    unclean,    ///< of any living replica where none in sync is alive: records are lost
};

/// Where a partition is to be, the preferred leader first; absent: cancel the reassignment under way.
struct NewReplicas {
    std::string topic;
    int32_t partition = -1;
    std::optional<std::vector<NodeId>> replicas;
};

struct PartitionResult {
    std::string topic;
    int32_t partition = -1;
    wire::kafka::ErrorCode error{};  ///< none: it is done, or in the case of a reassignment begun
    std::string message;
};

/// The answer to one create, delete, grow, alter, election or reassignment. Answer the client once every shard has
/// applied a view with at least `revision`.
struct AdminResult {
    uint64_t token = 0;
    /// For the request as a whole, then there are no topics. request_timed_out: it may have happened.
    wire::kafka::ErrorCode error{};
    std::string message;
    uint64_t revision = 0;
    std::vector<TopicResult> topics;  ///< in the order of the request
    /// Of an election or a reassignment, in the order of the request; of an election of all, those that needed one.
    std::vector<PartitionResult> partitions;
    bool more = false;   ///< of an election of all: there are more than one request elects
};

struct InSyncMember {
    NodeId id = no_node;
    Uuid incarnation;   ///< in which it was seen to have everything: ClusterView's of that time
};

/// Who is to be in sync, from the leader, under the epochs of the record that it goes by.
struct InSyncProposal {
    Uuid topic;
    int32_t partition = -1;
    LeaderEpoch leader_epoch{-1};
    int32_t partition_epoch = -1;
    std::vector<InSyncMember> isr;
};

/// What is on record now, whether the proposal was taken (none) or not. Without a record (there is no such partition)
/// the leader is no_node and the epochs are -1.
struct InSyncOutcome {
    Uuid topic;
    int32_t partition = -1;
    wire::kafka::ErrorCode error{};
    std::string message;
    NodeId leader = no_node;
    LeaderEpoch leader_epoch{-1};
    std::vector<NodeId> isr;
    int32_t partition_epoch = -1;
};

struct InSyncResult {
    uint64_t token = 0;
    /// For the request as a whole, then there are no partitions. request_timed_out: it may have happened.
    wire::kafka::ErrorCode error{};
    std::string message;
    std::vector<InSyncOutcome> partitions;  ///< in the order of the request
};

/// Producer ids that this broker alone may hand out, each once.
struct ProducerIdBlock {
    int64_t first = 0;
    int32_t count = 0;
};

class CoordinatorLink {
public:
    explicit CoordinatorLink(LinkOptions options, Nanos now);
    ~CoordinatorLink();

    // What came in. There is one connection at a time, from poll_connect() to on_closed(); report all its events.
    void on_connected(Nanos now);
    void on_received(std::span<const std::byte> bytes, Nanos now);  ///< `bytes` need not outlive the call
    void on_sent();               ///< the bytes of the last poll_send() are the link's again
    void on_closed(std::string_view why, Nanos now);  ///< also when the connect failed, and after a poll_close()
    void on_turn(Nanos now);      ///< deadlines

    // Commands. `token` comes back in an AdminResult, at `deadline` at the latest. would_block: too many are under way.
    Result<void> create_topics(uint64_t token, std::span<const NewTopic> topics, bool validate_only, Nanos deadline);
    Result<void> delete_topics(uint64_t token, std::span<const TopicRef> topics, Nanos deadline);
    Result<void> create_partitions(uint64_t token, std::span<const NewPartitions> topics, bool validate_only,
                                   Nanos deadline);
    Result<void> alter_configs(uint64_t token, std::span<const TopicConfigs> topics, bool validate_only,
                                Nanos deadline);
    /// Absent: all partitions.
    Result<void> elect_leaders(uint64_t token, Election election,
                               std::optional<std::span<const PartitionRef>> partitions, Nanos deadline);
    Result<void> reassign(uint64_t token, std::span<const NewReplicas> partitions, Nanos deadline);
    /// `token` comes back in an InSyncResult, always: when the coordinator answers, or the connection ends. not_ready:
    /// there is no session. would_block: too many are under way.
    Result<void> alter_partitions(uint64_t token, std::span<const InSyncProposal> partitions);
    /// From now on, in every session: others are to take over what this broker leads. See may_stop().
    void want_to_stop();
    /// Once a block has come, for one more: now, or as soon as there is a session. Asked again while one is on its way,
    /// it changes nothing.
    void want_producer_ids();
    /// Every shard has applied the view of `revision`, and its removals of deleted logs are durable. Goes with the next
    /// heartbeat; lets the coordinator forget deleted topics.
    void confirm_applied(uint64_t revision);

    // What must go out.
    bool poll_connect();          ///< true once: connect to the coordinator, then on_connected() or on_closed()
    bool poll_close();            ///< true once: close the connection; on_closed() must follow
    /// Bytes to send, empty if there are none or the last ones are not sent yet. Valid until on_sent() or on_closed().
    std::span<const std::byte> poll_send();
    /// A newer view, once; nullptr if there is none.
    std::shared_ptr<const ClusterView> poll_view();
    std::optional<AdminResult> poll_result();
    std::optional<InSyncResult> poll_in_sync_result();
    std::optional<ProducerIdBlock> poll_producer_ids();
    Nanos next_deadline() const;

    /// The coordinator has it on record that others lead whatever they could, and has said so in this session.
    bool may_stop() const;
    LinkState state() const;
    const std::string& reason() const;   ///< why it is waiting or refused, for a log line
    uint64_t state_changes() const;      ///< counts changes of state() and reason(): log when it moved
    const Uuid& cluster_id() const;      ///< zero until the first registration, unless given in the options

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::broker
