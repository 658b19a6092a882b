#include "broker/connection.h"

#include <gtest/gtest.h>

#include "broker/buffer_streams.h"

namespace penstock::broker {
namespace {

constexpr int16_t produce_key = 0, metadata_key = 3;

class ConnectionTest : public testing::Test {
protected:
    Request& add(int16_t key) {
        Request& request = *requests_.emplace_back(std::make_unique<Request>());
        request.header.key = key;
        request.stage = RequestStage::running;
        connection_.add(request);
        return request;
    }
    void answer(Request& request, std::string_view text, size_t fragments = 1) {
        std::span<Fragment> chain = request.arena.make_array<Fragment>(fragments);
        for (Fragment& f : chain)
            f = {reinterpret_cast<const std::byte*>(text.data()), static_cast<uint32_t>(text.size())};
        request.response = chain;
        request.stage = RequestStage::answered;
    }
    /// Sends what may be sent, as the Listener does.
    void flush() {
        while (Request* request = connection_.front_answered()) connection_.start_sending(*request, now_);
        EXPECT_TRUE(connection_.hand_over());
    }
    Request* finish_send() {
        streams_.finish_send();
        return connection_.on_sent(now_);
    }
    ~ConnectionTest() override {
        while (connection_.pop_in_flight() != nullptr) {}
        while (connection_.pop_sending() != nullptr) {}
    }

    Nanos now_{second_ns};
    BufferStreams streams_;
    FrameMemory memory_{16 * mib, streams_};
    std::vector<std::unique_ptr<Request>> requests_;
    Connection connection_{io::ConnectionId{7}, streams_, memory_, 1 << 20, now_};
};

TEST_F(ConnectionTest, sends_responses_in_the_order_of_the_requests) {
    Request& a = add(produce_key);
    Request& b = add(produce_key);
    Request& c = add(produce_key);
    answer(c, "C");
    answer(b, "B");
    flush();
    EXPECT_EQ(streams_.sent, "");
    answer(a, "A");
    flush();
    EXPECT_EQ(streams_.sent, "ABC");
    EXPECT_EQ(finish_send(), &a);
    EXPECT_EQ(finish_send(), &b);
    EXPECT_EQ(finish_send(), &c);
    EXPECT_TRUE(connection_.drained());
}

TEST_F(ConnectionTest, runs_produces_together_and_everything_else_alone) {
    EXPECT_TRUE(connection_.may_start(metadata_key));
    Request& a = add(produce_key);
    EXPECT_TRUE(connection_.may_start(produce_key));
    EXPECT_FALSE(connection_.may_start(metadata_key));
    answer(a, "A");
    flush();
    add(metadata_key);
    EXPECT_FALSE(connection_.may_start(produce_key));
    EXPECT_FALSE(connection_.may_start(metadata_key));
}

TEST_F(ConnectionTest, bounds_requests_and_bytes_that_are_not_sent) {
    for (uint32_t i = 0; i < limits::requests_per_connection; ++i) {
        EXPECT_TRUE(connection_.may_start(produce_key));
        add(produce_key);
    }
    EXPECT_FALSE(connection_.may_start(produce_key));
    const std::string large(limits::send_piece_bytes, 'x');
    answer(*requests_[0], large);
    for (size_t i = 1; i < requests_.size(); ++i) answer(*requests_[i], "s");
    flush();
    EXPECT_FALSE(connection_.may_start(produce_key));
    finish_send();
    EXPECT_TRUE(connection_.may_start(metadata_key));
}

TEST_F(ConnectionTest, hands_a_large_response_over_in_pieces_and_goes_on_when_there_is_room) {
    streams_.sends_max = 2;
    const std::string text(700'000, 'y');
    Request& a = add(produce_key);
    answer(a, text, 5);
    Request& b = add(produce_key);
    answer(b, "z", 1300);
    flush();
    EXPECT_EQ(streams_.sends_open(), 2u);
    int pieces = 0;
    std::vector<Request*> over;
    while (streams_.sends_open() > 0) {
        if (Request* request = finish_send()) over.push_back(request);
        EXPECT_TRUE(connection_.hand_over());
        ++pieces;
    }
    EXPECT_EQ(over, (std::vector<Request*>{&a, &b}));
    EXPECT_EQ(pieces, 4 + 3);
    EXPECT_EQ(streams_.sent.size(), 5 * text.size() + 1300);
    EXPECT_EQ(streams_.sent.find('z'), 5 * text.size());
}

TEST_F(ConnectionTest, answers_without_bytes_leave_at_once) {
    Request& a = add(produce_key);
    a.stage = RequestStage::answered;
    ASSERT_EQ(connection_.front_answered(), &a);
    EXPECT_FALSE(connection_.start_sending(a, now_));
    EXPECT_TRUE(connection_.drained());
}

TEST_F(ConnectionTest, is_overdue_when_it_is_idle_or_its_peer_does_not_move) {
    EXPECT_FALSE(connection_.overdue(now_));
    const Nanos idle = connection_.check_time(now_);
    EXPECT_FALSE(connection_.overdue(idle - 1));
    EXPECT_TRUE(connection_.overdue(idle));

    Request& a = add(metadata_key);
    EXPECT_FALSE(connection_.overdue(idle + 1)) << "its request is under way";
    now_ = idle + 1;
    answer(a, "A");
    flush();
    EXPECT_FALSE(connection_.overdue(now_ + limits::send_stall_timeout_ns - 1));
    EXPECT_TRUE(connection_.overdue(now_ + limits::send_stall_timeout_ns));
}

TEST_F(ConnectionTest, is_overdue_when_a_frame_is_not_finished_unless_we_do_not_read) {
    const std::string_view half("\0\0\0\x20half", 8);
    connection_.on_received(streams_.lend(half), now_);
    EXPECT_EQ(connection_.frames.next(), FrameStatus::bytes_wanted);
    connection_.note_frame(now_);
    EXPECT_FALSE(connection_.overdue(now_ + limits::frame_timeout_ns - 1));
    EXPECT_TRUE(connection_.overdue(now_ + limits::frame_timeout_ns));
    connection_.pause();
    connection_.note_frame(now_);
    EXPECT_TRUE(streams_.paused);
    EXPECT_FALSE(connection_.overdue(now_ + limits::frame_timeout_ns));
}

}  // namespace
}  // namespace penstock::broker
