// Files that are written through and ready to be taken, so that nothing on the path of an acknowledgement grows a file.
//
// Refills in the background. One maker prepares a file: create, write zeros, flush, ready. One maker works, within
// the configured rate while there is load; all of them work at full speed while somebody waits, so that their flushes
// overlap. Freed files come back as they are. Owns no I/O: the store asks next_step() what to do and reports its end.
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
        uint64_t bytes_per_s = 0;        ///< of the refill under load, while nobody waits
        uint64_t limit_bytes = 0;        ///< all log files together; 0: none
        uint32_t first_number = 0;       ///< file numbers are first_number + k * stride
        uint32_t stride = 1;
        uint64_t in_use_bytes = 0;       ///< files that logs hold already
    };
    enum class StepKind : uint8_t { create, write, flush, remove };
    struct Step {
        StepKind kind = StepKind::create;
        uint32_t maker = 0;              ///< who does it
        io::FileId file;
        uint64_t offset = 0;
        uint64_t size = 0;
    };
    static constexpr uint64_t step_bytes = mib;
    static constexpr uint32_t makers_max = 4;  ///< more gain nothing: the zeros then take the disk from the appends

    explicit FilePool(const Options& options, std::vector<io::FileId> ready, std::vector<io::FileId> half_made);

    /// A file of the class; if there is none a smaller, then a larger one. Empty: the refill is told that somebody
    /// waits.
    std::optional<io::FileId> take(uint8_t file_class);
    /// A file for work that can wait: none if it were the last one ready, and the refill is told nothing.
    std::optional<io::FileId> take_spare(uint8_t file_class);
    /// Takes back a file that nobody uses any more.
    void give(io::FileId file);

    /// The next background operation, if one is due. At most one for each maker is under way.
    std::optional<Step> next_step(Nanos now);
    void step_done(uint32_t maker, bool ok, Errc error, Nanos now);
    Nanos next_deadline() const;

    bool disk_full() const { return disk_full_; }
    /// Records come or go: for a second from now the refill keeps to its rate.
    void note_load(Nanos now) { loaded_until_ = now + second_ns; }
    bool loaded(Nanos now) const { return now < loaded_until_; }
    /// A checkpoint found no space: makes no files until resume(), and removes one that nobody uses.
    void yield();
    void resume() { yielding_ = false; }
    uint64_t ready_count() const;
    uint64_t in_use_bytes() const { return in_use_bytes_; }
    void stop() { stopped_ = true; }
    bool idle() const;

private:
    struct Maker {
        std::optional<io::FileId> file;  ///< being made
        Step step;                       ///< under way, or the next one
        uint64_t made_to = 0;
        bool under_way = false;
    };

    std::optional<io::FileId> take_ready(uint8_t file_class);
    bool urgent() const;
    Nanos next_begin() const;
    uint64_t target(uint8_t file_class) const;
    uint64_t making(uint8_t file_class) const;
    std::optional<uint8_t> wanted_class() const;
    uint64_t made_bytes() const;
    bool begin_step(Maker& maker, Nanos now);
    bool may_begin() const;
    bool begin_file(Maker& maker, Nanos now);

    Options options_;
    std::array<std::vector<io::FileId>, file_class_count> ready_;
    std::array<bool, file_class_count> waited_for_{};
    std::vector<io::FileId> half_made_;   ///< found at start, or failed: to be removed
    std::array<Maker, makers_max> makers_;
    uint32_t next_number_;
    uint64_t in_use_bytes_;
    bool disk_full_ = false;
    bool yielding_ = false;
    uint8_t class_max_ = file_class_count - 1;  ///< the disk refused larger ones, and nothing came back since
    bool stopped_ = false;
    Nanos retry_at_{0};                   ///< after the disk refused what somebody waits for
    Nanos refill_at_{0};                  ///< after it refused what nobody waits for
    Nanos paced_until_{0};                ///< under load, unless somebody waits
    Nanos loaded_until_{0};
};

}  // namespace penstock::log
