#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace penstock {

uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) noexcept {
    constexpr size_t step = 1u << 30;  // the library counts in int
    uint32_t state = ~crc;
    while (!bytes.empty()) {
        size_t n = std::min(bytes.size(), step);
        auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
        state = crc32_iscsi(data, static_cast<int>(n), state);
        bytes = bytes.subspan(n);
    }
    return ~state;
}

}  // namespace penstock
