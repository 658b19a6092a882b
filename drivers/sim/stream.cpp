#include "sim/stream.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/assert.h"
#include "sim/poison.h"

namespace penstock::sim {

/// One end of a connection.
struct Network::Half {
    enum class State : uint8_t { connecting, open, ended };
    struct Send {
        std::vector<Fragment> fragments;
        size_t fragment = 0;  ///< the next bytes to go
        uint32_t byte = 0;
        uint64_t token = 0;
    };
    struct Arrival {
        Nanos at;
        std::vector<std::byte> bytes;  ///< empty: the end of the stream
        size_t taken = 0;
    };

    uint64_t id = 0, peer = 0;
    Streams* owner = nullptr;
    State state = State::connecting;
    std::pair<std::string, uint16_t> target;  ///< connecting
    bool carry_scheduled = false;
    bool paused = false;
    bool end_wanted = false, end_sent = false;  ///< of what we send
    bool closed_by_owner = false;
    std::deque<Send> sends;
    std::deque<Arrival> inbox;
    uint64_t inbox_bytes = 0;
    Nanos last_arrival;
};

Network::Network(Clock& clock, uint64_t seed, const NetworkOptions& options)
    : clock_(clock), random_(seed), options_(options) {
    set_options(options);
}

void Network::set_options(const NetworkOptions& options) {
    PENSTOCK_ASSERT(options.delay_ns_min >= 0 && options.delay_ns_min <= options.delay_ns_max);
    PENSTOCK_ASSERT(options.piece_bytes_max > 0 && options.window_bytes > 0);
    options_ = options;
}

void Network::set_cut(const std::string& from, const std::string& to, bool cut) {
    if (cut) {
        cuts_.emplace(from, to);
        return;
    }
    if (cuts_.erase({from, to}) == 0) return;
    for (const auto& [id, half] : halves_) {
        if (half->state == Half::State::connecting) schedule(Verb::connect, id, after_delay());
        else schedule_carry(*half, 0);
    }
}

Network::~Network() { PENSTOCK_ASSERT(halves_.empty()); }

Nanos Network::next_event() const { return events_.empty() ? never : events_.top().at; }

void Network::run() {
    while (next_event() <= clock_.now()) {
        const Event event = events_.top();
        events_.pop();
        happen(event);
    }
}

bool Network::step() {
    if (events_.empty()) return false;
    const Event event = events_.top();
    events_.pop();
    clock_.advance_to(event.at);
    happen(event);
    return true;
}

Network::Half* Network::find(uint64_t half) const {
    const auto found = halves_.find(half);
    return found == halves_.end() ? nullptr : found->second.get();
}

Network::Half& Network::make(Streams& owner) {
    const uint64_t id = next_half_++;
    Half& half = *halves_.emplace(id, std::make_unique<Half>()).first->second;
    half.id = id;
    half.owner = &owner;
    ++owner.connections_;
    return half;
}

Nanos Network::after_delay() {
    const auto low = static_cast<uint64_t>(options_.delay_ns_min), high = static_cast<uint64_t>(options_.delay_ns_max);
    return clock_.now() + static_cast<int64_t>(random_.between(low, high));
}

void Network::schedule(Verb verb, uint64_t half, Nanos at) { events_.push({at, next_sequence_++, verb, half}); }

void Network::schedule_carry(Half& half, int64_t after_ns) {
    if (half.sends.empty() || half.carry_scheduled || half.state != Half::State::open) return;
    half.carry_scheduled = true;
    schedule(Verb::carry, half.id, clock_.now() + after_ns);
}

void Network::happen(const Event& event) {
    Half* half = find(event.half);
    if (half == nullptr || half->state == Half::State::ended) return;
    switch (event.verb) {
        case Verb::connect: connect(*half); break;
        case Verb::carry: carry(*half); break;
        case Verb::deliver: deliver(*half); break;
        case Verb::reset: end(*half, ECONNRESET); break;
    }
}

void Network::connect(Half& half) {
    const std::string& from = half.owner->options_.host;
    if (half.state != Half::State::connecting || is_cut(from, half.target.first) || is_cut(half.target.first, from))
        return;
    const auto listener = listeners_.find(half.target);
    if (listener == listeners_.end()) {
        end(half, ECONNREFUSED);
        return;
    }
    half.state = Half::State::open;
    half.owner->events_.push_back({.kind = io::StreamEventKind::connected, .connection = {half.id}});
    schedule_carry(half, 0);
    Streams& server = *listener->second[random_.below(listener->second.size())];
    if (server.full()) {
        // As a kernel does: the connection was made before anybody could refuse it.
        half.inbox.push_back({.at = after_delay()});
        schedule(Verb::deliver, half.id, half.inbox.back().at);
        return;
    }
    Half& other = make(server);
    other.state = Half::State::open;
    other.peer = half.id;
    half.peer = other.id;
    io::StreamEvent event{.kind = io::StreamEventKind::accepted, .connection = {other.id}};
    std::snprintf(event.peer, sizeof event.peer, "%s:%u", half.owner->options_.host.c_str(),
                  static_cast<unsigned>(30'000 + half.id % 30'000));
    server.events_.push_back(event);
}

/// Moves one piece from the front of the queued sends towards the peer.
void Network::carry(Half& half) {
    half.carry_scheduled = false;
    if (half.sends.empty()) return;
    Half* peer = find(half.peer);
    if (peer == nullptr || peer->state == Half::State::ended) {
        end(half, ECONNRESET);
        return;
    }
    if (is_cut(half.owner->options_.host, peer->owner->options_.host)) return;
    if (random_.per_million(options_.resets_per_million_pieces)) {
        end(half, ECONNRESET);
        return;
    }
    const uint64_t window = options_.window_bytes - std::min(options_.window_bytes, peer->inbox_bytes);
    if (window == 0) return;  // deliver() at the peer comes back to us
    // Any power of two is as likely: tiny pieces find the seams of a parser, large ones move the bytes.
    const uint64_t bound = std::min<uint64_t>(options_.piece_bytes_max, uint64_t{1} << random_.below(20));
    const uint64_t size = 1 + random_.below(bound);
    std::vector<std::byte> bytes;
    take_piece(half, std::min(size, window), bytes);
    if (!bytes.empty()) {
        peer->inbox_bytes += bytes.size();
        peer->last_arrival = std::max(peer->last_arrival, after_delay());
        peer->inbox.push_back({.at = peer->last_arrival, .bytes = std::move(bytes)});
        schedule(Verb::deliver, peer->id, peer->last_arrival);
    }
    if (half.sends.empty() && half.end_wanted) send_end(half);
    schedule_carry(half, static_cast<int64_t>(random_.below(5 * microsecond_ns)));
}

void Network::take_piece(Half& half, uint64_t size, std::vector<std::byte>& out) {
    while (!half.sends.empty()) {
        Half::Send& send = half.sends.front();
        while (send.fragment < send.fragments.size() && out.size() < size) {
            const Fragment& fragment = send.fragments[send.fragment];
            const auto n = static_cast<uint32_t>(std::min<uint64_t>(size - out.size(), fragment.size - send.byte));
            out.insert(out.end(), fragment.data + send.byte, fragment.data + send.byte + n);
            send.byte += n;
            if (send.byte < fragment.size) break;
            send.byte = 0;
            ++send.fragment;
        }
        if (send.fragment < send.fragments.size()) return;
        half.owner->events_.push_back(
            {.kind = io::StreamEventKind::sent, .connection = {half.id}, .token = send.token});
        half.sends.pop_front();
    }
}

void Network::deliver(Half& half) {
    Streams& owner = *half.owner;
    while (!half.paused && !half.inbox.empty() && half.inbox.front().at <= clock_.now()) {
        if (half.inbox.front().bytes.empty()) {
            half.inbox.clear();
            owner.events_.push_back({.kind = io::StreamEventKind::ended, .connection = {half.id}});
            return;
        }
        if (owner.free_.empty()) {
            owner.starved_.insert(half.id);
            return;
        }
        const uint32_t index = owner.free_.back();
        owner.free_.pop_back();
        owner.lent_[index] = true;
        const uint32_t size = owner.options_.receive_buffer_bytes;
        std::byte* to = &owner.memory_[size_t{index} * size];
        const uint32_t filled = owner.filled_[index] = fill(half, to, size);
        owner.events_.push_back({.kind = io::StreamEventKind::received, .connection = {half.id},
                                 .buffer = {to, filled, index}});
        half.inbox_bytes -= filled;
        if (Half* peer = find(half.peer)) schedule_carry(*peer, 0);
    }
}

/// Takes from what has arrived, sometimes over the seam between two pieces.
uint32_t Network::fill(Half& half, std::byte* to, uint32_t size) {
    uint32_t filled = 0;
    do {
        Half::Arrival& arrival = half.inbox.front();
        const auto n = static_cast<uint32_t>(std::min<size_t>(size - filled, arrival.bytes.size() - arrival.taken));
        std::memcpy(to + filled, arrival.bytes.data() + arrival.taken, n);
        filled += n;
        arrival.taken += n;
        if (arrival.taken < arrival.bytes.size()) break;
        half.inbox.pop_front();
    } while (filled < size && !half.inbox.empty() && half.inbox.front().at <= clock_.now() &&
             !half.inbox.front().bytes.empty() && random_.chance(1, 2));
    return filled;
}

/// Tells the peer that no more comes: behind what is on the way, or at once if bytes of its own were thrown away.
void Network::send_end(Half& half) {
    Half* peer = find(half.peer);
    if (peer == nullptr || peer->state == Half::State::ended) return;
    const bool unread = half.state == Half::State::ended && half.inbox_bytes > 0;
    if (!unread && half.end_sent) return;
    half.end_sent = true;
    peer->last_arrival = std::max(peer->last_arrival, after_delay());
    if (!unread) peer->inbox.push_back({.at = peer->last_arrival});
    schedule(unread ? Verb::reset : Verb::deliver, peer->id, peer->last_arrival);
}

void Network::end(Half& half, int32_t os_error) {
    half.state = Half::State::ended;
    if (os_error == 0) send_end(half);
    else if (find(half.peer) != nullptr) schedule(Verb::reset, half.peer, after_delay());
    half.sends.clear();
    half.inbox.clear();
    half.inbox_bytes = 0;
    half.owner->starved_.erase(half.id);
    half.owner->events_.push_back(
        {.kind = io::StreamEventKind::closed, .connection = {half.id}, .error = {Errc::io, os_error}});
}

Streams::Streams(Network& network, const StreamOptions& options)
    : network_(network), options_(options),
      memory_(size_t{options.receive_buffers} * options.receive_buffer_bytes, poison), lent_(options.receive_buffers),
      filled_(options.receive_buffers) {
    for (uint32_t i = options.receive_buffers; i-- > 0;) free_.push_back(i);
}

Streams::~Streams() {
    stop_listening();
    std::erase_if(network_.halves_, [&](const auto& entry) {
        const Network::Half& half = *entry.second;
        if (half.owner != this) return false;
        if (half.state != Network::Half::State::ended && half.peer != 0) {
            network_.schedule(Network::Verb::reset, half.peer, network_.after_delay());
        }
        return true;
    });
}

void Streams::sever() {
    stop_listening();
    severed_ = true;
    for (const auto& [id, half] : network_.halves_)
        if (half->owner == this && half->state != Network::Half::State::ended) network_.end(*half, ECONNRESET);
}

Result<uint16_t> Streams::listen(const io::Address& address) {
    if (severed_) return fail(Errc::io, ENETDOWN);
    if (listening_.second != 0) return fail(Errc::exists);
    const bool any = address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
    if (!any && address.host != options_.host) return fail(Errc::io, EADDRNOTAVAIL);
    listening_ = {options_.host, address.port == 0 ? network_.next_port_++ : address.port};
    network_.listeners_[listening_].push_back(this);
    return listening_.second;
}

void Streams::stop_listening() {
    if (listening_.second == 0) return;
    const auto found = network_.listeners_.find(listening_);
    std::erase(found->second, this);
    if (found->second.empty()) network_.listeners_.erase(found);
    listening_ = {};
}

Result<io::ConnectionId> Streams::connect(const io::Address& address) {
    if (severed_) return fail(Errc::io, ENETDOWN);
    if (full()) return fail(Errc::would_block);
    Network::Half& half = network_.make(*this);
    half.target = {address.host, address.port};
    network_.schedule(Network::Verb::connect, half.id, network_.after_delay());
    return io::ConnectionId{half.id};
}

Network::Half* Streams::find(io::ConnectionId id) const {
    Network::Half* half = network_.find(id.value);
    const bool alive = half != nullptr && half->owner == this && half->state != Network::Half::State::ended;
    return alive ? half : nullptr;
}

Result<void> Streams::send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token) {
    PENSTOCK_ASSERT(fragments.size() <= io::max_send_fragments);
    Network::Half* half = find(id);
    if (half == nullptr) return fail(Errc::not_found);
    if (half->sends.size() >= io::max_sends_queued) return fail(Errc::would_block);
    Network::Half::Send& send = half->sends.emplace_back();
    send.fragments.assign(fragments.begin(), fragments.end());
    send.token = token;
    network_.schedule_carry(*half, 0);
    return {};
}

void Streams::pause(io::ConnectionId id) {
    if (Network::Half* half = find(id)) half->paused = true;
}

void Streams::resume(io::ConnectionId id) {
    Network::Half* half = find(id);
    if (half == nullptr || !half->paused) return;
    half->paused = false;
    network_.schedule(Network::Verb::deliver, half->id, network_.clock_.now());
}

void Streams::release(const io::ReceiveBuffer& buffer) {
    PENSTOCK_ASSERT(buffer.index < lent_.size() && lent_[buffer.index]);
    lent_[buffer.index] = false;
    free_.push_back(buffer.index);
    std::fill_n(&memory_[size_t{buffer.index} * options_.receive_buffer_bytes], filled_[buffer.index], poison);
    for (const uint64_t half : starved_) network_.schedule(Network::Verb::deliver, half, network_.clock_.now());
    starved_.clear();
}

double Streams::free_buffer_share() const {
    return static_cast<double>(free_.size()) / static_cast<double>(options_.receive_buffers);
}

void Streams::close(io::ConnectionId id) {
    Network::Half* half = find(id);
    if (half == nullptr) return;
    half->closed_by_owner = true;
    network_.end(*half, 0);
}

void Streams::end_sending(io::ConnectionId id) {
    Network::Half* half = find(id);
    if (half == nullptr || half->end_wanted) return;
    half->end_wanted = true;
    if (half->sends.empty()) network_.send_end(*half);
}

size_t Streams::poll(std::span<io::StreamEvent> out) {
    size_t n = 0;
    while (n < out.size() && !events_.empty()) {
        const io::StreamEvent event = events_.front();
        events_.pop_front();
        const auto found = network_.halves_.find(event.connection.value);
        if (event.kind == io::StreamEventKind::received && found->second->closed_by_owner) {
            release(event.buffer);
            continue;
        }
        if (event.kind == io::StreamEventKind::ended && found->second->closed_by_owner) continue;
        out[n++] = event;
        if (event.kind != io::StreamEventKind::closed) continue;
        network_.halves_.erase(found);
        --connections_;
    }
    return n;
}

}  // namespace penstock::sim
