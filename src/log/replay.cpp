#include "log/replay.h"

#include <algorithm>
#include <set>

#include "base/crc32c.h"

namespace penstock::log {
namespace {

struct Frame {
    FrameHeader header;
    std::span<const std::byte> entries;
};

/// The valid frames of one slot, cut behind the last consistent one. Empty if there is no whole base.
std::vector<Frame> read_chain(std::span<const std::byte> slot, const Generation& generation) {
    std::vector<Frame> frames;
    size_t consistent = 0;
    while (!slot.empty()) {
        FrameHeader header;
        if (!open_frame(slot, generation, header)) break;
        bool first = frames.empty();
        if (first != (header.base_begin != 0)) break;
        if (!first && header.number != frames.back().header.number + 1) break;
        frames.push_back({header, slot.subspan(header_size, header.entries_size)});
        if (header.consistent != 0) consistent = frames.size();
        slot = slot.subspan(header.size);
    }
    frames.resize(consistent);
    return frames;
}

class Replayer {
public:
    Replayer(BlockingDisk& disk, const FileSizes& files, const SuperBlock& super, uint32_t shard)
        : disk_(disk), files_(files), super_(super), shard_(shard),
          generation_(make_generation(super.generation, super.storage_id)) {}

    std::expected<ShardReplay, OpenFailure> run() {
        if (auto failure = load_checkpoint()) return std::unexpected(*failure);
        if (auto failure = scan_journal()) return std::unexpected(*failure);
        if (auto failure = replay()) return std::unexpected(*failure);
        return std::move(out_);
    }

private:
    using Failure = std::optional<OpenFailure>;

    Failure refused(std::string detail, Errc code = Errc::corrupt) const {
        return OpenFailure{{code, 0}, "shard " + std::to_string(shard_) + ": " + std::move(detail)};
    }

    Failure load_checkpoint() {
        Bytes slots[2];
        std::vector<Frame> best;
        for (uint32_t slot = 0; slot < 2; ++slot) {
            io::FileId file = checkpoint_file(shard_, super_.generation, slot);
            auto found = files_.find(file);
            if (found == files_.end()) continue;
            slots[slot].resize(align_down(found->second, io::block_size));
            if (auto read = disk_.read(file, 0, slots[slot]); !read) {
                return refused("cannot read checkpoint/" + std::to_string(file.number), read.error().code);
            }
            auto chain = read_chain(slots[slot], generation_);
            if (chain.empty()) continue;
            if (best.empty() || chain.back().header.number > best.back().header.number) best = std::move(chain);
        }
        if (best.empty()) {
            return refused("no checkpoint of generation " + std::to_string(super_.generation) +
                           " is readable; restore the data directory from a replica or a backup");
        }
        frame_number_ = best.back().header.number;
        replay_from_ = best.back().header.replay_from;
        for (const Frame& frame : best) {
            if (!apply_frame(frame)) return refused("a checkpoint frame is damaged inside a valid checksum");
        }
        return std::nullopt;
    }

    bool apply_frame(const Frame& frame) {
        FieldReader in(frame.entries);
        for (uint32_t i = 0; i < frame.header.entry_count; ++i) {
            auto kind = static_cast<FrameEntry>(in.get<uint8_t>());
            if (kind == FrameEntry::removed) {
                uint64_t id = in.get<uint64_t>();
                if (!in.ok()) return false;
                out_.logs.erase(id);
                removed_.insert(id);
                out_.log_id_max = std::max(out_.log_id_max, id);
                continue;
            }
            if (kind != FrameEntry::state) return false;
            LogState state;
            uint64_t as_of = 0;
            if (!decode_state(in, state, as_of)) return false;
            durable_ = std::max(durable_, as_of);
            out_.log_id_max = std::max(out_.log_id_max, state.id);
            uint64_t id = state.id;
            out_.logs[id] = {std::move(state), as_of, {}, false};
        }
        return true;
    }

    /// Finds every readable commit of this generation, wherever in the ring it lies.
    Failure scan_journal() {
        io::FileId file = journal_file_of(shard_, super_.generation);
        auto found = files_.find(file);
        if (found == files_.end() || found->second < super_.journal_bytes) {
            return refused("journal/" + std::to_string(file.number) + " is missing or too short");
        }
        out_.ring.resize(super_.journal_bytes);
        if (auto read = disk_.read(file, 0, out_.ring); !read) {
            return refused("cannot read journal/" + std::to_string(file.number), read.error().code);
        }
        std::span<const std::byte> ring = out_.ring;
        uint64_t frame_vouched = 0;
        for (uint64_t at = 0; at < ring.size();) {
            CommitHeader header;
            if (!open_commit(ring.subspan(at), generation_, header) || header.shard != shard_) {
                at += io::block_size;
                continue;
            }
            commits_[header.sequence] = {header, at};
            durable_ = std::max(durable_, header.durable_through);
            frame_vouched = std::max(frame_vouched, header.checkpoint_frame);
            at += header.size;
        }
        if (frame_vouched > frame_number_) {
            return refused("checkpoint frame " + std::to_string(frame_vouched) + " was written but is unreadable");
        }
        return std::nullopt;
    }

    Failure replay() {
        uint64_t sequence = replay_from_;
        for (;; ++sequence) {
            auto found = commits_.find(sequence);
            if (found == commits_.end()) {
                if (sequence > durable_) break;
                return refused("commit " + std::to_string(sequence) + " of the journal was durable but is unreadable");
            }
            bool sure = sequence <= durable_;
            undo_.clear();
            bool good = apply_commit(found->second.header, found->second.offset, sure);
            if (read_failure_) {
                return refused("cannot read records that commit " + std::to_string(sequence) + " names",
                               *read_failure_);
            }
            if (!good && sure) {
                return refused("commit " + std::to_string(sequence) + " does not fit what came before it");
            }
            if (!good) {
                for (auto& [id, log] : undo_) {
                    if (log) out_.logs[id] = std::move(*log);
                    else out_.logs.erase(id);
                }
                break;
            }
            ++out_.commits_replayed;
        }
        out_.cut_from = sequence;
        out_.commits_cut = static_cast<uint64_t>(
            std::ranges::count_if(commits_, [&](const auto& c) { return c.first >= sequence; }));
        return std::nullopt;
    }

    bool apply_commit(const CommitHeader& header, uint64_t offset, bool sure) {
        FieldReader in(std::span<const std::byte>(out_.ring).subspan(offset + header_size, header.entries_size));
        Entry entry;
        for (uint32_t i = 0; i < header.entry_count; ++i) {
            if (!decode_entry(in, entry)) return false;
            if (!apply_entry(header.sequence, entry, sure)) return false;
        }
        return true;
    }

    bool apply_entry(uint64_t sequence, const Entry& entry, bool sure) {
        out_.log_id_max = std::max(out_.log_id_max, entry.log_id);
        if (removed_.contains(entry.log_id)) return true;
        auto found = out_.logs.find(entry.log_id);
        if (!sure && !undo_.contains(entry.log_id)) {
            undo_[entry.log_id] = found == out_.logs.end() ? std::nullopt : std::optional(found->second);
        }
        if (creates(entry.type)) {
            if (found != out_.logs.end()) return sequence <= found->second.as_of;
            out_.logs[entry.log_id].state = created(entry);
            return true;
        }
        if (found == out_.logs.end()) return false;
        RecoveredLog& log = found->second;
        bool known = sequence <= log.as_of;
        if (entry.type == EntryType::remove) {
            if (known) return false;
            out_.logs.erase(found);
            if (sure) removed_.insert(entry.log_id);
            return true;
        }
        std::vector<io::FileId> freed;
        if (!known && !apply(log.state, entry, freed)) return false;
        if (cuts(entry.type)) cut_overlays(log, entry.position);
        if (entry.type == EntryType::append) {
            if (!sure) {
                log.unsure = true;
                if (!verify(log, entry)) return false;
            }
            if (!entry.payload.empty()) log.overlays.push_back({entry.payload_from, entry.payload});
        }
        return true;
    }

    static void cut_overlays(RecoveredLog& log, uint64_t position) {
        for (Overlay& overlay : log.overlays) {
            uint64_t keep = position > overlay.from ? position - overlay.from : 0;
            overlay.bytes = overlay.bytes.first(std::min<uint64_t>(keep, overlay.bytes.size()));
        }
    }

    /// Whether the new bytes of an append are all there: what went to the segment directly, and what the entry carries.
    bool verify(const RecoveredLog& log, const Entry& entry) {
        if (entry.pieces.empty()) return true;
        uint64_t direct_to = std::max(entry.position, entry.payload_from);
        Bytes bytes(entry.position_to - entry.position);
        if (!read_segment(log.state, entry.position, std::span(bytes).first(direct_to - entry.position))) return false;
        auto payload = entry.payload.subspan(direct_to - entry.payload_from);
        std::ranges::copy(payload, bytes.begin() + static_cast<ptrdiff_t>(direct_to - entry.position));
        std::span<const std::byte> rest = bytes;
        for (const Piece& piece : entry.pieces) {
            if (crc32c(rest.first(piece.size)) != piece.crc) return false;
            rest = rest.subspan(piece.size);
        }
        return true;
    }

    bool read_segment(const LogState& state, uint64_t from, std::span<std::byte> out) {
        while (!out.empty()) {
            size_t index = state.file_of(from);
            if (index == state.files.size()) return false;
            const FileRef& file = state.files[index];
            uint64_t n = std::min<uint64_t>(out.size(), file.end() - from);
            uint64_t block = align_down(from, io::block_size);
            Bytes blocks(align_up(from + n, io::block_size) - block);
            // A disk that refuses is no proof that the records were never written.
            if (auto read = disk_.read(file.file, io::block_size + (block - file.start), blocks); !read) {
                read_failure_ = read.error().code;
                return false;
            }
            std::ranges::copy(std::span(blocks).subspan(from - block, n), out.begin());
            from += n;
            out = out.subspan(n);
        }
        return true;
    }

    struct Found {
        CommitHeader header;
        uint64_t offset = 0;
    };

    BlockingDisk& disk_;
    const FileSizes& files_;
    const SuperBlock& super_;
    uint32_t shard_;
    Generation generation_;
    ShardReplay out_;
    std::set<uint64_t> removed_;
    std::map<uint64_t, Found> commits_;
    std::map<uint64_t, std::optional<RecoveredLog>> undo_;
    uint64_t frame_number_ = 0;
    uint64_t replay_from_ = 0;
    uint64_t durable_ = 0;
    std::optional<Errc> read_failure_;
};

}  // namespace

std::expected<ShardReplay, OpenFailure> replay_shard(BlockingDisk& disk, const FileSizes& files,
                                                     const SuperBlock& super, uint32_t shard) {
    return Replayer(disk, files, super, shard).run();
}

}  // namespace penstock::log
