#include "dpdk/link.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "dpdk/clock.h"
#include "dpdk/endpoint.h"
#include "dpdk/mbuf.h"

namespace penstock::dpdk {

namespace {

constexpr size_t device_burst = 32;
constexpr int bursts_max = 64;           // of the device, in one receive()
constexpr size_t outgoing_max = 64;      // frames, before the device is asked to take them
constexpr size_t routes_max = 65'536;
constexpr uint32_t ip_and_udp_bytes = 28;
constexpr int64_t waits_ns = 3 * second_ns;
constexpr int64_t look_again_ns = second_ns;

/// NONE says that the checksum was not filled in, since the bytes never left this machine: as good as GOOD.
std::optional<UdpChecksum> checksum_of(const rte_mbuf* frame) {
    switch (frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
        case RTE_MBUF_F_RX_L4_CKSUM_BAD: return std::nullopt;
        case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
        case RTE_MBUF_F_RX_L4_CKSUM_NONE: return UdpChecksum::good;
        default: return UdpChecksum::unknown;
    }
}

}  // namespace

Link::Link(Port& port, uint16_t lane, const LinkOptions& options)
    : port_(port), lane_(lane), options_(options),
      lent_(options.receive_buffers) {
    PENSTOCK_ASSERT(lane < port.lanes());
    for (uint32_t i = options.receive_buffers; i-- > 0;) free_.push_back(i);
}

Link::~Link() {
    PENSTOCK_ASSERT(free_.size() == lent_.size());
    if (udp_port_ != 0) port_.unbind(udp_port_);
    for (auto& [_, waiting] : waiting_)
        for (rte_mbuf* frame : waiting.frames) rte_pktmbuf_free(frame);
    for (rte_mbuf* frame : outgoing_) rte_pktmbuf_free(frame);
    for (; arrived_next_ < arrived_.size(); ++arrived_next_) rte_pktmbuf_free(arrived_[arrived_next_]);
}

/// The port's own address, or any, of either family: it has no other.
Result<uint16_t> Link::open(const io::Address& address) {
    PENSTOCK_ASSERT(udp_port_ == 0);
    if (!address.host.empty() && address.host != "::") {
        const auto own = resolve(address);
        if (!own) return std::unexpected(own.error());
        const Ipv4 ip = *ipv4_of(*own);
        if (ip != port_.ip() && ip != Ipv4{}) return fail(Errc::not_found);
    }
    auto bound = port_.bind(address.port, lane_);
    if (bound) udp_port_ = *bound;
    return bound;
}

Result<io::Endpoint> Link::resolve(const io::Address& address) {
    in6_addr six{};
    if (::inet_pton(AF_INET6, address.host.c_str(), &six) == 1) return fail(Errc::unsupported);
    const addrinfo wanted{.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.host.c_str(), nullptr, &wanted, &found) != 0) return fail(Errc::not_found);
    sockaddr_in first{};
    std::memcpy(&first, found->ai_addr, sizeof first);
    ::freeaddrinfo(found);
    return endpoint_of(Ipv4{ntohl(first.sin_addr.s_addr)}, address.port);
}

uint32_t Link::datagram_bytes_max(const io::Endpoint&) { return port_.mtu() - ip_and_udp_bytes; }

// Sending.

/// Looked up anew when an address became another one, and now and then, so that the table asks for it.
const Link::Route& Link::route_to(Ipv4 to, Nanos now) {
    if (routes_.size() >= routes_max && !routes_.contains(to)) routes_.clear();
    Route& route = routes_[to];
    Neighbours& neighbours = port_.neighbours();
    const uint64_t version = neighbours.version();
    if (route.mac && route.version == version && now < route.look_again_at) return route;
    route.hop = neighbours.next_hop(to);
    route.version = version;
    route.look_again_at = now + look_again_ns;
    if (!route.hop) return route;
    const Neighbours::Found found = neighbours.find(*route.hop, now);
    route.mac = found.mac;
    if (found.ask) ask(*route.hop, now);
    return route;
}

void Link::ask(Ipv4 hop, Nanos now) {
    if (KernelNeighbours* const kernel = port_.kernel_neighbours(); kernel != nullptr) {
        if (const auto mac = kernel->find(hop)) port_.neighbours().on_answer(hop, *mac, now);
        return;
    }
    rte_mbuf* frame = nullptr;
    if (!port_.allocate(lane_, {&frame, 1})) return;
    const uint32_t size = arp_frame_bytes(port_.vlan());
    set_size(frame, size);
    write_arp_request(bytes_of(frame).first(size), port_.mac(), port_.ip(), port_.vlan(), hop);
    outgoing_.push_back(frame);
    ++counters_.arp_requests;
}

size_t Link::send(std::span<const io::OutgoingBurst> bursts) {
    const Nanos now = monotonic_now();
    flush();
    size_t taken = 0;
    while (taken < bursts.size() && outgoing_.size() < outgoing_max && send_one(bursts[taken], now)) {
        ++taken;
        if (outgoing_.size() >= outgoing_max) flush();
    }
    flush();
    return taken;
}

/// False when there is no memory for it now.
bool Link::send_one(const io::OutgoingBurst& burst, Nanos now) {
    const uint64_t bytes = total_size(burst.fragments);
    PENSTOCK_ASSERT(bytes > 0 && burst.datagram_bytes > 0);
    const uint64_t count = (bytes - 1) / burst.datagram_bytes + 1;
    PENSTOCK_ASSERT(count <= io::burst_datagrams_max);
    if (std::min<uint64_t>(burst.datagram_bytes, bytes) > datagram_bytes_max(burst.to)) {
        ++counters_.too_large;
        return true;
    }
    const std::optional<Ipv4> to = ipv4_of(burst.to);
    const Route unreachable;
    const Route& route = to ? route_to(*to, now) : unreachable;
    if (!route.hop) {
        counters_.unreachable += count;
        return true;
    }
    rte_mbuf* frames[io::burst_datagrams_max];
    const std::span row = std::span(frames).first(count);
    if (!port_.allocate(lane_, row)) return false;
    write_frames(row, burst, route.mac.value_or(Mac{}));
    counters_.sent += count;
    counters_.sent_bytes += bytes;
    if (route.mac) outgoing_.insert(outgoing_.end(), row.begin(), row.end());
    else park(*route.hop, row, now);
    return true;
}

void Link::write_frames(std::span<rte_mbuf*> frames, const io::OutgoingBurst& burst, const Mac& to) {
    const Path path{port_.mac(), to, port_.vlan(), port_.ip(), *ipv4_of(burst.to), udp_port_, burst.to.port};
    const uint32_t headers = headers_bytes(port_.vlan());
    const bool device_sums = port_.device_sums_udp();
    const uint32_t full = headers + burst.datagram_bytes;
    size_t fragment = 0;
    uint32_t at = 0;   // within it
    for (rte_mbuf* frame : frames) {
        std::byte* const payload = data_of(frame) + headers;
        uint32_t size = 0;
        while (size < burst.datagram_bytes && fragment < burst.fragments.size()) {
            const Fragment& from = burst.fragments[fragment];
            const uint32_t piece = std::min(burst.datagram_bytes - size, from.size - at);
            if (piece > 0) std::memcpy(payload + size, from.data + at, piece);
            size += piece;
            at += piece;
            if (at < from.size) break;
            ++fragment;
            at = 0;
        }
        const uint32_t whole = headers + size;
        set_size(frame, whole);
        // All but the last are of one size: where the bytes do not count, their headers are the same.
        if (device_sums && frame != frames.front() && whole == full)
            std::memcpy(data_of(frame), data_of(frames.front()), headers);
        else write_datagram(bytes_of(frame).first(whole), path, device_sums);
        if (!device_sums) continue;
        frame->l2_len = (headers - ip_and_udp_bytes) & 0x7f;
        frame->l3_len = 20;
        frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
    }
}

/// Until the station answers.
void Link::park(Ipv4 hop, std::span<rte_mbuf*> frames, Nanos now) {
    if (waiting_count_ + frames.size() > options_.waiting_max) {
        counters_.unreachable += frames.size();
        for (rte_mbuf* frame : frames) rte_pktmbuf_free(frame);
        return;
    }
    Waiting& waiting = waiting_[hop];
    if (waiting.frames.empty()) waiting.until = now + waits_ns;
    waiting.frames.insert(waiting.frames.end(), frames.begin(), frames.end());
    waiting_count_ += frames.size();
}

/// Those whose station is known now; those that waited for long enough are lost.
void Link::go_on_waiting(Nanos now) {
    std::erase_if(waiting_, [&](auto& one) {
        auto& [hop, waiting] = one;
        const Neighbours::Found found = port_.neighbours().find(hop, now);
        if (found.ask) ask(hop, now);
        if (!found.mac && now < waiting.until) return false;
        for (rte_mbuf* frame : waiting.frames) {
            if (found.mac) {
                std::ranges::copy(*found.mac, data_of(frame));
                outgoing_.push_back(frame);
            } else {
                ++counters_.unreachable;
                rte_pktmbuf_free(frame);
            }
        }
        waiting_count_ -= waiting.frames.size();
        return true;
    });
}

void Link::flush() {
    size_t taken = 0;
    while (taken < outgoing_.size()) {
        const size_t more = port_.send(lane_, std::span(outgoing_).subspan(taken));
        if (more == 0) break;
        taken += more;
    }
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<ptrdiff_t>(taken));
}

// Receiving.

size_t Link::receive(std::span<io::IncomingBurst> out) {
    size_t n = 0;
    for (int bursts = 0; n < out.size();) {
        if (arrived_next_ == arrived_.size()) {
            if (bursts++ == bursts_max) break;
            arrived_.resize(device_burst);
            arrived_.resize(port_.receive(lane_, arrived_));
            arrived_next_ = 0;
            if (arrived_.empty()) break;
        }
        if (take(arrived_[arrived_next_++], out[n])) ++n;
    }
    if (!waiting_.empty()) go_on_waiting(monotonic_now());
    if (lane_ == 0 && port_.exception_path() != nullptr) send_for_kernel();
    flush();
    return n;
}

/// True if it is a datagram for us: then it is lent. Everything else ends here, or is passed on.
bool Link::take(rte_mbuf* frame, io::IncomingBurst& burst) {
    const std::optional<UdpChecksum> checksum = checksum_of(frame);
    const bool whole = checksum && frame->nb_segs == 1;
    const Frame read = whole ? parse_frame(bytes_of(frame), *checksum) : Frame{};
    const bool here = read.to == port_.ip() && read.vlan == port_.vlan();
    const bool kernel = port_.exception_path() != nullptr;
    switch (read.kind) {
        case FrameKind::datagram:
            if (here && read.to_mac == port_.mac()) return take_datagram(frame, read, burst);
            break;
        case FrameKind::arp_request:
            if (read.vlan == port_.vlan()) port_.neighbours().on_request(read.from, read.sender);
            [[fallthrough]];
        case FrameKind::echo_request:
            if (here && !kernel && answer(frame, read)) return false;
            break;
        case FrameKind::arp_reply:
            if (!here || !port_.neighbours().on_answer(read.from, read.sender, monotonic_now())) break;
            if (kernel) break;   // which may have asked, too
            rte_pktmbuf_free(frame);
            return false;
        case FrameKind::foreign: break;
        case FrameKind::malformed:
            ++counters_.malformed;
            rte_pktmbuf_free(frame);
            return false;
    }
    pass_on(frame, read);
    return false;
}

/// What is not ours: to the kernel, if it is for this station or for many.
void Link::pass_on(rte_mbuf* frame, const Frame& read) {
    ++counters_.foreign;
    const bool group = (read.to_mac[0] & std::byte{1}) != std::byte{0};
    const bool here = read.vlan == port_.vlan() && (group || read.to_mac == port_.mac());
    ExceptionPath* const kernel = port_.exception_path();
    if (kernel != nullptr && here) kernel->to_kernel(frame);
    else rte_pktmbuf_free(frame);
}

bool Link::take_datagram(rte_mbuf* frame, const Frame& read, io::IncomingBurst& burst) {
    const std::optional<uint16_t> lane = port_.lane_of(read.to_port);
    if (lane && *lane != lane_ && port_.hand_over(*lane, frame)) {
        ++counters_.handed_over;
        return false;
    }
    if (!lane) {
        pass_on(frame, read);
        return false;
    }
    const bool ours = lane == lane_ && read.to_port == udp_port_;
    if (!ours || read.payload_bytes == 0 || free_.empty()) {
        ++(!ours ? counters_.foreign : read.payload_bytes == 0 ? counters_.empty : counters_.buffer_shortages);
        rte_pktmbuf_free(frame);
        return false;
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    lent_[index] = frame;
    burst = {.from = endpoint_of(read.from, read.from_port), .datagram_bytes = read.payload_bytes,
             .data = data_of(frame) + read.payload_at, .size = read.payload_bytes, .index = index};
    ++counters_.datagrams;
    counters_.bytes += read.payload_bytes;
    return true;
}

/// In its own frame. False if it is not for us after all.
bool Link::answer(rte_mbuf* frame, const Frame& read) {
    if (outgoing_.size() >= outgoing_max) flush();
    if (outgoing_.size() >= outgoing_max) return false;   // the device is behind: they ask again
    if (read.kind == FrameKind::arp_request) {
        const uint32_t size = arp_frame_bytes(read.vlan);
        set_size(frame, size);
        write_arp_reply(bytes_of(frame).first(size), port_.mac(), port_.ip(), read);
        ++counters_.arp_replies;
    } else {
        if (read.to_mac != port_.mac()) return false;
        turn_echo(bytes_of(frame), read);
        ++counters_.pings;
    }
    frame->ol_flags = 0;   // what was said of what came
    outgoing_.push_back(frame);
    return true;
}

/// A bounded burst a turn: our own datagrams wait behind it.
void Link::send_for_kernel() {
    if (outgoing_.size() >= outgoing_max) return;   // the device is behind
    rte_mbuf* frames[device_burst];
    const size_t n = port_.exception_path()->from_kernel(frames);
    outgoing_.insert(outgoing_.end(), frames, frames + n);
}

void Link::release(const io::IncomingBurst& burst) {
    PENSTOCK_ASSERT(burst.index < lent_.size() && lent_[burst.index] != nullptr);
    rte_pktmbuf_free(lent_[burst.index]);
    lent_[burst.index] = nullptr;
    free_.push_back(burst.index);
}

double Link::free_buffer_share() const {
    return static_cast<double>(free_.size()) / static_cast<double>(lent_.size());
}

}  // namespace penstock::dpdk
