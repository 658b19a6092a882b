// What the tests of messages share: bytes written as hex, and checks that every message must pass in every version.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/frame.h"

namespace penstock::wire {

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// "00 01 'abc' ff": pairs of hex digits, quoted text, spaces between.
inline std::vector<std::byte> hex(std::string_view text) {
    std::vector<std::byte> out;
    for (size_t i = 0; i < text.size();) {
        if (text[i] == ' ' || text[i] == '\n') {
            ++i;
        } else if (text[i] == '\'') {
            for (++i; text[i] != '\''; ++i) out.push_back(static_cast<std::byte>(text[i]));
            ++i;
        } else {
            out.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
            i += 2;
        }
    }
    return out;
}

inline std::vector<std::byte> flatten(std::span<const Fragment> chain) {
    std::vector<std::byte> out;
    for (const Fragment& f : chain) out.insert(out.end(), f.data, f.data + f.size);
    return out;
}

inline Fragment fragment_of(std::span<const std::byte> bytes) {
    return {bytes.data(), static_cast<uint32_t>(bytes.size())};
}

/// The bytes in small fragments, empty ones between. Each has its own allocation, so that ASan sees a step too far.
struct Shredded {
    std::vector<std::vector<std::byte>> pieces;
    std::vector<Fragment> chain;

    explicit Shredded(std::span<const std::byte> bytes, size_t piece_size = 1) {
        for (size_t at = 0; at < bytes.size(); at += piece_size) {
            std::span<const std::byte> piece = bytes.subspan(at, std::min(piece_size, bytes.size() - at));
            pieces.emplace_back(piece.begin(), piece.end());
        }
        for (const auto& piece : pieces) {
            chain.push_back(fragment_of(piece));
            chain.push_back({});
        }
    }
};

inline std::string text_of(std::span<const std::byte> bytes) {
    std::string out;
    char pair[4];
    for (std::byte b : bytes) {
        std::snprintf(pair, sizeof pair, "%02x ", static_cast<unsigned>(b));
        out += pair;
    }
    return out;
}

template <class M>
std::vector<std::byte> encoded(const M& message, int16_t version) {
    Arena arena(16 << 20);
    Writer writer(arena);
    EXPECT_TRUE(encode(writer, message, version)) << "version " << version;
    std::vector<std::byte> bytes = flatten(writer.finish());
    EXPECT_EQ(bytes.size(), encoded_size(message, version));
    return bytes;
}

/// The bytes decode to a message that encodes to them again: whole, in small pieces, and not when any byte is missing.
template <class M>
void expect_round_trip(std::span<const std::byte> bytes, int16_t version) {
    for (size_t piece : {size_t{1}, size_t{3}, bytes.size() + 1}) {
        Arena arena(16 << 20);
        Shredded shredded(bytes, piece);
        Reader reader(shredded.chain, arena);
        M again{};
        ASSERT_TRUE(decode(reader, again, version)) << "version " << version << ", pieces of " << piece;
        EXPECT_EQ(reader.remaining(), 0u);
        EXPECT_EQ(text_of(encoded(again, version)), text_of(bytes)) << "version " << version << ", pieces of " << piece;
    }
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
        Arena arena(16 << 20);
        std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(cut));
        Fragment whole = fragment_of(part);
        Reader reader(std::span(&whole, 1), arena);
        M again{};
        EXPECT_FALSE(decode(reader, again, version)) << "version " << version << " cut at " << cut;
    }
}

/// The message encodes to exactly these bytes, and they round-trip.
template <class M>
void expect_golden(const M& message, int16_t version, std::string_view golden) {
    SCOPED_TRACE("version " + std::to_string(version));
    std::vector<std::byte> bytes = encoded(message, version);
    EXPECT_EQ(text_of(bytes), text_of(hex(golden)));
    expect_round_trip<M>(bytes, version);
}

/// Round trip in all versions from first to last of a message with something in every field.
template <class M>
void expect_all_versions(const M& message, int16_t first, int16_t last) {
    for (int16_t version = first; version <= last; ++version) {
        expect_round_trip<M>(encoded(message, version), version);
    }
}

}  // namespace penstock::wire
