#include "replica/fork.h"

#include <algorithm>

namespace penstock::replica {

namespace {

/// Where the epoch at `place` ends.
Offset end_of(const LogShape& log, size_t place) {
    const Offset end = place + 1 < log.epochs.size() ? log.epochs[place + 1].offset : log.end;
    return std::min(end, log.end);
}

/// The end of what both logs have alike; the follower's start where they have nothing in common.
Offset common_end(const LogShape& leader, const LogShape& follower) {
    for (size_t theirs = follower.epochs.size(); theirs-- > 0;) {
        const LeaderEpoch epoch = follower.epochs[theirs].epoch;
        const auto ours = std::ranges::lower_bound(leader.epochs, epoch, {}, &EpochBegin::epoch);
        if (ours == leader.epochs.end() || ours->epoch != epoch) continue;
        return std::min(end_of(leader, static_cast<size_t>(ours - leader.epochs.begin())), end_of(follower, theirs));
    }
    return follower.start;
}

/// Whether the follower's last epoch is later than that of the leader's next record.
bool is_ahead(const LogShape& leader, const LogShape& follower, Offset offset) {
    if (follower.epochs.empty()) return false;
    const auto after = std::ranges::upper_bound(leader.epochs, offset, {}, &EpochBegin::offset);
    return after == leader.epochs.begin() || std::prev(after)->epoch < follower.epochs.back().epoch;
}

}  // namespace

Fork find_fork(const LogShape& leader, const LogShape& follower) {
    const Offset common = common_end(leader, follower);
    // An empty log of a follower that begins within the leader's goes on from there, whatever it held before.
    const bool continues = common >= follower.start && common >= leader.start && common <= leader.end;
    if (continues) return {common, false, follower.end > common || is_ahead(leader, follower, common)};
    return {leader.start, true, true};
}

}  // namespace penstock::replica
