#include "transport/received_buffers.h"

#include <gtest/gtest.h>

#include "transport/lending_link.h"

namespace penstock::transport {
namespace {

TEST(ReceivedBuffers, go_back_after_the_last_holder) {
    LendingLink link;
    ReceivedBuffers buffers(link, 100);
    const uint32_t first = buffers.take(link.lend("abc"));
    const uint32_t second = buffers.take(link.lend("def"));
    buffers.hold(first);
    buffers.release(first);
    EXPECT_EQ(link.lent(), 2u);
    buffers.release(first);
    EXPECT_EQ(link.lent(), 1u);
    EXPECT_EQ(buffers.take(link.lend("ghi")), first);   // places are used again
    buffers.release(first);
    buffers.release(second);
    EXPECT_EQ(link.lent(), 0u);
}

TEST(ReceivedBuffers, copies_are_bounded) {
    LendingLink link;
    ReceivedBuffers buffers(link, 60 + ReceivedBuffers::copy_cost + 100);
    const std::string text(60, 'x');
    const auto copy = buffers.copy(std::as_bytes(std::span(text)), 0);
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->data[59], std::byte{'x'});
    EXPECT_EQ(buffers.copied_bytes(), 60u + ReceivedBuffers::copy_cost);
    EXPECT_FALSE(buffers.copy(std::as_bytes(std::span(text)), 0));
    buffers.release(copy->buffer);
    EXPECT_EQ(buffers.copied_bytes(), 0u);
    EXPECT_TRUE(buffers.copy(std::as_bytes(std::span(text)), 0));
}

TEST(ReceivedBuffers, a_copy_of_one_byte_costs_more_than_a_byte) {
    LendingLink link;
    ReceivedBuffers buffers(link, 100 * ReceivedBuffers::copy_cost);
    size_t copies = 0;
    while (const auto copy = buffers.copy(std::as_bytes(std::span("x", 1)), 0)) {
        EXPECT_EQ(copy->data[0], std::byte{'x'});
        ++copies;
    }
    EXPECT_EQ(copies, 99u);
}

// Whoever frees what the others hold may be the one that needs room.
TEST(ReceivedBuffers, streams_that_nobody_reads_leave_room_for_one_that_is_read) {
    LendingLink link;
    constexpr uint64_t all = 1'000'000, piece = 1000, streams = 10;
    ReceivedBuffers buffers(link, all);
    const std::string text(piece, 'x');
    const auto bytes = std::as_bytes(std::span(text));
    std::vector<uint64_t> unread(streams);
    for (size_t refused = 0, at = 0; refused < streams; at = (at + 1) % streams) {
        const bool kept = buffers.copy(bytes, unread[at]).has_value();
        unread[at] += kept ? piece : 0;
        refused = kept ? 0 : refused + 1;
    }
    EXPECT_GT(unread[0], all / (2 * streams));
    EXPECT_LT(buffers.copied_bytes(), all - all / (2 * streams));
    for (int i = 0; i < 1000; ++i) {
        const auto copy = buffers.copy(bytes, 0);
        ASSERT_TRUE(copy);
        buffers.release(copy->buffer);
    }
}

TEST(ReceivedBuffers, give_back_what_is_held_at_the_end) {
    LendingLink link;
    {
        ReceivedBuffers buffers(link, 100);
        buffers.take(link.lend("abc"));
        const std::string text(60, 'x');
        buffers.copy(std::as_bytes(std::span(text)), 0);
    }
    EXPECT_EQ(link.lent(), 0u);
}

}  // namespace
}  // namespace penstock::transport
