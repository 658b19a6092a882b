// Bytes as people compare them with a specification.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace penstock::transport {

inline std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        text += digits[std::to_integer<size_t>(byte >> 4)];
        text += digits[std::to_integer<size_t>(byte & std::byte{15})];
    }
    return text;
}

}  // namespace penstock::transport
