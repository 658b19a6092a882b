#include "dpdk/kernel_neighbours.h"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace penstock::dpdk {

namespace {

constexpr uint16_t known_states = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
constexpr uint16_t sure_states = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;
constexpr int messages_max = 8;   // read for one question: answers to earlier ones may be there, hardly so many

/// As the kernel wants to read it.
struct Question {
    nlmsghdr header;
    ndmsg neighbour;
    nlattr attribute;
    std::array<std::byte, 4> hop;
};
static_assert(sizeof(Question) == 36);

/// The first of its kind from there on. Nothing if there is none, or it reaches past the end.
template <class T>
std::optional<T> read_at(std::span<const std::byte> bytes, size_t at) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::optional<Mac> find_mac(std::span<const std::byte> attributes) {
    for (size_t at = 0; const auto attribute = read_at<nlattr>(attributes, at);) {
        const size_t size = attribute->nla_len;
        if (size < sizeof(nlattr)) return std::nullopt;
        const auto mac = read_at<Mac>(attributes, at + sizeof(nlattr));
        if (attribute->nla_type == NDA_LLADDR && size == sizeof(nlattr) + sizeof(Mac)) return mac;
        at += (size + NLA_ALIGNTO - 1) / NLA_ALIGNTO * NLA_ALIGNTO;
    }
    return std::nullopt;
}

bool is_station(const Mac& mac) { return (mac[0] & std::byte{1}) == std::byte{0} && mac != Mac{}; }

}  // namespace

std::optional<KernelNeighbour> parse_neighbour(std::span<const std::byte> message) {
    const auto header = read_at<nlmsghdr>(message, 0);
    if (!header || header->nlmsg_len < sizeof *header || header->nlmsg_len > message.size()) return std::nullopt;
    message = message.subspan(sizeof *header, header->nlmsg_len - sizeof *header);
    if (header->nlmsg_type == NLMSG_ERROR) return KernelNeighbour{.sequence = header->nlmsg_seq};
    const auto neighbour = read_at<ndmsg>(message, 0);
    if (header->nlmsg_type != RTM_NEWNEIGH || !neighbour || neighbour->ndm_family != AF_INET) return std::nullopt;
    KernelNeighbour read{.sequence = header->nlmsg_seq};
    if ((neighbour->ndm_state & known_states) == 0) return read;
    const auto mac = find_mac(message.subspan(sizeof *neighbour));
    if (!mac || !is_station(*mac)) return read;
    read.mac = mac;
    read.sure = (neighbour->ndm_state & sure_states) != 0;
    return read;
}

Opened<std::unique_ptr<KernelNeighbours>> KernelNeighbours::open(const std::string& interface) {
    const unsigned index = ::if_nametoindex(interface.c_str());
    if (index == 0) return std::unexpected(failure_of_call("the interface " + interface));
    const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (socket < 0) return std::unexpected(failure_of_call("no socket to ask the kernel for neighbours"));
    std::unique_ptr<KernelNeighbours> opened(new KernelNeighbours(socket, index));
    // Connected, it hears the kernel only.
    const sockaddr_nl kernel{.nl_family = AF_NETLINK};
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) != 0)
        return std::unexpected(failure_of_call("no way to ask the kernel for neighbours"));
    return opened;
}

KernelNeighbours::~KernelNeighbours() { ::close(socket_); }

std::optional<Mac> KernelNeighbours::find(Ipv4 hop) {
    const std::lock_guard lock(mutex_);
    const KernelNeighbour known = ask(RTM_GETNEIGH, 0, 0, hop);
    // As if the kernel had something to send there: it asks on the wire unless it does so already.
    if (!known.sure) ask(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, NTF_USE, hop);
    return known.mac;
}

/// The kernel answers before send() returns.
KernelNeighbour KernelNeighbours::ask(uint16_t what, uint16_t how, uint8_t flags, Ipv4 hop) {
    Question question{};
    question.header = {.nlmsg_len = sizeof question, .nlmsg_type = what,
                       .nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | how), .nlmsg_seq = ++sequence_};
    question.neighbour.ndm_family = AF_INET;
    question.neighbour.ndm_ifindex = static_cast<int>(interface_index_);
    question.neighbour.ndm_flags = flags;
    question.attribute = {.nla_len = sizeof(nlattr) + sizeof question.hop, .nla_type = NDA_DST};
    store_be<uint32_t>(question.hop.data(), hop.value);
    if (::send(socket_, &question, sizeof question, 0) != sizeof question) return {};
    std::array<std::byte, 1024> answer;
    for (int i = 0; i < messages_max; ++i) {
        const ssize_t size = ::recv(socket_, answer.data(), answer.size(), 0);
        if (size <= 0) return {};
        const auto read = parse_neighbour(std::span(answer).first(static_cast<size_t>(size)));
        if (read && read->sequence == sequence_) return *read;
    }
    return {};
}

}  // namespace penstock::dpdk
