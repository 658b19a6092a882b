#include "storage_model.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace penstock::sim {

void ModelProducers::record(const log::ProducerBatch& batch) {
    const auto idle = [&](const Producer& producer) {
        return batch.timestamp - producer.last().timestamp >= limits::producer_expiration_ms;
    };
    Producer producer{.id = batch.producer_id, .count = 0, .batches = {}};
    const auto found = std::ranges::find(producers_, batch.producer_id, &Producer::id);
    if (found != producers_.end()) {
        if (!idle(*found)) producer = *found;
        producers_.erase(found);
    }
    for (int i = 0; i < 2 && !producers_.empty() && idle(producers_.front()); ++i) producers_.erase(producers_.begin());
    std::vector<log::ProducerBatch> batches(producer.kept().begin(), producer.kept().end());
    batches.push_back(batch);
    if (batches.size() > producer.batches.size()) batches.erase(batches.begin());
    std::ranges::copy(batches, producer.batches.begin());
    producer.count = static_cast<uint32_t>(batches.size());
    producers_.push_back(producer);
}

const ModelProducers::Producer* ModelProducers::find(int64_t id, int64_t timestamp) const {
    const auto found = std::ranges::find(producers_, id, &Producer::id);
    if (found == producers_.end()) return nullptr;
    return timestamp - found->last().timestamp >= limits::producer_expiration_ms ? nullptr : &*found;
}

void ModelProducers::take(const log::ProducerTable& table) {
    producers_.clear();
    table.for_each([&](const Producer& producer) { producers_.push_back(producer); });
}

std::string ModelProducers::compare(const log::ProducerTable& table, bool some_lost) const {
    ModelProducers other;
    other.take(table);
    if (!some_lost && other.producers_.size() != producers_.size())
        return "knows " + std::to_string(table.size()) + " producers instead of " + std::to_string(producers_.size());
    for (size_t i = 0; i < other.producers_.size(); ++i) {
        const Producer& has = other.producers_[i];
        const std::string name = "producer " + std::to_string(has.id);
        const auto found = std::ranges::find(producers_, has.id, &Producer::id);
        if (found == producers_.end()) return "knows " + name + ", who never was";
        if (!some_lost && found != producers_.begin() + static_cast<ptrdiff_t>(i)) return name + " is out of order";
        if (!some_lost && found->count != has.count) return name + " has another number of batches";
        if (has.count > found->count) return name + " has too many batches";
        if (!std::ranges::equal(has.kept(), found->kept().last(has.count))) return name + " has other batches";
    }
    return {};
}

size_t ModelLog::find(int64_t offset) const {
    const auto after = std::ranges::upper_bound(batches, offset, {}, &ModelBatch::base);
    if (after == batches.begin() || offset >= (after - 1)->next) return batches.size();
    return static_cast<size_t>(after - 1 - batches.begin());
}

void ModelLog::note_config(const log::LogConfig& wanted) {
    config = wanted;
    const auto strictest = [](int64_t& low, int64_t value) {
        if (value >= 0 && (low < 0 || value < low)) low = value;
    };
    strictest(retention_bytes_min, wanted.retention_bytes);
    strictest(retention_ms_min, wanted.retention_ms);
}

bool ModelLog::may_start_at(int64_t offset, int64_t wall_ms) const {
    if (offset <= start_durable) return offset == start_durable;
    // From the newest: a batch may go when it is too old, or when those behind it are enough.
    uint64_t kept = 0;  // with the padding of segments, of which there are at most as many as batches
    bool boundary = offset == end();
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
        const bool enough = retention_bytes_min >= 0 && kept >= static_cast<uint64_t>(retention_bytes_min);
        const bool expired = retention_ms_min >= 0 && batch->max_timestamp <= wall_ms - retention_ms_min;
        if (batch->base < offset && !enough && !expired) return false;
        boundary |= batch->base == offset;
        kept += batch->bytes->size() + io::block_size;
    }
    return boundary;
}

Snapshot Model::snapshot(int64_t wall_ms) const {
    Snapshot out{.logs = {}, .wall_ms = wall_ms};
    out.logs.reserve(logs.size());
    for (const ModelLog& log : logs) {
        LogBounds bounds{.must_exist = !log.removed && (log.create_durable || log.durable() > log.start_durable),
                         .may_exist = !log.remove_durable,
                         .durable = log.durable(),
                         .end = log.end(),
                         .start_low = log.start_durable,
                         .epoch_low = log.epoch_durable,
                         .epoch_high = log.epoch};
        out.logs.push_back(bounds);
    }
    return out;
}

void Model::settle() {
    std::erase_if(logs, [](const ModelLog& log) { return log.removed && log.remove_durable; });
    for (ModelLog& log : logs) {
        if (log.removed) {
            log.remove_durable = true;
            continue;
        }
        log.create_durable = true;
        log.start_durable = log.log->start_offset().value;
        log.epoch_durable = log.epoch;
        std::erase_if(log.batches, [&](const ModelBatch& batch) { return batch.next <= log.start_durable; });
    }
}

ModelLog* Model::find(const log::LogKey& key) {
    const auto it = std::ranges::find_if(logs, [&](const ModelLog& log) { return log.key == key && !log.removed; });
    return it == logs.end() ? nullptr : &*it;
}

void make_batch(MadeBatch& out, uint64_t id, uint32_t size, int32_t records_count, int64_t max_timestamp,
                Random& random) {
    out.body.resize(size - log::batch_header_size);
    store_le<uint64_t>(out.body.data(), id);
    random.fill(std::span(out.body).subspan(sizeof id));
    std::byte* header = out.batch.header;
    std::memset(header, 0, log::batch_header_size);
    store_be<int32_t>(header + 8, static_cast<int32_t>(size - 12));  // length after this field
    store_be<int8_t>(header + 16, 2);                                // magic
    store_be<int32_t>(header + 23, records_count - 1);               // last offset delta
    store_be<int64_t>(header + 27, max_timestamp);
    store_be<int64_t>(header + 35, max_timestamp);
    store_be<int64_t>(header + 43, -1);
    store_be<int16_t>(header + 51, -1);
    store_be<int32_t>(header + 53, -1);
    store_be<int32_t>(header + 57, records_count);
    const uint32_t crc = crc32c(crc32c({header + 21, log::batch_header_size - 21}), out.body);
    store_be<uint32_t>(header + 17, crc);
    const auto cut1 = static_cast<uint32_t>(random.below(out.body.size() + 1));
    const auto cut2 = static_cast<uint32_t>(random.between(cut1, out.body.size()));
    out.pieces[0] = {out.body.data(), cut1};
    out.pieces[1] = {out.body.data() + cut1, cut2 - cut1};
    out.pieces[2] = {out.body.data() + cut2, static_cast<uint32_t>(out.body.size()) - cut2};
    out.batch.body = out.pieces;
    out.batch.last_offset_delta = records_count - 1;
    out.batch.max_timestamp = max_timestamp;
}

ModelBatch stamped(const MadeBatch& made, Offset base) {
    auto bytes = std::make_shared<std::vector<std::byte>>(log::batch_header_size + made.body.size());
    std::memcpy(bytes->data(), made.batch.header, log::batch_header_size);
    std::memcpy(bytes->data() + log::batch_header_size, made.body.data(), made.body.size());
    return {base.value, base.value + made.batch.last_offset_delta + 1, made.batch.max_timestamp, std::move(bytes)};
}

std::string check_slices(const ModelLog& log, const ReadExpectation& want, std::span<const log::Slice> slices,
                         int64_t& next_offset) {
    next_offset = want.from;
    uint64_t total = 0;
    for (const log::Slice& slice : slices) total += slice.size;
    const size_t first = log.find(want.from);
    if (total == 0) {
        if (first == log.batches.size()) return {};
        const ModelBatch& batch = log.batches[first];
        const bool fits = batch.bytes->size() <= want.bytes_max || want.at_least_one;
        return batch.next <= want.limit && fits ? "read nothing although a batch fits" : "";
    }
    size_t slice = 0, used = 0;
    uint64_t taken = 0;
    size_t index = first;
    for (; taken < total; ++index) {
        if (index >= log.batches.size()) return "read more than was appended";
        const ModelBatch& batch = log.batches[index];
        if (batch.next > want.limit) return "read beyond the limit";
        for (size_t at = 0; at < batch.bytes->size();) {
            while (slice < slices.size() && used == slices[slice].size) ++slice, used = 0;
            if (slice == slices.size()) return "read half a batch";
            const size_t n = std::min(batch.bytes->size() - at, slices[slice].size - used);
            if (std::memcmp(batch.bytes->data() + at, slices[slice].data + used, n) != 0)
                return "read other bytes than were appended, in the batch at " + std::to_string(batch.base) +
                       ", at byte " + std::to_string(at) + " or behind";
            at += n;
            used += n;
        }
        taken += batch.bytes->size();
        next_offset = batch.next;
    }
    if (total > want.bytes_max && !(want.at_least_one && index == first + 1)) return "read more bytes than asked for";
    return {};
}

std::string to_text(const log::LogKey& key) { return key.topic_id.text() + "-" + std::to_string(key.partition); }

}  // namespace penstock::sim
