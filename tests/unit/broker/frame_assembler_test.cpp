#include "broker/frame_assembler.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "broker/buffer_streams.h"
#include "limits.h"

namespace penstock::broker {
namespace {

std::string framed(const std::string& body) {
    std::string bytes(4, '\0');
    store_be(reinterpret_cast<std::byte*>(bytes.data()), static_cast<int32_t>(body.size()));
    return bytes + body;
}

std::string text_of(const Frame& frame) {
    std::string text;
    for (const Fragment& f : frame.fragments) text.append(reinterpret_cast<const char*>(f.data), f.size);
    return text;
}

class FrameAssemblerTest : public testing::Test {
protected:
    /// Takes all frames that are ready.
    std::vector<std::string> frames() {
        std::vector<std::string> out;
        while (assembler_->next() == FrameStatus::ready) {
            Frame frame;
            assembler_->take(frame);
            out.push_back(text_of(frame));
            FrameAssembler::release(frame, memory_);
        }
        return out;
    }
    void receive(std::string_view bytes) { assembler_->on_received(streams_.lend(bytes)); }

    BufferStreams streams_;
    FrameMemory memory_{16 * mib, streams_};
    std::unique_ptr<FrameAssembler> assembler_ = std::make_unique<FrameAssembler>(memory_, 8 * mib);
};

TEST_F(FrameAssemblerTest, finds_the_same_frames_however_the_bytes_are_cut) {
    std::vector<std::string> bodies;
    std::string bytes;
    Random random(1);
    for (const size_t size : {8u, 9u, 100u, 4096u, 4097u, 16'384u, 70'000u, 500'000u, 20u, 300'000u}) {
        std::string body(size, '\0');
        for (char& c : body) c = static_cast<char>(random.next());
        bodies.push_back(body);
        bytes += framed(body);
    }
    for (const size_t piece : {1u, 3u, 1000u, 20'000u, 65'536u, 10'000'000u}) {
        for (const double share : {1.0, 0.1}) {
            streams_.free_share = share;
            std::vector<std::string> found;
            for (size_t at = 0; at < bytes.size(); at += piece) {
                receive(std::string_view(bytes).substr(at, piece));
                for (std::string& frame : frames()) found.push_back(std::move(frame));
            }
            EXPECT_EQ(found, bodies) << piece;
            EXPECT_EQ(memory_.reserved(), 0u);
            EXPECT_EQ(streams_.lent(), 0u);
        }
    }
}

TEST_F(FrameAssemblerTest, keeps_large_pieces_where_they_were_received) {
    const std::string body(200'000, 'x');
    const std::string bytes = framed(body);
    for (size_t at = 0; at < bytes.size(); at += 65'536) receive(std::string_view(bytes).substr(at, 65'536));
    ASSERT_EQ(assembler_->next(), FrameStatus::ready);
    EXPECT_EQ(streams_.lent(), 3u) << "all but the small rest";
    Frame frame;
    assembler_->take(frame);
    EXPECT_EQ(text_of(frame), body);
    FrameAssembler::release(frame, memory_);
    EXPECT_EQ(streams_.lent(), 0u);
}

TEST_F(FrameAssemblerTest, copies_everything_when_buffers_run_low) {
    streams_.free_share = 0.4;
    const std::string bytes = framed(std::string(200'000, 'x'));
    for (size_t at = 0; at < bytes.size(); at += 65'536) receive(std::string_view(bytes).substr(at, 65'536));
    ASSERT_EQ(assembler_->next(), FrameStatus::ready);
    EXPECT_EQ(streams_.lent(), 0u);
}

TEST_F(FrameAssemblerTest, refuses_sizes_out_of_bounds) {
    for (const int32_t size : {-1, 0, 7, static_cast<int32_t>(8 * mib) + 1, INT32_MIN, INT32_MAX}) {
        FrameAssembler assembler(memory_, 8 * mib);
        std::string bytes(4, '\0');
        store_be(reinterpret_cast<std::byte*>(bytes.data()), size);
        assembler.on_received(streams_.lend(bytes));
        EXPECT_EQ(assembler.next(), FrameStatus::malformed) << size;
        EXPECT_EQ(assembler.next(), FrameStatus::malformed);
    }
}

TEST_F(FrameAssemblerTest, waits_for_memory_before_it_stores_a_byte) {
    ASSERT_TRUE(memory_.reserve(10 * mib));
    receive(framed(std::string(3 * mib, 'x')).substr(0, 100'000));
    EXPECT_EQ(assembler_->next(), FrameStatus::memory_wanted);
    EXPECT_TRUE(assembler_->has_input());
    EXPECT_FALSE(assembler_->half_received());
    memory_.unreserve(10 * mib);
    EXPECT_EQ(assembler_->next(), FrameStatus::memory_wanted) << "not before its turn";
    memory_.try_again();
    EXPECT_EQ(assembler_->next(), FrameStatus::bytes_wanted);
    EXPECT_TRUE(assembler_->half_received());
    EXPECT_EQ(memory_.reserved(), 3 * mib);
    // Its end gives everything back.
    assembler_.reset();
    EXPECT_EQ(memory_.reserved(), 0u);
}

TEST_F(FrameAssemblerTest, moves_what_waits_out_of_buffers_that_run_low) {
    const std::string body(5000, 'x');
    receive(framed(body) + framed(body));
    ASSERT_EQ(assembler_->next(), FrameStatus::ready);
    streams_.free_share = 0.1;
    EXPECT_TRUE(assembler_->settle());
    Frame first;
    assembler_->take(first);
    FrameAssembler::release(first, memory_);
    EXPECT_EQ(streams_.lent(), 0u);
    EXPECT_EQ(frames(), std::vector<std::string>{body});
}

TEST_F(FrameAssemblerTest, gives_up_when_there_is_no_room_for_what_waits) {
    receive(framed(std::string(5000, 'x')) + std::string(100, 'y'));
    ASSERT_EQ(assembler_->next(), FrameStatus::ready);
    streams_.free_share = 0.1;
    ASSERT_TRUE(memory_.reserve_backlog(limits::backlog_bytes_per_shard));
    EXPECT_FALSE(assembler_->settle());
}

}  // namespace
}  // namespace penstock::broker
