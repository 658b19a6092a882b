#include "base/uuid.h"

#include <cstring>

namespace penstock {
namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int digit_of(char c) {
    for (int i = 0; i < 64; ++i) {
        if (alphabet[i] == c) return i;
    }
    return -1;
}

}  // namespace

std::string Uuid::text() const {
    std::string out;
    uint32_t bits = 0;
    int bit_count = 0;
    for (uint8_t byte : bytes) {
        bits = (bits << 8) | byte;
        bit_count += 8;
        while (bit_count >= 6) {
            bit_count -= 6;
            out.push_back(alphabet[(bits >> bit_count) & 63]);
        }
    }
    out.push_back(alphabet[(bits << (6 - bit_count)) & 63]);
    return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 22) return std::nullopt;
    Uuid id;
    uint32_t bits = 0;
    int bit_count = 0;
    size_t at = 0;
    for (char c : text) {
        int digit = digit_of(c);
        if (digit < 0) return std::nullopt;
        bits = (bits << 6) | static_cast<uint32_t>(digit);
        bit_count += 6;
        if (bit_count >= 8 && at < id.bytes.size()) {
            bit_count -= 8;
            id.bytes[at++] = static_cast<uint8_t>(bits >> bit_count);
        }
    }
    if ((bits & 15) != 0) return std::nullopt;  // the 4 bits that no byte uses
    return id;
}

Uuid make_uuid(uint64_t random_high, uint64_t random_low) {
    Uuid id;
    for (size_t i = 0; i < 8; ++i) {
        id.bytes[i] = static_cast<uint8_t>(random_high >> (56 - 8 * i));
        id.bytes[8 + i] = static_cast<uint8_t>(random_low >> (56 - 8 * i));
    }
    id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    // '-' is digit 62: the first six bits. Command-line tools would take such an id for an option.
    if ((id.bytes[0] >> 2) == 62) id.bytes[0] = static_cast<uint8_t>(id.bytes[0] & 0x7f);
    return id;
}

size_t UuidHash::operator()(const Uuid& id) const noexcept {
    uint64_t low;
    std::memcpy(&low, id.bytes.data() + 8, sizeof low);
    return low * 0x9e3779b97f4a7c15ull;
}

}  // namespace penstock
