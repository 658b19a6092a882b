// The coordinator's state as rows of the store: what each kind of row holds, and its key.
//
//     cluster                        the cluster's id
//     epoch/0000000001               a start of the coordinator: what was written from which revision on
//     broker/0000000001              a registered broker
//     topic/<id>                     name, number of partitions, configs
//     partition/<id>/00000007        leader, epochs, replicas, in-sync replicas, and who comes and goes
//     producer_ids                   the first producer id that nobody was given
//     deleted/<id>                   a deleted topic whose logs some broker still has
//
// A value is an int16 version and the row in the codec's flexible form, so fields are added as tags. Ids are in
// Kafka's text form. Bytes that do not decode are rot or a newer program's: the caller refuses to start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/units.h"
#include "base/uuid.h"
#include "wire/codec.h"
#include "wire/node/watch_cluster.h"

namespace penstock::coordinator {

struct ClusterRow {
    Uuid cluster_id;

    template <class C>
    void fields(C& c) {
        c.field(cluster_id);
    }
};

struct EpochRow {
    Uuid id;
    int64_t first_revision = 0;

    template <class C>
    void fields(C& c) {
        c.field(id);
        c.field(first_revision);
    }
};

struct BrokerRow {
    Uuid incarnation;
    Uuid storage_id;
    std::string_view host;
    int32_t port = 0;
    int32_t shard_count = 1;
    bool fenced = true;
    int32_t native_port = 0;
    std::string_view rack;
    bool stopping = false;

    template <class C>
    void fields(C& c) {
        c.field(incarnation);
        c.field(storage_id);
        c.field(host);
        c.field(port);
        c.field(shard_count);
        c.field(fenced);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, native_port, wire::from(0), 0);
        c.tag(1, rack, wire::from(0));
        c.tag(2, stopping, wire::from(0));
    }
};

struct TopicRow {
    std::string_view name;
    int32_t partitions = 0;
    wire::Array<wire::node::TopicConfig> configs;

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(partitions);
        c.field(configs);
    }
};

struct PartitionRow {
    int32_t leader = -1;
    int32_t leader_epoch = 0;
    wire::Array<int32_t> replicas;
    wire::Array<int32_t> isr;
    int32_t partition_epoch = 0;
    wire::Array<int32_t> adding;
    wire::Array<int32_t> removing;
    wire::Array<int32_t> before;

    template <class C>
    void fields(C& c) {
        c.field(leader);
        c.field(leader_epoch);
        c.field(replicas);
        c.field(isr);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, partition_epoch, wire::from(0));
        c.tag(1, adding, wire::from(0));
        c.tag(2, removing, wire::from(0));
        c.tag(3, before, wire::from(0));
    }
};

struct DeletedRow {
    int64_t revision = 0;
    wire::Array<int32_t> waiting_for;

    template <class C>
    void fields(C& c) {
        c.field(revision);
        c.field(waiting_for);
    }
};

struct ProducerIdsRow {
    int64_t next = 0;

    template <class C>
    void fields(C& c) {
        c.field(next);
    }
};

inline constexpr int16_t row_version = 0;

/// The arena is scratch; it is reset. Rows are within limits.h, so encoding cannot fail.
template <class Row>
std::string encode_row(const Row& row, Arena& arena) {
    arena.reset();
    wire::Writer writer(arena);
    writer.number(row_version);
    wire::Encoder<wire::Writer>(writer, row_version, true).structure(row);
    std::string value;
    value.reserve(writer.size());
    for (const Fragment& part : writer.finish()) value.append(reinterpret_cast<const char*>(part.data), part.size);
    PENSTOCK_ASSERT(writer.ok());
    return value;
}

/// False: the bytes are not a row of this kind and version. Views in `row` live as long as value and the arena's
/// content.
template <class Row>
bool decode_row(std::string_view value, Arena& arena, Row& row) {
    Fragment bytes{reinterpret_cast<const std::byte*>(value.data()), static_cast<uint32_t>(value.size())};
    wire::Reader reader(std::span(&bytes, 1), arena);
    if (reader.number<int16_t>() != row_version || !reader.ok()) return false;
    wire::Decoder(reader, row_version, true).structure(row);
    return reader.ok() && reader.remaining() == 0;
}

enum class RowKind : uint8_t { cluster, epoch, broker, topic, partition, deleted, producer_ids };

struct RowKey {
    RowKind kind = RowKind::cluster;
    NodeId broker{-1};        ///< broker
    Uuid topic;               ///< topic, partition, deleted
    int32_t partition = -1;   ///< partition
    int32_t epoch = -1;       ///< epoch
    friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

inline RowKey cluster_key() { return {}; }
inline RowKey producer_ids_key() { return {.kind = RowKind::producer_ids}; }
inline RowKey epoch_key(int32_t number) { return {.kind = RowKind::epoch, .epoch = number}; }
inline RowKey broker_key(NodeId id) { return {.kind = RowKind::broker, .broker = id}; }
inline RowKey topic_key(const Uuid& id) { return {.kind = RowKind::topic, .topic = id}; }
inline RowKey deleted_key(const Uuid& id) { return {.kind = RowKind::deleted, .topic = id}; }
inline RowKey partition_key(const Uuid& id, int32_t partition) {
    return {.kind = RowKind::partition, .topic = id, .partition = partition};
}

std::string to_text(const RowKey& key);
std::optional<RowKey> parse_row_key(std::string_view text);

}  // namespace penstock::coordinator
