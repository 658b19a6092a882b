#include "dpdk/device_plan.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace penstock::dpdk {

namespace {

constexpr uint32_t mtu_min = 576, mtu_max = 9'600;
constexpr Vlan vlan_max = 4094;
constexpr uint32_t buffers_min = 256, buffers_max = 16'384;   // of a link
constexpr uint32_t waiting_max = 1024;

bool is_hex(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// "0000:01:00.0"; the domain may be missing.
std::optional<std::string> pci_address(const std::string& text) {
    const size_t dot = text.rfind('.');
    if (text.size() < 7 || dot != text.size() - 2 || text[dot - 3] != ':') return std::nullopt;
    const std::string_view rest = std::string_view(text).substr(0, dot - 3);
    const bool whole = rest.size() == 7 && rest[4] == ':';
    if (!is_hex(std::string_view(text).substr(dot - 2, 2)) || text[dot + 1] < '0' || text[dot + 1] > '7')
        return std::nullopt;
    if (!is_hex(rest.substr(whole ? 5 : 0)) || (whole ? !is_hex(rest.substr(0, 4)) : rest.size() != 2))
        return std::nullopt;
    return whole ? text : "0000:" + text;
}

std::optional<Ipv4> parse_ipv4(const std::string& text) {
    in_addr four{};
    if (::inet_pton(AF_INET, text.c_str(), &four) != 1) return std::nullopt;
    return Ipv4{ntohl(four.s_addr)};
}

std::optional<Subnet> parse_subnet(const std::string& text) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos) return std::nullopt;
    const auto own = parse_ipv4(text.substr(0, slash));
    Subnet subnet;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, subnet.prefix_bits);
    if (!own || error != std::errc() || rest != end || subnet.prefix_bits < 1 || subnet.prefix_bits > 32)
        return std::nullopt;
    subnet.own = *own;
    return subnet;
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    for (size_t at = text.find_first_not_of(' '); at != std::string::npos;) {
        const size_t end = std::min(text.find(' ', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(' ', end);
    }
    return words;
}

/// Takes the value of an argument out of a device's; empty where it has none.
std::string take_argument(std::string& device, const std::string& key) {
    const size_t at = device.find("," + key + "=");
    if (at == std::string::npos) return {};
    const size_t end = std::min(device.find(',', at + 1), device.size());
    const size_t value = at + key.size() + 2;
    std::string found = device.substr(value, end - value);
    device.erase(at, end - at);
    return found;
}

/// Nothing of DPDK's is shared with other processes, or left behind; what goes wrong is ours to say.
std::vector<std::string> environment_arguments(const DeviceOptions& options, uint32_t core,
                                               const std::optional<std::string>& pci) {
    std::vector<std::string> words{"-l", std::to_string(core), "--no-telemetry", "--log-level=*:error"};
    if (options.huge_pages) words.insert(words.end(), {"--in-memory", "--single-file-segments"});
    else words.insert(words.end(), {"--no-huge", "--no-shconf"});
    words.insert(words.end(), {"-m", std::to_string(options.memory_bytes / mib)});
    if (pci) words.insert(words.end(), {"-a", *pci});
    else words.push_back("--no-pci");
    for (std::string& word : words_of(options.arguments)) words.push_back(std::move(word));
    return words;
}

}  // namespace

std::expected<DevicePlan, std::string> plan_device(const DeviceOptions& options, uint32_t core) {
    const auto wrong = [](std::string why) { return std::unexpected(std::move(why)); };
    if (options.device.empty()) return wrong("no device is named");
    const auto pci = pci_address(options.device);
    const auto subnet = parse_subnet(options.address);
    if (!subnet)
        return wrong("the address \"" + options.address + "\" is not one of IPv4 with its prefix, 10.0.0.1/24");
    DevicePlan plan{.name = pci ? *pci : options.device.substr(0, options.device.find(',')),
                    .virtual_device = pci ? std::string() : options.device,
                    .arguments = environment_arguments(options, core, pci),
                    .port = {.subnet = *subnet, .vlan = options.vlan, .queues = options.queues, .lanes = options.lanes,
                             .mtu = options.mtu, .first_free_port = options.first_free_port,
                             .last_free_port = options.last_free_port, .tap = options.tap},
                    .link = {}};
    if (!options.gateway.empty()) {
        const auto gateway = parse_ipv4(options.gateway);
        if (!gateway) return wrong("the gateway \"" + options.gateway + "\" is not an address of IPv4");
        if (Neighbours(*subnet).next_hop(*gateway) != gateway)
            return wrong("the gateway " + options.gateway + " is no station of the network of " + options.address);
        plan.port.subnet.gateway = *gateway;
    }
    if (options.first_free_port == 0 || options.first_free_port > options.last_free_port)
        return wrong("there are no ports of UDP from " + std::to_string(options.first_free_port) + " to " +
                     std::to_string(options.last_free_port));
    if (plan.name.starts_with("net_af_xdp")) {
        plan.port.kernel_interface = take_argument(plan.virtual_device, "iface");
        if (plan.port.kernel_interface.empty()) return wrong(options.device + " names no interface (iface=...)");
        if (!options.tap.empty())
            return wrong("the kernel keeps the interface of " + plan.name + ": there is nothing for a tap to do");
    }
    if (options.vlan > vlan_max) return wrong("there is no VLAN " + std::to_string(options.vlan));
    if (options.mtu < mtu_min || options.mtu > mtu_max)
        return wrong("an MTU is from " + std::to_string(mtu_min) + " to " + std::to_string(mtu_max));
    const uint64_t buffers = options.receive_bytes / options.mtu;
    plan.link.receive_buffers = static_cast<uint32_t>(std::clamp<uint64_t>(buffers, buffers_min, buffers_max));
    plan.link.waiting_max = waiting_max;
    const uint32_t lanes_a_queue = (std::max(options.lanes, options.queues) + options.queues - 1u) / options.queues;
    plan.port.frames_lent = lanes_a_queue * (plan.link.receive_buffers + waiting_max);
    return plan;
}

}  // namespace penstock::dpdk
