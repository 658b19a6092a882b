#include "broker/frame_memory.h"

#include <gtest/gtest.h>

#include "broker/buffer_streams.h"
#include "limits.h"

namespace penstock::broker {
namespace {

TEST(FrameMemory, keeps_a_part_of_the_budget_for_small_frames) {
    BufferStreams streams;
    FrameMemory memory(4 * mib, streams);
    EXPECT_EQ(memory.frame_bytes_max(), 3 * mib);
    EXPECT_TRUE(memory.reserve(2 * mib));
    EXPECT_FALSE(memory.reserve(2 * mib));
    EXPECT_TRUE(memory.reserve(limits::small_frame_bytes));
    memory.unreserve(limits::small_frame_bytes);
    memory.unreserve(2 * mib);
    EXPECT_EQ(memory.reserved(), 0u);
}

TEST(FrameMemory, lets_nobody_overtake_a_large_frame_that_waits) {
    BufferStreams streams;
    FrameMemory memory(4 * mib, streams);
    EXPECT_TRUE(memory.reserve(1 * mib));
    EXPECT_FALSE(memory.reserve(3 * mib));
    EXPECT_FALSE(memory.reserve(1 * mib)) << "there would be room, but others were here before";
    EXPECT_TRUE(memory.reserve(100));
    memory.unreserve(1 * mib);
    memory.try_again();
    EXPECT_TRUE(memory.reserve(3 * mib));
    memory.unreserve(3 * mib);
    memory.unreserve(100);
}

TEST(FrameMemory, gives_blocks_of_the_size_that_is_wanted) {
    BufferStreams streams;
    FrameMemory memory(4 * mib, streams);
    for (const auto& [wanted, capacity] : {std::pair{1u, 512u}, {512u, 512u}, {513u, 1024u}, {65'536u, 65'536u},
                                           {1'000'000u, 65'536u}}) {
        HeldBuffer* buffer = memory.allocate(wanted);
        EXPECT_EQ(buffer->capacity, capacity);
        EXPECT_EQ(buffer->data, buffer->block);
        const std::byte* block = buffer->block;
        memory.let_go(buffer);
        HeldBuffer* again = memory.allocate(wanted);
        EXPECT_EQ(again->block, block) << "an idle block is used again";
        memory.let_go(again);
    }
}

TEST(FrameMemory, gives_a_lent_buffer_back_when_its_last_holder_lets_go) {
    BufferStreams streams;
    FrameMemory memory(4 * mib, streams);
    HeldBuffer* buffer = memory.hold(streams.lend("hello"));
    EXPECT_EQ(buffer->size, 5u);
    ++buffer->holders;
    memory.let_go(buffer);
    EXPECT_EQ(streams.lent(), 1u);
    memory.let_go(buffer);
    EXPECT_EQ(streams.lent(), 0u);
}

TEST(FrameMemory, bounds_the_backlog) {
    BufferStreams streams;
    FrameMemory memory(4 * mib, streams);
    EXPECT_TRUE(memory.reserve_backlog(limits::backlog_bytes_per_shard));
    EXPECT_FALSE(memory.reserve_backlog(1));
    memory.unreserve_backlog(10);
    EXPECT_TRUE(memory.reserve_backlog(10));
}

}  // namespace
}  // namespace penstock::broker
