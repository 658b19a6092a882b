#include "main/settings_table.h"

#include <limits>

#include "base/assert.h"
#include "limits.h"

namespace penstock {
namespace {

constexpr int64_t kib_i = 1024;
constexpr int64_t mib_i = 1024 * kib_i;
constexpr int64_t gib_i = 1024 * mib_i;
constexpr int64_t tib_i = 1024 * gib_i;
constexpr int64_t day_ms = 86'400'000;
constexpr int64_t century_ms = 36'500 * day_ms;
constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();

void assign_defaults(const Settings& rows) {
    for (const Setting& row : rows) {
        const bool default_is_valid = assign(row, row.initial).has_value();
        PENSTOCK_ASSERT(default_is_valid);
    }
}

void add_secret(Settings& rows, std::string& path) {
    rows.push_back({"cluster.secret_file", &path, "", Unit::optional_path, 0, 0,
        "A file with the cluster's secret, of 16 to 1024 bytes, the same on all nodes; only its owner may read it.",
        "Nodes prove it to each other. Empty: nothing is proven, and the coordinator must be on a loopback address."});
}

void add_node(Settings& rows, BrokerSettings& s) {
    rows.push_back({"node.id", &s.node_id, "1", Unit::none, 0, int32_max,
        "The broker's number in the cluster, as Kafka clients see it.",
        "Give each broker its own, and never give it to another data directory."});
    rows.push_back({"broker.rack", &s.broker_rack, "", Unit::label, 0, limits::rack_bytes_max,
        "Where the broker stands: a rack, a room, a zone. The replicas of a partition are spread over them.",
        "Kafka's name. Give it to all brokers or to none; empty: not said."});
    rows.push_back({"broker.controlled_shutdown_ms", &s.broker_controlled_shutdown_ms, "10s", Unit::milliseconds, 0,
        600'000,
        "How long a broker that is told to stop waits at most until others lead what it led. 0: not at all.",
        "Clients then hardly notice the stop. Where nobody can take over it does not wait; a second signal ends it."});
    rows.push_back({"coordinator.address", &s.coordinator_address, "127.0.0.1:9090", Unit::none, 0, 0,
        "Where the coordinator listens; all of them, where several stand by for each other.",
        "The broker goes on serving while it is away; topics are created and deleted through it only."});
    add_secret(rows, s.secret_file);
    rows.push_back({"data.directory", &s.data_directory, "/var/lib/penstock/broker", Unit::path, 0, 0,
        "Where the logs live. A relative path counts from the folder of the file that says it.",
        "ext4 or XFS on a local disk; one broker uses it at a time."});
    rows.push_back({"kafka.listen", &s.kafka_listen, "0.0.0.0:9092", Unit::none, 0, 0,
        "Where Kafka clients connect. Port 0 lets the kernel choose one, which the log then names.",
        "There is no authentication yet: listen on a private network only."});
    rows.push_back({"kafka.advertised", &s.kafka_advertised, "", Unit::optional, 0, 0,
        "The address that clients are told to come back to; port 0 stands for the port in use.",
        "Empty: that of kafka.listen; where it is a wildcard (0.0.0.0, ::) dpdk.address, or else the host's name."});
}

void add_shards(Settings& rows, BrokerSettings& s) {
    rows.push_back({"native.listen", &s.native_listen, "0.0.0.0:9192", Unit::optional, 0, 0,
        "Where native clients send datagrams (UDP): shard 0 at this port, the others behind it. Empty: nowhere.",
        "Brokers replicate here, too. With several addresses name the one to use; clients are not authenticated yet."});
    rows.push_back({"shards.count", &s.shards_count, "0", Unit::none, 0, 256,
        "Threads that own partitions. 0: one for each core that the process may run on.",
        "It may change from one start to the next; the logs are spread anew."});
    rows.push_back({"shards.pin_cores", &s.shards_pin_cores, "true", Unit::none, 0, 0,
        "Whether each shard stays on a core of its own.",
        "Turn it off where other programs need the same cores."});
    rows.push_back({"shards.idle", &s.shards_idle, "backoff", Unit::none, 0, 0,
        "What a shard does when it has nothing to do: spin, block, or first one and then the other (backoff).",
        "A dedicated server spins for the lowest latency; block leaves a quiet machine its cores."});
    rows.push_back({"shards.allow_oversubscription", &s.shards_allow_oversubscription, "false", Unit::none, 0, 0,
        "Whether more spinning shards than cores may start.",
        "They ruin each other's latency; only tests have a use for it."});
}

void add_network(Settings& rows, BrokerSettings& s) {
    rows.push_back({"network.driver", &s.network_driver, "auto", Unit::none, 0, 0,
        "What carries datagrams: DPDK, past the kernel (dpdk); the kernel (socket); or DPDK where that can be (auto).",
        "auto starts without DPDK, and says why, where a device is named that cannot be used. Kafka is always TCP."});
    rows.push_back({"dpdk.device", &s.dpdk_device, "", Unit::label, 0, 1024,
        "DPDK's device: a PCI address (0000:01:00.0), or a virtual one with its arguments. Empty: none.",
        "Bind a NIC to vfio-pci before (tools/bind); net_af_xdp0,iface=eth0 shares it with the kernel. See README."});
    rows.push_back({"dpdk.address", &s.dpdk_address, "", Unit::label, 0, 64,
        "The port's address with its prefix, of IPv4: 10.0.0.1/24. Where it is used, native.listen is at this address.",
        "Clients and other brokers come to it for datagrams, and so must kafka.advertised lead there."});
    rows.push_back({"dpdk.gateway", &s.dpdk_gateway, "", Unit::label, 0, 64,
        "Who takes what is for other networks. Empty: nobody, and only this network is reached by the port.",
        "Nodes that the port does not reach, a coordinator on this machine among them, are met through the kernel."});
    rows.push_back({"dpdk.vlan", &s.dpdk_vlan, "0", Unit::none, 0, 4094,
        "The VLAN (802.1Q) that the port's frames are tagged with. 0: they have no tag.",
        "All frames have the same one."});
    rows.push_back({"dpdk.mtu", &s.dpdk_mtu, "1500", Unit::none, 576, 9'600,
        "The largest packet of IP that the port's network carries.",
        "9000 halves the work for each byte, where all switches and stations of the network carry it."});
    rows.push_back({"dpdk.tap", &s.dpdk_tap, "", Unit::label, 0, 15,
        "The name of a device by which the kernel has all but our datagrams, at dpdk.address, too. Empty: none.",
        "So Kafka clients, ping and ssh reach that address. It needs CAP_NET_ADMIN, and ends with the broker."});
    rows.push_back({"dpdk.memory_bytes", &s.dpdk_memory_bytes, "512MiB", Unit::bytes, 64 * mib_i, tib_i,
        "Memory for frames, of the whole broker.",
        "Some 64 MiB for each shard, 128 MiB with an MTU of 9000; taken from the huge pages as the broker starts."});
    rows.push_back({"dpdk.huge_pages", &s.dpdk_huge_pages, "true", Unit::none, 0, 0,
        "Whether that memory is of huge pages.",
        "Real devices need them; false lets virtual ones do without, for a try."});
    rows.push_back({"dpdk.arguments", &s.dpdk_arguments, "", Unit::label, 0, 4096,
        "More arguments for DPDK's environment, with spaces between.",
        "They come after those that follow from the other settings."});
}

void add_topics(Settings& rows, BrokerSettings& s) {
    rows.push_back({"topics.auto_create", &s.topics_auto_create, "true", Unit::none, 0, 0,
        "Whether a client that asks for an unknown topic, and allows it, has it created.",
        "Kafka's default. Where topics are managed, false turns typing errors into errors."});
    rows.push_back({"topics.default_partitions", &s.topics_default_partitions, "1", Unit::none, 1, 10'000,
        "Partitions of a topic whose creator names no number.",
        "Kafka's default. Partitions spread over the shards, so one partition uses one core."});
    rows.push_back({"topics.default_retention_ms", &s.topics_default_retention_ms, "7d",
        Unit::milliseconds, -1, century_ms,
        "How long records are kept, unless the topic says otherwise (retention.ms). -1: no limit.",
        "Kafka's default. Counted from the newest record of a segment, and whole segments go."});
    rows.push_back({"topics.default_retention_bytes", &s.topics_default_retention_bytes, "-1",
        Unit::bytes, -1, 1024 * tib_i,
        "How much of each partition is kept, unless the topic says otherwise (retention.bytes). -1: no limit.",
        "Kafka's default. Set it where a disk must not fill: a full disk refuses records."});
    rows.push_back({"topics.default_segment_bytes", &s.topics_default_segment_bytes, "1GiB",
        Unit::bytes, mib_i, 2 * gib_i - 1,
        "The size at which a partition begins a new segment, unless the topic says otherwise (segment.bytes).",
        "Kafka's default. Retention frees whole segments, so smaller ones follow a limit more closely."});
    rows.push_back({"topics.default_segment_ms", &s.topics_default_segment_ms, "7d",
        Unit::milliseconds, 1'000, century_ms,
        "The age at which a partition begins a new segment, unless the topic says otherwise (segment.ms).",
        "Kafka's default. It lets retention by time reach partitions that see few records."});
    rows.push_back({"topics.default_min_insync_replicas", &s.topics_default_min_insync_replicas, "2", Unit::none, 1, 16,
        "Replicas that must have a record before acks=all is answered, unless the topic says so (min.insync.replicas).",
        "Counts for topics with more replicas only: with up to 2, the default is one less, so that one may be away."});
}

void add_replication(Settings& rows, BrokerSettings& s) {
    rows.push_back({"replication.catch_up_bytes_per_s", &s.replication_catch_up_bytes_per_s, "64MiB", Unit::bytes,
        64 * kib_i, 64 * gib_i,
        "How fast each shard sends to replicas that are new or were away, all together, in bytes per second.",
        "Those that are in sync are not held back. Half of what the disk reads leaves producers undisturbed."});
}

void add_groups(Settings& rows, BrokerSettings& s) {
    rows.push_back({"groups.offsets_partitions", &s.groups_offsets_partitions, "50", Unit::none, 1, 10'000,
        "Partitions of the internal topic __consumer_offsets, which is made when the first consumer group comes.",
        "Kafka's default (offsets.topic.num.partitions). Groups spread over them, and so over the shards."});
    rows.push_back({"groups.offsets_retention_ms", &s.groups_offsets_retention_ms, "7d", Unit::milliseconds, 1'000,
        century_ms,
        "How long committed offsets are kept when their group has been empty.",
        "Kafka's default (offsets.retention.minutes). A consumer that was away for longer starts anew."});
    rows.push_back({"groups.initial_rebalance_delay_ms", &s.groups_initial_rebalance_delay_ms, "3s",
        Unit::milliseconds, 0, 600'000,
        "How long an empty group waits for more members before its first rebalance.",
        "Kafka's default (group.initial.rebalance.delay.ms). Spares a starting application several rebalances."});
    rows.push_back({"groups.session_timeout_min_ms", &s.groups_session_timeout_min_ms, "6s", Unit::milliseconds, 1,
        day_ms,
        "The shortest session timeout that a group's member may ask for.",
        "Kafka's default (group.min.session.timeout.ms)."});
    rows.push_back({"groups.session_timeout_max_ms", &s.groups_session_timeout_max_ms, "30min", Unit::milliseconds, 1,
        day_ms,
        "The longest session timeout that a group's member may ask for.",
        "Kafka's default (group.max.session.timeout.ms)."});
}

void add_storage(Settings& rows, BrokerSettings& s) {
    rows.push_back({"storage.journal_bytes", &s.storage_journal_bytes, "64MiB", Unit::bytes, 4 * mib_i, 16 * gib_i,
        "The ring that makes small appends durable, of each shard.",
        "Larger: quiet partitions' tails are rewritten less often. Smaller: restart reads less."});
    rows.push_back({"storage.cache_bytes", &s.storage_cache_bytes, "128MiB", Unit::bytes, 4 * mib_i, 4 * tib_i,
        "Memory for log blocks, of each shard: on their way to disk, on their way to consumers, and recently used.",
        "The only cache there is (the kernel's is bypassed): give it what the machine can spare."});
    rows.push_back({"storage.pool_bytes", &s.storage_pool_bytes, "256MiB", Unit::bytes, 16 * mib_i, 4 * tib_i,
        "Disk space kept ready ahead of need, of each shard, written through so that no append grows a file.",
        "It absorbs bursts faster than storage.pool_refill_bytes_per_s; an empty one is refilled while appends wait."});
    rows.push_back({"storage.pool_refill_bytes_per_s", &s.storage_pool_refill_bytes_per_s, "200MiB", Unit::bytes,
        mib_i, 64 * gib_i,
        "How fast each shard prepares such space while records come or go, in bytes per second; when idle, it hurries.",
        "It competes with appends for the disk: set it a little above the rate that lasts all day."});
    rows.push_back({"storage.compaction_bytes_per_s", &s.storage_compaction_bytes_per_s, "8MiB", Unit::bytes,
        64 * kib_i, 64 * gib_i,
        "How fast each shard compacts topics (cleanup.policy=compact) while records come or go, in bytes per second.",
        "When idle, eight times as fast. Topics that change faster than this stay larger than they need be."});
    rows.push_back({"storage.compaction_memory_bytes", &s.storage_compaction_memory_bytes, "64MiB", Unit::bytes,
        mib_i, 64 * gib_i,
        "Memory for the keys of one pass of compaction, of each shard, taken while it runs: 32 to 64 bytes a key.",
        "A partition with more new keys than fit needs several passes."});
    rows.push_back({"storage.scrub_bytes_per_s", &s.storage_scrub_bytes_per_s, "8MiB", Unit::bytes, 0, 64 * gib_i,
        "How fast each shard reads and verifies what lies on its disk, once a day at most; 0: only what is asked for.",
        "What has rotted is had from other replicas, so find it while they are there: 8 MiB/s are 690 GB a day."});
}

void add_limits(Settings& rows, BrokerSettings& s) {
    rows.push_back({"limits.request_bytes_max", &s.limits_request_bytes_max, "100MiB", Unit::bytes, 64 * kib_i, gib_i,
        "The largest request that is read; a larger one closes its connection.",
        "Kafka's default (socket.request.max.bytes)."});
    rows.push_back({"limits.request_memory_bytes", &s.limits_request_memory_bytes, "256MiB",
        Unit::bytes, 4 * mib_i, tib_i,
        "Memory for requests under way, of each shard. When it is used up, connections wait to be read.",
        "At least limits.request_bytes_max, or the largest request could never be read.", "limits.request_bytes_max"});
    rows.push_back({"limits.receive_buffer_bytes", &s.limits_receive_buffer_bytes, "16MiB",
        Unit::bytes, mib_i, 4 * gib_i,
        "Buffers that the kernel receives into, of each shard, shared by its connections.",
        "About what arrives between two turns of a busy shard, and some more."});
    rows.push_back({"limits.connections_max", &s.limits_connections_max, "10000", Unit::none, 1, 1'000'000,
        "Client connections of the whole broker; those beyond are closed at once.",
        "Each takes a few KiB and a file descriptor (see also LimitNOFILE of the service)."});
}

void add_log_level(Settings& rows, LogLevel& level) {
    rows.push_back({"log.level", &level, "info", Unit::none, 0, 0,
        "The least important messages that are still written to the standard error output.",
        "info: starts, stops and changes; warn: only what needs attention."});
}

void add_store(Settings& rows, CoordinatorSettings& s) {
    rows.push_back({"store.kind", &s.store_kind, "sqlite", Unit::none, 0, 0,
        "Where the state is kept: in a file of data.directory (sqlite), or in an ensemble that exists (zookeeper).",
        "sqlite needs nothing else; with zookeeper several coordinators stand by for each other."});
    rows.push_back({"zookeeper.servers", &s.zookeeper_servers, "127.0.0.1:2181", Unit::none, 0, 0,
        "The servers of the ensemble.",
        "Name all of them: one that is away is replaced by another."});
    rows.push_back({"zookeeper.root", &s.zookeeper_root, "/penstock", Unit::node_path, 0, 0,
        "Under which node the state lies: the same for all coordinators of a cluster, and for no other cluster's.",
        "It is made when it is missing. Nothing but a coordinator may write there."});
    rows.push_back({"zookeeper.session_timeout_ms", &s.zookeeper_session_timeout_ms, "4s", Unit::milliseconds, 500,
        60'000,
        "How long the active coordinator may be silent until another takes over. The ensemble has bounds of its own.",
        "Below the time in which the ensemble elects its own leader, each loss of that one costs a take-over, too."});
}

}  // namespace

Settings settings_of(BrokerSettings& s) {
    Settings rows;
    add_node(rows, s);
    add_network(rows, s);
    add_shards(rows, s);
    add_topics(rows, s);
    add_groups(rows, s);
    add_storage(rows, s);
    add_replication(rows, s);
    add_limits(rows, s);
    add_log_level(rows, s.log_level);
    return rows;
}

Settings settings_of(CoordinatorSettings& s) {
    Settings rows;
    rows.push_back({"listen", &s.listen, "127.0.0.1:9090", Unit::none, 0, 0,
        "Where brokers send datagrams (UDP). Port 0 lets the kernel choose one, which the log then names.",
        "Brokers must prove that they know cluster.secret_file; what travels is not encrypted."});
    rows.push_back({"session_timeout_ms", &s.session_timeout_ms, "500ms", Unit::milliseconds, 100, 600'000,
        "A broker that is not heard of for this long is fenced: others take over what it led.",
        "Small shared machines pause for longer than this: give them 5s or more."});
    add_secret(rows, s.secret_file);
    rows.push_back({"data.directory", &s.data_directory, "/var/lib/penstock/coordinator", Unit::path, 0, 0,
        "Where the cluster's state lives. A relative path counts from the folder of the file that says it.",
        "Small, and precious: topics and their ids are nowhere else. With ZooKeeper, only which cluster this is."});
    add_store(rows, s);
    add_log_level(rows, s.log_level);
    return rows;
}

BrokerSettings::BrokerSettings() { assign_defaults(settings_of(*this)); }
CoordinatorSettings::CoordinatorSettings() { assign_defaults(settings_of(*this)); }

}  // namespace penstock
