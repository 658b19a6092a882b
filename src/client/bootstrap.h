// The addresses that a client begins with: "udp://host:port,host:port".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/failure.h"
#include "io/stream.h"

namespace penstock::client {

inline constexpr uint16_t native_port_default = 9192;
inline constexpr uint16_t tcp_port_default = 9092;
inline constexpr size_t bootstrap_addresses_max = 64;

struct Bootstrap {
    io::Road road = io::Road::native;
    bool past_kernel = false;             ///< the native road, on a port that the process owns
    std::vector<io::Address> addresses;   ///< at least one, all of that road
};

Outcome<Bootstrap> parse_bootstrap(std::string_view text);

/// "host:port" or "[::1]:port".
std::string show(const io::Address& address);

}  // namespace penstock::client
