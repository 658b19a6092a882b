// sendmmsg() as a network makes it behave that a test cannot have: replaced for the whole program, and passed on to the
// kernel unless a test wants something else.
#pragma once

#include <cstddef>
#include <deque>

namespace penstock::tests {

struct RefusedSends {
    std::deque<int> os_errors;    ///< of the next calls, one each
    size_t messages_before = 0;   ///< that still go through
    bool only_segmented = false;  ///< messages that the kernel is to cut
    bool for_ever = false;        ///< the first error stays
};

/// What happens to all further calls.
RefusedSends& refused_sends();

}  // namespace penstock::tests
