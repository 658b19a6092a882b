#include "store/zookeeper_format.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace penstock::store {
namespace {

std::map<std::string, std::string> replayed(const std::vector<std::string>& pieces) {
    Replay replay;
    for (const std::string& bytes : pieces) {
        const auto piece = decode_piece(bytes);
        EXPECT_TRUE(piece && replay.take(piece->changes));
    }
    EXPECT_TRUE(replay.whole());
    return std::move(replay.rows());
}

TEST(ZooKeeperFormat, NamesSortAsNumbers) {
    EXPECT_EQ(to_text(PieceName{42, 7}), "00000000000000000042-000007");
    for (const PieceName& name : {PieceName{0, 0}, PieceName{99, 100}, PieceName{UINT64_MAX, 999'999}})
        EXPECT_EQ(parse_piece_name(to_text(name)), name);
    EXPECT_LT(to_text(PieceName{9, 11}), to_text(PieceName{10, 2}));
    for (const char* wrong : {"", "42-7", "00000000000000000042-00007", "00000000000000000042_000007",
                              "0000000000000000004x-000007", "00000000000000000042-0000-7",
                              "99999999999999999999-000007", "-0000000000000000042-000007"})
        EXPECT_FALSE(parse_piece_name(wrong)) << wrong;
}

TEST(ZooKeeperFormat, TheHeadIsWholeOrNothing) {
    const std::string bytes = encode(Head{.revision = 300, .snapshot = 70});
    const auto head = decode_head(bytes);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->revision, 300u);
    EXPECT_EQ(head->snapshot, 70u);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string damaged = bytes;
        damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
        EXPECT_FALSE(decode_head(damaged)) << bit;
    }
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_head(bytes.substr(0, size)));
    EXPECT_FALSE(decode_head(encode(Head{.revision = 1, .snapshot = 2})));
}

// The example of the header, byte by byte.
TEST(ZooKeeperFormat, AChangeIsAsDocumented) {
    const auto pieces = encode(io::StoreTransaction{.revision = 5, .puts = {{"a", "xy"}}, .removes = {"b"}});
    ASSERT_EQ(pieces.size(), 1u);
    const auto piece = decode_piece(pieces[0]);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->kind, PieceKind::transaction);
    EXPECT_EQ(piece->revision, 5u);
    EXPECT_EQ(piece->index, 0u);
    EXPECT_EQ(piece->count, 1u);
    const std::string wanted("\x01\x01\0\0\0\x02\0\0\0" "axy" "\x02\x01\0\0\0\0\0\0\0" "b", 22);
    EXPECT_EQ(piece->changes, wanted);
}

TEST(ZooKeeperFormat, ADamagedPieceIsNone) {
    const std::string bytes = encode(io::StoreTransaction{.revision = 5, .puts = {{"a", "xy"}}, .removes = {}})[0];
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string damaged = bytes;
        damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
        EXPECT_FALSE(decode_piece(damaged)) << bit;
    }
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_piece(bytes.substr(0, size)));
}

TEST(ZooKeeperFormat, RowsCrossPieces) {
    Random random(3);
    for (int round = 0; round < 20; ++round) {
        io::StoreTransaction change{.revision = 1};
        std::map<std::string, std::string> wanted;
        for (uint64_t n = random.below(12); n > 0; --n) {
            const std::string key = "row/" + std::to_string(n);
            wanted[key] = std::string(random.below(2 * piece_bytes_max), static_cast<char>(n));
            change.puts.push_back({key, wanted[key]});
        }
        const auto pieces = encode(change);
        for (size_t i = 0; i < pieces.size(); ++i) {
            EXPECT_LE(pieces[i].size(), piece_bytes_max + 64);
            EXPECT_EQ(decode_piece(pieces[i])->index, i);
            EXPECT_EQ(decode_piece(pieces[i])->count, pieces.size());
        }
        EXPECT_EQ(replayed(pieces), wanted);
        EXPECT_EQ(replayed(encode_snapshot(9, wanted)), wanted);
    }
}

TEST(ZooKeeperFormat, NothingIsAlsoATransaction) {
    EXPECT_TRUE(replayed(encode(io::StoreTransaction{.revision = 1})).empty());
    EXPECT_TRUE(replayed(encode_snapshot(1, {})).empty());
}

// Whatever the bytes: an answer, and nothing out of bounds.
TEST(ZooKeeperFormat, ReplayTakesAnything) {
    Random random(8);
    for (int round = 0; round < 5000; ++round) {
        Replay replay;
        for (int piece = 0; piece < 3; ++piece) {
            std::string bytes(random.below(60), '\0');
            for (char& byte : bytes) byte = static_cast<char>(random.below(random.below(2) == 0 ? 4 : 256));
            if (!replay.take(bytes)) break;
        }
    }
    Replay replay;
    EXPECT_TRUE(replay.take(std::string_view("\x01\x01\0\0\0\x02\0\0\0" "a", 10)));
    EXPECT_FALSE(replay.whole());
    EXPECT_FALSE(Replay().take(std::string_view("\x03\x01\0\0\0\x02\0\0\0" "axy", 12)));
    EXPECT_FALSE(Replay().take(std::string_view("\x01\xff\xff\xff\xff\0\0\0\0", 9)));
}

}  // namespace
}  // namespace penstock::store
