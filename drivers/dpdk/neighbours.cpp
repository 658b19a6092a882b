#include "dpdk/neighbours.h"

#include <algorithm>

namespace penstock::dpdk {

namespace {

bool is_station(Ipv4 address) {
    const uint32_t first = address.value >> 24;
    return first != 0 && first != 127 && first < 224;   // "this network", loopback, groups and what is reserved
}

}  // namespace

std::optional<Ipv4> Neighbours::next_hop(Ipv4 to) const {
    if (!is_station(to)) return std::nullopt;
    const uint32_t host_bits = subnet_.prefix_bits >= 32 ? 0 : ~uint32_t{0} >> subnet_.prefix_bits;
    if (((to.value ^ subnet_.own.value) & ~host_bits) == 0) {
        // The first and the last of a subnet are everybody's, where it has more than two.
        const uint32_t host = to.value & host_bits;
        if (host_bits > 1 && (host == 0 || host == host_bits)) return std::nullopt;
        return to;
    }
    if (subnet_.gateway == Ipv4{}) return std::nullopt;
    return subnet_.gateway;
}

Neighbours::Found Neighbours::find(Ipv4 hop, Nanos now) {
    const std::lock_guard lock(mutex_);
    auto at = entries_.find(hop);
    if (at == entries_.end()) {
        if (entries_.size() >= entries_max && !make_room(now)) return {};
        at = entries_.emplace(hop, Entry{}).first;
    }
    Entry& entry = at->second;
    if (entry.mac && now - entry.known_at >= stale_ns) {
        entry.mac.reset();
        changed();
    }
    const bool wanted = !entry.mac || entry.doubted || now - entry.known_at >= rhythm_.fresh_ns;
    Found found{entry.mac, wanted && (!entry.asked || now - entry.asked_at >= entry.pause_ns)};
    if (found.ask) {
        entry.pause_ns = entry.asked ? std::min(entry.pause_ns * 2, rhythm_.longest_pause_ns) : rhythm_.first_pause_ns;
        entry.asked = true;
        entry.asked_at = now;
    }
    return found;
}

bool Neighbours::on_answer(Ipv4 from, const Mac& mac, Nanos now) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(from);
    if (at == entries_.end() || !at->second.asked || now - at->second.asked_at > answer_within_ns) return false;
    Entry& entry = at->second;
    entry.asked = entry.doubted = false;
    entry.known_at = now;
    if (entry.mac != mac) {
        entry.mac = mac;
        changed();
    }
    return true;
}

void Neighbours::on_request(Ipv4 from, const Mac& mac) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(from);
    if (at != entries_.end() && at->second.mac && at->second.mac != mac) at->second.doubted = true;
}

size_t Neighbours::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

/// Without those that never answered, or are long known; false if there are none.
bool Neighbours::make_room(Nanos now) {
    const size_t before = entries_.size();
    std::erase_if(entries_, [&](const auto& one) {
        const Entry& entry = one.second;
        return entry.mac ? now - entry.known_at >= stale_ns : now - entry.asked_at > answer_within_ns;
    });
    changed();
    return entries_.size() < before;
}

}  // namespace penstock::dpdk
