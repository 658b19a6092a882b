// Whoever sends to an endpoint of the transport, from its first byte on: the handshake, and connections whose peer says
// whatever it likes.
//
// Input: mode | bytes.
//   mode even  a packet of the handshake without its checksum. What is understood must encode to what is understood to
//              mean the same.
//   mode odd   a script of a hostile peer (Script): datagrams with good checksums to an acceptor and to an opener, with
//              the cookies, nonces and ids that it learned, while applications read, write and give up, and time
//              passes. Never more than closed connections; what the endpoints keep stays within its bounds.
// Seeds are fixed, so a script always meets the same endpoints.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "transport/endpoint.h"

namespace {

using namespace penstock;
using namespace penstock::transport;

using Input = std::span<const std::byte>;
using Datagram = std::vector<std::byte>;

// Mode even.

/// What was parsed is written, parsed and written again: twice the same bytes, the first `same` of them as they came,
/// flags aside: some packets have none that mean anything.
template <size_t size, class Packet>
void check(std::optional<Packet> (*parse)(Input) noexcept, Input packet, size_t same) {
    const auto parsed = parse(packet);
    if (!parsed) return;
    std::array<std::byte, size> first, second;
    put(first, *parsed);
    for (size_t at = 0; at < same; ++at) PENSTOCK_ASSERT(at == 2 || at == 3 || packet[at] == first[at]);
    const auto again = parse(first);
    PENSTOCK_ASSERT(again.has_value());
    put(second, *again);
    PENSTOCK_ASSERT(first == second);
}

void run_packet(Input bytes) {
    Datagram packet(bytes.begin(), bytes.end());
    packet.resize(packet.size() + checksum_bytes);
    put_checksum(packet);
    const auto kind = kind_of(packet);
    if (!kind) return;
    switch (*kind) {
        case PacketKind::hello: {
            const auto hello = parse_hello(packet);
            if (!hello || hello->version != transport::version) return;
            return check<hello_bytes>(parse_hello, packet, 128);   // what follows is not looked at
        }
        case PacketKind::cookie: return check<cookie_bytes>(parse_cookie, packet, cookie_bytes - checksum_bytes);
        case PacketKind::welcome: return check<welcome_bytes>(parse_welcome, packet, welcome_bytes - checksum_bytes);
        case PacketKind::versions: return check<versions_bytes>(parse_versions, packet, 1);
        case PacketKind::refusal: return check<refusal_bytes>(parse_refusal, packet, refusal_bytes - checksum_bytes);
        case PacketKind::reset:
            if (const auto unknown = parse_reset(packet)) {
                std::array<std::byte, reset_bytes> again;
                put_reset(again, *unknown);
                PENSTOCK_ASSERT(parse_reset(again) == unknown);
            }
            return;
        case PacketKind::data: return;
    }
}

// Mode odd.

class ScriptLink final : public io::Link {
public:
    static constexpr size_t buffers = 64;

    void arrive(const io::Endpoint& from, Datagram datagram) { waiting_.push_back({from, std::move(datagram)}); }
    size_t lent() const { return lent_.size(); }

    Result<uint16_t> open(const io::Address&) override { return uint16_t{1}; }
    Result<io::Endpoint> resolve(const io::Address&) override { return fail(Errc::unsupported); }
    uint32_t datagram_bytes_max(const io::Endpoint&) override { return 1472; }
    size_t send(std::span<const io::OutgoingBurst> bursts) override {
        for (const io::OutgoingBurst& burst : bursts) {
            Datagram bytes;
            for (const Fragment& piece : burst.fragments)
                bytes.insert(bytes.end(), piece.data, piece.data + piece.size);
            PENSTOCK_ASSERT(!bytes.empty() && bytes.size() <= io::burst_bytes_max);
            PENSTOCK_ASSERT((bytes.size() - 1) / burst.datagram_bytes < io::burst_datagrams_max);
            bytes.resize(std::min<size_t>(bytes.size(), burst.datagram_bytes));
            PENSTOCK_ASSERT(kind_of(bytes));
            if (*kind_of(bytes) != PacketKind::data) sent.push_back({burst.to, std::move(bytes)});
        }
        return bursts.size();
    }
    size_t receive(std::span<io::IncomingBurst> out) override {
        size_t n = 0;
        for (; n < out.size() && !waiting_.empty() && lent_.size() < buffers; ++n) {
            auto& [from, bytes] = waiting_.front();
            const uint32_t index = next_++, size = static_cast<uint32_t>(bytes.size());
            Datagram& kept = lent_[index] = std::move(bytes);
            out[n] = {.from = from, .datagram_bytes = size, .data = kept.data(), .size = size, .index = index};
            waiting_.pop_front();
        }
        return n;
    }
    void release(const io::IncomingBurst& burst) override { PENSTOCK_ASSERT(lent_.erase(burst.index) == 1); }
    double free_buffer_share() const override {
        return static_cast<double>(buffers - lent_.size()) / static_cast<double>(buffers);
    }

    std::deque<std::pair<io::Endpoint, Datagram>> sent;   ///< packets of the handshake

private:
    std::deque<std::pair<io::Endpoint, Datagram>> waiting_;
    std::map<uint32_t, Datagram> lent_;
    uint32_t next_ = 0;
};

EndpointOptions options(uint8_t seed) {
    EndpointOptions made{.accepts = true, .connections_max = 4, .copied_bytes_max = 4096};
    made.seed[0] = std::byte{seed};
    made.parameters = {.idle_timeout_ms = 3000, .acknowledgement_delay_us = 1000, .connection_credit = 8192,
                       .stream_credit = 4096, .streams = 16, .datagram_bytes_max = 1472};
    return made;
}

/// An endpoint, and an application that does with its connections what the script says.
struct Side {
    explicit Side(uint8_t seed) : endpoint(link, options(seed)) {}

    void take_events() {
        while (const auto event = endpoint.next_event()) {
            if (event->kind != EndpointEventKind::connection) open.push_back(event->connection);
            else if (event->event.kind == EventKind::closed) std::erase(open, event->connection);
        }
    }
    void act(unsigned what, uint32_t stream) {
        static constexpr std::array<std::byte, 3000> text{};
        for (const ConnectionId id : open) {
            Connection* connection = endpoint.find(id);
            if (connection == nullptr) continue;
            const Fragment piece{text.data(), 1 + stream * 50};
            switch (what % 8) {
                case 0: case 1:
                    while (const auto slice = connection->read(stream)) endpoint.release(slice->buffer);
                    break;
                case 2: case 3: connection->push(stream, {&piece, 1}, stream); break;
                case 4: connection->end(stream); break;
                case 5: connection->finish(stream); break;
                case 6: connection->cancel(stream); break;
                default:
                    if (stream < 2) connection->close(CloseCode::none);
                    else if (id.value == opened.value) connection->open_stream();
            }
        }
    }
    void check_bounds() const {
        PENSTOCK_ASSERT(endpoint.copied_bytes() <= 4096);
        PENSTOCK_ASSERT(endpoint.connections() <= 4 + 1);
        PENSTOCK_ASSERT(link.lent() <= ScriptLink::buffers);
    }

    ScriptLink link;
    Endpoint endpoint;
    std::vector<ConnectionId> open;
    ConnectionId opened;   ///< by connect()
};

/// Steps of one byte and what belongs to them; one that is cut off ends the script.
class Script {
public:
    explicit Script(Input input) : input_(input) {
        hostile_.ip[10] = hostile_.ip[11] = std::byte{0xff};
        hostile_.port = 1000;
        opener_.opened = opener_.endpoint.connect(hostile_, false, now_);
        listen();
    }

    void run() {
        while (!input_.empty() && step()) {
            for (Side* side : {&acceptor_, &opener_}) {
                side->endpoint.turn(now_);
                side->take_events();
                side->check_bounds();
            }
            listen();
        }
    }

private:
    template <class Number>
    std::optional<Number> number() {
        if (input_.size() < sizeof(Number)) return std::nullopt;
        const Number value = load_le<Number>(input_.data());
        input_ = input_.subspan(sizeof(Number));
        return value;
    }
    Datagram bytes(size_t count) {
        const Input taken = input_.first(std::min(count, input_.size()));
        input_ = input_.subspan(taken.size());
        return {taken.begin(), taken.end()};
    }

    bool step() {
        const auto kind = number<uint8_t>(), parameter = number<uint8_t>();
        if (!kind || !parameter) return false;
        switch (*kind % 8) {
            case 0: {
                const size_t size = number<uint16_t>().value_or(0) % 1500;
                give(*parameter % 2 == 0 ? acceptor_ : opener_, bytes(size));
                break;
            }
            case 1: say_hello(*parameter); break;
            case 2:
                if (!welcomed_.empty()) say_data(acceptor_, welcomed_[*parameter % welcomed_.size()]);
                break;
            case 3: say_data(opener_, opener_.opened); break;
            case 4: answer(*parameter); break;
            case 5: now_ += (*parameter + 1) * (*parameter + 1) * millisecond_ns / 8; break;
            case 6: acceptor_.act(*parameter, number<uint8_t>().value_or(0) % 18); break;
            default: opener_.act(*parameter, number<uint8_t>().value_or(0) % 18); break;
        }
        return true;
    }
    void give(Side& to, Datagram datagram) {
        datagram.resize(datagram.size() + checksum_bytes);
        put_checksum(datagram);
        to.link.arrive(hostile_, std::move(datagram));
    }
    void say_hello(uint8_t id) {
        Hello hello{.opener = ConnectionId(id), .parameters = generous_};
        hello.nonce[0] = std::byte{id};
        if (const auto cookie = cookies_.find(id); cookie != cookies_.end()) hello.cookie = cookie->second;
        std::array<std::byte, hello_bytes> packet;
        put(packet, hello);
        const Datagram parameters = bytes(id % 2 == 0 ? 0 : 32);   // of its own, or those that let it go far
        std::copy(parameters.begin(), parameters.end(), packet.begin() + 96);
        give(acceptor_, {packet.begin(), packet.end() - checksum_bytes});
    }
    void say_data(Side& to, ConnectionId id) {
        const uint8_t jump = number<uint8_t>().value_or(0);
        number_ += jump == 255 ? 1u << 31 : jump;
        const Datagram frames = bytes(number<uint16_t>().value_or(0) % 1450);
        Datagram packet(data_header_bytes);
        put_data_header(packet.data(), {id, number_, jump % 2 == 1});
        packet.insert(packet.end(), frames.begin(), frames.end());
        give(to, std::move(packet));
    }
    /// To the opener's hello.
    void answer(uint8_t what) {
        const Datagram rest = bytes(36);
        std::array<std::byte, 36> raw{};
        std::copy(rest.begin(), rest.end(), raw.begin());
        std::array<std::byte, welcome_bytes> packet{};
        if (what % 4 == 0) {
            Welcome welcome{.opener = opener_.opened, .nonce = nonce_, .acceptor = ConnectionId(what),
                            .parameters = generous_};
            put(packet, welcome);
            if (what >= 128) std::copy(raw.begin(), raw.begin() + 32, packet.begin() + 72);
            return give(opener_, {packet.begin(), packet.end() - checksum_bytes});
        }
        if (what % 4 == 1) {
            CookieReply reply{.opener = opener_.opened, .nonce = nonce_};
            std::copy(raw.begin(), raw.begin() + 32, reply.cookie.begin());
            put(std::span(packet).first<cookie_bytes>(), reply);
            return give(opener_, {packet.begin(), packet.begin() + cookie_bytes - checksum_bytes});
        }
        const auto short_one = std::span(packet).first<refusal_bytes>();
        if (what % 4 == 2) put(short_one, Refusal{opener_.opened, nonce_, CloseCode{what}});
        else put(std::span(packet).first<versions_bytes>(), Versions{opener_.opened, nonce_, what, what});
        give(opener_, {packet.begin(), packet.begin() + refusal_bytes - checksum_bytes});
    }
    /// Learns what the endpoints told.
    void listen() {
        for (Side* side : {&acceptor_, &opener_}) {
            for (const auto& [to, packet] : side->link.sent) {
                if (const auto hello = parse_hello(packet)) nonce_ = hello->nonce;
                if (const auto reply = parse_cookie(packet)) cookies_[reply->opener.value] = reply->cookie;
                if (const auto welcome = parse_welcome(packet); welcome && welcomed_.size() < 100)
                    welcomed_.push_back(welcome->acceptor);
            }
            side->link.sent.clear();
        }
    }

    static constexpr Parameters generous_{.idle_timeout_ms = 3000, .acknowledgement_delay_us = 1000,
                                          .connection_credit = 1 << 20, .stream_credit = 1 << 16, .streams = 16,
                                          .datagram_bytes_max = 1472};
    Input input_;
    Nanos now_{1000 * second_ns};
    io::Endpoint hostile_;
    Side acceptor_{1}, opener_{2};
    std::map<uint64_t, Cookie> cookies_;
    std::vector<ConnectionId> welcomed_;
    Nonce nonce_{};
    uint32_t number_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Input input = std::as_bytes(std::span(data, size));
    if (input.empty()) return 0;
    if (std::to_integer<unsigned>(input[0]) % 2 == 0) run_packet(input.subspan(1));
    else Script(input.subspan(1)).run();
    return 0;
}
