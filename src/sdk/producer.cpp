// penstock.h: producers.
#include <algorithm>
#include <cstring>

#include "sdk/handles.h"

using namespace penstock;

namespace {

bool sane(const penstock_producer_options& options) {
    const bool acks = options.acks >= -1 && options.acks <= 1;
    const bool idempotent = options.idempotent >= -1 && options.idempotent <= 1 &&
                            !(options.idempotent == 1 && options.acks != -1);
    const bool codec = options.compression >= PENSTOCK_COMPRESSION_NONE &&
                       options.compression <= PENSTOCK_COMPRESSION_ZSTD;
    const bool sizes = options.batch_bytes >= 128 && options.batch_bytes <= 16u * 1024 * 1024 &&
                       options.buffer_bytes >= options.batch_bytes;
    return acks && idempotent && codec && sizes && options.linger_ms >= 0 && options.delivery_timeout_ms > 0;
}

/// With a header's name null or a size without bytes, nothing good could come of it.
bool sane(const penstock_record& record) {
    if (record.header_count > 0 && record.headers == nullptr) return false;
    if (record.header_count > limits::client_record_headers_max) return false;
    for (const penstock_header& header : std::span(record.headers, record.header_count)) {
        if (header.name == nullptr || header.name_size > limits::client_record_bytes_max ||
            header.value.size > limits::client_record_bytes_max) {
            return false;
        }
    }
    return true;
}

}  // namespace

extern "C" {

penstock_error penstock_producer_create(penstock_client* client, const char* topic,
                                        const penstock_producer_options* given, penstock_producer** out) {
    const penstock_producer_options options = sdk::read_options(given, PENSTOCK_PRODUCER_OPTIONS_INIT);
    *out = nullptr;
    if (topic == nullptr || *topic == '\0' || std::strlen(topic) > INT16_MAX || !sane(options)) return PENSTOCK_INVALID;
    client::ProducerOptions core;
    core.acks = static_cast<int16_t>(options.acks);
    core.idempotent = options.idempotent == 1 || (options.idempotent == -1 && options.acks == -1);
    core.codec = static_cast<wire::Codec>(options.compression);
    core.linger_ns = options.linger_ms * millisecond_ns;
    core.batch_bytes = options.batch_bytes;
    core.buffer_bytes = options.buffer_bytes;
    core.delivery_timeout_ns = options.delivery_timeout_ms * millisecond_ns;
    core.create_topic = options.create_topic != 0;
    *out = new penstock_producer{.client = *client, .core = {client->edge->cluster(), topic, core}};
    ++client->members;
    return PENSTOCK_OK;
}

void penstock_producer_destroy(penstock_producer* producer) {
    if (producer == nullptr) return;
    --producer->client.members;
    delete producer;
}

penstock_error penstock_producer_send(penstock_producer* producer, const penstock_record* record) {
    if (record->header_count > 0 && !sane(*record)) return PENSTOCK_INVALID;
    const int64_t wall_ms = record->timestamp == PENSTOCK_TIME_NOW ? sdk::Edge::wall_ms() : 0;
    return producer->core.send(*record, wall_ms);
}

penstock_error penstock_producer_reserve(penstock_producer* producer, const penstock_record* record,
                                         size_t value_size, void** value) {
    *value = nullptr;
    if (!sane(*record)) return PENSTOCK_INVALID;
    return producer->core.reserve(*record, value_size, sdk::Edge::wall_ms(), value);
}

void penstock_producer_commit(penstock_producer* producer, size_t value_size) { producer->core.commit(value_size); }

void penstock_producer_abandon(penstock_producer* producer) { producer->core.abandon(); }

size_t penstock_producer_completions(penstock_producer* producer, penstock_completion* out, size_t max) {
    return producer->core.completions({out, max});
}

void penstock_producer_push(penstock_producer* producer) { producer->core.push(); }

penstock_error penstock_producer_flush(penstock_producer* producer, int timeout_ms) {
    producer->core.push();
    const bool done = producer->client.edge->poll_until(timeout_ms, [&] { return producer->core.unsettled() == 0; });
    return done ? PENSTOCK_OK : PENSTOCK_TIMED_OUT;
}

uint64_t penstock_producer_unsettled(const penstock_producer* producer) { return producer->core.unsettled(); }

uint64_t penstock_producer_retried_batches(const penstock_producer* producer) {
    return producer->core.retried_batches();
}

int32_t penstock_producer_partitions(const penstock_producer* producer, penstock_error* error) {
    const int32_t partitions = producer->core.partitions();
    if (error != nullptr) *error = partitions > 0 ? PENSTOCK_OK : producer->core.topic_error();
    return partitions;
}

}  // extern "C"
