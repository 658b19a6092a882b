#include "transport/handshake.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"

namespace penstock::transport {

namespace {

// Where things are: the same in every packet of the handshake up to the nonce.
constexpr size_t version_at = 1, flags_at = 2, opener_at = 8, nonce_at = 16, body_at = 32;
constexpr size_t hello_proof_at = 64, hello_parameters_at = 96, hello_end = 128;
constexpr size_t welcome_proof_at = 40, welcome_parameters_at = 72;
constexpr size_t parameters_bytes = 32;
constexpr uint16_t proof_flag = 1;
constexpr size_t cookie_time_bytes = 8;

struct Head {
    ConnectionId opener;
    Nonce nonce{};
    uint16_t flags = 0;
};

template <size_t size>
std::array<std::byte, size> bytes_at(const std::byte* at) {
    std::array<std::byte, size> bytes;
    std::memcpy(bytes.data(), at, size);
    return bytes;
}

template <size_t size>
void put_bytes(std::byte* at, const std::array<std::byte, size>& bytes) {
    std::memcpy(at, bytes.data(), size);
}

std::optional<Head> parse_head(std::span<const std::byte> packet, size_t size) {
    if (packet.size() != size || load_le<uint32_t>(packet.data() + 4) != 0) return std::nullopt;
    const auto flags = load_le<uint16_t>(packet.data() + flags_at);
    if ((flags & ~proof_flag) != 0) return std::nullopt;
    return Head{ConnectionId(load_le<uint64_t>(packet.data() + opener_at)), bytes_at<16>(packet.data() + nonce_at),
                flags};
}

void put_head(std::span<std::byte> packet, PacketKind kind, const Head& head) {
    std::ranges::fill(packet, std::byte{0});
    store_le(packet.data(), static_cast<uint8_t>(kind));
    store_le(packet.data() + version_at, transport::version);
    store_le(packet.data() + flags_at, head.flags);
    store_le(packet.data() + opener_at, head.opener.value);
    put_bytes(packet.data() + nonce_at, head.nonce);
}

Parameters parse_parameters(const std::byte* at) {
    return {.idle_timeout_ms = load_le<uint32_t>(at),
            .acknowledgement_delay_us = load_le<uint32_t>(at + 4),
            .connection_credit = load_le<uint64_t>(at + 8),
            .stream_credit = load_le<uint64_t>(at + 16),
            .streams = load_le<uint32_t>(at + 24),
            .datagram_bytes_max = load_le<uint32_t>(at + 28)};
}

void put_parameters(std::byte* at, const Parameters& parameters) {
    store_le(at, parameters.idle_timeout_ms);
    store_le(at + 4, parameters.acknowledgement_delay_us);
    store_le(at + 8, parameters.connection_credit);
    store_le(at + 16, parameters.stream_credit);
    store_le(at + 24, parameters.streams);
    store_le(at + 28, parameters.datagram_bytes_max);
}

bool is_version_one(std::span<const std::byte> packet) { return load_le<uint8_t>(packet.data() + version_at) == 1; }

Hash hash_of_opener(const Hash& key, const io::Endpoint& opener, const Hello& hello, uint64_t time_ms) {
    std::array<std::byte, 18> numbers;
    store_le(numbers.data(), time_ms);
    store_le(numbers.data() + 8, hello.opener.value);
    store_le(numbers.data() + 16, opener.port);
    const std::span<const std::byte> message[] = {numbers, opener.ip, hello.nonce};
    return hmac_sha256(key, message);
}

uint64_t milliseconds(Nanos now) { return static_cast<uint64_t>(now.value / millisecond_ns); }

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

std::optional<Hello> parse_hello(std::span<const std::byte> packet) noexcept {
    if (packet.size() < hello_bytes) return std::nullopt;
    const auto head = parse_head(packet, packet.size());
    if (!head) return std::nullopt;
    Hello hello{.version = load_le<uint8_t>(packet.data() + version_at), .has_proof = (head->flags & proof_flag) != 0,
                .opener = head->opener, .nonce = head->nonce};
    if (hello.version != transport::version) return hello;
    if (packet.size() != hello_bytes) return std::nullopt;
    hello.cookie = bytes_at<32>(packet.data() + body_at);
    hello.proof = bytes_at<32>(packet.data() + hello_proof_at);
    hello.parameters = parse_parameters(packet.data() + hello_parameters_at);
    return hello;
}

std::optional<Welcome> parse_welcome(std::span<const std::byte> packet) noexcept {
    const auto head = parse_head(packet, welcome_bytes);
    if (!head || !is_version_one(packet)) return std::nullopt;
    return Welcome{.has_proof = (head->flags & proof_flag) != 0,
                   .opener = head->opener,
                   .nonce = head->nonce,
                   .acceptor = ConnectionId(load_le<uint64_t>(packet.data() + body_at)),
                   .proof = bytes_at<32>(packet.data() + welcome_proof_at),
                   .parameters = parse_parameters(packet.data() + welcome_parameters_at)};
}

std::optional<CookieReply> parse_cookie(std::span<const std::byte> packet) noexcept {
    const auto head = parse_head(packet, cookie_bytes);
    if (!head || !is_version_one(packet)) return std::nullopt;
    return CookieReply{head->opener, head->nonce, bytes_at<32>(packet.data() + body_at)};
}

std::optional<Versions> parse_versions(std::span<const std::byte> packet) noexcept {
    const auto head = parse_head(packet, versions_bytes);
    if (!head) return std::nullopt;
    return Versions{head->opener, head->nonce, load_le<uint8_t>(packet.data() + body_at),
                    load_le<uint8_t>(packet.data() + body_at + 1)};
}

std::optional<Refusal> parse_refusal(std::span<const std::byte> packet) noexcept {
    const auto head = parse_head(packet, refusal_bytes);
    if (!head || !is_version_one(packet)) return std::nullopt;
    return Refusal{head->opener, head->nonce, static_cast<CloseCode>(load_le<uint32_t>(packet.data() + body_at))};
}

std::optional<ConnectionId> parse_reset(std::span<const std::byte> packet) noexcept {
    if (packet.size() != reset_bytes) return std::nullopt;
    return ConnectionId(load_le<uint64_t>(packet.data() + 4));
}

void put(std::span<std::byte, hello_bytes> packet, const Hello& hello) noexcept {
    put_head(packet, PacketKind::hello, {hello.opener, hello.nonce, hello.has_proof ? proof_flag : uint16_t{0}});
    store_le(packet.data() + version_at, hello.version);
    put_bytes(packet.data() + body_at, hello.cookie);
    put_bytes(packet.data() + hello_proof_at, hello.proof);
    put_parameters(packet.data() + hello_parameters_at, hello.parameters);
    put_checksum(packet);
}

void put(std::span<std::byte, welcome_bytes> packet, const Welcome& welcome) noexcept {
    put_head(packet, PacketKind::welcome,
             {welcome.opener, welcome.nonce, welcome.has_proof ? proof_flag : uint16_t{0}});
    store_le(packet.data() + body_at, welcome.acceptor.value);
    put_bytes(packet.data() + welcome_proof_at, welcome.proof);
    put_parameters(packet.data() + welcome_parameters_at, welcome.parameters);
    put_checksum(packet);
}

void put(std::span<std::byte, cookie_bytes> packet, const CookieReply& reply) noexcept {
    put_head(packet, PacketKind::cookie, {reply.opener, reply.nonce, 0});
    put_bytes(packet.data() + body_at, reply.cookie);
    put_checksum(packet);
}

void put(std::span<std::byte, versions_bytes> packet, const Versions& versions) noexcept {
    put_head(packet, PacketKind::versions, {versions.opener, versions.nonce, 0});
    store_le(packet.data() + body_at, versions.lowest);
    store_le(packet.data() + body_at + 1, versions.highest);
    put_checksum(packet);
}

void put(std::span<std::byte, refusal_bytes> packet, const Refusal& refusal) noexcept {
    put_head(packet, PacketKind::refusal, {refusal.opener, refusal.nonce, 0});
    store_le(packet.data() + body_at, static_cast<uint32_t>(refusal.code));
    put_checksum(packet);
}

void put_reset(std::span<std::byte, reset_bytes> packet, ConnectionId unknown) noexcept {
    std::ranges::fill(packet, std::byte{0});
    store_le(packet.data(), static_cast<uint8_t>(PacketKind::reset));
    store_le(packet.data() + 4, unknown.value);
    put_checksum(packet);
}

Cookie make_cookie(const Hash& key, const io::Endpoint& opener, const Hello& hello, Nanos now) {
    const Hash hash = hash_of_opener(key, opener, hello, milliseconds(now));
    Cookie cookie;
    store_le(cookie.data(), milliseconds(now));
    std::memcpy(cookie.data() + cookie_time_bytes, hash.data(), cookie.size() - cookie_time_bytes);
    return cookie;
}

bool cookie_holds(const Hash& key, const io::Endpoint& opener, const Hello& hello, Nanos now) {
    const auto made = load_le<uint64_t>(hello.cookie.data());
    const uint64_t latest = milliseconds(now), life = static_cast<uint64_t>(cookie_life_ns / millisecond_ns);
    if (made > latest || latest - made > life) return false;
    const Hash hash = hash_of_opener(key, opener, hello, made);
    return same(std::span(hash).first(hello.cookie.size() - cookie_time_bytes),
                std::span(hello.cookie).subspan(cookie_time_bytes));
}

Hash prove(std::span<const std::byte> secret, const Hello& hello) {
    std::array<std::byte, hello_bytes> packet;
    put(packet, hello);
    const std::span<const std::byte> message[] = {bytes_of("penstock opener"),
                                                  std::span(packet).first(hello_proof_at),
                                                  std::span(packet).subspan(hello_parameters_at, parameters_bytes)};
    return hmac_sha256(secret, message);
}

Hash prove(std::span<const std::byte> secret, const Welcome& welcome, const Cookie& cookie) {
    std::array<std::byte, welcome_bytes> packet;
    put(packet, welcome);
    const std::span<const std::byte> message[] = {bytes_of("penstock acceptor"),
                                                  std::span(packet).first(welcome_proof_at), cookie,
                                                  std::span(packet).subspan(welcome_parameters_at, parameters_bytes)};
    return hmac_sha256(secret, message);
}

static_assert(hello_parameters_at + parameters_bytes == hello_end);
static_assert(welcome_parameters_at + parameters_bytes + checksum_bytes == welcome_bytes);

}  // namespace penstock::transport
