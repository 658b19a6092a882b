#include "sim/datagram_network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/assert.h"
#include "sim/link.h"

namespace penstock::sim {

namespace {

constexpr size_t extra_bytes_max = 64;  ///< that damage adds

void check(const PathOptions& options) {
    PENSTOCK_ASSERT(options.delay_ns_min >= 0 && options.delay_ns_min <= options.delay_ns_max);
    PENSTOCK_ASSERT(options.reordered_ns_max > 0);
    PENSTOCK_ASSERT(options.losses_in_a_row_max > 0);
}

}  // namespace

io::Endpoint endpoint_of(const std::string& host, uint16_t port) {
    io::Endpoint endpoint{.port = port};
    std::byte* ip = endpoint.ip.data();
    if (::inet_pton(AF_INET, host.c_str(), ip + 12) == 1) {
        ip[10] = ip[11] = std::byte{0xff};
    } else if (::inet_pton(AF_INET6, host.c_str(), ip) != 1) {
        uint64_t hash = host.size();
        for (const char c : host) hash = mix64(hash ^ static_cast<unsigned char>(c));
        ip[0] = std::byte{0xfd};
        store_be(ip + 8, hash);
    }
    return endpoint;
}

DatagramNetwork::DatagramNetwork(Clock& clock, uint64_t seed, const PathOptions& paths)
    : clock_(clock), random_(seed), paths_(paths) {
    check(paths);
}

DatagramNetwork::~DatagramNetwork() { PENSTOCK_ASSERT(links_.empty()); }

void DatagramNetwork::set_paths(const PathOptions& options) {
    check(options);
    paths_ = options;
}

void DatagramNetwork::set_path(const io::Endpoint& from, const io::Endpoint& to, const PathOptions& options) {
    check(options);
    PENSTOCK_ASSERT((from.port == 0) == (to.port == 0));
    rules_[{from, to}] = options;
}

void DatagramNetwork::set_cut(const std::string& from, const std::string& to, bool cut) {
    const Direction direction{endpoint_of(from, 0), endpoint_of(to, 0)};
    if (cut) cuts_.insert(direction);
    else cuts_.erase(direction);
}

/// Whether nothing passes.
bool DatagramNetwork::is_dark(const io::Endpoint& from, const io::Endpoint& to) const {
    if (blackout_ || path(from, to).blackout) return true;
    return !cuts_.empty() && cuts_.contains({{from.ip, 0}, {to.ip, 0}});
}

/// The key in rules_ that covers this direction, or the direction itself.
DatagramNetwork::Direction DatagramNetwork::rule_of(const io::Endpoint& from, const io::Endpoint& to) const {
    const Direction exact{from, to}, hosts{{from.ip, 0}, {to.ip, 0}};
    return !rules_.contains(exact) && rules_.contains(hosts) ? hosts : exact;
}

PathOptions DatagramNetwork::path(const io::Endpoint& from, const io::Endpoint& to) const {
    const auto rule = rules_.find(rule_of(from, to));
    return rule == rules_.end() ? paths_ : rule->second;
}

void DatagramNetwork::inject(const io::Endpoint& from, const io::Endpoint& to, std::span<const std::byte> datagram) {
    PENSTOCK_ASSERT(!datagram.empty());
    ++counters_.injected;
    hand_over({from, to, {datagram.begin(), datagram.end()}});
}

void DatagramNetwork::send(const io::Endpoint& from, const io::Endpoint& to, std::vector<std::byte> bytes) {
    const PathOptions options = path(from, to);
    Path& path = states_[rule_of(from, to)];
    ++counters_.sent;
    if (is_dark(from, to)) {
        ++counters_.blacked_out;
        return;
    }
    if (bytes.size() > options.datagram_bytes_max) {
        ++counters_.too_large;
        return;
    }
    const Nanos left = leave(path, options, bytes.size());
    if (left == never) {
        ++counters_.queue_full;
        return;
    }
    if (is_lost(path, options)) {
        ++counters_.lost;
        return;
    }
    if (random_.per_million(options.damaged_per_million)) damage(bytes);
    if (random_.per_million(options.repeated_per_million)) {
        ++counters_.repeated;
        const auto late = static_cast<int64_t>(random_.below(static_cast<uint64_t>(options.reordered_ns_max)));
        schedule(left + options.delay_ns_min + late, {from, to, bytes});
    }
    schedule(arrival(path, options, left), {from, to, std::move(bytes)});
}

/// When the last byte of a datagram has left the queue; never if it finds the queue full.
Nanos DatagramNetwork::leave(Path& path, const PathOptions& options, size_t bytes) {
    const Nanos now = clock_.now();
    if (options.bytes_per_second == 0) return now;
    path.idle_from = std::max(path.idle_from, now);
    const auto rate = static_cast<double>(options.bytes_per_second);
    const double waiting_bytes = static_cast<double>(path.idle_from - now) * rate / double{second_ns};
    if (path.idle_from > now && waiting_bytes + static_cast<double>(bytes) > static_cast<double>(options.queue_bytes)) {
        return never;
    }
    path.idle_from += static_cast<int64_t>(static_cast<double>(bytes) * double{second_ns} / rate);
    return path.idle_from;
}

bool DatagramNetwork::is_lost(Path& path, const PathOptions& options) {
    if (path.losses_left == 0 && random_.per_million(options.lost_per_million)) {
        path.losses_left = 1 + static_cast<uint32_t>(random_.below(options.losses_in_a_row_max));
    }
    if (path.losses_left == 0) return false;
    --path.losses_left;
    return true;
}

Nanos DatagramNetwork::arrival(Path& path, const PathOptions& options, Nanos left) {
    const auto low = static_cast<uint64_t>(options.delay_ns_min), high = static_cast<uint64_t>(options.delay_ns_max);
    const Nanos in_order = std::max(path.last_arrival, left + static_cast<int64_t>(random_.between(low, high)));
    if (random_.per_million(options.reordered_per_million)) {
        ++counters_.reordered;
        return in_order + 1 + static_cast<int64_t>(random_.below(static_cast<uint64_t>(options.reordered_ns_max)));
    }
    return path.last_arrival = in_order;
}

void DatagramNetwork::damage(std::vector<std::byte>& bytes) {
    ++counters_.damaged;
    const uint64_t kind = random_.below(3);
    if (kind == 0 && bytes.size() > 1) {
        bytes.resize(1 + random_.below(bytes.size() - 1));
    } else if (kind == 1) {
        std::vector<std::byte> extra(1 + random_.below(extra_bytes_max));
        random_.fill(extra);
        bytes.insert(bytes.end(), extra.begin(), extra.end());
    } else {
        bytes[random_.below(bytes.size())] ^= std::byte{1} << random_.below(8);
    }
}

void DatagramNetwork::schedule(Nanos at, Datagram datagram) {
    under_way_.emplace(std::pair(at, next_sequence_++), std::move(datagram));
}

Nanos DatagramNetwork::next_event() const { return under_way_.empty() ? never : under_way_.begin()->first.first; }

void DatagramNetwork::run() {
    while (next_event() <= clock_.now()) happen_next();
}

bool DatagramNetwork::step() {
    if (under_way_.empty()) return false;
    clock_.advance_to(next_event());
    happen_next();
    return true;
}

void DatagramNetwork::happen_next() {
    const Datagram datagram = std::move(under_way_.begin()->second);
    under_way_.erase(under_way_.begin());
    if (datagram.bytes.empty()) return;
    if (is_dark(datagram.from, datagram.to)) {
        ++counters_.blacked_out;
        return;
    }
    hand_over(datagram);
}

void DatagramNetwork::hand_over(const Datagram& datagram) {
    const auto link = links_.find(datagram.to);
    if (link == links_.end()) {
        ++counters_.nobody;
    } else if (!link->second->take(datagram.from, datagram.bytes)) {
        ++counters_.no_buffer;
    } else {
        ++counters_.arrived;
    }
}

}  // namespace penstock::sim
