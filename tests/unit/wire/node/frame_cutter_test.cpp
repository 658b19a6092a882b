#include "wire/node/frame_cutter.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"

namespace penstock::wire::node {
namespace {

std::vector<std::byte> framed(const std::string& body) {
    std::vector<std::byte> out(sizeof(int32_t));
    store_be(out.data(), static_cast<int32_t>(body.size()));
    for (char c : body) out.push_back(static_cast<std::byte>(c));
    return out;
}

std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> stream_of(std::initializer_list<std::string> bodies) {
    std::vector<std::byte> out;
    for (const auto& body : bodies) {
        auto frame = framed(body);
        out.insert(out.end(), frame.begin(), frame.end());
    }
    return out;
}

TEST(FrameCutter, CutsHoweverTheBytesArrive) {
    const auto stream = stream_of({"one", "", "three and more", "x"});
    for (size_t piece = 1; piece <= stream.size(); ++piece) {
        FrameCutter cutter(100);
        std::vector<std::string> frames;
        for (size_t at = 0; at < stream.size(); at += piece) {
            ASSERT_TRUE(cutter.push(std::span(stream).subspan(at, std::min(piece, stream.size() - at))));
            while (auto frame = cutter.next()) frames.push_back(text(*frame));
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"one", "", "three and more", "x"})) << piece;
        EXPECT_FALSE(cutter.broken());
    }
}

TEST(FrameCutter, AWrongSizeBreaksTheStreamForGood) {
    for (int32_t size : {-1, INT32_MIN, 101, INT32_MAX}) {
        FrameCutter cutter(100);
        auto stream = stream_of({"good"});
        stream.resize(stream.size() + sizeof size);
        store_be(stream.data() + stream.size() - sizeof size, size);
        ASSERT_TRUE(cutter.push(stream));
        EXPECT_EQ(text(cutter.next().value()), "good");
        EXPECT_FALSE(cutter.next().has_value());
        EXPECT_TRUE(cutter.broken());
        EXPECT_FALSE(cutter.push(framed("more")));
        EXPECT_FALSE(cutter.next().has_value());
        cutter.reset();
        ASSERT_TRUE(cutter.push(framed("again")));
        EXPECT_EQ(text(cutter.next().value()), "again");
    }
}

TEST(FrameCutter, TakesAFrameOfTheBound) {
    FrameCutter cutter(100);
    ASSERT_TRUE(cutter.push(framed(std::string(100, 'a'))));
    EXPECT_EQ(cutter.next()->size(), 100u);
}

TEST(FrameCutter, AHalfFrameOfAFormerConnectionIsForgotten) {
    FrameCutter cutter(100);
    auto stream = framed("lost");
    stream.pop_back();
    cutter.push(stream);
    cutter.reset();
    cutter.push(framed("new"));
    EXPECT_EQ(text(cutter.next().value()), "new");
}

}  // namespace
}  // namespace penstock::wire::node
