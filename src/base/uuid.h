// 128-bit ids (topics, cluster, storage). Zero means none. Text form as Kafka's: URL-safe base64, 22 characters.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

struct Uuid {
    std::array<uint8_t, 16> bytes{};

    bool is_zero() const { return *this == Uuid{}; }
    std::string text() const;
    static std::optional<Uuid> parse(std::string_view text);
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// A random id (version 4 bits set) from two random words; never zero nor one whose text starts with '-'.
Uuid make_uuid(uint64_t random_high, uint64_t random_low);

struct UuidHash {
    size_t operator()(const Uuid& id) const noexcept;
};

}  // namespace penstock
