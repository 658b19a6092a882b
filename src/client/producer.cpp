#include "client/producer.h"

#include <algorithm>

#include "limits.h"
#include "wire/partitioner.h"

namespace penstock::client {

Producer::Producer(Cluster& cluster, std::string topic, const ProducerOptions& options)
    : cluster_(cluster), topic_(std::move(topic)), options_(options) {
    cluster_.watch(topic_, options_.create_topic);
    cluster_.add(*this);
}

Producer::~Producer() {
    cluster_.forget(*this);
    cluster_.remove(*this);
    cluster_.unwatch(topic_);
}

// The topic.

void Producer::take_topic() {
    if (topic_revision_ == cluster_.revision()) return;
    topic_revision_ = cluster_.revision();
    const Topic* topic = cluster_.find(topic_);
    if (topic == nullptr || topic->error != PENSTOCK_OK) return;
    while (partitions_.size() < topic->partitions.size()) partitions_.push_back(std::make_unique<Partition>());
}

int32_t Producer::partitions() const { return static_cast<int32_t>(partitions_.size()); }

penstock_error Producer::topic_error() const {
    const Topic* topic = cluster_.find(topic_);
    return topic == nullptr ? PENSTOCK_OK : topic->error;
}

/// The same one until its batch is full: then a random one of those that have a leader.
int32_t Producer::sticky_partition() {
    if (sticky_ >= 0) return sticky_;
    const Topic* topic = cluster_.find(topic_);
    const auto count = partitions_.size();
    const auto first = static_cast<size_t>(cluster_.random().next() % count);
    sticky_ = static_cast<int32_t>(first);
    for (size_t i = 0; topic != nullptr && i < count; ++i) {
        const size_t candidate = (first + i) % count;
        if (candidate >= topic->partitions.size() || topic->partitions[candidate].leader < 0) continue;
        sticky_ = static_cast<int32_t>(candidate);
        break;
    }
    return sticky_;
}

// Filling batches.

penstock_error Producer::place(const penstock_record& record, size_t value_size, int32_t& partition) {
    PENSTOCK_ASSERT(reserved_in_ == nullptr);
    if (partitions_.empty()) {
        const penstock_error error = topic_error();
        return error == PENSTOCK_OK ? PENSTOCK_FULL : error;
    }
    if (record.partition != PENSTOCK_PARTITION_ANY) {
        if (record.partition < 0 || record.partition >= partitions()) return PENSTOCK_INVALID;
        partition = record.partition;
    } else if (record.key.data != nullptr) {
        const auto* key = static_cast<const std::byte*>(record.key.data);
        partition = wire::partition_of_key({key, record.key.size}, static_cast<int32_t>(partitions_.size()));
    } else {
        partition = sticky_partition();
    }
    return make_room(*partitions_[static_cast<size_t>(partition)], record, value_size);
}

penstock_error Producer::make_room(Partition& partition, const penstock_record& record, size_t value_size) {
    const uint64_t needed = BatchWriter::record_bytes_max(record, value_size);
    if (needed > limits::client_record_bytes_max) return PENSTOCK_TOO_LARGE;
    if (partition.open && partition.open->writer.size() + needed > options_.batch_bytes) {
        close_batch(partition);
        cluster_.wake();
    }
    if (!partition.open) {
        if (charged_ > 0 && charged_ + wire::batch_header_bytes + needed > options_.buffer_bytes) return PENSTOCK_FULL;
        partition.open = std::make_shared<Batch>(take_buffer());
        partition.open->opened = cluster_.time().now;
    }
    Batch& batch = *partition.open;
    batch.writer.grow(needed, options_.batch_bytes);
    const uint64_t charge = batch.writer.capacity();
    charged_ += charge - batch.charged;
    batch.charged = charge;
    return PENSTOCK_OK;
}

penstock_error Producer::send(const penstock_record& record, int64_t wall_ms) {
    int32_t index = 0;
    const size_t value_size = record.value.data == nullptr ? 0 : record.value.size;
    if (const penstock_error error = place(record, value_size, index); error != PENSTOCK_OK) return error;
    Partition& partition = *partitions_[static_cast<size_t>(index)];
    const int64_t timestamp = record.timestamp == PENSTOCK_TIME_NOW ? wall_ms : record.timestamp;
    partition.open->writer.add(record, timestamp);
    partition.open->tags.push_back(record.tag);
    ++unsettled_;
    if (!partition.active) {
        partition.active = true;
        active_.push_back(index);
        cluster_.wake();
    }
    return PENSTOCK_OK;
}

penstock_error Producer::reserve(const penstock_record& record, size_t value_size, int64_t wall_ms, void** value) {
    int32_t index = 0;
    if (const penstock_error error = place(record, value_size, index); error != PENSTOCK_OK) return error;
    Partition& partition = *partitions_[static_cast<size_t>(index)];
    const int64_t timestamp = record.timestamp == PENSTOCK_TIME_NOW ? wall_ms : record.timestamp;
    *value = partition.open->writer.reserve(record, timestamp, false, value_size);
    reserved_in_ = &partition;
    reserved_index_ = index;
    reserved_tag_ = record.tag;
    return PENSTOCK_OK;
}

void Producer::commit(size_t value_size) {
    PENSTOCK_ASSERT(reserved_in_ != nullptr);
    Partition& partition = *reserved_in_;
    reserved_in_ = nullptr;
    partition.open->writer.commit(value_size);
    partition.open->tags.push_back(reserved_tag_);
    ++unsettled_;
    if (!partition.active) {
        partition.active = true;
        active_.push_back(reserved_index_);
        cluster_.wake();
    }
}

void Producer::abandon() {
    PENSTOCK_ASSERT(reserved_in_ != nullptr);
    Partition& partition = *reserved_in_;
    reserved_in_ = nullptr;
    partition.open->writer.abandon();
    if (partition.open->writer.count() > 0) return;
    recycle(*partition.open);
    partition.open.reset();
}

void Producer::push() {
    pushing_ = true;
    cluster_.wake();
}

void Producer::close_batch(Partition& partition) {
    partition.closed.push_back(std::move(partition.open));
    partition.open = nullptr;
    sticky_ = -1;
}

// Buffers.

BufferMemory Producer::take_buffer() {
    if (idle_buffers_.empty()) return {};
    BufferMemory buffer = std::move(idle_buffers_.back());
    idle_buffers_.pop_back();
    return buffer;
}

/// The batch is over: its memory may serve another.
void Producer::recycle(Batch& batch) {
    charged_ -= batch.charged;
    batch.charged = 0;
    BufferMemory memory = batch.writer.take_memory();
    if (memory.capacity == options_.batch_bytes && idle_buffers_.size() < limits::client_idle_buffers_max) {
        idle_buffers_.push_back(std::move(memory));
    }
}

// What became of them.

/// Of the partition's first batch.
void Producer::complete(Partition& partition, int32_t index, penstock_error error, int64_t first_offset,
                        int64_t append_time) {
    const BatchPtr batch = std::move(partition.closed.front());
    partition.closed.pop_front();
    unsettled_ -= batch->tags.size();
    completed_.push_back({.error = error, .partition = index, .first_offset = first_offset,
                          .append_time = append_time, .tags = std::move(batch->tags)});
    recycle(*batch);
}

size_t Producer::completions(std::span<penstock_completion> out) {
    handed_out_.clear();
    while (handed_out_.size() < out.size() && !completed_.empty()) {
        handed_out_.push_back(std::move(completed_.front()));
        completed_.pop_front();
        const Completed& done = handed_out_.back();
        out[handed_out_.size() - 1] = {.error = done.error, .partition = done.partition,
                                       .first_offset = done.first_offset, .append_time = done.append_time,
                                       .tags = done.tags.data(), .records = done.tags.size()};
    }
    return handed_out_.size();
}

}  // namespace penstock::client
