// Which partition a key goes to: murmur2 as in Java's default partitioner, so that all clients agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::wire {

uint32_t murmur2(std::span<const std::byte> key) noexcept;

/// `partition_count` must be positive.
int32_t partition_of_key(std::span<const std::byte> key, int32_t partition_count) noexcept;

}  // namespace penstock::wire
