// Files that are written through and ready to be taken, so that nothing on the path of an acknowledgement grows a file.
//
// Refills in the background: at full speed while somebody waits for a file, else within the configured rate. One file
// is prepared at a time: create, write zeros, flush, ready. Freed files come back as they are. Owns no I/O: the store
// asks next_step() for what to do and reports its end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.h"
#include "io/disk.h"
#include "log/format.h"

namespace penstock::log {

inline constexpr uint8_t file_class_count = 3;
constexpr io::FileKind kind_of_class(uint8_t file_class) {
    return static_cast<io::FileKind>(static_cast<uint8_t>(io::FileKind::pool_1m) + file_class);
}
constexpr uint8_t class_of_kind(io::FileKind kind) {
    return static_cast<uint8_t>(static_cast<uint8_t>(kind) - static_cast<uint8_t>(io::FileKind::pool_1m));
}

class FilePool {
public:
    struct Options {
        uint64_t ready_bytes = 0;        ///< kept ready
        uint64_t bytes_per_s = 0;        ///< of the refill while nobody waits
        uint64_t limit_bytes = 0;        ///< all log files together; 0: none
        uint32_t first_number = 0;       ///< file numbers are first_number + k * stride
        uint32_t stride = 1;
        uint64_t in_use_bytes = 0;       ///< files that logs hold already
    };
    enum class StepKind : uint8_t { create, write, flush, remove };
    struct Step {
        StepKind kind = StepKind::create;
        io::FileId file;
        uint64_t offset = 0;
        uint64_t size = 0;
    };
    static constexpr uint64_t step_bytes = mib;

    explicit FilePool(const Options& options, std::vector<io::FileId> ready, std::vector<io::FileId> half_made);

    /// A file of the class, or of a smaller one. Empty: the refill is told that somebody waits.
    std::optional<io::FileId> take(uint8_t file_class);
    /// Takes back a file that nobody uses any more.
    void give(io::FileId file);

    /// The next background operation, if one is due. At most one is under way.
    std::optional<Step> next_step(Nanos now);
    void step_done(bool ok, Errc error, Nanos now);
    Nanos next_deadline() const;

    bool disk_full() const { return disk_full_; }
    uint64_t ready_count() const;
    uint64_t in_use_bytes() const { return in_use_bytes_; }
    void stop() { stopped_ = true; }
    bool idle() const { return !under_way_; }

private:
    uint64_t target(uint8_t file_class) const;
    std::optional<uint8_t> wanted_class() const;
    uint64_t made_bytes() const;
    bool begin_file(Nanos now);

    Options options_;
    std::array<std::vector<io::FileId>, file_class_count> ready_;
    std::array<bool, file_class_count> waited_for_{};
    std::vector<io::FileId> half_made_;   ///< found at start, or failed: to be removed
    std::optional<io::FileId> making_;
    std::optional<Step> step_;
    uint64_t made_to_ = 0;
    uint32_t next_number_;
    uint64_t in_use_bytes_;
    bool under_way_ = false;
    bool disk_full_ = false;
    bool stopped_ = false;
    Nanos not_before_{0};
};

}  // namespace penstock::log
