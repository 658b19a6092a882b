#include "transport/endpoint.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace penstock::transport {

namespace {

/// Bounds of a turn: bursts received, bursts sent.
constexpr size_t received_per_turn = 64;
constexpr uint32_t sent_per_turn = 64;
constexpr uint32_t resets_per_s = 100;
uint64_t seed_of(SecretBits& secrets) { return load_le<uint64_t>(secrets.next().data()); }

}  // namespace

Endpoint::Endpoint(io::Link& link, const EndpointOptions& options)
    : link_(link),
      options_(options),
      secrets_(options.seed),
      cookie_key_(secrets_.next()),
      random_(seed_of(secrets_)),
      buffers_(link, options.copied_bytes_max),
      incoming_(received_per_turn) {}

Endpoint::~Endpoint() {
    for (const auto& [id, peer] : peers_) {
        peer->ListLink<DirtyList>::unlink();
        peer->ListLink<EventList>::unlink();
        peer->connection.reset();   // before the buffers that it holds
    }
}

ConnectionId Endpoint::new_id() {
    for (;;) {
        const ConnectionId id(load_le<uint64_t>(secrets_.next().data()));
        if (id.value != 0 && !peers_.contains(id.value)) return id;
    }
}

Endpoint::Peer& Endpoint::add_peer(const io::Endpoint& address) {
    auto peer = std::make_unique<Peer>();
    peer->id = new_id();
    peer->address = address;
    Peer& added = *peer;
    peers_.emplace(added.id.value, std::move(peer));
    return added;
}

Endpoint::Peer* Endpoint::find_peer(ConnectionId id) const {
    const auto at = peers_.find(id.value);
    return at == peers_.end() ? nullptr : at->second.get();
}

Connection* Endpoint::find(ConnectionId id) {
    Peer* peer = find_peer(id);
    if (peer == nullptr || peer->connection == nullptr) return nullptr;
    mark(*peer);
    return peer->connection.get();
}

void Endpoint::close_all() {
    for (const auto& [id, peer] : peers_) {
        if (peer->connection == nullptr) continue;
        peer->connection->close(CloseCode::shutting_down);
        mark(*peer);
    }
}

const io::Endpoint* Endpoint::peer_of(ConnectionId id) const {
    const Peer* peer = find_peer(id);
    return peer == nullptr ? nullptr : &peer->address;
}

bool Endpoint::proven(ConnectionId id) const {
    const Peer* peer = find_peer(id);
    return peer != nullptr && peer->proven;
}

void Endpoint::mark(Peer& peer) {
    if (!peer.ListLink<DirtyList>::linked()) dirty_.push_back(peer);
}

bool Endpoint::turn(Nanos now) {
    bool worked = receive(now);
    expire(now);
    worked |= flush(now);
    return worked;
}

bool Endpoint::receive(Nanos now) {
    const size_t count = link_.receive(incoming_);
    for (const io::IncomingBurst& burst : std::span(incoming_).first(count)) {
        const uint32_t buffer = buffers_.take(burst);
        std::span<const std::byte> rest{burst.data, burst.size};
        while (!rest.empty()) {
            const auto packet = rest.first(std::min<size_t>(std::max(burst.datagram_bytes, 1u), rest.size()));
            rest = rest.subspan(packet.size());
            take(burst.from, packet, buffer, now);
        }
        buffers_.release(buffer);
    }
    return count > 0;
}

void Endpoint::take(const io::Endpoint& from, std::span<const std::byte> packet, uint32_t buffer, Nanos now) {
    ++counters_.datagrams_received;
    const auto kind = kind_of(packet);
    if (!kind || !checksum_fits(packet)) {
        ++(kind ? counters_.damaged : counters_.strange);
        return;
    }
    switch (*kind) {
        case PacketKind::data: return take_data(from, packet, buffer, now);
        case PacketKind::hello: return take_hello(from, packet, now);
        case PacketKind::cookie: return take_cookie(from, packet, now);
        case PacketKind::welcome: return take_welcome(from, packet, now);
        case PacketKind::versions: return take_versions(from, packet);
        case PacketKind::refusal: return take_refusal(from, packet);
        case PacketKind::reset: return take_reset(from, packet);
    }
}

void Endpoint::take_data(const io::Endpoint& from, std::span<const std::byte> packet, uint32_t buffer, Nanos now) {
    const auto header = parse_data_header(packet);
    if (!header) {
        ++counters_.strange;
        return;
    }
    Peer* peer = find_peer(header->to);
    if (peer == nullptr) return send_reset(from, header->to, now);
    if (peer->address != from || peer->connection == nullptr) {
        ++counters_.strange;
        return;
    }
    peer->connection->on_packet(*header, packet, buffer, now);
    mark(*peer);
}

void Endpoint::take_reset(const io::Endpoint& from, std::span<const std::byte> packet) {
    const auto unknown = parse_reset(packet);
    const auto at = unknown ? names_.find({from, unknown->value}) : names_.end();
    if (at == names_.end()) {
        ++counters_.strange;
        return;
    }
    at->second->connection->on_reset();
    mark(*at->second);
}

void Endpoint::send_reset(const io::Endpoint& to, ConnectionId unknown, Nanos now) {
    if (now - resets_since_ >= second_ns) {
        resets_since_ = now;
        resets_ = 0;
    }
    if (++resets_ > resets_per_s) return;
    std::array<std::byte, reset_bytes> packet;
    put_reset(packet, unknown);
    send_one(to, packet);
    ++counters_.resets_sent;
}

void Endpoint::expire(Nanos now) {
    while (Timer* timer = timers_.expire(now)) {
        Peer& peer = static_cast<Peer&>(*timer);
        mark(peer);
        if (peer.connection == nullptr) {
            step_handshake(peer, now);
        } else {
            peer.connection->on_deadline(now);
        }
    }
}

/// Connections take turns, a burst each.
bool Endpoint::flush(Nanos now) {
    bool worked = false;
    if (waiting_burst_ && !send_burst()) return false;
    IntrusiveList<Peer, DirtyList> waiting;
    waiting.take(dirty_);
    for (uint32_t sent = 0; Peer* peer = waiting.pop_front();) {
        Connection* connection = peer->connection.get();
        if (connection != nullptr && !waiting_burst_ && sent < sent_per_turn && connection->wants_to_send(now)) {
            burst_.clear();
            connection->fill(burst_, now);
            if (!burst_.empty()) {
                burst_to_ = peer->address;
                waiting_burst_ = true;
                send_burst();
                ++sent;
                worked = true;
                waiting.push_back(*peer);   // it may have more
                continue;
            }
        }
        if (connection != nullptr && connection->wants_to_send(now)) mark(*peer);   // the next turn goes on
        if (connection != nullptr && connection->has_event() && !peer->ListLink<EventList>::linked())
            eventful_.push_back(*peer);
        set_timer(*peer, now);
        remove_if_done(*peer);
    }
    return worked;
}

/// False: there is no room; it waits.
bool Endpoint::send_burst() {
    const io::OutgoingBurst burst = burst_.outgoing(burst_to_);
    waiting_burst_ = link_.send({&burst, 1}) == 0;
    if (waiting_burst_) burst_.keep();
    return !waiting_burst_;
}

void Endpoint::set_timer(Peer& peer, Nanos now) {
    Nanos at = peer.try_again_at;
    if (peer.connection != nullptr) at = peer.connection->next_deadline();
    // What is due already and was not done waits for others; the next turn looks at it again.
    if (at == never) timers_.cancel(peer);
    else timers_.set(peer, std::max(at, now + 1));
}

std::optional<EndpointEvent> Endpoint::next_event() {
    while (Peer* peer = eventful_.front()) {
        if (peer->connection != nullptr && !peer->told_open) {
            peer->told_open = true;
            const auto kind = peer->opener ? EndpointEventKind::connected : EndpointEventKind::accepted;
            return EndpointEvent{kind, peer->id, {}};
        }
        std::optional<Event> event;
        if (peer->connection != nullptr) {
            event = peer->connection->next_event();
        } else if (peer->failed && !peer->told_open) {
            peer->told_open = true;
            event = Event{.kind = EventKind::closed, .code = peer->failure};
        }
        if (event) return EndpointEvent{EndpointEventKind::connection, peer->id, *event};
        peer->ListLink<EventList>::unlink();
        mark(*peer);
    }
    return std::nullopt;
}

/// Its last event was taken, and its last packet has left.
void Endpoint::remove_if_done(Peer& peer) {
    if (peer.ListLink<EventList>::linked() || peer.ListLink<DirtyList>::linked()) return;
    const bool over = peer.connection != nullptr ? peer.connection->closed() : peer.failed;
    if (!over || !peer.told_open) return;
    timers_.cancel(peer);
    const auto name = names_.find({peer.address, peer.peer_id.value});
    if (name != names_.end() && name->second == &peer) names_.erase(name);
    peers_.erase(peer.id.value);
}

}  // namespace penstock::transport
