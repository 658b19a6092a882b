// The packets that make a connection, and who may have one: cookies and proofs. README.md has formats and steps.
//
// Stateless. A cookie lets an acceptor forget an opener until it has shown that it receives what is sent to its
// address; a proof shows that somebody knows the cluster's secret.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/units.h"
#include "io/link.h"
#include "transport/packet.h"
#include "transport/secrets.h"

namespace penstock::transport {

using Nonce = std::array<std::byte, 16>;
using Cookie = std::array<std::byte, 32>;

/// What each end tells the other of itself.
struct Parameters {
    uint32_t idle_timeout_ms = 0;
    uint32_t acknowledgement_delay_us = 0;   ///< at most
    uint64_t connection_credit = 0;          ///< what the peer may send at first
    uint64_t stream_credit = 0;
    uint32_t streams = 0;                    ///< that the peer may open
    uint32_t datagram_bytes_max = 0;
    friend bool operator==(const Parameters&, const Parameters&) = default;
};

struct Hello {
    uint8_t version = transport::version;
    bool has_proof = false;
    ConnectionId opener;
    Nonce nonce{};
    Cookie cookie{};                         ///< zero: none yet
    Hash proof{};
    Parameters parameters;
};

struct Welcome {
    bool has_proof = false;
    ConnectionId opener;
    Nonce nonce{};
    ConnectionId acceptor;
    Hash proof{};
    Parameters parameters;
};

struct CookieReply {
    ConnectionId opener;
    Nonce nonce{};
    Cookie cookie{};
};

struct Versions {
    ConnectionId opener;
    Nonce nonce{};
    uint8_t lowest = transport::version, highest = transport::version;
};

struct Refusal {
    ConnectionId opener;
    Nonce nonce{};
    CloseCode code = CloseCode::none;
};

inline constexpr size_t hello_bytes = datagram_bytes_min;
inline constexpr size_t cookie_bytes = 68;
inline constexpr size_t welcome_bytes = 108;
inline constexpr size_t versions_bytes = 40;
inline constexpr size_t refusal_bytes = 40;
inline constexpr size_t reset_bytes = 16;
inline constexpr size_t answer_bytes_max = welcome_bytes;

// Each parses a packet of its kind whose checksum fits; nothing if it cannot be one. A Hello of another version is
// parsed as far as the nonce.
std::optional<Hello> parse_hello(std::span<const std::byte> packet) noexcept;
std::optional<Welcome> parse_welcome(std::span<const std::byte> packet) noexcept;
std::optional<CookieReply> parse_cookie(std::span<const std::byte> packet) noexcept;
std::optional<Versions> parse_versions(std::span<const std::byte> packet) noexcept;
std::optional<Refusal> parse_refusal(std::span<const std::byte> packet) noexcept;
std::optional<ConnectionId> parse_reset(std::span<const std::byte> packet) noexcept;

// Each fills a packet of its kind, of exactly its size, with the checksum.
void put(std::span<std::byte, hello_bytes> packet, const Hello& hello) noexcept;
void put(std::span<std::byte, welcome_bytes> packet, const Welcome& welcome) noexcept;
void put(std::span<std::byte, cookie_bytes> packet, const CookieReply& reply) noexcept;
void put(std::span<std::byte, versions_bytes> packet, const Versions& versions) noexcept;
void put(std::span<std::byte, refusal_bytes> packet, const Refusal& refusal) noexcept;
void put_reset(std::span<std::byte, reset_bytes> packet, ConnectionId unknown) noexcept;

// Cookies: `now` is the acceptor's clock, the key its own.
inline constexpr int64_t cookie_life_ns = 5 * second_ns;
Cookie make_cookie(const Hash& key, const io::Endpoint& opener, const Hello& hello, Nanos now);
/// The hello brings one that was made for it, not too long ago.
bool cookie_holds(const Hash& key, const io::Endpoint& opener, const Hello& hello, Nanos now);

// Proofs that somebody knows the cluster's secret.
Hash prove(std::span<const std::byte> secret, const Hello& hello);
Hash prove(std::span<const std::byte> secret, const Welcome& welcome, const Cookie& cookie);

}  // namespace penstock::transport
