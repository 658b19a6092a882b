#include "log/inspect.h"

#include <algorithm>
#include <map>

#include "base/crc32c.h"
#include "log/blocking.h"
#include "log/replay.h"
#include "wire/batch.h"

namespace penstock::log {
namespace {

static_assert(batch_header_size == wire::batch_header_bytes);
constexpr uint32_t shards_max = 1024;
constexpr io::FileId super_file{io::FileKind::super, 0};

/// The batch that starts at bytes[0]; false when there cannot be one. Its crc may still be wrong.
bool parse_batch(std::span<const std::byte> bytes, BatchRow& row) {
    if (bytes.size() < batch_header_size) return false;
    wire::BatchHeaderBytes raw = bytes.first<batch_header_size>();
    wire::BatchHeader header = wire::parse_batch_header(raw);
    if (header.magic != wire::batch_magic || header.base_offset.value < 0 || header.last_offset_delta < 0) return false;
    if (header.total_bytes() < static_cast<int64_t>(batch_header_size)) return false;
    if (header.total_bytes() > static_cast<int64_t>(bytes.size())) return false;
    row.size = static_cast<uint64_t>(header.total_bytes());
    row.base_offset = header.base_offset.value;
    row.last_offset = header.last_offset().value;
    row.max_timestamp = header.max_timestamp;
    row.leader_epoch = header.leader_epoch.value;
    row.records = header.record_count;
    Fragment body{bytes.data() + batch_header_size, static_cast<uint32_t>(row.size - batch_header_size)};
    row.crc_good = wire::batch_crc(raw, {&body, 1}) == header.crc;
    return true;
}

class Inspector {
public:
    Inspector(io::Disk& disk, const InspectOptions& options) : raw_(disk), disk_(disk), options_(options) {}

    Result<DirectoryReport> run() {
        auto files = raw_.list();
        if (!files) return std::unexpected(files.error());
        for (const io::FileEntry& entry : *files) files_[entry.file] = entry.size;
        read_supers();
        if (!super_found_) return std::move(out_);
        out_.openable = true;
        for (uint32_t shard = 0; shard < out_.current.shard_count; ++shard) inspect_shard(shard);
        for (const auto& [file, size] : files_) {
            if (is_pool(file.kind) && !owned_.contains(file)) out_.free_files.push_back(file);
        }
        return std::move(out_);
    }

private:
    void found(io::FileId file, uint64_t offset, std::string what, bool damage = true) {
        out_.findings.push_back({file, offset, damage, std::move(what)});
    }
    void broken(io::FileId file, uint64_t offset, std::string what) {
        found(file, offset, std::move(what));
        out_.openable = false;
    }

    uint64_t size_of(io::FileId file) const {
        auto it = files_.find(file);
        return it == files_.end() ? 0 : align_down(it->second, io::block_size);
    }

    void read_supers() {
        Bytes blocks(super_size);
        uint64_t whole = std::min(size_of(super_file), super_size);
        if (whole > 0 && !disk_.read(super_file, 0, std::span(blocks).first(whole))) whole = 0;
        if (whole == 0) {
            broken(super_file, 0, "there is no readable superblock: this is no data directory, or it is beyond repair");
            return;
        }
        for (uint32_t i = 0; i < 4; ++i) {
            SuperRow row{i / 2, i % 2, false, {}};
            row.valid = read_super(std::span(blocks).subspan(i * io::block_size, io::block_size), row.super);
            row.valid = row.valid && row.super.shard_count <= shards_max;
            if (!row.valid) found(super_file, i * io::block_size, "this copy of the superblock is unreadable");
            else if (!super_found_ || row.super.generation > out_.current.generation) out_.current = row.super;
            super_found_ |= row.valid;
            out_.supers.push_back(row);
        }
        if (!super_found_) broken(super_file, 0, "no copy of the superblock is readable");
    }

    void inspect_shard(uint32_t shard) {
        generation_ = make_generation(out_.current.generation, out_.current.storage_id);
        uint64_t replay_from = read_frames(shard);
        std::vector<CommitRow>& commits = out_.journals.emplace_back();
        io::FileId journal = journal_file_of(shard, generation_.number);
        auto replayed = replay_shard(disk_, files_, out_.current, shard);
        uint64_t cut_from = replayed ? replayed->cut_from : UINT64_MAX;
        if (!replayed) broken(journal, 0, replayed.error().detail);
        read_commits(shard, commits);
        for (CommitRow& commit : commits) {
            uint64_t sequence = commit.header.sequence;
            commit.fate = sequence < replay_from ? CommitFate::outdated
                          : sequence < cut_from  ? CommitFate::needed
                                                 : CommitFate::cut;
            if (commit.fate != CommitFate::cut) continue;
            found(journal, commit.offset, "commit " + std::to_string(sequence) + " was never acknowledged", false);
        }
        if (!replayed) return;
        for (auto& [id, log] : replayed->logs) inspect_log(shard, log);
    }

    /// Lists the frames of both slots; tells where replay starts.
    uint64_t read_frames(uint32_t shard) {
        uint64_t replay_from = 0;
        uint64_t newest = 0;
        for (uint32_t slot = 0; slot < 2; ++slot) {
            io::FileId file = checkpoint_file(shard, generation_.number, slot);
            Bytes bytes(size_of(file));
            if (bytes.empty()) continue;
            if (!disk_.read(file, 0, bytes)) {
                broken(file, 0, "cannot be read");
                continue;
            }
            std::span<const std::byte> rest = bytes;
            uint64_t last = 0;
            FrameRow row{shard, slot, 0, {}};
            while (open_frame(rest, generation_, row.header) && row.header.number > last) {
                last = row.header.number;
                out_.frames.push_back(row);
                if (row.header.consistent != 0 && last > newest) {
                    newest = last;
                    replay_from = row.header.replay_from;
                }
                row.offset += row.header.size;
                rest = rest.subspan(row.header.size);
            }
        }
        return replay_from;
    }

    void read_commits(uint32_t shard, std::vector<CommitRow>& commits) {
        io::FileId file = journal_file_of(shard, generation_.number);
        Bytes ring(std::min(size_of(file), out_.current.journal_bytes));
        if (ring.empty() || !disk_.read(file, 0, ring)) return;  // replay has said so
        for (uint64_t at = 0; at < ring.size();) {
            CommitRow row{at, {}, CommitFate::outdated, {}};
            bool whole = open_commit(std::span<const std::byte>(ring).subspan(at), generation_, row.header);
            if (whole) {
                FieldReader in(std::span<const std::byte>(ring).subspan(at + header_size, row.header.entries_size));
                Entry e;
                while (row.entries.size() < row.header.entry_count && decode_entry(in, e)) {
                    row.entries.push_back({e.type, e.log_id, e.offset, e.offset_to, e.position, e.position_to});
                    e = {};
                }
                if (row.entries.size() < row.header.entry_count) broken(file, at, "an entry breaks the format");
                commits.push_back(row);
            }
            at += whole ? row.header.size : io::block_size;
        }
        std::ranges::sort(commits, {}, [](const CommitRow& c) { return c.header.sequence; });
    }

    void inspect_log(uint32_t shard, RecoveredLog& log) {
        LogRow row;
        row.shard = shard;
        row.journal_bytes = log.state.end - std::min(log.state.flushed, log.state.end);
        std::vector<IndexRange> all;
        bool files_whole = true;
        for (const FileRef& file : log.state.files) {
            files_whole &= inspect_log_file(log.state, file, all);
        }
        all.insert(all.end(), log.state.ranges.begin(), log.state.ranges.end());
        if (options_.verify_data && files_whole) {
            for (const IndexRange& range : all) verify_range(log, range, row);
        }
        row.state = std::move(log.state);
        row.state.ranges = std::move(all);
        out_.logs.push_back(std::move(row));
    }

    /// The file's own header and index. False when its data cannot be looked at.
    bool inspect_log_file(const LogState& log, const FileRef& file, std::vector<IndexRange>& all) {
        FileGeometry shape = geometry(file.file.kind);
        if (!owned_.emplace(file.file, log.id).second) broken(file.file, 0, "belongs to two logs");
        if (size_of(file.file) < shape.file_bytes) {
            broken(file.file, 0, "is missing or too short");
            return false;
        }
        Bytes block(io::block_size);
        FileHeader header;
        bool begun = log.flushed > file.start;  // else its first bytes, and the header with them, are in the journal
        bool good = disk_.read(file.file, 0, block) && read_file_header(block, header) && header.log_id == log.id;
        if (begun && !good) {
            found(file.file, 0, "the file's header is damaged: nothing depends on it but salvage");
        }
        if (!file.indexed) return true;
        Bytes index(shape.index_bytes);
        std::vector<IndexRange> ranges;
        if (!disk_.read(file.file, shape.index_offset(), index) || !read_index(index, log.id, file.start, ranges)) {
            found(file.file, shape.index_offset(), "the index is damaged: the batches of this file cannot be served");
            return true;
        }
        all.insert(all.end(), ranges.begin(), ranges.end());
        return true;
    }

    void verify_range(const RecoveredLog& log, const IndexRange& range, LogRow& row) {
        auto [file, offset] = place_of(log.state, range.position);
        Bytes bytes(range.size);
        if (!read_bytes(log, range.position, bytes)) {
            ++row.ranges_damaged;
            found(file, offset, "cannot be read");
            return;
        }
        bool crc_wrong = range.crc_known && crc32c(bytes) != range.crc;
        if (crc_wrong) {
            ++row.ranges_damaged;
            found(file, offset, "the range of offset " + std::to_string(range.base_offset) + " fails its checksum");
        }
        std::span<const std::byte> rest = bytes;
        int64_t next = range.base_offset;
        auto segment = std::ranges::upper_bound(log.state.segments, range.position, {}, &Segment::start);
        const bool gaps = segment != log.state.segments.begin() && std::prev(segment)->compacted;
        while (!rest.empty()) {
            BatchRow batch;
            std::string wrong;
            if (!parse_batch(rest, batch)) wrong = "there is no batch where one should start";
            else if (!batch.crc_good) wrong = "the batch fails its checksum";
            else if (batch.base_offset < next || (batch.base_offset > next && !gaps))
                wrong = "the batch has another offset than its place";
            if (!wrong.empty()) {
                auto [at_file, at] = place_of(log.state, range.position + (range.size - rest.size()));
                found(at_file, at, "offset " + std::to_string(next) + ": " + wrong);
                if (!crc_wrong) ++row.ranges_damaged;
                return;
            }
            ++row.batches;
            next = batch.last_offset + 1;
            rest = rest.subspan(batch.size);
        }
    }

    static std::pair<io::FileId, uint64_t> place_of(const LogState& log, uint64_t position) {
        size_t index = log.file_of(position);
        if (index == log.files.size()) return {};
        return {log.files[index].file, io::block_size + (position - log.files[index].start)};
    }

    /// A log's bytes as recovery would leave them: of the segment, below what only the journal holds.
    bool read_bytes(const RecoveredLog& log, uint64_t position, std::span<std::byte> out) {
        uint64_t to = position + out.size();
        for (uint64_t at = position; at < to;) {
            size_t index = log.state.file_of(at);
            if (index == log.state.files.size()) return false;
            const FileRef& file = log.state.files[index];
            uint64_t end = std::min(to, file.end());
            uint64_t block = align_down(at, io::block_size);
            Bytes blocks(align_up(end, io::block_size) - block);
            if (!disk_.read(file.file, io::block_size + (block - file.start), blocks)) return false;
            std::ranges::copy(std::span(blocks).subspan(at - block, end - at),
                              out.begin() + static_cast<ptrdiff_t>(at - position));
            at = end;
        }
        for (const Overlay& overlay : log.overlays) {
            uint64_t from = std::max({overlay.from, log.state.flushed, position});
            uint64_t end = std::min(overlay.from + overlay.bytes.size(), to);
            if (from >= end) continue;
            std::ranges::copy(overlay.bytes.subspan(from - overlay.from, end - from),
                              out.begin() + static_cast<ptrdiff_t>(from - position));
        }
        return true;
    }

    io::Disk& raw_;
    BlockingDisk disk_;
    const InspectOptions& options_;
    DirectoryReport out_;
    FileSizes files_;
    std::map<io::FileId, uint64_t> owned_;
    Generation generation_;
    bool super_found_ = false;
};

}  // namespace

Result<DirectoryReport> inspect_directory(io::Disk& disk, const InspectOptions& options) {
    return Inspector(disk, options).run();
}

Result<FileReport> inspect_file(io::Disk& disk, io::FileId file) {
    if (!is_pool(file.kind)) return fail(Errc::refused);
    FileGeometry shape = geometry(file.kind);
    Bytes bytes(shape.file_bytes);
    BlockingDisk blocking(disk);
    if (auto read = blocking.read(file, 0, bytes); !read) return std::unexpected(read.error());
    FileReport report;
    std::span<const std::byte> whole = bytes;
    report.header_valid = read_file_header(whole.first(io::block_size), report.header);
    report.index_valid = read_index(whole.subspan(shape.index_offset()), report.header.log_id,
                                    report.header.start_position, report.ranges);
    uint64_t at = io::block_size;
    while (at + batch_header_size <= shape.index_offset()) {
        BatchRow row;
        row.offset = at;
        // Behind damage the next batch may start at any byte: only a good checksum tells.
        bool batch = parse_batch(whole.subspan(at, shape.index_offset() - at), row) && row.crc_good;
        if (batch) report.batches.push_back(row);
        else ++report.bytes_skipped;
        at += batch ? row.size : 1;
    }
    report.bytes_skipped += shape.index_offset() - at;
    return report;
}

}  // namespace penstock::log
