#include "sim/link.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "sim/poison.h"

namespace penstock::sim {

namespace {

constexpr int64_t shortage_ns_max = 100 * microsecond_ns;

}  // namespace

Link::Link(DatagramNetwork& network, const LinkOptions& options)
    : network_(network), options_(options), random_(network.random_.fork()),
      memory_(size_t{options.receive_buffers} * options.receive_buffer_bytes, poison), lent_(options.receive_buffers) {
    for (uint32_t i = options.receive_buffers; i-- > 0;) free_.push_back(i);
}

Link::~Link() { sever(); }

void Link::sever() {
    if (endpoint_.port != 0 && !severed_) network_.links_.erase(endpoint_);
    severed_ = true;
}

Result<uint16_t> Link::open(const io::Address& address) {
    PENSTOCK_ASSERT(endpoint_.port == 0);
    if (severed_) return fail(Errc::io, ENETDOWN);
    io::Endpoint own = endpoint_of(options_.host, address.port);
    const bool any = address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
    if (!any && endpoint_of(address.host, 0).ip != own.ip) return fail(Errc::io, EADDRNOTAVAIL);
    while (own.port == 0) {
        own.port = network_.next_port_++;
        if (network_.links_.contains(own)) own.port = 0;
    }
    if (!network_.links_.emplace(own, this).second) return fail(Errc::exists);
    endpoint_ = own;
    return own.port;
}

Result<io::Endpoint> Link::resolve(const io::Address& address) { return endpoint_of(address.host, address.port); }

uint32_t Link::datagram_bytes_max(const io::Endpoint&) { return options_.datagram_bytes_max; }

size_t Link::send(std::span<const io::OutgoingBurst> bursts) {
    PENSTOCK_ASSERT(endpoint_.port != 0);
    if (severed_) return bursts.size();
    size_t taken = bursts.size();
    if (taken > 0 && random_.per_million(options_.shortages_per_million)) {
        taken = random_.below(bursts.size());
        const auto wait_ns = static_cast<int64_t>(1 + random_.below(shortage_ns_max));
        network_.schedule(network_.clock_.now() + wait_ns, {});
    }
    for (const io::OutgoingBurst& burst : bursts.first(taken)) send(burst);
    return taken;
}

void Link::send(const io::OutgoingBurst& burst) {
    const uint64_t size = total_size(burst.fragments);
    PENSTOCK_ASSERT(burst.fragments.size() <= io::burst_fragments_max);
    PENSTOCK_ASSERT(size > 0 && size <= io::burst_bytes_max && burst.datagram_bytes > 0);
    PENSTOCK_ASSERT((size - 1) / burst.datagram_bytes < io::burst_datagrams_max);
    std::vector<std::byte> bytes;
    for (const Fragment& fragment : burst.fragments) {
        bytes.insert(bytes.end(), fragment.data, fragment.data + fragment.size);
    }
    for (size_t at = 0; at < size; at += burst.datagram_bytes) {
        const std::span datagram = std::span(bytes).subspan(at, std::min<size_t>(burst.datagram_bytes, size - at));
        if (datagram.size() > options_.datagram_bytes_max) {
            ++network_.counters_.sent;
            ++network_.counters_.too_large;
        } else {
            network_.send(endpoint_, burst.to, {datagram.begin(), datagram.end()});
        }
    }
}

/// A datagram arrives. False if there is no buffer for it.
bool Link::take(const io::Endpoint& from, std::span<const std::byte> datagram) {
    const auto size = static_cast<uint32_t>(datagram.size());
    if (coalesces(from, datagram)) {
        io::IncomingBurst& last = arrived_.back();
        std::memcpy(memory_of(last.index) + last.size, datagram.data(), size);
        last.size += size;
        return true;
    }
    if (free_.empty() || size > options_.receive_buffer_bytes) return false;
    const uint32_t index = free_.back();
    free_.pop_back();
    lent_[index] = true;
    std::memcpy(memory_of(index), datagram.data(), size);
    arrived_.push_back({from, size, memory_of(index), size, index});
    return true;
}

/// Whether it joins the last burst: only behind datagrams of one size, and sometimes not even there.
bool Link::coalesces(const io::Endpoint& from, std::span<const std::byte> datagram) {
    if (arrived_.empty()) return false;
    const io::IncomingBurst& last = arrived_.back();
    return last.from == from && last.size % last.datagram_bytes == 0 && datagram.size() <= last.datagram_bytes &&
           last.size / last.datagram_bytes < io::burst_datagrams_max &&
           last.size + datagram.size() <= options_.receive_buffer_bytes &&
           random_.per_million(options_.coalesced_per_million);
}

size_t Link::receive(std::span<io::IncomingBurst> out) {
    const size_t n = std::min(out.size(), arrived_.size());
    std::copy_n(arrived_.begin(), n, out.begin());
    arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<ptrdiff_t>(n));
    return n;
}

void Link::release(const io::IncomingBurst& burst) {
    PENSTOCK_ASSERT(burst.index < lent_.size() && lent_[burst.index]);
    lent_[burst.index] = false;
    free_.push_back(burst.index);
    std::fill_n(memory_of(burst.index), burst.size, poison);
}

double Link::free_buffer_share() const {
    return static_cast<double>(free_.size()) / static_cast<double>(options_.receive_buffers);
}

}  // namespace penstock::sim
