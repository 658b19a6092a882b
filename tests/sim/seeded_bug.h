// Bugs that the simulator can be made to look for, to show that it finds them: one at a time, in a build of its own.
//
// Most stand in seeded_bugs.py, which puts them into copies of the sources; some are what the world does to a broker.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace penstock::sim {

enum class SeededBug : uint8_t {
    none,
    ack_before_durable,        ///< producers are answered when their records are appended
    duplicate_before_durable,  ///< a retry is answered before what it repeats is durable
    watermark_past_durable,    ///< consumers are shown what a crash may take
    producers_forgotten,       ///< de-duplication begins anew with each start
    epoch_kept,                ///< a broker goes on under its old epoch after a crash
    empty_disk_trusted,        ///< an empty disk pretends to be the one that was there before
    disk_lies,                 ///< the disk says that writes are durable when they are not
};

inline constexpr auto bug_names = std::to_array<std::pair<std::string_view, SeededBug>>({
    {"ack_before_durable", SeededBug::ack_before_durable},
    {"duplicate_before_durable", SeededBug::duplicate_before_durable},
    {"watermark_past_durable", SeededBug::watermark_past_durable},
    {"producers_forgotten", SeededBug::producers_forgotten},
    {"epoch_kept", SeededBug::epoch_kept},
    {"empty_disk_trusted", SeededBug::empty_disk_trusted},
    {"disk_lies", SeededBug::disk_lies},
});

/// The one that is switched on.
inline SeededBug seeded_bug = SeededBug::none;

}  // namespace penstock::sim
