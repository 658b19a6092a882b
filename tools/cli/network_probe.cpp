#include "cli/network_probe.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "cli/output.h"

namespace penstock::cli {

namespace {

constexpr uint32_t features_max = 1024;  // Linux 6.18 has 64

/// A socket through which drivers are asked; any kind does.
class Ethtool {
public:
    explicit Ethtool(const std::string& interface)
        : interface_(interface), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    ~Ethtool() {
        if (fd_ >= 0) ::close(fd_);
    }
    Ethtool(const Ethtool&) = delete;
    Ethtool& operator=(const Ethtool&) = delete;

    /// `command` is one of the structures of linux/ethtool.h, its number first.
    bool ask(void* command) const {
        ifreq request{};
        if (fd_ < 0 || interface_.size() >= sizeof request.ifr_name) return false;
        interface_.copy(request.ifr_name, interface_.size());
        request.ifr_data = static_cast<char*>(command);
        return ::ioctl(fd_, SIOCETHTOOL, &request) == 0;
    }

private:
    std::string interface_;
    int fd_;
};

/// A structure of linux/ethtool.h with the array at its end. How many features there are is fixed in a kernel, so what
/// it said when it was asked for the count holds for the next questions.
template <class Head>
class Answer {
public:
    explicit Answer(size_t array_bytes) : words_((sizeof(Head) + array_bytes) / sizeof(uint64_t) + 1) {}
    Head* head() { return reinterpret_cast<Head*>(words_.data()); }
    const std::byte* array() const { return reinterpret_cast<const std::byte*>(words_.data()) + sizeof(Head); }

private:
    std::vector<uint64_t> words_;
};

uint32_t feature_count(const Ethtool& ethtool) {
    Answer<ethtool_sset_info> info(sizeof(uint32_t));
    info.head()->cmd = ETHTOOL_GSSET_INFO;
    info.head()->sset_mask = uint64_t{1} << ETH_SS_FEATURES;
    if (!ethtool.ask(info.head()) || info.head()->sset_mask == 0) return 0;
    uint32_t count = 0;
    std::memcpy(&count, info.array(), sizeof count);
    return count;
}

std::vector<std::pair<std::string, bool>> read_features(const Ethtool& ethtool) {
    const uint32_t count = feature_count(ethtool);
    if (count == 0 || count > features_max) return {};
    Answer<ethtool_gstrings> names(size_t{count} * ETH_GSTRING_LEN);
    names.head()->cmd = ETHTOOL_GSTRINGS;
    names.head()->string_set = ETH_SS_FEATURES;
    names.head()->len = count;
    const uint32_t blocks = (count + 31) / 32;
    Answer<ethtool_gfeatures> states(blocks * sizeof(ethtool_get_features_block));
    states.head()->cmd = ETHTOOL_GFEATURES;
    states.head()->size = blocks;
    if (!ethtool.ask(names.head()) || !ethtool.ask(states.head())) return {};
    std::vector<std::pair<std::string, bool>> features;
    for (uint32_t i = 0; i < count; ++i) {
        char name[ETH_GSTRING_LEN + 1] = {};
        std::memcpy(name, names.array() + size_t{i} * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
        ethtool_get_features_block block{};
        std::memcpy(&block, states.array() + i / 32 * sizeof block, sizeof block);
        features.emplace_back(name, (block.active >> i % 32 & 1) != 0);
    }
    return features;
}

}  // namespace

Offloads read_offloads(const std::vector<std::pair<std::string, bool>>& features) {
    Offloads offloads;
    const auto add = [](std::optional<bool>& target, bool on) { target = target.value_or(false) || on; };
    for (const auto& [name, on] : features) {
        if (name.starts_with("tx-checksum-ip")) add(offloads.send_checksum, on);  // -ip-generic, -ipv4, -ipv6
        else if (name == "tx-generic-segmentation") add(offloads.segmentation, on);
        else if (name == "tx-udp-segmentation") add(offloads.udp_segmentation, on);
        else if (name == "rx-gro") add(offloads.receive_offload, on);
    }
    return offloads;
}

void ask_interface(NetworkFacts& facts) {
    if (!facts.interface) return;
    const Ethtool ethtool(*facts.interface);
    if (!facts.driver) {
        ethtool_drvinfo info{};
        info.cmd = ETHTOOL_GDRVINFO;
        if (ethtool.ask(&info)) {
            info.driver[sizeof info.driver - 1] = '\0';
            facts.driver = printable(info.driver);
        }
    }
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (ethtool.ask(&channels)) facts.queues_max = std::max(channels.max_combined, channels.max_rx);
    facts.offloads = read_offloads(read_features(ethtool));
}

}  // namespace penstock::cli
