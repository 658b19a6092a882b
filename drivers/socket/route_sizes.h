// The largest datagram for each of the peers asked about lately, so that not every question costs system calls.
//
// Bounded: a peer takes the place of another. Answers age, since routes change.
#pragma once

#include <array>
#include <cstdint>

#include "base/units.h"
#include "io/link.h"

namespace penstock::socket {

class RouteSizes {
public:
    /// Where there is no route, what every path of IPv6 carries.
    uint32_t datagram_bytes_max(const io::Endpoint& to, Nanos now);
    uint64_t lookups() const { return lookups_; }

private:
    struct Known {
        io::Endpoint host;   ///< port 0
        uint32_t bytes = 0;  ///< 0: nothing
        Nanos until;
    };
    std::array<Known, 64> known_;
    uint64_t lookups_ = 0;
};

}  // namespace penstock::socket
