// Bugs that the simulator can be made to look for, to show that it finds them: one at a time, in a build of its own.
//
// Most stand in seeded_bugs.py, which puts them into copies of the sources; some are what the world does to a broker.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

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
    // Where there are replicas:
    duplicate_before_replicated,  ///< a retry is answered before what it repeats is replicated
    watermark_of_proposed_set,    ///< while a proposal is under way only its members count
    watermark_of_recorded_set,    ///< while a proposal is under way its members do not count
    shrunk_without_record,        ///< a leader does not wait for who lags, whatever the record says
    fork_not_cut,                 ///< a follower's log is cut only to the length of the leader's
    stale_leader_accepted,        ///< a follower listens to leaders of old epochs
    producers_lost_at_failover,   ///< followers do not learn the producers of what they are sent
    empty_disk_elected,           ///< a broker that comes with an empty disk stays in sync
};

/// `replicas`: how many it takes to see the bug.
struct NamedBug {
    std::string_view name;
    SeededBug bug;
    uint64_t replicas = 1;
};

inline constexpr auto named_bugs = std::to_array<NamedBug>({
    {"ack_before_durable", SeededBug::ack_before_durable},
    {"duplicate_before_durable", SeededBug::duplicate_before_durable},
    {"watermark_past_durable", SeededBug::watermark_past_durable},
    {"producers_forgotten", SeededBug::producers_forgotten},
    {"epoch_kept", SeededBug::epoch_kept},
    {"empty_disk_trusted", SeededBug::empty_disk_trusted},
    {"disk_lies", SeededBug::disk_lies},
    {"duplicate_before_replicated", SeededBug::duplicate_before_replicated, 3},
    {"watermark_of_proposed_set", SeededBug::watermark_of_proposed_set, 3},
    {"watermark_of_recorded_set", SeededBug::watermark_of_recorded_set, 3},
    {"shrunk_without_record", SeededBug::shrunk_without_record, 3},
    {"fork_not_cut", SeededBug::fork_not_cut, 3},
    {"stale_leader_accepted", SeededBug::stale_leader_accepted, 3},
    {"producers_lost_at_failover", SeededBug::producers_lost_at_failover, 3},
    {"empty_disk_elected", SeededBug::empty_disk_elected, 3},
});

/// The one that is switched on.
inline SeededBug seeded_bug = SeededBug::none;

}  // namespace penstock::sim
