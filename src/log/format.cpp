#include "log/format.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/crc32c.h"

namespace penstock::log {
namespace {

constexpr uint32_t crc_at = 4;     // u32 magic, u32 crc, then what the crc covers
constexpr uint32_t covered_at = 8;
constexpr uint32_t size_max = 64 * mib;
constexpr uint32_t crc_unknown_bit = 1u << 31;
constexpr uint32_t piece_size = 29;

uint32_t seal_crc(std::span<const std::byte> whole, uint32_t salt = 0) {
    return crc32c(salt, whole.subspan(covered_at));
}

bool looks_like(std::span<const std::byte> at, uint32_t magic) {
    return at.size() >= io::block_size && load_le<uint32_t>(at.data()) == magic;
}

/// Common to commits and frames: size is sane, entries fit, crc holds.
bool sealed_whole(std::span<const std::byte> at, uint32_t size, uint32_t entries_size, uint32_t salt) {
    if (size == 0 || size % io::block_size != 0 || size > size_max || size > at.size()) return false;
    if (entries_size > size - header_size) return false;
    return seal_crc(at.first(size), salt) == load_le<uint32_t>(at.data() + crc_at);
}

uint32_t pad_to_block(Bytes& buffer) {
    buffer.resize(align_up(buffer.size(), io::block_size));
    return static_cast<uint32_t>(buffer.size());
}

}  // namespace

std::string name_of(io::FileId file) {
    static constexpr const char* folders[] = {"super", "journal", "checkpoint", "pool-1m", "pool-4m", "pool-16m"};
    static_assert(std::size(folders) == io::file_kind_count);
    return std::string(folders[static_cast<size_t>(file.kind)]) + "/" + std::to_string(file.number);
}

void FieldWriter::put(const Uuid& id) {
    put(std::as_bytes(std::span(id.bytes)));
}

Uuid FieldReader::get_uuid() {
    Uuid id;
    auto bytes = get_bytes(id.bytes.size());
    if (!bytes.empty()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
    return id;
}

std::span<const std::byte> FieldReader::get_bytes(size_t size) {
    if (in_.size() < size) {
        ok_ = false;
        in_ = {};
        return {};
    }
    auto bytes = in_.first(size);
    in_ = in_.subspan(size);
    return bytes;
}

Generation make_generation(uint64_t number, const Uuid& storage_id) {
    std::byte bytes[8];
    store_le(bytes, number);
    return {number, crc32c(crc32c(std::as_bytes(std::span(storage_id.bytes))), bytes)};
}

void seal_commit(Bytes& buffer, const Generation& generation, CommitHeader header) {
    PENSTOCK_ASSERT(buffer.size() >= header_size);
    header.entries_size = static_cast<uint32_t>(buffer.size() - header_size);
    header.size = pad_to_block(buffer);
    std::byte* at = buffer.data();
    store_le(at, commit_magic);
    store_le(at + 8, generation.number);
    store_le(at + 16, header.sequence);
    store_le(at + 24, header.durable_through);
    store_le(at + 32, header.checkpoint_frame);
    store_le(at + 40, header.size);
    store_le(at + 44, header.entries_size);
    store_le(at + 48, header.entry_count);
    store_le(at + 52, header.shard);
    store_le(at + crc_at, seal_crc(buffer, generation.salt));
}

bool open_commit(std::span<const std::byte> at, const Generation& generation, CommitHeader& header) {
    if (!looks_like(at, commit_magic)) return false;
    header.sequence = load_le<uint64_t>(at.data() + 16);
    header.durable_through = load_le<uint64_t>(at.data() + 24);
    header.checkpoint_frame = load_le<uint64_t>(at.data() + 32);
    header.size = load_le<uint32_t>(at.data() + 40);
    header.entries_size = load_le<uint32_t>(at.data() + 44);
    header.entry_count = load_le<uint32_t>(at.data() + 48);
    header.shard = load_le<uint16_t>(at.data() + 52);
    return load_le<uint64_t>(at.data() + 8) == generation.number &&
           sealed_whole(at, header.size, header.entries_size, generation.salt);
}

void seal_frame(Bytes& buffer, const Generation& generation, FrameHeader header) {
    PENSTOCK_ASSERT(buffer.size() >= header_size);
    header.entries_size = static_cast<uint32_t>(buffer.size() - header_size);
    header.size = pad_to_block(buffer);
    std::byte* at = buffer.data();
    store_le(at, frame_magic);
    store_le(at + 8, generation.number);
    store_le(at + 16, header.number);
    store_le(at + 24, header.replay_from);
    store_le(at + 32, header.size);
    store_le(at + 36, header.entries_size);
    store_le(at + 40, header.entry_count);
    store_le(at + 44, header.base_begin);
    store_le(at + 45, header.consistent);
    store_le(at + crc_at, seal_crc(buffer, generation.salt));
}

bool open_frame(std::span<const std::byte> at, const Generation& generation, FrameHeader& header) {
    if (!looks_like(at, frame_magic)) return false;
    header.number = load_le<uint64_t>(at.data() + 16);
    header.replay_from = load_le<uint64_t>(at.data() + 24);
    header.size = load_le<uint32_t>(at.data() + 32);
    header.entries_size = load_le<uint32_t>(at.data() + 36);
    header.entry_count = load_le<uint32_t>(at.data() + 40);
    header.base_begin = load_le<uint8_t>(at.data() + 44);
    header.consistent = load_le<uint8_t>(at.data() + 45);
    return load_le<uint64_t>(at.data() + 8) == generation.number &&
           sealed_whole(at, header.size, header.entries_size, generation.salt);
}

void write_super(std::span<std::byte> block, const SuperBlock& super) {
    PENSTOCK_ASSERT(block.size() == io::block_size);
    std::memset(block.data(), 0, block.size());
    std::byte* at = block.data();
    store_le(at, super_magic);
    store_le(at + 8, super.generation);
    std::memcpy(at + 16, super.storage_id.bytes.data(), 16);
    store_le(at + 32, super.journal_bytes);
    store_le(at + 40, super.shard_count);
    store_le(at + 44, super.clean);
    store_le(at + crc_at, seal_crc(block));
}

bool read_super(std::span<const std::byte> block, SuperBlock& super) {
    if (!looks_like(block, super_magic)) return false;
    if (seal_crc(block.first(io::block_size)) != load_le<uint32_t>(block.data() + crc_at)) return false;
    const std::byte* at = block.data();
    super.generation = load_le<uint64_t>(at + 8);
    std::memcpy(super.storage_id.bytes.data(), at + 16, 16);
    super.journal_bytes = load_le<uint64_t>(at + 32);
    super.shard_count = load_le<uint32_t>(at + 40);
    super.clean = load_le<uint8_t>(at + 44);
    return true;
}

void write_file_header(std::span<std::byte> block, const FileHeader& header) {
    PENSTOCK_ASSERT(block.size() == io::block_size);
    std::memset(block.data(), 0, block.size());
    std::byte* at = block.data();
    store_le(at, file_magic);
    std::memcpy(at + 8, header.key.topic_id.bytes.data(), 16);
    store_le(at + 24, header.key.partition);
    store_le(at + 32, header.generation);
    store_le(at + 40, header.log_id);
    store_le(at + 48, header.start_position);
    store_le(at + 56, header.first_offset);
    store_le(at + crc_at, seal_crc(block));
}

bool read_file_header(std::span<const std::byte> block, FileHeader& header) {
    if (!looks_like(block, file_magic)) return false;
    if (seal_crc(block.first(io::block_size)) != load_le<uint32_t>(block.data() + crc_at)) return false;
    const std::byte* at = block.data();
    std::memcpy(header.key.topic_id.bytes.data(), at + 8, 16);
    header.key.partition = load_le<int32_t>(at + 24);
    header.generation = load_le<uint64_t>(at + 32);
    header.log_id = load_le<uint64_t>(at + 40);
    header.start_position = load_le<uint64_t>(at + 48);
    header.first_offset = load_le<int64_t>(at + 56);
    return true;
}

void fit_index(std::vector<IndexRange>& ranges, uint64_t index_bytes) {
    while (!index_takes(ranges.size(), index_bytes)) {
        size_t smallest = 0;
        auto both = [&](size_t i) { return uint64_t{ranges[i].size} + ranges[i + 1].size; };
        for (size_t i = 1; i + 1 < ranges.size(); ++i) {
            if (both(i) < both(smallest)) smallest = i;
        }
        IndexRange& kept = ranges[smallest];
        const IndexRange& gone = ranges[smallest + 1];
        kept.size = static_cast<uint32_t>(gone.position + gone.size - kept.position);
        kept.max_timestamp = std::max(kept.max_timestamp, gone.max_timestamp);
        kept.crc_known = false;
        ranges.erase(ranges.begin() + static_cast<ptrdiff_t>(smallest) + 1);
    }
}

void write_index(std::span<std::byte> out, uint64_t log_id, uint64_t start_position,
                 std::span<const IndexRange> ranges) {
    PENSTOCK_ASSERT(index_takes(ranges.size(), out.size()));
    std::memset(out.data(), 0, out.size());
    std::byte* at = out.data();
    store_le(at, index_magic);
    store_le(at + 8, log_id);
    store_le(at + 16, start_position);
    store_le(at + 24, static_cast<uint32_t>(ranges.size()));
    at += header_size;
    for (const IndexRange& r : ranges) {
        store_le(at, r.base_offset);
        store_le(at + 8, r.position);
        store_le(at + 16, r.max_timestamp);
        store_le(at + 24, r.size | (r.crc_known ? 0 : crc_unknown_bit));
        store_le(at + 28, r.crc);
        at += index_range_size;
    }
    store_le(out.data() + crc_at, seal_crc(out));
}

bool read_index(std::span<const std::byte> in, uint64_t log_id, uint64_t start_position,
                std::vector<IndexRange>& ranges) {
    ranges.clear();
    if (!looks_like(in, index_magic)) return false;
    if (seal_crc(in) != load_le<uint32_t>(in.data() + crc_at)) return false;
    if (load_le<uint64_t>(in.data() + 8) != log_id) return false;
    if (load_le<uint64_t>(in.data() + 16) != start_position) return false;
    uint32_t count = load_le<uint32_t>(in.data() + 24);
    if (header_size + uint64_t{count} * index_range_size > in.size()) return false;
    const std::byte* at = in.data() + header_size;
    for (uint32_t i = 0; i < count; ++i, at += index_range_size) {
        IndexRange r;
        r.base_offset = load_le<int64_t>(at);
        r.position = load_le<uint64_t>(at + 8);
        r.max_timestamp = load_le<int64_t>(at + 16);
        uint32_t size = load_le<uint32_t>(at + 24);
        r.size = size & ~crc_unknown_bit;
        r.crc_known = (size & crc_unknown_bit) == 0;
        r.crc = load_le<uint32_t>(at + 28);
        ranges.push_back(r);
    }
    return true;
}

void encode_batch(FieldWriter& out, const ProducerBatch& batch) {
    out.put(batch.epoch);
    out.put(batch.first_sequence);
    out.put(batch.last_offset_delta);
    out.put(batch.base_offset);
    out.put(batch.timestamp);
}

bool decode_batch(FieldReader& in, ProducerBatch& batch, int64_t from, int64_t to) {
    batch.epoch = in.get<int16_t>();
    batch.first_sequence = in.get<int32_t>();
    batch.last_offset_delta = in.get<int32_t>();
    batch.base_offset = in.get<int64_t>();
    batch.timestamp = in.get<int64_t>();
    if (!in.ok() || batch.epoch < 0 || batch.first_sequence < 0 || batch.last_offset_delta < 0) return false;
    if (batch.timestamp < 0) return false;
    return batch.base_offset >= from && batch.base_offset < to && batch.last_offset_delta < to - batch.base_offset;
}

void encode_range(FieldWriter& out, const IndexRange& range) {
    out.put(range.base_offset);
    out.put(range.position);
    out.put(range.max_timestamp);
    out.put(range.size);
    out.put(range.crc);
    out.put(static_cast<uint8_t>(range.crc_known));
}

IndexRange decode_range(FieldReader& in) {
    IndexRange range;
    range.base_offset = in.get<int64_t>();
    range.position = in.get<uint64_t>();
    range.max_timestamp = in.get<int64_t>();
    range.size = in.get<uint32_t>();
    range.crc = in.get<uint32_t>();
    range.crc_known = in.get<uint8_t>() != 0;
    return range;
}

void encode_file(FieldWriter& out, const FileRef& file) {
    out.put(static_cast<uint8_t>(file.file.kind));
    out.put(file.file.number);
    out.put(file.start);
    out.put(file.first_offset);
    out.put(file.max_timestamp);
}

bool decode_file(FieldReader& in, FileRef& file) {
    file.file.kind = static_cast<io::FileKind>(in.get<uint8_t>());
    file.file.number = in.get<uint32_t>();
    file.start = in.get<uint64_t>();
    file.first_offset = in.get<int64_t>();
    file.max_timestamp = in.get<int64_t>();
    return in.ok() && is_pool(file.file.kind);
}

namespace {

void encode_append(FieldWriter& w, const Entry& entry) {
    w.put(entry.offset);
    w.put(entry.offset_to);
    w.put(entry.position);
    w.put(entry.position_to);
    w.put(entry.payload_from);
    w.put(static_cast<uint32_t>(entry.pieces.size()));
    for (const Piece& p : entry.pieces) {
        w.put(p.size);
        w.put(p.crc);
        w.put(p.range_crc);
        w.put(p.base_offset);
        w.put(p.max_timestamp);
        w.put(static_cast<uint8_t>(p.starts_range));
    }
    w.put(static_cast<uint32_t>(entry.producers.size()));
    for (const ProducerBatch& batch : entry.producers) {
        w.put(batch.producer_id);
        encode_batch(w, batch);
    }
}

}  // namespace

void encode_entry(Bytes& out, const Entry& entry) {
    FieldWriter w(out);
    w.put(static_cast<uint8_t>(entry.type));
    w.put(entry.log_id);
    switch (entry.type) {
        case EntryType::create:
        case EntryType::create_at:
            w.put(entry.key.topic_id);
            w.put(entry.key.partition);
            w.put(entry.wall_ms);
            if (entry.type == EntryType::create_at) w.put(entry.offset);
            break;
        case EntryType::remove: break;
        case EntryType::roll:
            w.put(entry.offset);
            w.put(entry.position);
            w.put(entry.wall_ms);
            break;
        case EntryType::attach:
            w.put(static_cast<uint8_t>(entry.file.kind));
            w.put(entry.file.number);
            w.put(entry.position);
            w.put(entry.offset);
            break;
        case EntryType::append: encode_append(w, entry); break;
        case EntryType::truncate:
            w.put(entry.offset);
            w.put(entry.position);
            break;
        case EntryType::start: w.put(entry.offset); break;
        case EntryType::epoch:
            w.put(entry.epoch);
            w.put(entry.offset);
            break;
        case EntryType::replace:
            w.put(entry.offset);
            w.put(entry.position);
            w.put(entry.position_to);
            w.put(entry.segment_end);
            w.put(entry.max_timestamp);
            w.put(entry.wall_ms);
            w.put(static_cast<uint32_t>(entry.files.size()));
            for (const FileRef& file : entry.files) encode_file(w, file);
            break;
        case EntryType::clean:
            w.put(entry.offset);
            w.put(entry.wall_ms);
            break;
        case EntryType::skip:
            w.put(entry.offset);
            w.put(entry.offset_to);
            break;
        case EntryType::cut:
            w.put(entry.offset);
            w.put(entry.position);
            w.put(static_cast<uint32_t>(entry.ranges.size()));
            for (const IndexRange& range : entry.ranges) encode_range(w, range);
            break;
    }
}

namespace {

bool decode_producers(FieldReader& in, Entry& entry) {
    uint32_t count = in.get<uint32_t>();
    if (!in.ok() || count > in.left() / (8 + producer_batch_size)) return false;
    entry.producers.clear();
    int64_t from = entry.offset;
    for (uint32_t i = 0; i < count; ++i) {
        ProducerBatch& batch = entry.producers.emplace_back();
        batch.producer_id = in.get<int64_t>();
        if (batch.producer_id < 0 || !decode_batch(in, batch, from, entry.offset_to)) return false;
        from = batch.last_offset() + 1;
    }
    return true;
}

bool decode_append(FieldReader& in, Entry& entry) {
    entry.offset = in.get<int64_t>();
    entry.offset_to = in.get<int64_t>();
    entry.position = in.get<uint64_t>();
    entry.position_to = in.get<uint64_t>();
    entry.payload_from = in.get<uint64_t>();
    uint32_t count = in.get<uint32_t>();
    if (!in.ok() || count > in.left() / piece_size) return false;
    entry.pieces.clear();
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; ++i) {
        Piece p;
        p.size = in.get<uint32_t>();
        p.crc = in.get<uint32_t>();
        p.range_crc = in.get<uint32_t>();
        p.base_offset = in.get<int64_t>();
        p.max_timestamp = in.get<int64_t>();
        p.starts_range = in.get<uint8_t>() != 0;
        total += p.size;
        entry.pieces.push_back(p);
    }
    if (entry.position_to < entry.position || entry.position_to - entry.position != total) return false;
    if (entry.offset_to < entry.offset || entry.payload_from > entry.position_to) return false;
    if (!decode_producers(in, entry)) return false;
    entry.payload = in.get_bytes(entry.position_to - entry.payload_from);
    return in.ok();
}

bool decode_replace(FieldReader& in, Entry& entry) {
    entry.offset = in.get<int64_t>();
    entry.position = in.get<uint64_t>();
    entry.position_to = in.get<uint64_t>();
    entry.segment_end = in.get<uint64_t>();
    entry.max_timestamp = in.get<int64_t>();
    entry.wall_ms = in.get<int64_t>();
    uint32_t count = in.get<uint32_t>();
    if (!in.ok() || count > in.left() / file_ref_size) return false;
    entry.files.clear();
    for (uint32_t i = 0; i < count; ++i) {
        if (!decode_file(in, entry.files.emplace_back())) return false;
        entry.files.back().indexed = true;
    }
    return true;
}

bool decode_cut(FieldReader& in, Entry& entry) {
    entry.offset = in.get<int64_t>();
    entry.position = in.get<uint64_t>();
    uint32_t count = in.get<uint32_t>();
    if (!in.ok() || count > in.left() / range_size) return false;
    entry.ranges.clear();
    for (uint32_t i = 0; i < count; ++i) entry.ranges.push_back(decode_range(in));
    return in.ok();
}

}  // namespace

bool decode_entry(FieldReader& in, Entry& entry) {
    entry.type = static_cast<EntryType>(in.get<uint8_t>());
    entry.log_id = in.get<uint64_t>();
    switch (entry.type) {
        case EntryType::create:
        case EntryType::create_at:
            entry.key.topic_id = in.get_uuid();
            entry.key.partition = in.get<int32_t>();
            entry.wall_ms = in.get<int64_t>();
            entry.offset = entry.type == EntryType::create_at ? in.get<int64_t>() : 0;
            return in.ok() && entry.offset >= 0;
        case EntryType::remove: return in.ok();
        case EntryType::roll:
            entry.offset = in.get<int64_t>();
            entry.position = in.get<uint64_t>();
            entry.wall_ms = in.get<int64_t>();
            return in.ok();
        case EntryType::attach:
            entry.file.kind = static_cast<io::FileKind>(in.get<uint8_t>());
            entry.file.number = in.get<uint32_t>();
            entry.position = in.get<uint64_t>();
            entry.offset = in.get<int64_t>();
            return in.ok() && is_pool(entry.file.kind);
        case EntryType::append: return decode_append(in, entry);
        case EntryType::truncate:
            entry.offset = in.get<int64_t>();
            entry.position = in.get<uint64_t>();
            return in.ok();
        case EntryType::start: entry.offset = in.get<int64_t>(); return in.ok();
        case EntryType::epoch:
            entry.epoch = in.get<int32_t>();
            entry.offset = in.get<int64_t>();
            return in.ok();
        case EntryType::replace: return decode_replace(in, entry);
        case EntryType::clean:
            entry.offset = in.get<int64_t>();
            entry.wall_ms = in.get<int64_t>();
            return in.ok();
        case EntryType::skip:
            entry.offset = in.get<int64_t>();
            entry.offset_to = in.get<int64_t>();
            return in.ok() && entry.offset_to > entry.offset;
        case EntryType::cut: return decode_cut(in, entry);
    }
    return false;
}

}  // namespace penstock::log
