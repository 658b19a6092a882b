// Opening a data directory, in an order that a crash at any point leaves openable:
//
//   1. the superblock names the last generation (or the directory is new: generation 0, no shards)
//   2. replay.cpp rebuilds every log of that generation's shards; nothing is written yet
//   3. bytes that only the journal holds are written to their segments. The journal keeps its copies and stays the
//      authority, so doing this half, or twice, changes nothing
//   4. checkpoints of the next generation are written, its journals made ready: other files (generation parity)
//   5. the superblock names the next generation. Before: everything above starts over. After: the old journals are void
#include "log/recover.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "base/assert.h"
#include "log/replay.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

using Failure = std::optional<OpenFailure>;

constexpr uint64_t frame_bytes_max = mib;
constexpr uint32_t shards_max = 1024;

OpenFailure failure(Errc code, std::string detail, int32_t os_error = 0) {
    return {{code, os_error}, std::move(detail)};
}

OpenFailure failure(const Error& error, std::string detail) {
    return failure(error.code, std::move(detail) + ": " + to_string(error.code), error.os_error);
}

constexpr io::FileId super_file{io::FileKind::super, 0};

Result<void> store_super(BlockingDisk& disk, const SuperBlock& super) {
    Bytes block(io::block_size);
    write_super(block, super);
    for (uint32_t copy = 0; copy < 2; ++copy) {
        if (auto done = disk.write(super_file, super_offset(super.generation, copy), block); !done) return done;
    }
    return {};
}

struct Supers {
    std::optional<SuperBlock> newest;
    bool other_unreadable = false;  ///< the other parity's slot holds nothing valid
};

Result<Supers> load_supers(BlockingDisk& disk, uint64_t size) {
    Supers found;
    Bytes blocks(super_size);
    uint64_t whole = std::min<uint64_t>(align_down(size, io::block_size), super_size);
    if (whole > 0) {
        if (auto read = disk.read(super_file, 0, std::span(blocks).first(whole)); !read) {
            return std::unexpected(read.error());
        }
    }
    std::optional<SuperBlock> slots[2];
    for (uint32_t i = 0; i < 4; ++i) {
        SuperBlock super;
        if (!read_super(std::span(blocks).subspan(i * io::block_size, io::block_size), super)) continue;
        auto& slot = slots[i / 2];
        // Two copies differ when a stop interrupted the second write: the one that claims less counts.
        if (!slot || super.generation > slot->generation) slot = super;
        else if (super.generation == slot->generation) slot->clean &= super.clean;
    }
    found.other_unreadable = !slots[0] || !slots[1];
    if (slots[0] && (!slots[1] || slots[0]->generation > slots[1]->generation)) found.newest = slots[0];
    else found.newest = slots[1];
    return found;
}

class Opener {
public:
    Opener(io::Disk& disk, const OpenOptions& options) : raw_(disk), disk_(disk), options_(options) {}

    std::expected<OpenedDirectory, OpenFailure> run() {
        for (auto step : {&Opener::list_files, &Opener::find_super, &Opener::replay, &Opener::check_files,
                          &Opener::flush_logs, &Opener::write_checkpoints, &Opener::make_journals,
                          &Opener::switch_generation}) {
            if (Failure failed = (this->*step)()) return std::unexpected(*failed);
        }
        return std::move(out_);
    }

private:
    Failure list_files() {
        auto files = raw_.list();
        if (!files) return failure(files.error(), "cannot list the data directory");
        for (const io::FileEntry& entry : *files) files_[entry.file] = entry.size;
        return std::nullopt;
    }

    Failure find_super() {
        bool others = std::ranges::any_of(files_, [](const auto& f) { return f.first != super_file; });
        auto found = files_.find(super_file);
        if (found == files_.end() && others) {
            return failure(Errc::corrupt, "the data directory has log files but no superblock (super/0): "
                                          "is this the right directory? restore super/0 or start with an empty one");
        }
        Supers supers;
        if (found != files_.end()) {
            auto loaded = load_supers(disk_, found->second);
            if (!loaded) return failure(loaded.error(), "cannot read super/0");
            supers = *loaded;
        }
        if (!supers.newest && others) {
            return failure(Errc::corrupt, "no copy of the superblock (super/0) is readable; restore the data directory "
                                          "from a replica or a backup");
        }
        if (!supers.newest) return create_directory();
        super_ = *supers.newest;
        if (super_.shard_count > shards_max) return failure(Errc::corrupt, "super/0 names an impossible shard count");
        if (supers.other_unreadable && newer_generation_ran()) {
            return failure(Errc::corrupt, "the superblock of generation " + std::to_string(super_.generation + 1) +
                                          " is unreadable though its journals are in use");
        }
        return std::nullopt;
    }

    Failure create_directory() {
        if (auto made = disk_.create(super_file); !made) return failure(made.error(), "cannot create super/0");
        super_.storage_id = make_uuid(options_.random_high, options_.random_low);
        if (auto done = store_super(disk_, super_); !done) return failure(done.error(), "cannot write super/0");
        // The other slot too: from now on a slot without a valid copy means damage or an interrupted switch.
        Bytes block(io::block_size);
        write_super(block, super_);
        for (uint32_t copy = 0; copy < 2; ++copy) {
            if (auto done = disk_.write(super_file, super_offset(1, copy), block); !done) {
                return failure(done.error(), "cannot write super/0");
            }
        }
        out_.report.created = true;
        return std::nullopt;
    }

    /// Whether a commit of the generation behind the one we know exists: then that one was in use.
    bool newer_generation_ran() {
        Generation next = make_generation(super_.generation + 1, super_.storage_id);
        for (const auto& [file, size] : files_) {
            if (file.kind != io::FileKind::journal || file.number % 2 != next.number % 2) continue;
            Bytes ring(align_down(size, io::block_size));
            if (!disk_.read(file, 0, ring)) return true;
            CommitHeader header;
            for (uint64_t at = 0; at < ring.size(); at += io::block_size) {
                if (open_commit(std::span<const std::byte>(ring).subspan(at), next, header)) return true;
            }
        }
        return false;
    }

    Failure replay() {
        for (uint32_t shard = 0; shard < super_.shard_count; ++shard) {
            auto replayed = replay_shard(disk_, files_, super_, shard);
            if (!replayed) return replayed.error();
            out_.report.commits_replayed += replayed->commits_replayed;
            out_.report.commits_cut += replayed->commits_cut;
            log_id_max_ = std::max(log_id_max_, replayed->log_id_max);
            replays_.push_back(std::move(*replayed));
        }
        return std::nullopt;
    }

    Failure check_files() {
        std::map<io::FileId, uint64_t> owners;
        std::map<LogKey, uint64_t> keys;
        for (ShardReplay& shard : replays_) {
            for (auto& [id, log] : shard.logs) {
                if (!keys.emplace(log.state.key, id).second) {
                    return failure(Errc::corrupt, "two logs claim one partition: the journals contradict each other");
                }
                for (const FileRef& file : log.state.files) {
                    if (!owners.emplace(file.file, id).second) {
                        return failure(Errc::corrupt, name_of(file.file) + " belongs to two logs");
                    }
                    auto found = files_.find(file.file);
                    if (found == files_.end() || found->second < geometry(file.file.kind).file_bytes) {
                        return failure(Errc::corrupt, name_of(file.file) + " is missing or too short");
                    }
                }
            }
        }
        for (const auto& [file, size] : files_) {
            if (!is_pool(file.kind)) continue;
            file_number_max_ = std::max(file_number_max_, file.number);
            if (owners.contains(file)) continue;
            bool whole = size == geometry(file.kind).file_bytes;
            (whole ? ready_ : half_made_).push_back(file);
        }
        // One that was being made when the process ended has its size, and would lose it with the power still.
        for (const io::FileId& file : ready_) disk_.queue_flush(file);
        if (auto done = disk_.finish(); !done) return failure(done.error(), "cannot make the spare files durable");
        return std::nullopt;
    }

    /// Step 3: after it every byte of every log is durable in its segment.
    Failure flush_logs() {
        for (ShardReplay& shard : replays_) {
            std::vector<LogFlush> flushes;
            flushes.reserve(shard.logs.size());
            for (auto& [id, log] : shard.logs) {
                if (auto failed = begin_flush(flushes.emplace_back(log))) return failed;
            }
            if (auto done = disk_.finish(); !done) return failure(done.error(), "cannot read back the tail of a log");
            for (LogFlush& flush : flushes) end_flush(flush);
            if (auto done = disk_.finish(); !done) return failure(done.error(), "cannot write recovered records");
            blocks_.clear();
            fragments_.clear();
            for (auto& [id, log] : shard.logs) {
                log.state.flushed = log.state.end;
                recovered_.push_back(std::move(log.state));
            }
            shard = {};
        }
        out_.report.logs = recovered_.size();
        return std::nullopt;
    }

    /// A block of a log's tail, put together from what the journal holds of it.
    struct TailBlock {
        std::byte* data = nullptr;
        uint64_t covered_to = 0;  ///< the bytes before this position are from the journal
        bool hole = false;        ///< there are some behind it, too
    };
    using TailBlocks = std::map<uint64_t, TailBlock>;  // by position

    struct LogFlush {
        explicit LogFlush(RecoveredLog& recovered) : log(recovered) {}
        RecoveredLog& log;
        TailBlocks blocks;
        std::deque<std::pair<uint64_t, io::MutableFragment>> holes;  ///< blocks to be read back, by position
    };

    /// Lays the journal's bytes into blocks, and asks for what the segment holds of those that have holes: all logs
    /// before any is waited for.
    Failure begin_flush(LogFlush& flush) {
        const LogState& state = flush.log.state;
        for (const Overlay& overlay : flush.log.overlays) lay_over(state, overlay, 0, UINT64_MAX, flush.blocks);
        for (const auto& [position, block] : flush.blocks) {
            uint64_t end = std::min(position + io::block_size, state.end);
            if (!block.hole && block.covered_to >= end) continue;
            size_t index = state.file_of(position);
            if (index == state.files.size()) return failure(Errc::io, "a log's tail lies in none of its files");
            const FileRef& file = state.files[index];
            flush.holes.push_back({position, {new_block(), io::block_size}});
            disk_.queue_read(file.file, io::block_size + (position - file.start), flush.holes.back().second);
        }
        return std::nullopt;
    }

    void end_flush(LogFlush& flush) {
        const LogState& state = flush.log.state;
        for (const auto& [position, found] : flush.holes) {
            // The rest of the block was written with a commit that carried only what is behind the block.
            std::byte* data = flush.blocks[position].data;
            std::copy_n(found.data, io::block_size, data);
            for (const Overlay& overlay : flush.log.overlays) {
                lay_over(state, overlay, position, position + io::block_size, flush.blocks);
            }
            // That commit wrote the whole block, so as a rule it is there, and acknowledged bytes that no journal holds
            // are not put at risk by writing it again.
            if (std::equal(found.data, found.data + io::block_size, data)) flush.blocks.erase(position);
        }
        write_blocks(state, flush.blocks);
        if (!flush.log.unsure) return;
        for (const FileRef& file : state.files) {
            if (file.end() > state.flushed) disk_.queue_flush(file.file);
        }
    }

    /// Copies those bytes of an overlay that are not flushed and lie in [window_from, window_to) into their blocks.
    void lay_over(const LogState& state, const Overlay& overlay, uint64_t window_from, uint64_t window_to,
                  TailBlocks& blocks) {
        uint64_t from = std::max({overlay.from, state.flushed, window_from});
        uint64_t to = std::min({overlay.from + overlay.bytes.size(), state.end, window_to});
        // Bytes of a segment that retention has dropped since have no file any more.
        from = std::max(from, state.segments.front().start);
        while (from < to) {
            uint64_t position = align_down(from, io::block_size);
            uint64_t end = std::min(to, position + io::block_size);
            TailBlock& block = blocks[position];
            if (block.data == nullptr) block = {new_block(), position, false};
            auto bytes = overlay.bytes.subspan(from - overlay.from, end - from);
            std::ranges::copy(bytes, block.data + (from - position));
            if (from > block.covered_to) block.hole = true;
            else block.covered_to = std::max(block.covered_to, end);
            from = end;
        }
    }

    std::byte* new_block() {
        blocks_.emplace_back(io::block_size);
        return blocks_.back().data();
    }

    void write_blocks(const LogState& state, const TailBlocks& blocks) {
        auto it = blocks.begin();
        while (it != blocks.end()) {
            const FileRef& file = state.files[state.file_of(it->first)];
            uint64_t offset = io::block_size + (it->first - file.start);
            auto& fragments = fragments_.emplace_back();
            if (it->first == file.start) {
                std::byte* header = new_block();
                FileHeader named{state.key, super_.generation, state.id, file.start, file.first_offset};
                write_file_header({header, io::block_size}, named);
                fragments.push_back({header, io::block_size});
                offset = 0;
            }
            uint64_t next = it->first;
            while (it != blocks.end() && it->first == next && fragments.size() < io::max_fragments &&
                   state.files[state.file_of(next)].start == file.start) {
                fragments.push_back({it->second.data, io::block_size});
                next += io::block_size;
                ++it;
            }
            disk_.queue_write(file.file, offset, fragments);
        }
    }

    Failure write_checkpoints() {
        std::vector<std::vector<LogState>> shards(options_.shard_count);
        for (LogState& log : recovered_) shards[shard_of(log.key, options_.shard_count)].push_back(std::move(log));
        next_ = make_generation(super_.generation + 1, super_.storage_id);
        for (uint32_t shard = 0; shard < options_.shard_count; ++shard) {
            auto state = std::make_unique<StoreState>();
            state->generation = next_;
            state->journal_bytes = options_.journal_bytes;
            state->next_log_id = log_id_max_ + 1 + shard;
            state->next_file_number = file_number_max_ + 1 + shard;
            state->logs = std::move(shards[shard]);
            if (auto failed = write_base(shard, *state)) return failed;
            StoreImage image;
            image.state = std::move(state);
            out_.shards.push_back(std::move(image));
        }
        for (size_t i = 0; i < ready_.size(); ++i) {
            out_.shards[i % options_.shard_count].state->ready_files.push_back(ready_[i]);
        }
        out_.shards[0].state->half_made_files = half_made_;
        return std::nullopt;
    }

    Failure write_base(uint32_t shard, StoreState& state) {
        io::FileId file = checkpoint_file(shard, next_.number, 0);
        if (auto made = disk_.create(file); !made) return failure(made.error(), "cannot create " + name_of(file));
        size_t at = 0;
        do {
            Bytes buffer(header_size);
            FrameHeader header;
            header.number = state.next_frame++;
            header.replay_from = 1;
            header.base_begin = at == 0;
            while (at < state.logs.size() && buffer.size() < frame_bytes_max) {
                FieldWriter(buffer).put(static_cast<uint8_t>(FrameEntry::state));
                encode_state(buffer, state.logs[at++], 0);
                ++header.entry_count;
            }
            header.consistent = at == state.logs.size();
            seal_frame(buffer, next_, header);
            if (auto done = disk_.write(file, state.frame_offset, buffer); !done) {
                return failure(done.error(), "cannot write " + name_of(file));
            }
            state.frame_offset += buffer.size();
        } while (at < state.logs.size());
        return std::nullopt;
    }

    /// Journals are written through before their first commit, so that no commit ever grows a file. Those of both
    /// generation parities are made at once: later starts find them.
    Failure make_journals() {
        for (uint32_t shard = 0; shard < options_.shard_count; ++shard) {
            for (uint64_t parity = 0; parity < 2; ++parity) {
                if (auto failed = make_journal(journal_file_of(shard, next_.number + parity))) return failed;
            }
        }
        return std::nullopt;
    }

    Failure make_journal(io::FileId file) {
        auto found = files_.find(file);
        uint64_t size = found == files_.end() ? 0 : align_down(found->second, io::block_size);
        if (size >= options_.journal_bytes) return std::nullopt;
        if (auto made = disk_.create(file); !made) return failure(made.error(), "cannot create " + name_of(file));
        Bytes zeros(mib);
        std::vector<io::MutableFragment> pieces;
        for (uint64_t at = size; at < options_.journal_bytes; at += mib) {
            uint64_t piece_size = std::min<uint64_t>(mib, options_.journal_bytes - at);
            pieces.push_back({zeros.data(), static_cast<uint32_t>(piece_size)});
        }
        for (const io::MutableFragment& piece : pieces) {
            disk_.queue_write(file, size, {&piece, 1});
            size += piece.size;
        }
        if (auto done = disk_.finish(); !done) return failure(done.error(), "cannot write " + name_of(file));
        return std::nullopt;
    }

    Failure switch_generation() {
        out_.report.clean = super_.clean != 0;
        super_.generation = next_.number;
        super_.journal_bytes = options_.journal_bytes;
        super_.shard_count = options_.shard_count;
        super_.clean = 0;
        if (auto done = store_super(disk_, super_); !done) return failure(done.error(), "cannot write super/0");
        out_.report.storage_id = super_.storage_id;
        out_.report.generation = super_.generation;
        return std::nullopt;
    }

    io::Disk& raw_;
    BlockingDisk disk_;
    const OpenOptions& options_;
    OpenedDirectory out_;
    FileSizes files_;
    SuperBlock super_;
    Generation next_;
    std::vector<ShardReplay> replays_;
    std::vector<LogState> recovered_;
    std::vector<io::FileId> ready_, half_made_;
    std::deque<Bytes> blocks_;
    std::deque<std::vector<io::MutableFragment>> fragments_;
    uint64_t log_id_max_ = 0;
    uint32_t file_number_max_ = 0;
};

}  // namespace

StoreImage::StoreImage() = default;
StoreImage::StoreImage(StoreImage&&) noexcept = default;
StoreImage& StoreImage::operator=(StoreImage&&) noexcept = default;
StoreImage::~StoreImage() = default;

std::expected<OpenedDirectory, OpenFailure> open_directory(io::Disk& disk, const OpenOptions& options) {
    PENSTOCK_ASSERT(options.shard_count > 0 && options.shard_count <= shards_max);
    PENSTOCK_ASSERT(options.journal_bytes % io::block_size == 0);
    return Opener(disk, options).run();
}

Result<void> mark_clean(io::Disk& disk) {
    BlockingDisk blocking(disk);
    auto files = disk.list();
    if (!files) return std::unexpected(files.error());
    // A crash while the directory was made may have left the file shorter than it will be.
    auto found = std::ranges::find(*files, super_file, &io::FileEntry::file);
    if (found == files->end()) return fail(Errc::not_found);
    auto supers = load_supers(blocking, found->size);
    if (!supers) return std::unexpected(supers.error());
    if (!supers->newest) return fail(Errc::corrupt);
    SuperBlock super = *supers->newest;
    super.clean = 1;
    return store_super(blocking, super);
}

uint32_t shard_of(const LogKey& key, uint32_t shard_count) {
    uint64_t hash = UuidHash{}(key.topic_id);
    // Consecutive partitions of a topic go to consecutive shards.
    return static_cast<uint32_t>((hash % shard_count + static_cast<uint32_t>(key.partition)) % shard_count);
}

}  // namespace penstock::log
