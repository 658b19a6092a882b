#include "broker/broker_config_rows.h"

#include <algorithm>
#include <array>

#include "limits.h"

namespace penstock::broker {

namespace {

constexpr int64_t minute_ms = 60'000;

std::string number(int64_t value) { return std::to_string(value); }
std::string truth(bool value) { return value ? "true" : "false"; }

std::string listener(std::string_view host, uint16_t port) {
    const bool v6 = host.find(':') != host.npos;
    return "PLAINTEXT://" + (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

std::string node_id(const BrokerOptions& options, const ClusterView&) { return number(options.node_id.value); }

std::string advertised(const BrokerOptions& options, const ClusterView& view) {
    const BrokerView* own = view.broker(options.node_id);
    return own == nullptr ? listener(options.listen.host, options.listen.port) : listener(own->host, own->port);
}

using Options = BrokerOptions;
using View = ClusterView;

constexpr std::array rows{
    BrokerConfigRow{"advertised.listeners", ConfigType::text, "", advertised,
        "The address that clients are told to come back to (kafka.advertised)."},
    BrokerConfigRow{"auto.create.topics.enable", ConfigType::boolean, "true",
        [](const Options& o, const View&) { return truth(o.auto_create_topics); },
        "Whether a client that asks for an unknown topic, and allows it, has it created (topics.auto_create)."},
    BrokerConfigRow{"broker.id", ConfigType::int32, "", node_id, "The broker's number in the cluster (node.id)."},
    BrokerConfigRow{"connections.max.idle.ms", ConfigType::int64, "600000",
        [](const Options&, const View&) { return number(limits::connection_idle_timeout_ns / millisecond_ns); },
        "A connection on which nothing happened for so long is closed. Built in."},
    BrokerConfigRow{"default.replication.factor", ConfigType::int32, "1",
        [](const Options&, const View&) { return number(1); },
        "Replicas of a topic whose creator names no number. Built in."},
    BrokerConfigRow{"delete.topic.enable", ConfigType::boolean, "true",
        [](const Options&, const View&) { return truth(true); }, "Whether topics can be deleted. Built in."},
    BrokerConfigRow{"fetch.max.bytes", ConfigType::int32, "57671680",
        [](const Options&, const View&) { return number(limits::fetch_response_bytes); },
        "The most that one answer to a fetch holds, a single larger batch aside. Built in."},
    BrokerConfigRow{"group.initial.rebalance.delay.ms", ConfigType::int32, "3000",
        [](const Options& o, const View&) { return number(o.groups.initial_rebalance_delay_ms); },
        "How long an empty group waits for more members before its first rebalance "
        "(groups.initial_rebalance_delay_ms)."},
    BrokerConfigRow{"group.max.session.timeout.ms", ConfigType::int32, "1800000",
        [](const Options& o, const View&) { return number(o.groups.session_timeout_max_ms); },
        "The longest session timeout that a group's member may ask for (groups.session_timeout_max_ms)."},
    BrokerConfigRow{"group.max.size", ConfigType::int32, "10000",
        [](const Options&, const View&) { return number(static_cast<int64_t>(limits::group_members)); },
        "The most members that a group may have. Built in."},
    BrokerConfigRow{"group.min.session.timeout.ms", ConfigType::int32, "6000",
        [](const Options& o, const View&) { return number(o.groups.session_timeout_min_ms); },
        "The shortest session timeout that a group's member may ask for (groups.session_timeout_min_ms)."},
    BrokerConfigRow{"listeners", ConfigType::text, "",
        [](const Options& o, const View&) { return listener(o.listen.host, o.listen.port); },
        "Where Kafka clients connect (kafka.listen)."},
    BrokerConfigRow{"log.cleaner.enable", ConfigType::boolean, "true",
        [](const Options&, const View&) { return truth(true); }, "Whether topics can be compacted. Built in."},
    BrokerConfigRow{"log.dirs", ConfigType::text, "",
        [](const Options& o, const View&) { return o.data_directory; }, "Where the logs live (data.directory)."},
    BrokerConfigRow{"max.connections", ConfigType::int32, "10000",
        [](const Options& o, const View&) { return number(o.broker_connections_max); },
        "Client connections of the whole broker; those beyond are closed at once (limits.connections_max)."},
    BrokerConfigRow{"node.id", ConfigType::int32, "", node_id, "The broker's number in the cluster (node.id)."},
    BrokerConfigRow{"num.partitions", ConfigType::int32, "1",
        [](const Options& o, const View&) { return number(o.default_partitions); },
        "Partitions of a topic whose creator names no number (topics.default_partitions)."},
    BrokerConfigRow{"offset.metadata.max.bytes", ConfigType::int32, "4096",
        [](const Options&, const View&) { return number(static_cast<int64_t>(limits::offset_metadata_bytes)); },
        "The longest note that a consumer may leave with a committed offset. Built in."},
    BrokerConfigRow{"offsets.retention.check.interval.ms", ConfigType::int64, "600000",
        [](const Options&, const View&) { return number(limits::group_sweep_ns / millisecond_ns); },
        "How often expired offsets are looked for. Built in."},
    BrokerConfigRow{"offsets.retention.minutes", ConfigType::int32, "10080",
        [](const Options& o, const View&) {
            return number((o.groups.offsets_retention_ms + minute_ms - 1) / minute_ms);
        },
        "How long committed offsets are kept when their group has been empty (groups.offsets_retention_ms)."},
    BrokerConfigRow{"offsets.topic.num.partitions", ConfigType::int32, "50",
        [](const Options& o, const View&) { return number(o.offsets_partitions); },
        "Partitions of the internal topic of committed offsets, when it is made (groups.offsets_partitions)."},
    BrokerConfigRow{"offsets.topic.replication.factor", ConfigType::int16, "3",
        [](const Options&, const View&) { return number(3); },
        "Replicas of the internal topic of committed offsets, as soon as there are so many brokers. Built in."},
    BrokerConfigRow{"producer.id.expiration.ms", ConfigType::int32, "86400000",
        [](const Options&, const View&) { return number(limits::producer_expiration_ms); },
        "A producer that was idle for so long is forgotten. Built in."},
    BrokerConfigRow{"socket.request.max.bytes", ConfigType::int32, "104857600",
        [](const Options& o, const View&) { return number(o.request_bytes_max); },
        "The largest request that is read; a larger one closes its connection (limits.request_bytes_max)."},
};
static_assert(std::ranges::is_sorted(rows, {}, &BrokerConfigRow::name));

}  // namespace

std::span<const BrokerConfigRow> broker_config_rows() { return rows; }

}  // namespace penstock::broker
