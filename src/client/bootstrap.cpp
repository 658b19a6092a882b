#include "client/bootstrap.h"

#include <fmt/format.h>

#include <charconv>

namespace penstock::client {

namespace {

std::unexpected<Failure> nonsense(std::string_view part, std::string_view why) {
    return refuse(PENSTOCK_INVALID, fmt::format("bootstrap address \"{}\": {}", part, why));
}

Outcome<io::Address> parse_address(std::string_view part, uint16_t port_default) {
    io::Address address{.port = port_default};
    std::string_view host = part, port;
    if (part.starts_with('[')) {
        const size_t end = part.find(']');
        if (end == std::string_view::npos) return nonsense(part, "the bracket is not closed");
        host = part.substr(1, end - 1);
        const std::string_view rest = part.substr(end + 1);
        if (!rest.empty() && !rest.starts_with(':')) return nonsense(part, "a port must follow \"]:\"");
        if (!rest.empty()) port = rest.substr(1);
        if (!rest.empty() && port.empty()) return nonsense(part, "the port is missing");
    } else if (const size_t colon = part.find(':'); colon != std::string_view::npos) {
        if (part.find(':', colon + 1) != std::string_view::npos) {
            return nonsense(part, "an IPv6 address belongs into brackets: [::1]:9192");
        }
        host = part.substr(0, colon);
        port = part.substr(colon + 1);
        if (port.empty()) return nonsense(part, "the port is missing");
    }
    if (host.empty()) return nonsense(part, "the host is missing");
    if (!port.empty()) {
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
        if (error != std::errc() || end != port.data() + port.size() || address.port == 0) {
            return nonsense(part, "a port is a number from 1 to 65535");
        }
    }
    address.host = host;
    return address;
}

}  // namespace

Outcome<Bootstrap> parse_bootstrap(std::string_view text) {
    Bootstrap bootstrap;
    if (const size_t end = text.find("://"); end != std::string_view::npos) {
        const std::string_view road = text.substr(0, end);
        if (road == "tcp") {
            bootstrap.road = io::Road::tcp;
        } else if (road == "dpdk") {
            bootstrap.past_kernel = true;
        } else if (road != "udp") {
            return nonsense(text, "the road is udp, tcp or dpdk");
        }
        text.remove_prefix(end + 3);
    }
    const uint16_t port_default = bootstrap.road == io::Road::tcp ? tcp_port_default : native_port_default;
    while (true) {
        const size_t comma = text.find(',');
        auto address = parse_address(text.substr(0, comma), port_default);
        if (!address) return std::unexpected(std::move(address.error()));
        address->road = bootstrap.road;
        bootstrap.addresses.push_back(std::move(*address));
        if (comma == std::string_view::npos) return bootstrap;
        if (bootstrap.addresses.size() == bootstrap_addresses_max) return nonsense(text, "too many addresses");
        text.remove_prefix(comma + 1);
    }
}

std::string show(const io::Address& address) {
    const bool numeric_v6 = address.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", numeric_v6 ? "[" : "", address.host, numeric_v6 ? "]" : "", address.port);
}

}  // namespace penstock::client
