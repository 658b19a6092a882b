#include "transport/packet.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

namespace penstock::transport {

namespace {

constexpr uint8_t acknowledge_now_flag = 1;

}  // namespace

const char* to_string(CloseCode code) noexcept {
    switch (code) {
        case CloseCode::none: return "none";
        case CloseCode::protocol_violation: return "protocol_violation";
        case CloseCode::credit_exceeded: return "credit_exceeded";
        case CloseCode::no_room: return "no_room";
        case CloseCode::not_proven: return "not_proven";
        case CloseCode::idle: return "idle";
        case CloseCode::unreachable: return "unreachable";
        case CloseCode::shutting_down: return "shutting_down";
        case CloseCode::cancelled: return "cancelled";
        case CloseCode::wrong_version: return "wrong_version";
    }
    return "unknown";
}

bool checksum_fits(std::span<const std::byte> packet) noexcept {
    if (packet.size() < checksum_bytes) return false;
    const size_t covered = packet.size() - checksum_bytes;
    return crc32c(packet.first(covered)) == load_le<uint32_t>(packet.data() + covered);
}

void put_checksum(std::span<std::byte> packet) noexcept {
    PENSTOCK_ASSERT(packet.size() >= checksum_bytes);
    const size_t covered = packet.size() - checksum_bytes;
    store_le(packet.data() + covered, crc32c(packet.first(covered)));
}

std::optional<PacketKind> kind_of(std::span<const std::byte> packet) noexcept {
    if (packet.empty()) return std::nullopt;
    const auto kind = static_cast<PacketKind>(packet.front());
    switch (kind) {
        case PacketKind::hello:
        case PacketKind::cookie:
        case PacketKind::welcome:
        case PacketKind::versions:
        case PacketKind::refusal:
        case PacketKind::reset:
        case PacketKind::data: return kind;
    }
    return std::nullopt;
}

std::optional<DataHeader> parse_data_header(std::span<const std::byte> packet) noexcept {
    if (packet.size() < data_header_bytes + checksum_bytes) return std::nullopt;
    const auto flags = load_le<uint8_t>(packet.data() + 1);
    if ((flags & ~acknowledge_now_flag) != 0 || load_le<uint16_t>(packet.data() + 2) != 0) return std::nullopt;
    return DataHeader{ConnectionId(load_le<uint64_t>(packet.data() + 4)), load_le<uint32_t>(packet.data() + 12),
                      flags != 0};
}

void put_data_header(std::byte* at, const DataHeader& header) noexcept {
    store_le(at, static_cast<uint8_t>(PacketKind::data));
    store_le(at + 1, header.acknowledge_now ? acknowledge_now_flag : uint8_t{0});
    store_le(at + 2, uint16_t{0});
    store_le(at + 4, header.to.value);
    store_le(at + 12, header.number_low);
}

void set_acknowledge_now(std::byte* header) noexcept { store_le(header + 1, acknowledge_now_flag); }

std::span<const std::byte> frames_of(std::span<const std::byte> packet) noexcept {
    PENSTOCK_ASSERT(packet.size() >= data_header_bytes + checksum_bytes);
    return packet.subspan(data_header_bytes, packet.size() - data_header_bytes - checksum_bytes);
}

uint64_t complete_number(uint32_t low, uint64_t expected) noexcept {
    constexpr uint64_t half = uint64_t{1} << 31, whole = uint64_t{1} << 32;
    const uint64_t candidate = (expected & ~(whole - 1)) | low;
    if (candidate + half <= expected) return candidate + whole;
    if (candidate > expected + half && candidate >= whole) return candidate - whole;
    return candidate;
}

}  // namespace penstock::transport
