// How connections begin, at both ends.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "transport/endpoint.h"

namespace penstock::transport {

namespace {

/// The opener sends its HELLO again after this, and each time after twice as long.
constexpr int64_t first_retry_ns = 50 * millisecond_ns;
constexpr int64_t give_up_ns = 5 * second_ns;

template <size_t size>
std::array<std::byte, size> first_of(const Hash& hash) {
    std::array<std::byte, size> bytes;
    std::memcpy(bytes.data(), hash.data(), size);
    return bytes;
}

}  // namespace

ConnectionId Endpoint::connect(const io::Endpoint& to, bool with_proof, Nanos now) {
    PENSTOCK_ASSERT(!with_proof || !options_.secret.empty());
    Peer& peer = add_peer(to);
    peer.opener = true;
    peer.with_proof = with_proof;
    peer.nonce = first_of<16>(secrets_.next());
    peer.begun_at = now;
    step_handshake(peer, now);
    mark(peer);
    return peer.id;
}

void Endpoint::step_handshake(Peer& peer, Nanos now) {
    if (peer.failed) return;
    if (now - peer.begun_at >= give_up_ns) fail(peer, CloseCode::unreachable);
    else send_hello(peer, now);
}

void Endpoint::send_hello(Peer& peer, Nanos now) {
    Hello hello{.has_proof = peer.with_proof, .opener = peer.id, .nonce = peer.nonce, .cookie = peer.cookie,
                .parameters = options_.parameters};
    if (peer.with_proof) hello.proof = prove(options_.secret, hello);
    std::array<std::byte, hello_bytes> packet;
    put(packet, hello);
    send_one(peer.address, packet);
    peer.try_again_at = now + (first_retry_ns << std::min(peer.tries++, 6u));
}

/// A packet outside of all connections. If the link has no room it is lost: whoever needs it asks again.
void Endpoint::send_one(const io::Endpoint& to, std::span<const std::byte> packet) {
    const Fragment fragment{packet.data(), static_cast<uint32_t>(packet.size())};
    const io::OutgoingBurst burst{.to = to, .datagram_bytes = fragment.size, .fragments = {&fragment, 1}};
    link_.send({&burst, 1});
}

void Endpoint::take_hello(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now) {
    const auto hello = parse_hello(packet);
    if (!hello) {
        ++counters_.strange;
        return;
    }
    if (hello->version != transport::version) {
        std::array<std::byte, versions_bytes> answer;
        put(answer, Versions{.opener = hello->opener, .nonce = hello->nonce});
        return send_one(from, answer);
    }
    if (!cookie_holds(cookie_key_, from, *hello, now)) {
        std::array<std::byte, cookie_bytes> answer;
        put(answer, CookieReply{hello->opener, hello->nonce, make_cookie(cookie_key_, from, *hello, now)});
        ++counters_.cookies_sent;
        return send_one(from, answer);
    }
    accept(from, *hello, now);
}

void Endpoint::accept(const io::Endpoint& from, const Hello& hello, Nanos now) {
    if (const auto at = names_.find({from, hello.opener.value}); at != names_.end()) {
        if (!at->second->opener && at->second->nonce == hello.nonce) send_welcome(*at->second);
        return;
    }
    if (!options_.accepts) return refuse(from, hello, CloseCode::shutting_down);
    if (peers_.size() >= options_.connections_max) return refuse(from, hello, CloseCode::no_room);
    const bool proven =
        hello.has_proof && !options_.secret.empty() && same(hello.proof, prove(options_.secret, hello));
    if (!proven && (hello.has_proof || options_.proven_only)) return refuse(from, hello, CloseCode::not_proven);
    Peer& peer = add_peer(from);
    peer.with_proof = peer.proven = proven;
    peer.nonce = hello.nonce;
    peer.cookie = hello.cookie;
    peer.peer_id = hello.opener;
    peer.begun_at = now;
    open(peer, hello.parameters, now);
    send_welcome(peer);
    ++counters_.accepted;
}

void Endpoint::send_welcome(const Peer& peer) {
    Welcome welcome{.has_proof = peer.with_proof, .opener = peer.peer_id, .nonce = peer.nonce, .acceptor = peer.id,
                    .parameters = options_.parameters};
    if (peer.with_proof) welcome.proof = prove(options_.secret, welcome, peer.cookie);
    std::array<std::byte, welcome_bytes> packet;
    put(packet, welcome);
    send_one(peer.address, packet);
}

void Endpoint::refuse(const io::Endpoint& to, const Hello& hello, CloseCode code) {
    std::array<std::byte, refusal_bytes> packet;
    put(packet, Refusal{hello.opener, hello.nonce, code});
    ++counters_.refusals_sent;
    send_one(to, packet);
}

/// The opener that an answer is for; null if it is for none, or from somebody else.
Endpoint::Peer* Endpoint::opening(const io::Endpoint& from, ConnectionId id, const Nonce& nonce) {
    Peer* peer = find_peer(id);
    const bool fits = peer != nullptr && peer->opener && peer->connection == nullptr && !peer->failed &&
                      peer->address == from && same(peer->nonce, nonce);
    if (!fits) ++counters_.strange;
    return fits ? peer : nullptr;
}

void Endpoint::take_cookie(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now) {
    const auto reply = parse_cookie(packet);
    Peer* peer = reply ? opening(from, reply->opener, reply->nonce) : nullptr;
    if (peer == nullptr || peer->cookie == reply->cookie) return;
    peer->cookie = reply->cookie;
    peer->tries = 0;
    send_hello(*peer, now);
    mark(*peer);
}

void Endpoint::take_welcome(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now) {
    const auto welcome = parse_welcome(packet);
    Peer* peer = welcome ? opening(from, welcome->opener, welcome->nonce) : nullptr;
    if (peer == nullptr) return;
    if (peer->with_proof) {
        peer->proven =
            welcome->has_proof && same(welcome->proof, prove(options_.secret, *welcome, peer->cookie));
        if (!peer->proven) return fail(*peer, CloseCode::not_proven);
    }
    peer->peer_id = welcome->acceptor;
    if (!open(*peer, welcome->parameters, now)) return fail(*peer, CloseCode::protocol_violation);
    peer->connection->greet();
    ++counters_.opened;
}

void Endpoint::take_versions(const io::Endpoint& from, std::span<const std::byte> packet) {
    const auto versions = parse_versions(packet);
    Peer* peer = versions ? opening(from, versions->opener, versions->nonce) : nullptr;
    if (peer != nullptr) fail(*peer, CloseCode::wrong_version);
}

void Endpoint::take_refusal(const io::Endpoint& from, std::span<const std::byte> packet) {
    const auto refusal = parse_refusal(packet);
    Peer* peer = refusal ? opening(from, refusal->opener, refusal->nonce) : nullptr;
    if (peer != nullptr) fail(*peer, refusal->code);
}

/// False: the peer has another connection of this name.
bool Endpoint::open(Peer& peer, const Parameters& grants, Nanos now) {
    if (!names_.emplace(std::pair(peer.address, peer.peer_id.value), &peer).second) return false;
    peer.connection = std::make_unique<Connection>(
        ConnectionOptions{.opener = peer.opener,
                          .own = peer.id,
                          .peer = peer.peer_id,
                          .granted = options_.parameters,
                          .grants = grants,
                          .datagram_bytes_max = link_.datagram_bytes_max(peer.address),
                          .seed = random_.next()},
        buffers_, scratch_, now);
    if (!peer.ListLink<EventList>::linked()) eventful_.push_back(peer);
    mark(peer);
    return true;
}

void Endpoint::fail(Peer& peer, CloseCode code) {
    peer.failed = true;
    peer.failure = code;
    peer.try_again_at = never;
    if (!peer.ListLink<EventList>::linked()) eventful_.push_back(peer);
    mark(peer);
}

}  // namespace penstock::transport
