// Formats on disk, all little-endian, all I/O in 4 KiB blocks. Each is versioned by its magic.
//
//   super/0         4 blocks: for generation parity 0 and 1, two copies each. The newest valid one names the generation
//                   that counts. A generation is one run of the broker: its own journals and checkpoints.
//   journal/N       N = shard * 2 + generation % 2. A ring of commits:
//                   | CommitHeader 64 | entries ... | zeros to the block |   | CommitHeader | ...
//                   A commit never wraps; crc covers everything behind the crc field, to the last padding byte.
//   checkpoint/N    N = shard * 4 + (generation % 2) * 2 + slot. A row of frames:
//                   | FrameHeader 64 | log states ... | zeros to the block |
//                   The first frames are a base (every log); the frames after it hold only the logs that changed.
//   pool-*/N        | FileHeader block | record batches ... | index blocks |
//
// Entry: u8 type, u64 log id, then what the type needs (encode_entry). An append entry carries the bytes
// [payload_from, to) that did not go to the segment directly, so the journal alone can restore them:
//
//   log position   from                  payload_from          to
//                   |--- in the segment ---|---- in the entry ----|
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "io/disk.h"
#include "log/producers.h"
#include "log/store.h"

namespace penstock::log {

/// "pool-4m/17"
std::string name_of(io::FileId file);

/// Memory that direct I/O may use as it is.
template <class T>
struct BlockAllocator {
    using value_type = T;
    BlockAllocator() = default;
    template <class U>
    BlockAllocator(const BlockAllocator<U>&) {}
    T* allocate(size_t n) {
        return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{io::block_size}));
    }
    void deallocate(T* p, size_t) { ::operator delete(p, std::align_val_t{io::block_size}); }
    friend bool operator==(BlockAllocator, BlockAllocator) { return true; }
};
using Bytes = std::vector<std::byte, BlockAllocator<std::byte>>;

inline constexpr uint32_t commit_magic = 0x334a5350;      // "PSJ3"
inline constexpr uint32_t frame_magic = 0x33435350;       // "PSC3"
inline constexpr uint32_t super_magic = 0x31535350;       // "PSS1"
inline constexpr uint32_t file_magic = 0x31465350;        // "PSF1"
inline constexpr uint32_t index_magic = 0x31495350;       // "PSI1"
inline constexpr uint32_t header_size = 64;

/// Appends little-endian fields to a byte vector.
class FieldWriter {
public:
    explicit FieldWriter(Bytes& out) : out_(out) {}
    template <std::integral T>
    void put(T v) {
        size_t at = out_.size();
        out_.resize(at + sizeof v);
        store_le(out_.data() + at, v);
    }
    void put(const Uuid& id);
    void put(std::span<const std::byte> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

private:
    Bytes& out_;
};

/// Reads what FieldWriter wrote. Past the end everything is zero and ok() is false.
class FieldReader {
public:
    explicit FieldReader(std::span<const std::byte> in) : in_(in) {}
    template <std::integral T>
    T get() {
        if (in_.size() < sizeof(T)) {
            ok_ = false;
            in_ = {};
            return T{};
        }
        T v = load_le<T>(in_.data());
        in_ = in_.subspan(sizeof(T));
        return v;
    }
    Uuid get_uuid();
    std::span<const std::byte> get_bytes(size_t size);
    size_t left() const { return in_.size(); }
    bool ok() const { return ok_; }

private:
    std::span<const std::byte> in_;
    bool ok_ = true;
};

/// One run of the broker. The salt goes into every checksum of its commits and frames: nobody outside knows it, so no
/// record that a producer sends can look like one.
struct Generation {
    uint64_t number = 0;
    uint32_t salt = 0;
};
Generation make_generation(uint64_t number, const Uuid& storage_id);

struct CommitHeader {
    uint64_t sequence = 0;
    uint64_t durable_through = 0;   ///< the highest commit that was durable when this one was submitted
    uint64_t checkpoint_frame = 0;  ///< the last frame that was durable then
    uint32_t size = 0;              ///< whole commit, a multiple of the block
    uint32_t entries_size = 0;
    uint32_t entry_count = 0;
    uint16_t shard = 0;
};

/// Completes a commit in `buffer` (header_size bytes reserved in front, entries behind): pads, writes the header and
/// crc.
void seal_commit(Bytes& buffer, const Generation& generation, CommitHeader header);
/// The header of the commit that starts here, if it is one of `generation` and its crc holds.
bool open_commit(std::span<const std::byte> at, const Generation& generation, CommitHeader& header);

struct FrameHeader {
    uint64_t number = 0;       ///< counts up over both slots
    uint64_t replay_from = 0;  ///< recovery needs the commits from this sequence on
    uint32_t size = 0;
    uint32_t entries_size = 0;
    uint32_t entry_count = 0;
    uint8_t base_begin = 0;    ///< first frame of a base
    uint8_t consistent = 0;    ///< a checkpoint may end here
};
void seal_frame(Bytes& buffer, const Generation& generation, FrameHeader header);
bool open_frame(std::span<const std::byte> at, const Generation& generation, FrameHeader& header);

/// What a frame holds, each behind this tag: a state (encode_state), or the id of a log that is gone.
enum class FrameEntry : uint8_t { state = 1, removed = 2 };
constexpr io::FileId checkpoint_file(uint32_t shard, uint64_t generation, uint32_t slot) {
    return {io::FileKind::checkpoint, shard * 4 + static_cast<uint32_t>(generation % 2) * 2 + slot};
}
constexpr io::FileId journal_file_of(uint32_t shard, uint64_t generation) {
    return {io::FileKind::journal, shard * 2 + static_cast<uint32_t>(generation % 2)};
}

struct SuperBlock {
    uint64_t generation = 0;
    Uuid storage_id;
    uint64_t journal_bytes = 0;
    uint32_t shard_count = 0;  ///< 0: the directory has never run
    uint8_t clean = 0;
};
inline constexpr uint64_t super_size = 4 * io::block_size;
constexpr uint64_t super_offset(uint64_t generation, uint32_t copy) {
    return (generation % 2 * 2 + copy) * io::block_size;
}
void write_super(std::span<std::byte> block, const SuperBlock& super);
bool read_super(std::span<const std::byte> block, SuperBlock& super);

/// First block of a pool file: lets data be salvaged without the journal. Nothing else trusts it.
struct FileHeader {
    LogKey key;
    uint64_t generation = 0;
    uint64_t log_id = 0;
    uint64_t start_position = 0;
    int64_t first_offset = 0;
};
void write_file_header(std::span<std::byte> block, const FileHeader& header);
bool read_file_header(std::span<const std::byte> block, FileHeader& header);

/// A run of whole batches with its own checksum: what a cold read fetches and verifies at once.
struct IndexRange {
    int64_t base_offset = 0;
    uint64_t position = 0;
    int64_t max_timestamp = -1;
    uint32_t size = 0;
    uint32_t crc = 0;
    bool crc_known = true;  ///< false after a truncation inside the range; on disk the top bit of size
};
inline constexpr uint32_t index_range_size = 32;
inline constexpr uint32_t range_bytes_min = 64 * kib;  ///< a range takes no further batch beyond this

/// Geometry of a pool file.
struct FileGeometry {
    uint64_t file_bytes;
    uint64_t index_bytes;
    constexpr uint64_t data_bytes() const { return file_bytes - io::block_size - index_bytes; }
    constexpr uint64_t index_offset() const { return file_bytes - index_bytes; }
};
constexpr FileGeometry geometry(io::FileKind kind) {
    uint64_t bytes = kind == io::FileKind::pool_1m ? mib : kind == io::FileKind::pool_4m ? 4 * mib : 16 * mib;
    uint64_t ranges = bytes / range_bytes_min + 2;
    return {bytes, align_up(header_size + ranges * index_range_size, io::block_size)};
}
constexpr bool is_pool(io::FileKind kind) {
    return kind == io::FileKind::pool_1m || kind == io::FileKind::pool_4m || kind == io::FileKind::pool_16m;
}

constexpr bool index_takes(size_t ranges, uint64_t index_bytes) {
    return header_size + ranges * index_range_size <= index_bytes;
}
/// Joins ranges where a file has more of them than its index takes: cuts leave small ones. What is joined has no
/// checksum of its own any more.
void fit_index(std::vector<IndexRange>& ranges, uint64_t index_bytes);
/// Fills `out` (index_bytes of the file's kind) with the ranges that start in the file.
void write_index(std::span<std::byte> out, uint64_t log_id, uint64_t start_position,
                 std::span<const IndexRange> ranges);
bool read_index(std::span<const std::byte> in, uint64_t log_id, uint64_t start_position,
                std::vector<IndexRange>& ranges);

enum class EntryType : uint8_t {
    create = 1,    ///< key, log start = log end = 0
    remove = 2,
    roll = 3,      ///< a new segment starts at `position` with `offset`
    attach = 4,    ///< `file` holds the positions from `position` on; first batch in it has at least `offset`
    append = 5,    ///< the bytes [position, position_to), offsets [offset, offset_to)
    truncate = 6,  ///< the log ends at `offset`, `position`; what was appended beyond is void
    start = 7,     ///< the log starts at `offset`; segments wholly below are gone, their files free
    epoch = 8,     ///< `epoch` begins at `offset`
    replace = 9,   ///< one segment in `files`, from `position` to `segment_end`, takes the place of those before
                   ///< `position_to`: the same records, but for those that compaction dropped
    clean = 10,    ///< below `offset` no record is there whose key has a later one below it, from `wall_ms` on
    create_at = 11,  ///< create, but log start = log end = `offset`
    skip = 12,     ///< no record has the offsets [offset, offset_to): they were compacted away where the log came from
    cut = 13,      ///< truncate, on purpose and of anything: nothing of an epoch that begins at `offset` is left, and
                   ///< `ranges` are all that start in the last file that stays, which counts as not indexed
};

constexpr bool creates(EntryType type) { return type == EntryType::create || type == EntryType::create_at; }
constexpr bool cuts(EntryType type) { return type == EntryType::truncate || type == EntryType::cut; }

struct FileRef {
    io::FileId file;
    uint64_t start = 0;         ///< position of its first data byte
    int64_t first_offset = 0;   ///< no batch that starts in the file has a lower base offset
    int64_t max_timestamp = -1; ///< of the ranges that start in it
    bool indexed = false;       ///< its index blocks are durable; its ranges are dropped from LogState::ranges

    uint64_t end() const { return start + geometry(file.kind).data_bytes(); }
};

/// A part of an append that lies in one index range.
struct Piece {
    uint32_t size = 0;
    uint32_t crc = 0;        ///< of the piece
    uint32_t range_crc = 0;  ///< of its range up to the piece's end
    int64_t base_offset = 0;
    int64_t max_timestamp = -1;
    bool starts_range = false;
};

inline constexpr uint32_t producer_batch_size = 26;  ///< encoded, without the id
void encode_batch(FieldWriter& out, const ProducerBatch& batch);
/// All but the id. False unless its offsets lie in [from, to).
bool decode_batch(FieldReader& in, ProducerBatch& batch, int64_t from, int64_t to);

inline constexpr uint32_t range_size = 33;  ///< encoded, in entries and states
void encode_range(FieldWriter& out, const IndexRange& range);
IndexRange decode_range(FieldReader& in);

inline constexpr uint32_t file_ref_size = 29;  ///< encoded, without `indexed`
void encode_file(FieldWriter& out, const FileRef& file);
/// False when it is no file of a pool.
bool decode_file(FieldReader& in, FileRef& file);

struct Entry {
    EntryType type = EntryType::create;
    uint64_t log_id = 0;
    LogKey key;                          // create
    io::FileId file;                     // attach
    int64_t offset = 0, offset_to = 0;
    uint64_t position = 0, position_to = 0, payload_from = 0;
    int64_t wall_ms = 0;                 // create, roll, clean; replace: of the youngest segment that it replaces
    uint64_t segment_end = 0;            // replace
    int64_t max_timestamp = -1;          // replace
    std::vector<FileRef> files;          // replace: all indexed
    std::vector<IndexRange> ranges;      // cut
    int32_t epoch = 0;
    std::vector<Piece> pieces;           // append
    std::vector<ProducerBatch> producers;  // append: of its batches, those that have a producer
    std::span<const std::byte> payload;  // append, decoded: the bytes [payload_from, position_to)
};

/// `payload` of an append is not written: the caller appends exactly position_to - payload_from bytes behind it.
void encode_entry(Bytes& out, const Entry& entry);
/// False when the bytes break the format.
bool decode_entry(FieldReader& in, Entry& entry);

}  // namespace penstock::log
