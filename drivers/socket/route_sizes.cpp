#include "socket/route_sizes.h"

#include "base/bytes.h"
#include "base/random.h"
#include "socket/datagram_socket.h"

namespace penstock::socket {

namespace {

constexpr int64_t age_ns_max = 10 * second_ns;
constexpr uint32_t datagram_bytes_anywhere = 1280 - 40 - 8;  ///< IPv6 demands an MTU of 1,280

}  // namespace

uint32_t RouteSizes::datagram_bytes_max(const io::Endpoint& to, Nanos now) {
    const io::Endpoint host{.ip = to.ip};
    const uint64_t high = load_be<uint64_t>(host.ip.data()), low = load_be<uint64_t>(host.ip.data() + 8);
    Known& known = known_[mix64(high ^ mix64(low)) % known_.size()];
    if (known.bytes > 0 && known.host == host && now < known.until) return known.bytes;
    ++lookups_;
    const uint32_t bytes = route_datagram_bytes({.ip = to.ip, .port = to.port == 0 ? uint16_t{9} : to.port});
    if (bytes == 0) return datagram_bytes_anywhere;  // not kept: a route may come any moment
    known = {host, bytes, now + age_ns_max};
    return bytes;
}

}  // namespace penstock::socket
