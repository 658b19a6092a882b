#include "cli/inspector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "cli/inspect_disk.h"

namespace penstock::cli {

namespace {

constexpr uint32_t shards_max = 4096;            // more in a superblock is nonsense
constexpr uint32_t range_bytes_max = 512 * 1024 * 1024;  // likewise of a range

std::string log_label(const log::LogKey& key) { return fmt::format("{}/{}", key.topic_id.text(), key.partition); }

class Inspector {
public:
    Inspector(io::Disk& raw, const InspectOptions& options) : raw_(raw), disk_(raw), options_(options) {}

    InspectReport run() {
        const auto listed = raw_.list();
        if (!listed) {
            damaged("the data directory cannot be listed");
            return std::move(report_);
        }
        for (const io::FileEntry& entry : *listed) {
            files_[entry.file] = entry.size;
            ++report_.files[entry.file.kind];
            if (log::is_pool(entry.file.kind)) ++report_.files_ready;
        }
        read_supers();
        if (!report_.super) return std::move(report_);
        if (report_.super->shard_count > shards_max) {
            damaged("super/0000000000 names an impossible shard count");
            return std::move(report_);
        }
        for (uint32_t shard = 0; shard < report_.super->shard_count; ++shard) inspect_shard(shard);
        return std::move(report_);
    }

private:
    void damaged(std::string what) {
        ++report_.damage_count;
        if (report_.damage.size() < damage_lines_max) report_.damage.push_back(std::move(what));
    }

    void damaged(InspectedLog& log, const std::string& what) {
        ++log.damaged;
        damaged(fmt::format("{}: {}", log_label(log.key), what));
    }

    /// As recovery reads them (log/recover.cpp): the newest generation counts, of its copies the one that claims less.
    void read_supers() {
        constexpr io::FileId file{io::FileKind::super, 0};
        log::Bytes blocks(log::super_size);
        if (!disk_.read(file, 0, blocks)) {
            damaged("the superblock (super/0000000000) is missing or too short: is this a broker's data directory?");
            return;
        }
        for (uint32_t i = 0; i < log::super_size / io::block_size; ++i) {
            log::SuperBlock super;
            if (!log::read_super(std::span(blocks).subspan(i * io::block_size, io::block_size), super)) {
                damaged(fmt::format("super/0000000000: copy {} of {} is unreadable", i + 1,
                                    log::super_size / io::block_size));
                continue;
            }
            auto& best = report_.super;
            if (!best || super.generation > best->generation) best = super;
            else if (super.generation == best->generation) best->clean &= super.clean;
        }
    }

    void inspect_shard(uint32_t shard) {
        InspectedShard& inspected = report_.shards.emplace_back();
        inspected.shard = shard;
        auto replayed = log::replay_shard(disk_, files_, *report_.super, shard);
        if (!replayed) {
            inspected.refused = replayed.error().detail;
            damaged(inspected.refused);
            return;
        }
        inspected.replayed = replayed->commits_replayed;
        inspected.cut = replayed->commits_cut;
        scan_journal(replayed->ring, inspected);
        for (const auto& [id, recovered] : replayed->logs) inspect_log(shard, recovered);
    }

    void scan_journal(std::span<const std::byte> ring, InspectedShard& inspected) const {
        const auto generation = log::make_generation(report_.super->generation, report_.super->storage_id);
        for (size_t at = 0; at < ring.size();) {
            log::CommitHeader header;
            if (!log::open_commit(ring.subspan(at), generation, header) || header.shard != inspected.shard) {
                at += io::block_size;
                continue;
            }
            if (inspected.commits++ == 0) inspected.first_sequence = header.sequence;
            inspected.first_sequence = std::min(inspected.first_sequence, header.sequence);
            inspected.last_sequence = std::max(inspected.last_sequence, header.sequence);
            inspected.durable_through = std::max(inspected.durable_through, header.durable_through);
            at += header.size;
        }
    }

    void inspect_log(uint32_t shard, const log::RecoveredLog& recovered) {
        const log::LogState& state = recovered.state;
        InspectedLog& inspected = report_.logs.emplace_back();
        inspected.key = state.key;
        inspected.shard = shard;
        inspected.start_offset = state.start_offset;
        inspected.end_offset = state.end_offset;
        inspected.segments = state.segments.size();
        inspected.files = state.files.size();
        inspected.producers = state.producers;
        next_offset_ = -1;
        next_position_ = state.segments.empty() ? 0 : state.segments.front().start;
        for (size_t i = 0; i < state.files.size(); ++i) {
            if (files_.contains(state.files[i].file)) --report_.files_ready;
            inspect_file(inspected, recovered, i);
        }
        if (!options_.only && next_offset_ >= 0 && next_offset_ != state.end_offset) {
            damaged(inspected, fmt::format("its batches end at offset {}, the journal says {}", next_offset_,
                                           state.end_offset));
        }
    }

    bool chosen(io::FileId file) const {
        return !options_.only || !log::is_pool(options_.only->kind) || *options_.only == file;
    }

    void inspect_file(InspectedLog& inspected, const log::RecoveredLog& recovered, size_t index) {
        const log::LogState& state = recovered.state;
        const log::FileRef& file = state.files[index];
        if (!chosen(file.file)) {
            next_offset_ = -1;
            next_position_ = UINT64_MAX;
            return;
        }
        const auto found = files_.find(file.file);
        if (found == files_.end() || found->second < log::geometry(file.file.kind).file_bytes) {
            next_offset_ = -1;
            next_position_ = UINT64_MAX;
            return damaged(inspected, file_label(file.file) + " is missing or too short");
        }
        if (state.flushed > file.start) check_header(inspected, state, file);
        std::vector<log::IndexRange> ranges;
        if (!ranges_of(state, index, ranges)) {
            next_offset_ = -1;
            next_position_ = UINT64_MAX;
            return damaged(inspected, file_label(file.file) + ": its index is damaged");
        }
        for (const log::IndexRange& range : ranges) inspect_range(inspected, recovered, file, range);
    }

    void check_header(InspectedLog& inspected, const log::LogState& state, const log::FileRef& file) {
        log::Bytes block(io::block_size);
        log::FileHeader header;
        const bool good = disk_.read(file.file, 0, block) && log::read_file_header(block, header);
        if (!good) return damaged(inspected, file_label(file.file) + ": its first block is unreadable");
        if (header.key != state.key || header.log_id != state.id || header.start_position != file.start) {
            damaged(inspected, fmt::format("{}: its first block names {} at position {}", file_label(file.file),
                                           log_label(header.key), header.start_position));
        }
    }

    bool ranges_of(const log::LogState& state, size_t index, std::vector<log::IndexRange>& ranges) {
        const log::FileRef& file = state.files[index];
        if (file.indexed) {
            const log::FileGeometry geometry = log::geometry(file.file.kind);
            log::Bytes bytes(geometry.index_bytes);
            return disk_.read(file.file, geometry.index_offset(), bytes) &&
                   log::read_index(bytes, state.id, file.start, ranges);
        }
        const uint64_t end = index + 1 < state.files.size() ? state.files[index + 1].start : UINT64_MAX;
        for (const log::IndexRange& range : state.ranges) {
            if (range.position >= file.start && range.position < end) ranges.push_back(range);
        }
        return true;
    }

    void inspect_range(InspectedLog& inspected, const log::RecoveredLog& recovered, const log::FileRef& file,
                       const log::IndexRange& range) {
        const std::string where =
            fmt::format("{} at byte {}, offsets from {}", file_label(file.file),
                        io::block_size + (range.position - file.start), range.base_offset);
        const bool begins_segment = std::ranges::any_of(
            recovered.state.segments, [&](const log::Segment& s) { return s.start == range.position; });
        if (next_position_ != UINT64_MAX && range.position != next_position_ && !begins_segment) {
            damaged(inspected, fmt::format("{}: the bytes before it, from position {}, belong to no range", where,
                                           next_position_));
        }
        next_position_ = range.position + range.size;
        inspected.bytes += range.size;
        if (range.size > range_bytes_max) return damaged(inspected, where + ": an impossible length");
        bytes_.resize(range.size);
        if (!read_bytes(recovered, range.position, bytes_)) {
            next_offset_ = -1;
            return damaged(inspected, where + ": cannot be read");
        }
        if (range.crc_known && crc32c(bytes_) != range.crc) damaged(inspected,
                                                                    where + ": the range fails its checksum");
        inspect_batches(inspected, file, where);
    }

    void inspect_batches(InspectedLog& inspected, const log::FileRef& file, const std::string& where) {
        std::span<const std::byte> rest = bytes_;
        while (!rest.empty()) {
            wire::BatchHeader header;
            if (rest.size() >= wire::batch_header_bytes) {
                header = wire::parse_batch_header(rest.first<wire::batch_header_bytes>());
            }
            const int64_t size = header.total_bytes();
            if (rest.size() < wire::batch_header_bytes || size < static_cast<int64_t>(wire::batch_header_bytes) ||
                static_cast<uint64_t>(size) > rest.size() || header.magic != wire::batch_magic) {
                next_offset_ = -1;
                return damaged(inspected, fmt::format("{}: no batch where one should be, {} bytes from the range's end",
                                                      where, rest.size()));
            }
            const auto body = rest.subspan(wire::batch_header_bytes,
                                           static_cast<size_t>(size) - wire::batch_header_bytes);
            const Fragment chain{.data = body.data(), .size = static_cast<uint32_t>(body.size())};
            if (wire::batch_crc(rest.first<wire::batch_header_bytes>(), {&chain, 1}) != header.crc) {
                damaged(inspected, fmt::format("{}: the batch at offset {} fails its checksum", where,
                                               header.base_offset.value));
            }
            if (next_offset_ >= 0 && header.base_offset.value != next_offset_) {
                damaged(inspected, fmt::format("{}: a batch at offset {} where {} should follow", where,
                                               header.base_offset.value, next_offset_));
            }
            next_offset_ = header.last_offset().value + 1;
            ++inspected.batches;
            inspected.records += static_cast<uint64_t>(std::max(0, header.record_count));
            if (options_.on_batch) options_.on_batch(inspected.key, file.file, header);
            rest = rest.subspan(static_cast<size_t>(size));
        }
    }

    /// The bytes of a log from `from` on, as recovery would serve them: from the segment's files, and over them what
    /// the journal alone holds.
    bool read_bytes(const log::RecoveredLog& recovered, uint64_t from, std::span<std::byte> out) {
        const log::LogState& state = recovered.state;
        for (uint64_t at = from, to = from + out.size(); at < to;) {
            const size_t index = state.file_of(at);
            if (index == state.files.size()) return false;
            const log::FileRef& file = state.files[index];
            const uint64_t n = std::min(to, file.end()) - at;
            const uint64_t block = align_down(at, io::block_size);
            log::Bytes blocks(align_up(at + n, io::block_size) - block);
            if (!disk_.read(file.file, io::block_size + (block - file.start), blocks)) return false;
            std::ranges::copy(std::span(blocks).subspan(at - block, n), out.subspan(at - from).begin());
            at += n;
        }
        for (const log::Overlay& overlay : recovered.overlays) {
            const uint64_t begin = std::max({from, overlay.from, state.flushed});
            const uint64_t end = std::min(from + out.size(), overlay.from + overlay.bytes.size());
            if (begin >= end) continue;
            std::ranges::copy(overlay.bytes.subspan(begin - overlay.from, end - begin),
                              out.subspan(begin - from).begin());
        }
        return true;
    }

    io::Disk& raw_;
    log::BlockingDisk disk_;
    const InspectOptions& options_;
    log::FileSizes files_;
    InspectReport report_;
    std::vector<std::byte> bytes_;
    int64_t next_offset_ = -1;              // of the log under inspection; -1: not known
    uint64_t next_position_ = UINT64_MAX;   // likewise
};

}  // namespace

InspectReport inspect(io::Disk& disk, const InspectOptions& options) { return Inspector(disk, options).run(); }

}  // namespace penstock::cli
