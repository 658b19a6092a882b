// A simulated data directory: what lies durable on a medium, what is on its way there, and every fault that the storage
// engine must survive. Disks (sim/disk.h) are handles on it; several may share one, as the shards of a broker do.
//
// What is durable. A write_durable that completed; a plain write once a flush of its file, submitted after the write
// completed, has completed; a create that completed. Everything else may at a crash be there, be missing, or be torn
// at 512-byte sectors, in any combination, and one sector of a write may be neither old nor new: see sim/crash.h. A
// remove may be undone by a crash until a create in the same folder, submitted after it, has completed (which makes
// that folder durable): ext4 and XFS log an unlink lazily, so a store must never take the presence of a file for a
// meaning.
// Blocks that were never written read as garbage from the seed, unless zero_gaps says otherwise: files give zeros
// there, but who counts on them is wrong on a raw device.
// A read that overlaps a write in flight may see any mix of old and new sectors.
//
// Time is virtual. Operations finish in the order of random due times: step() up to a moment, or complete_one().
// The caller is checked too: what breaks the contract of io/disk.h becomes a line in violations().
// One thread; nothing here reads a clock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "io/disk.h"
#include "sim/crash.h"
#include "sim/image.h"

namespace penstock::sim {

class Disk;
class Directory;

struct DirectoryOptions {
    uint64_t seed = 1;
    int64_t delay_ns_min = 20 * microsecond_ns;
    int64_t delay_ns_max = 300 * microsecond_ns;
    uint32_t queue_depth = 64;     ///< operations in flight for each Disk
    uint64_t capacity_bytes = 0;   ///< blocks that may be written at a time; 0: no bound
    bool zero_gaps = false;        ///< what was never written reads as zeros
    bool lies = false;             ///< what is said to be durable when it completes is so only after a flush
    uint64_t operations_max = 0;   ///< later ones fail with Errc::io: ends what would never end; 0: no bound
};

/// Makes operations fail. Those that match are counted at submission.
struct Fault {
    uint32_t kinds = ~0u;                 ///< bit 1 << DiskOpKind
    std::optional<io::FileKind> folder{}; ///< any if absent
    uint64_t skip = 0;                    ///< let so many matching operations pass
    uint64_t count = 1;                   ///< then fail so many
    Error error{Errc::io, 5};
};
constexpr uint32_t fault_kind(io::DiskOpKind kind) { return 1u << static_cast<uint8_t>(kind); }

class DirectoryObserver {
public:
    virtual ~DirectoryObserver() = default;
    virtual void on_submitted(const Directory& directory) = 0;  ///< after each burst
    virtual void on_completed(const Directory& directory) = 0;  ///< after each operation
};

class Directory {
public:
    explicit Directory(const DirectoryOptions& options);
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    // Time.
    void step(Nanos now);            ///< completes what is due by then
    bool complete_one();             ///< completes the next operation, moving time to it; false if there is none
    Nanos next_completion() const;   ///< `never` if nothing is in flight
    size_t in_flight() const { return operations_.size(); }
    Nanos now() const { return now_; }

    // The power goes.
    size_t crash_items() const;
    /// Different choices worth trying, at most `count_max`: every subset of the sectors when that fits, otherwise the
    /// extremes (all, none, each alone lost, each alone kept, torn) and then random ones from `seed`.
    std::vector<CrashChoice> crash_choices(size_t count_max, uint64_t seed) const;
    /// What a restart finds. This directory goes on unchanged. Faults, stalls and bounds are not inherited.
    std::unique_ptr<Directory> crash(const CrashChoice& choice) const;

    // Faults.
    void inject(const Fault& fault) { faults_.push_back(fault); }
    void clear_faults() { faults_.clear(); }
    /// Flips one to three bits of a block that holds something; false if it does not.
    bool rot(io::FileId file, uint64_t block, uint64_t seed);
    void set_capacity(uint64_t bytes) { options_.capacity_bytes = bytes; }
    void set_operations_max(uint64_t count);
    /// Nothing completes before then, neither what is in flight nor what comes.
    void stall_until(Nanos time);

    // Looking at it.
    std::vector<io::FileEntry> files() const;
    std::vector<std::byte> contents(io::FileId file) const;
    /// Makes the file hold exactly these bytes, durably; the last block is filled up with zeros.
    void replace(io::FileId file, std::span<const std::byte> bytes);
    uint64_t used_bytes() const;
    uint64_t operations() const { return operation_count_; }
    bool exhausted() const { return options_.operations_max != 0 && operation_count_ > options_.operations_max; }
    const std::vector<std::string>& violations() const { return violations_; }

    void observe(DirectoryObserver* observer) { observer_ = observer; }

private:
    friend class Disk;

    /// A write that is not durable yet. Blocks that something newer made durable are null.
    struct Write {
        uint64_t number = 0;        ///< of its operation: the order of submission
        uint64_t completed_at = 0;  ///< event number; 0 while in flight
        uint64_t first_block = 0;
        std::vector<BlockRef> blocks;
    };
    struct File {
        uint64_t garbage_seed = 0;
        FileImage durable, visible;
        uint64_t durable_size = 0, visible_size = 0;
        std::vector<Write> cached;  ///< completed, not durable
    };
    struct Operation {
        uint64_t number = 0;
        uint64_t submitted_at = 0;  ///< event number
        io::DiskOp op;              ///< its fragments point to the copy below
        std::vector<io::MutableFragment> fragments;
        std::vector<BlockRef> blocks;
        std::shared_ptr<File> file;  ///< null if there was none at submission, and for create
        std::optional<Error> failure;
        Disk* disk = nullptr;       ///< null when its process is gone
    };
    struct Removed {
        io::FileId file;
        std::shared_ptr<File> content;
        uint64_t completed_at = 0;
    };
    using Due = std::pair<int64_t, uint64_t>;  ///< time, number
    /// One thing that a crash may keep or lose.
    struct CrashItem {
        enum class Kind : uint8_t { write, create, remove } kind = Kind::write;
        io::FileId file;
        const File* content = nullptr;              // write
        uint64_t first_block = 0;                   // write
        const std::vector<BlockRef>* blocks = nullptr;  // write
        const Removed* removed = nullptr;           // remove
        uint64_t number = 0;
        uint64_t sectors() const { return kind == Kind::write ? blocks->size() * sectors_per_block : 1; }
    };

    void submit(Disk& disk, const io::DiskOp& op);
    void submitted();
    void abandon(Disk& disk);
    void check_submission(const Operation& operation);
    void check_overlap(const Operation& operation);
    std::optional<Error> injected_failure(const io::DiskOp& op);
    void complete(Operation& operation);
    io::DiskCompletion perform(Operation& operation);
    void check_unchanged(const Operation& operation);
    uint64_t perform_read(Operation& operation);
    std::optional<Error> perform_write(Operation& operation);
    void tear_failed_write(Operation& operation);
    void perform_flush(const Operation& operation);
    void perform_create(const Operation& operation);
    void perform_remove(const Operation& operation);
    BlockRef unwritten_block(const File& file, uint64_t index) const;
    BlockRef visible_block(const File& file, uint64_t index) const;
    BlockRef durable_block(const File& file, uint64_t index) const;
    static void drop_cached(File& file, uint64_t index);
    std::vector<CrashItem> collect_crash_items() const;
    uint32_t changing_sectors(const CrashItem& item, size_t block) const;
    static std::shared_ptr<File> durable_copy(const File& file);
    void keep_sectors(const CrashItem& item, size_t block, uint32_t sectors);
    void spoil_sector(const CrashItem& item, size_t block, Random& random);
    void violation(const Operation& operation, const char* what);

    DirectoryOptions options_;
    Random random_;
    Nanos now_{0}, stalled_until_{0};
    std::map<io::FileId, std::shared_ptr<File>> files_;
    std::vector<Removed> removed_;
    std::map<Due, Operation> operations_;
    std::vector<Fault> faults_;
    uint64_t operation_count_ = 0;
    uint64_t event_count_ = 0;
    std::vector<std::string> violations_;
    DirectoryObserver* observer_ = nullptr;
};

/// "journal/3": for messages.
std::string to_text(io::FileId file);

}  // namespace penstock::sim
