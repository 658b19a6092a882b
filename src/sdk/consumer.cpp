// penstock.h: consumers and the batches that they hand out.
#include <algorithm>
#include <cstring>

#include "sdk/handles.h"

using namespace penstock;

namespace {

bool sane(const penstock_consumer_options& options) {
    const bool start = options.start >= PENSTOCK_OFFSET_COMMITTED && options.start <= PENSTOCK_OFFSET_LATEST &&
                       options.start != PENSTOCK_OFFSET_TIME;
    const bool times = options.commit_interval_ms >= 0 && options.session_timeout_ms > 0 &&
                       options.heartbeat_interval_ms > 0 && options.rebalance_timeout_ms > 0 &&
                       options.fetch_wait_ms >= 0 && options.heartbeat_interval_ms < options.session_timeout_ms;
    const bool sizes = options.partition_bytes > 0 && options.partition_bytes <= INT32_MAX / 2 &&
                       options.buffer_bytes > 0;
    const bool instance = options.group_instance == nullptr || options.group != nullptr;
    return start && times && sizes && instance && (options.group == nullptr || *options.group != '\0');
}

}  // namespace

extern "C" {

penstock_error penstock_consumer_create(penstock_client* client, const penstock_consumer_options* given,
                                        penstock_consumer** out) {
    const penstock_consumer_options options = sdk::read_options(given, PENSTOCK_CONSUMER_OPTIONS_INIT);
    *out = nullptr;
    if (!sane(options)) return PENSTOCK_INVALID;
    client::ConsumerOptions core;
    core.fetcher = {.reset = options.start,
                    .wait_ms = options.fetch_wait_ms,
                    .partition_bytes = options.partition_bytes,
                    .buffer_bytes = options.buffer_bytes,
                    .check_crcs = options.check_crcs != 0,
                    .read_committed = options.read_committed != 0};
    core.commit_interval_ns = options.commit_interval_ms * millisecond_ns;
    if (options.group != nullptr) {
        core.group = client::GroupOptions{.name = options.group,
                                          .instance = {},
                                          .session_timeout_ms = options.session_timeout_ms,
                                          .rebalance_timeout_ms = options.rebalance_timeout_ms,
                                          .heartbeat_interval_ms = options.heartbeat_interval_ms};
        if (options.group_instance != nullptr) core.group->instance = options.group_instance;
    }
    *out = new penstock_consumer{.client = *client, .core = {client->edge->cluster(), core}, .idle = {}};
    ++client->members;
    return PENSTOCK_OK;
}

void penstock_consumer_destroy(penstock_consumer* consumer) {
    if (consumer == nullptr) return;
    PENSTOCK_ASSERT(consumer->out == 0);   // every batch was released
    --consumer->client.members;
    delete consumer;
}

penstock_error penstock_consumer_assign(penstock_consumer* consumer, const penstock_position* positions,
                                        size_t count) {
    return consumer->core.assign({positions, count});
}

penstock_error penstock_consumer_subscribe(penstock_consumer* consumer, const char* const* topics, size_t count) {
    return consumer->core.subscribe({topics, topics + count});
}

penstock_error penstock_consumer_seek(penstock_consumer* consumer, const penstock_position* position) {
    return consumer->core.seek(*position);
}

penstock_error penstock_consumer_next(penstock_consumer* consumer, penstock_batch** out) {
    *out = nullptr;
    penstock_error error = PENSTOCK_OK;
    auto core = consumer->core.next(error);
    if (core == nullptr) return error;
    std::unique_ptr<penstock_batch> batch;
    if (consumer->idle.empty()) {
        batch = std::make_unique<penstock_batch>();
    } else {
        batch = std::move(consumer->idle.back());
        consumer->idle.pop_back();
    }
    batch->consumer = consumer;
    batch->core = std::move(core);
    ++consumer->out;
    *out = batch.release();
    return PENSTOCK_OK;
}

const char* penstock_batch_topic(const penstock_batch* batch) { return batch->core->partition->topic.c_str(); }
int32_t penstock_batch_partition(const penstock_batch* batch) { return batch->core->partition->index; }
int64_t penstock_batch_offset(const penstock_batch* batch) { return batch->core->first_offset(); }
int64_t penstock_batch_next_offset(const penstock_batch* batch) { return batch->core->next_offset(); }
int64_t penstock_batch_high_watermark(const penstock_batch* batch) { return batch->core->high_watermark; }

penstock_error penstock_batch_next(penstock_batch* batch, penstock_record_view* record) {
    return batch->core->next(*record);
}

penstock_error penstock_batch_next_header(penstock_batch* batch, penstock_header* header) {
    return batch->core->next_header(*header);
}

void penstock_batch_release(penstock_batch* batch) {
    if (batch == nullptr) return;
    penstock_consumer& consumer = *batch->consumer;
    consumer.core.release(std::move(batch->core));
    --consumer.out;
    consumer.idle.emplace_back(batch);
}

size_t penstock_consumer_positions(penstock_consumer* consumer, const penstock_position** positions) {
    const auto found = consumer->core.positions();
    *positions = found.data();
    return found.size();
}

penstock_error penstock_consumer_next_event(penstock_consumer* consumer, penstock_event* event) {
    const auto found = consumer->core.next_event();
    if (!found) return PENSTOCK_EMPTY;
    *event = *found;
    return PENSTOCK_OK;
}

penstock_error penstock_consumer_commit(penstock_consumer* consumer, int timeout_ms) {
    if (!consumer->core.commit()) return PENSTOCK_INVALID;
    if (timeout_ms == 0) return PENSTOCK_OK;
    const bool done = consumer->client.edge->poll_until(timeout_ms, [&] { return !consumer->core.committing(); });
    return done ? consumer->core.commit_error() : PENSTOCK_TIMED_OUT;
}

penstock_error penstock_consumer_leave(penstock_consumer* consumer, int timeout_ms) {
    consumer->core.leave();
    const bool done = consumer->client.edge->poll_until(timeout_ms, [&] { return consumer->core.left(); });
    return done ? PENSTOCK_OK : PENSTOCK_TIMED_OUT;
}

}  // extern "C"
