#include "cli/device_facts.h"

#include <net/if.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/values.h"

namespace penstock::cli {

namespace {

constexpr int parents_max = 16;       // of a device, on the way up to the one that says its NUMA node
constexpr size_t parts_max = 64;      // of a dm or md device
constexpr int stack_depth_max = 8;    // LVM on RAID on encryption, and some more

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string last_part(const std::string& path) { return printable(path.substr(path.rfind('/') + 1)); }

/// "0000:3b:00.0"
bool is_pci_address(std::string_view text) {
    if (text.size() != 12 || text[4] != ':' || text[7] != ':' || text[10] != '.') return false;
    return std::ranges::all_of(text, [](char c) {
        return c == ':' || c == '.' || std::isxdigit(static_cast<unsigned char>(c)) != 0;
    });
}

/// The nearest that the device or those above it say; -1 is the kernel's word for unknown.
std::optional<int64_t> numa_node_above(const FactReader& reader, std::string folder) {
    for (int level = 0; level < parents_max && !folder.empty(); ++level, folder = parent_of(folder)) {
        const auto node = reader.number(folder + "/numa_node");
        if (node) return *node >= 0 ? node : std::nullopt;
    }
    return {};
}

/// What /sys says of the device behind an interface, or behind none.
void read_device(const FactReader& reader, const std::string& folder, NetworkFacts& facts) {
    facts.driver = reader.link_name(folder + "/driver");
    facts.numa_node = numa_node_above(reader, folder);
    // A virtio device is a child of its PCI device; on other buses the PCI device above is not this one.
    std::string pci = folder;
    if (last_part(pci).starts_with("virtio")) pci = parent_of(pci);
    if (!is_pci_address(last_part(pci))) return;
    facts.pci_address = last_part(pci);
    if (const auto group = reader.link_name(pci + "/iommu_group")) facts.iommu_group = parse_number<int64_t>(*group);
}

NetworkFacts read_interface(const FactReader& reader, const std::string& name) {
    const std::string folder = "/sys/class/net/" + name;
    NetworkFacts facts{.name = name, .interface = name};
    // "0x1003", as in the C language
    const std::string flags = reader.line(folder + "/flags").value_or("");
    if (flags.starts_with("0x") && flags.size() > 2 && flags.size() <= 10 &&
        std::all_of(flags.begin() + 2, flags.end(), [](unsigned char c) { return std::isxdigit(c) != 0; })) {
        facts.up = (std::stoul(flags.substr(2), nullptr, 16) & IFF_UP) != 0;
    }
    facts.carrier = reader.flag(folder + "/carrier");
    facts.mtu = reader.number(folder + "/mtu");
    facts.speed_mbit = reader.number(folder + "/speed");
    if (facts.speed_mbit && *facts.speed_mbit <= 0) facts.speed_mbit.reset();
    if (const auto queues = reader.names(folder + "/queues")) {
        const auto count = [&](std::string_view kind) {
            const auto n = std::ranges::count_if(*queues, [&](const std::string& q) { return q.starts_with(kind); });
            return static_cast<uint64_t>(n);
        };
        facts.receive_queues = count("rx-");
        facts.send_queues = count("tx-");
    }
    facts.physical = reader.exists(folder + "/device");
    const auto device = facts.physical ? reader.resolve(folder + "/device") : std::nullopt;
    if (device) read_device(reader, *device, facts);
    return facts;
}

/// The interface that a PCI device gives, its own or that of the virtio device below it.
std::optional<std::string> interface_of(const FactReader& reader, const std::string& pci_folder) {
    std::vector<std::string> folders{pci_folder + "/net"};
    for (const std::string& child : reader.names(pci_folder).value_or(std::vector<std::string>{})) {
        if (child.starts_with("virtio")) folders.push_back(pci_folder + "/" + child + "/net");
    }
    for (const std::string& folder : folders) {
        const auto names = reader.names(folder);
        if (names && !names->empty()) return names->front();
    }
    return {};
}

Outcome<NetworkFacts> find_pci_device(const FactReader& reader, const std::string& address) {
    const auto folder = reader.resolve("/sys/bus/pci/devices/" + address);
    if (!folder) return misuse(fmt::format("there is no PCI device '{}'", address), "'lspci -D' lists them.");
    const std::string kind = reader.line(*folder + "/class").value_or("");
    if (!kind.empty() && !kind.starts_with("0x02")) {
        return misuse(fmt::format("the PCI device '{}' is no network device: its class is {}", address, kind),
                      "'lspci -D' lists all devices with what they are.");
    }
    if (const auto interface = interface_of(reader, *folder)) {
        NetworkFacts facts = read_interface(reader, *interface);
        facts.name = address;
        return facts;
    }
    NetworkFacts facts{.name = address, .interface = {}, .pci_address = address, .physical = true};
    read_device(reader, *folder, facts);
    return facts;
}

/// "\040" is a blank: mountinfo writes blanks and backslashes of paths so.
std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](size_t ahead) { return static_cast<uint8_t>(text[i + ahead] - '0'); };
        const bool escape = text[i] == '\\' && i + 3 < text.size() && digit(1) < 4 && digit(2) < 8 && digit(3) < 8;
        if (escape) {
            out += static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// Both absolute.
bool lies_in(std::string_view path, std::string_view folder) {
    if (folder == "/") return path.starts_with('/');
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The whole device that the folder of a partition lies in; others are whole.
std::string whole_device(const FactReader& reader, const std::string& folder) {
    return reader.exists(folder + "/partition") ? parent_of(folder) : folder;
}

void collect_parts(const FactReader& reader, const std::string& folder, int depth, std::vector<std::string>& parts) {
    const auto below = reader.names(folder + "/slaves").value_or(std::vector<std::string>{});
    if (below.empty() || depth == stack_depth_max) {
        if (std::ranges::find(parts, folder) == parts.end()) parts.push_back(folder);
        return;
    }
    for (const std::string& name : below) {
        if (parts.size() >= parts_max) return;
        if (const auto part = reader.resolve(folder + "/slaves/" + name)) {
            collect_parts(reader, whole_device(reader, *part), depth + 1, parts);
        }
    }
}

std::optional<uint64_t> read_block_bytes(const FactReader& reader, const std::string& path) {
    const auto bytes = reader.number(path);
    if (!bytes || *bytes <= 0) return {};
    return static_cast<uint64_t>(*bytes);
}

}  // namespace

std::vector<NetworkFacts> read_interfaces(const FactReader& reader) {
    std::vector<NetworkFacts> interfaces;
    for (const std::string& name : reader.names("/sys/class/net").value_or(std::vector<std::string>{})) {
        const bool is_interface = reader.exists("/sys/class/net/" + name + "/flags");  // "bonding_masters" is a file
        if (is_interface && name != "lo") interfaces.push_back(read_interface(reader, name));
    }
    return interfaces;
}

Outcome<NetworkFacts> find_network_device(const FactReader& reader, const std::string& name) {
    if (is_pci_address(name)) return find_pci_device(reader, name);
    if (is_pci_address("0000:" + name)) return find_pci_device(reader, "0000:" + name);
    const auto names = reader.names("/sys/class/net").value_or(std::vector<std::string>{});
    const bool there = std::ranges::find(names, name) != names.end();
    if (there && reader.exists("/sys/class/net/" + name + "/flags")) return read_interface(reader, name);
    std::string hint = did_you_mean(name, names);
    if (hint.empty()) hint = "'ip link' lists the interfaces, 'lspci -D' the PCI devices.";
    return misuse(fmt::format("there is no network interface '{}'", printable(name)), hint);
}

std::optional<MountFacts> find_mount(std::string_view mountinfo, std::string_view path) {
    std::optional<MountFacts> best;
    for (size_t begin = 0; begin < mountinfo.size();) {
        const size_t end = std::min(mountinfo.find('\n', begin), mountinfo.size());
        std::istringstream words{std::string(mountinfo.substr(begin, end - begin))};
        begin = end + 1;
        // id parent major:minor root mount-point options, optional fields, "-", type source options
        std::string skipped, mount_point, options, word, type, source, more;
        words >> skipped >> skipped >> skipped >> skipped >> mount_point >> options;
        while (words >> word && word != "-") {}
        if (!(words >> type >> source)) continue;
        words >> more;
        mount_point = unescaped(mount_point);
        // Of several at one place the last one hides the others.
        if (!lies_in(path, mount_point) || (best && mount_point.size() < best->mount_point.size())) continue;
        best = MountFacts{.mount_point = mount_point, .type = printable(type),
                          .options = printable(more.empty() ? options : options + "," + more)};
    }
    return best;
}

std::optional<BlockFacts> read_block_device(const FactReader& reader, uint32_t major, uint32_t minor) {
    const auto found = reader.resolve(fmt::format("/sys/dev/block/{}:{}", major, minor));
    if (!found) return {};
    const std::string folder = whole_device(reader, *found), queue = folder + "/queue";
    BlockFacts facts{.device = last_part(folder)};
    facts.rotational = reader.flag(queue + "/rotational");
    const std::string cache = reader.line(queue + "/write_cache").value_or("");
    if (cache == "write back" || cache == "write through") facts.volatile_cache = cache == "write back";
    facts.fua = reader.flag(queue + "/fua");
    facts.logical_block_bytes = read_block_bytes(reader, queue + "/logical_block_size");
    facts.physical_block_bytes = read_block_bytes(reader, queue + "/physical_block_size");
    if (const auto schedulers = reader.line(queue + "/scheduler")) facts.scheduler = parse_choice(*schedulers);
    std::vector<std::string> parts;
    collect_parts(reader, folder, 0, parts);
    for (const std::string& part : parts) {
        facts.parts.push_back(last_part(part));
        const std::string model = reader.line(part + "/device/model").value_or("");
        if (!model.empty() && std::ranges::find(facts.models, model) == facts.models.end()) {
            facts.models.push_back(model);
        }
        const auto node = numa_node_above(reader, part);
        if (&part == &parts.front()) facts.numa_node = node;
        else if (facts.numa_node != node) facts.numa_node.reset();
    }
    return facts;
}

}  // namespace penstock::cli
