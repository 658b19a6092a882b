#include "storage_model.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "wire/batch_filter.h"

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

void ModelProducers::forget_from(int64_t offset) {
    for (Producer& producer : producers_)
        while (producer.count > 0 && producer.last().last_offset() >= offset) --producer.count;
    std::erase_if(producers_, [](const Producer& producer) { return producer.count == 0; });
    std::ranges::sort(producers_, {}, [](const Producer& producer) { return producer.last().base_offset; });
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

size_t ModelLog::first_above(int64_t offset) const {
    const auto first = std::ranges::upper_bound(batches, offset, {}, &ModelBatch::next);
    return static_cast<size_t>(first - batches.begin());
}

bool ModelLog::ends_at(int64_t offset) const {
    return std::ranges::binary_search(batches, offset, {}, &ModelBatch::next);
}

int64_t ModelLog::cut_at(int64_t offset) const {
    const size_t beyond = first_above(offset);
    return std::max(beyond == 0 ? 0 : batches[beyond - 1].next, log->start_offset().value);
}

void ModelLog::forget_from(int64_t offset) {
    std::erase_if(batches, [&](const ModelBatch& batch) { return batch.next > offset; });
    // By their ends: deleting records may have moved the start into a batch, and a log cut to nothing ends there.
    std::erase_if(produced, [&](const log::ProducerBatch& batch) { return batch.last_offset() >= offset; });
    producers_before.forget_from(offset);
    producers = producers_before;
    for (const log::ProducerBatch& batch : produced) producers.record(batch);
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
    if (deletes.contains(offset)) return true;
    // From the newest: a batch may go when it is too old, or when those behind it are enough.
    uint64_t kept = 0;  // with the padding of segments, of which there are at most as many as batches
    bool boundary = offset == end();
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
        // What was behind it before a cut may have been.
        const bool enough =
            retention_bytes_min >= 0 && (was_cut || kept >= static_cast<uint64_t>(retention_bytes_min));
        // Compaction may have dropped the youngest records of a segment.
        const bool expired =
            retention_ms_min >= 0 && (config.compact || batch->max_timestamp <= wall_ms - retention_ms_min);
        if (batch->base < offset && !enough && !expired) return false;
        boundary |= batch->base == offset || batch->next == offset;  // a segment may begin with a hole
        kept += batch->bytes->size() + io::block_size;
    }
    return boundary;
}

Snapshot Model::snapshot(int64_t wall_ms) const {
    Snapshot out{.logs = {}, .wall_ms = wall_ms};
    out.logs.reserve(logs.size());
    for (const ModelLog& log : logs) {
        const auto replaced = [&](const ModelLog& other) {
            return other.key == log.key && other.created_at > log.created_at && other.must_exist();
        };
        LogBounds bounds{.must_exist = log.must_exist(),
                         .may_exist = !log.remove_durable && std::ranges::none_of(logs, replaced),
                         .durable = log.cut_to < 0 ? log.durable() : log.cut_durable,
                         .end = log.end(),
                         .start_low = std::max(log.start_durable,
                                               log.log != nullptr ? log.log->durable_start().value : 0),
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

void make_keyed_batch(MadeBatch& out, uint64_t id, uint32_t size, int32_t records_count, int64_t max_timestamp,
                      Random& random) {
    wire::BatchBuilder builder;
    std::vector<std::byte> value(size / static_cast<uint32_t>(records_count));
    for (int32_t i = 0; i < records_count; ++i) {
        const std::string key = "key " + std::to_string(random.below(12) * random.below(12));
        random.fill(value);
        if (value.size() >= sizeof id) store_le<uint64_t>(value.data(), id);
        const bool tombstone = random.chance(1, 6);
        builder.add(max_timestamp, std::as_bytes(std::span(key)),
                    tombstone ? wire::OptionalBytes() : wire::OptionalBytes(value));
    }
    std::vector<std::byte> made;
    const bool finished = builder.finish(random.chance(1, 2) ? wire::Codec::none : wire::Codec::lz4, made).has_value();
    PENSTOCK_ASSERT(finished);
    std::memcpy(out.batch.header, made.data(), log::batch_header_size);
    out.body.assign(made.begin() + log::batch_header_size, made.end());
    out.pieces[0] = {out.body.data(), static_cast<uint32_t>(out.body.size())};
    out.pieces[1] = out.pieces[2] = {};
    out.batch.body = std::span(out.pieces, 1);
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
    const size_t first = log.first_above(want.from);
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

namespace {

/// Whether the batch is a part of what was appended there: the same offsets, and of the same records some.
std::string check_part(const ModelBatch& original, const wire::BatchFilter& found) {
    wire::BatchFilter whole;
    if (!whole.open(*original.bytes)) return "the batch at " + std::to_string(original.base) + " was never one";
    const wire::BatchHeader& was = whole.header();
    const wire::BatchHeader& is = found.header();
    if (is.base_offset != was.base_offset || is.last_offset_delta != was.last_offset_delta ||
        is.leader_epoch != was.leader_epoch || is.producer_id != was.producer_id ||
        is.max_timestamp > was.max_timestamp) {
        return "read another header than was appended, in the batch at " + std::to_string(original.base);
    }
    wire::RecordCursor originals = whole.records(), records = found.records();
    wire::Record record, candidate;
    while (records.next(record)) {
        do {
            if (!originals.next(candidate)) return "read a record that was not appended";
        } while (candidate.offset_delta < record.offset_delta);
        if (!std::ranges::equal(record.bytes, candidate.bytes)) return "read another record than was appended";
    }
    return {};
}

std::string key_of(const wire::Record& record) {
    return {reinterpret_cast<const char*>(record.key->data()), record.key->size()};
}

}  // namespace

std::string check_compacted_slices(const ModelLog& log, const ReadExpectation& want,
                                   std::span<const log::Slice> slices, int64_t& next_offset,
                                   std::map<std::string, int64_t>& last_seen) {
    next_offset = want.from;
    std::vector<std::byte> bytes;
    for (const log::Slice& slice : slices) bytes.insert(bytes.end(), slice.data, slice.data + slice.size);
    if (bytes.empty()) {
        return want.at_least_one && want.from < want.limit ? "read nothing before the end" : "";
    }
    size_t batches = 0;
    std::span<const std::byte> rest = bytes;
    while (!rest.empty()) {
        const auto size = rest.size() < log::batch_header_size
                              ? 0
                              : static_cast<size_t>(load_be<int32_t>(rest.data() + 8)) + 12;
        wire::BatchFilter found;
        if (size == 0 || size > rest.size() || !found.open(rest.first(size))) return "read something that is no batch";
        const int64_t base = found.header().base_offset.value;
        const size_t index = log.find(base);
        if (index == log.batches.size() || log.batches[index].base != base) return "read a batch that was not appended";
        if (log.batches[index].next <= next_offset) return "read a batch from before the offset asked for";
        if (log.batches[index].next > want.limit) return "read beyond the limit";
        if (std::string wrong = check_part(log.batches[index], found); !wrong.empty()) return wrong;
        wire::RecordCursor records = found.records();
        wire::Record record;
        while (records.next(record)) last_seen[key_of(record)] = base + record.offset_delta;
        next_offset = log.batches[index].next;
        rest = rest.subspan(size);
        ++batches;
    }
    if (bytes.size() > want.bytes_max && !(want.at_least_one && batches == 1)) return "read more bytes than asked for";
    return {};
}

std::string check_table(const ModelLog& log, int64_t start, int64_t limit,
                        const std::map<std::string, int64_t>& last_seen) {
    std::map<std::string, std::pair<int64_t, bool>> last;  // offset, tombstone
    for (const ModelBatch& batch : log.batches) {
        wire::BatchFilter whole;
        if (batch.base >= limit || !whole.open(*batch.bytes)) continue;
        wire::RecordCursor records = whole.records();
        wire::Record record;
        while (records.next(record)) {
            const int64_t offset = batch.base + record.offset_delta;
            if (offset >= start) last[key_of(record)] = {offset, !record.value};
        }
    }
    for (const auto& [key, record] : last) {
        const auto seen = last_seen.find(key);
        if (seen == last_seen.end() && record.second) continue;
        if (seen == last_seen.end()) return "the last record of '" + key + "' is gone";
        if (seen->second != record.first) {
            return "of '" + key + "' the last record is at " + std::to_string(seen->second) + " instead of " +
                   std::to_string(record.first);
        }
    }
    return {};
}

std::string to_text(const log::LogKey& key) { return key.topic_id.text() + "-" + std::to_string(key.partition); }

}  // namespace penstock::sim
