// Packets as bytes: kinds, the header of data packets, the checksum. README.md has the formats.
//
// Stateless. Nothing here believes a byte: what cannot be a packet is no packet. What data packets hold is in frame.h,
// what the packets of the handshake hold in handshake.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/units.h"

namespace penstock::transport {

/// What an endpoint calls one of its connections towards its peer. Hard to guess, never used again.
using ConnectionId = Strong<struct ConnectionIdTag, uint64_t>;

inline constexpr uint8_t version = 1;

enum class PacketKind : uint8_t {
    hello = 0xA0,
    cookie = 0xA1,
    welcome = 0xA2,
    versions = 0xA3,
    refusal = 0xA4,
    reset = 0xA5,
    data = 0xD0,
};

inline constexpr size_t checksum_bytes = 4;
inline constexpr size_t data_header_bytes = 16;
/// Every path must carry these; larger ones are found out.
inline constexpr uint32_t datagram_bytes_min = 1200;
/// A little less than UDP over IPv4 knows: as much as a link takes at once.
inline constexpr uint32_t datagram_bytes_max = 65'000;

enum class CloseCode : uint32_t {
    none = 0,
    protocol_violation = 1,
    credit_exceeded = 2,
    no_room = 3,
    not_proven = 4,
    idle = 5,
    unreachable = 6,
    shutting_down = 7,
    cancelled = 8,
    wrong_version = 9,
};

/// The name in README.md; "unknown" for what is none of them.
const char* to_string(CloseCode code) noexcept;

struct DataHeader {
    ConnectionId to;
    uint32_t number_low = 0;
    bool acknowledge_now = false;
};

/// Whether the last four bytes are the checksum of those before.
bool checksum_fits(std::span<const std::byte> packet) noexcept;
/// Writes it there.
void put_checksum(std::span<std::byte> packet) noexcept;

std::optional<PacketKind> kind_of(std::span<const std::byte> packet) noexcept;

/// Of a packet of kind data whose checksum fits; nothing if it cannot be one.
std::optional<DataHeader> parse_data_header(std::span<const std::byte> packet) noexcept;
void put_data_header(std::byte* at, const DataHeader& header) noexcept;
/// In a header that was put before.
void set_acknowledge_now(std::byte* header) noexcept;
/// What is between header and checksum.
std::span<const std::byte> frames_of(std::span<const std::byte> packet) noexcept;

/// The number with this low half that is nearest to the one that is expected next.
uint64_t complete_number(uint32_t low, uint64_t expected) noexcept;

}  // namespace penstock::transport
