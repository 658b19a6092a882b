// Where two logs of one partition part. Pure.
//
// Records of one leader epoch were all written by one leader, so where both logs have an epoch they have the same
// records in it, as far as both of them reach. The fork is where the newest epoch that both know ends in the log in
// which it ends sooner. A follower cuts its log there, never by guess, and goes on with what its leader has.
#pragma once

#include <span>

#include "base/units.h"

namespace penstock::replica {

struct EpochBegin {
    LeaderEpoch epoch;
    Offset offset;   ///< of its first record
    friend bool operator==(const EpochBegin&, const EpochBegin&) = default;
};

/// One log, as far as it matters here.
struct LogShape {
    Offset start, end;
    std::span<const EpochBegin> epochs;   ///< in order of both; an epoch without records may be missing
};

struct Fork {
    Offset offset;          ///< the follower's log ends here, and goes on with the leader's
    bool anew = false;      ///< the leader does not have what would follow: the follower begins with an empty log there
    bool cuts = false;      ///< there is something to be cut: records, or an epoch without any that is later than the
                            ///< leader's next record, which would be refused for it
    friend bool operator==(const Fork&, const Fork&) = default;
};

Fork find_fork(const LogShape& leader, const LogShape& follower);

}  // namespace penstock::replica
