#include "wire/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <random>
#include <string>

#include "golden.h"

namespace penstock::wire {
namespace {

constexpr Codec all_codecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr Codec real_codecs[] = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::vector<std::byte> compressible(size_t size) {
    std::vector<std::byte> out(size);
    constexpr std::string_view text = "goal by the home side ";
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(text[(i + i / 5000) % text.size()]);
    return out;
}

std::vector<std::byte> incompressible(size_t size) {
    std::mt19937 random(1);
    std::vector<std::byte> out(size);
    for (std::byte& byte : out) byte = static_cast<std::byte>(random());
    return out;
}

std::vector<std::byte> packed(Codec codec, std::span<const std::byte> input) {
    std::vector<std::byte> out;
    EXPECT_TRUE(compress(codec, input, out));
    return out;
}

TEST(Compression, names) {
    for (Codec codec : all_codecs) EXPECT_EQ(parse_codec(to_string(codec)), codec);
    EXPECT_EQ(parse_codec("brotli"), std::nullopt);
    EXPECT_EQ(to_string(static_cast<Codec>(7)), "unknown");
}

TEST(Compression, round_trip_with_the_exact_bound) {
    for (Codec codec : all_codecs) {
        for (size_t size : {0u, 1u, 100u, 32768u, 65536u, 65537u, 1u << 20}) {
            for (const auto& input : {compressible(size), incompressible(size)}) {
                std::vector<std::byte> shrunk = packed(codec, input);
                std::vector<std::byte> out = hex("aabb");
                ASSERT_TRUE(decompress(codec, shrunk, size, out)) << to_string(codec) << " " << size;
                ASSERT_EQ(out.size(), size + 2);
                EXPECT_EQ(out[1], std::byte{0xbb});
                EXPECT_TRUE(std::equal(input.begin(), input.end(), out.begin() + 2));
            }
        }
    }
}

TEST(Compression, really_compresses) {
    for (Codec codec : real_codecs) EXPECT_LT(packed(codec, compressible(100'000)).size(), 10'000u) << to_string(codec);
}

TEST(Compression, a_bomb_stops_at_the_bound) {
    std::vector<std::byte> zeros(64 << 20);
    for (Codec codec : all_codecs) {
        std::vector<std::byte> bomb = packed(codec, zeros);
        for (size_t bound : {size_t{0}, size_t{1}, size_t{4096}, zeros.size() - 1}) {
            std::vector<std::byte> out = hex("aa");
            auto result = decompress(codec, bomb, bound, out);
            ASSERT_FALSE(result) << to_string(codec);
            EXPECT_EQ(result.error().code, Errc::too_large);
            EXPECT_EQ(out.size(), 1u);
            EXPECT_LE(out.capacity(), 2 * (bound + 4096 + 1));
        }
    }
}

TEST(Compression, cut_input_is_malformed) {
    std::vector<std::byte> input = compressible(5000);
    for (Codec codec : real_codecs) {
        std::vector<std::byte> shrunk = packed(codec, input);
        for (size_t size = 0; size < shrunk.size(); ++size) {
            // A framed snappy stream may end at a block.
            if (codec == Codec::snappy && size == 16) continue;
            std::vector<std::byte> part(shrunk.begin(), shrunk.begin() + static_cast<ptrdiff_t>(size));
            std::vector<std::byte> out;
            auto result = decompress(codec, part, 1 << 20, out);
            ASSERT_FALSE(result) << to_string(codec) << " cut at " << size;
            EXPECT_EQ(result.error().code, Errc::malformed) << to_string(codec) << " cut at " << size;
            EXPECT_TRUE(out.empty());
        }
    }
}

TEST(Compression, garbage_behind_a_stream_is_malformed) {
    for (Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
        std::vector<std::byte> shrunk = packed(codec, compressible(100));
        shrunk.push_back(std::byte{1});
        std::vector<std::byte> out;
        EXPECT_FALSE(decompress(codec, shrunk, 1 << 20, out)) << to_string(codec);
    }
}

TEST(Compression, streams_in_a_row_are_one) {
    for (Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
        std::vector<std::byte> input = compressible(10'000);
        std::vector<std::byte> shrunk = packed(codec, input);
        std::vector<std::byte> two = shrunk;
        two.insert(two.end(), shrunk.begin(), shrunk.end());
        std::vector<std::byte> out;
        ASSERT_TRUE(decompress(codec, two, 20'000, out)) << to_string(codec);
        EXPECT_EQ(out.size(), 20'000u);
    }
}

TEST(Compression, reads_zstd_with_any_window) {
    // The magic, no content size, the window's exponent above 10, one raw block of three bytes.
    for (const char* window : {"00", "68", "88", "a8"}) {  // 1 KiB, 8 MiB as of level 19, 128 MiB as of level 22, 2 GiB
        const std::vector<std::byte> frame = hex(std::string("28b52ffd00") + window + "190000616263");
        std::vector<std::byte> out;
        ASSERT_TRUE(decompress(Codec::zstd, frame, 3, out)) << window;
        EXPECT_EQ(out, hex("616263"));
        EXPECT_EQ(decompress(Codec::zstd, frame, 2, out).error().code, Errc::too_large);
        EXPECT_EQ(out.size(), 3u);
    }
}

TEST(Compression, reads_raw_snappy) {
    std::vector<std::byte> input = compressible(50'000);
    std::string raw;
    snappy::Compress(reinterpret_cast<const char*>(input.data()), input.size(), &raw);
    std::vector<std::byte> out;
    ASSERT_TRUE(decompress(Codec::snappy, std::as_bytes(std::span(raw)), input.size(), out));
    EXPECT_EQ(out, input);
}

TEST(Compression, writes_snappy_framing_and_checks_its_lengths) {
    std::vector<std::byte> framed = packed(Codec::snappy, compressible(40'000));
    EXPECT_EQ(text_of(std::span(framed).first(16)), text_of(hex("82 'SNAPPY' 00 00000001 00000001")));
    for (std::string_view length : {"ffffffff", "7fffffff", "80000000"}) {
        std::vector<std::byte> hostile = framed;
        std::vector<std::byte> field = hex(length);
        std::copy(field.begin(), field.end(), hostile.begin() + 16);
        std::vector<std::byte> out;
        auto result = decompress(Codec::snappy, hostile, 1 << 20, out);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Errc::malformed);
    }
}

TEST(Compression, lz4_blocks_are_independent) {
    std::vector<std::byte> frame = packed(Codec::lz4, compressible(300'000));
    EXPECT_EQ(text_of(std::span(frame).first(4)), text_of(hex("04224d18")));
    EXPECT_EQ(frame[4] & std::byte{0xe0}, std::byte{0x60});  // version 1, blocks independent
}

TEST(Compression, unknown_codecs_are_unsupported) {
    std::vector<std::byte> out;
    auto result = decompress(static_cast<Codec>(5), hex("00"), 10, out);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unsupported);
    EXPECT_FALSE(compress(static_cast<Codec>(6), hex("00"), out));
}

}  // namespace
}  // namespace penstock::wire
