// CRC-32C (Castagnoli), as Kafka's batches, our disk formats and our packets use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock {

/// The CRC of `before` followed by `bytes`, where `crc` is the CRC of `before` (0 for nothing).
uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) noexcept;

inline uint32_t crc32c(std::span<const std::byte> bytes) noexcept { return crc32c(0, bytes); }

}  // namespace penstock
