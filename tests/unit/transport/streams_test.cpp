// What is the transport's own: the contract of all streams is tests/driver/native_stream_test.cpp.
#include "transport/streams.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"

namespace penstock::transport {
namespace {

class StreamsTest : public testing::Test {
protected:
    StreamsTest()
        : network_(clock_, 1),
          server_link_(network_, {.host = "10.0.0.1"}),
          client_link_(network_, {.host = "10.0.0.2"}) {}

    void start(StreamsOptions server = {}, StreamsOptions client = {}) {
        server.endpoint.seed[0] = std::byte{1};
        client.endpoint.seed[0] = std::byte{2};
        server_ = std::make_unique<Streams>(server_link_, server);
        client_ = std::make_unique<Streams>(client_link_, client);
        ASSERT_EQ(server_->listen(address_), 9192);
    }
    void run(int64_t ns = 50 * millisecond_ns) {
        for (const Nanos end = clock_.now() + ns; clock_.now() < end;) {
            server_->turn(clock_.now());
            client_->turn(clock_.now());
            poll(*server_, at_server_);
            poll(*client_, at_client_);
            const Nanos next =
                std::min({network_.next_event(), server_->next_deadline(), client_->next_deadline(), end});
            clock_.advance_to(std::max(next, clock_.now() + 1));
            network_.run();
        }
    }
    static void poll(Streams& streams, std::vector<io::StreamEvent>& into) {
        io::StreamEvent event;
        while (streams.poll({&event, 1}) == 1) {
            if (event.kind == io::StreamEventKind::received) streams.release(event.buffer);
            into.push_back(event);
        }
    }

    const io::Address address_{"10.0.0.1", 9192, io::Road::native};
    sim::Clock clock_;
    sim::DatagramNetwork network_;
    sim::Link server_link_, client_link_;
    std::unique_ptr<Streams> server_, client_;
    std::vector<io::StreamEvent> at_server_, at_client_;
};

TEST_F(StreamsTest, connections_to_one_peer_share_one) {
    start();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(client_->connect(address_).has_value());
    run();
    EXPECT_EQ(at_client_.size(), 10u);
    EXPECT_EQ(at_server_.size(), 10u);
    EXPECT_EQ(server_->endpoint()->connections(), 1u);
    EXPECT_FALSE(at_server_[0].proven);
    EXPECT_STREQ(at_server_[0].peer, "10.0.0.2:20000");
}

TEST_F(StreamsTest, those_that_prove_themselves_are_known) {
    StreamsOptions options;
    options.endpoint.secret.assign(16, std::byte{'s'});
    StreamsOptions proves = options;
    proves.proves = true;
    start(options, proves);
    client_->connect(address_).value();
    run();
    ASSERT_EQ(at_server_.size(), 1u);
    EXPECT_TRUE(at_server_[0].proven);
}

TEST_F(StreamsTest, a_wrong_secret_ends_in_an_error) {
    StreamsOptions options, other;
    options.endpoint.secret.assign(16, std::byte{'s'});
    other.endpoint.secret.assign(16, std::byte{'t'});
    other.proves = true;
    start(options, other);
    client_->connect(address_).value();
    run();
    ASSERT_EQ(at_client_.size(), 1u);
    EXPECT_EQ(at_client_[0].kind, io::StreamEventKind::closed);
    EXPECT_EQ(at_client_[0].error.os_error, EACCES);
    EXPECT_TRUE(at_server_.empty());
}

TEST_F(StreamsTest, shutting_down_ends_all_at_the_peer_at_once) {
    start();
    for (int i = 0; i < 3; ++i) client_->connect(address_).value();
    run();
    at_server_.clear();
    client_->shut_down();
    run();
    EXPECT_EQ(at_server_.size(), 3u);
    for (const io::StreamEvent& event : at_server_) EXPECT_EQ(event.kind, io::StreamEventKind::closed);
    EXPECT_EQ(server_->endpoint()->connections(), 0u);
}

}  // namespace
}  // namespace penstock::transport
