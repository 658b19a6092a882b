#include "shard/roads.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>

#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "sim/stream.h"

namespace penstock::shard {
namespace {

class RoadsTest : public testing::Test {
protected:
    RoadsTest() {
        server_options_.endpoint.seed[0] = std::byte{1};
        client_options_.endpoint.seed[0] = std::byte{2};
    }
    void run() {
        for (const Nanos end = clock_.now() + 50 * millisecond_ns; clock_.now() < end;) {
            native_server_.turn(clock_.now());
            native_client_.turn(clock_.now());
            echo();
            poll(tcp_client_);
            poll(native_client_);
            const Nanos next = std::min({network_.next_event(), datagrams_.next_event(), native_server_.next_deadline(),
                                         native_client_.next_deadline(), end});
            clock_.advance_to(std::max(next, clock_.now() + 1));
            network_.run();
            datagrams_.run();
        }
    }
    /// The server sends back what it receives, on whichever road it came.
    void echo() {
        io::StreamEvent event;
        while (roads_.poll({&event, 1}) == 1) {
            if (event.kind == io::StreamEventKind::accepted) ++accepted_[Roads::is_native(event.connection)];
            if (event.kind != io::StreamEventKind::received) continue;
            kept_.emplace_back(reinterpret_cast<const char*>(event.buffer.data), event.buffer.size);
            roads_.release(event.buffer);
            const auto bytes = std::as_bytes(std::span(kept_.back()));
            const Fragment fragment{bytes.data(), static_cast<uint32_t>(bytes.size())};
            EXPECT_TRUE(roads_.send(event.connection, {&fragment, 1}, 1).has_value());
        }
    }
    void poll(io::Streams& client) {
        io::StreamEvent event;
        while (client.poll({&event, 1}) == 1) {
            if (event.kind != io::StreamEventKind::received) continue;
            texts_[&client].append(reinterpret_cast<const char*>(event.buffer.data), event.buffer.size);
            client.release(event.buffer);
        }
    }

    sim::Clock clock_;
    sim::Network network_{clock_, 1};
    sim::DatagramNetwork datagrams_{clock_, 1};
    sim::Streams tcp_server_{network_, {.host = "broker"}}, tcp_client_{network_, {.host = "client"}};
    sim::Link server_link_{datagrams_, {.host = "10.0.0.1"}}, client_link_{datagrams_, {.host = "10.0.0.2"}};
    transport::StreamsOptions server_options_, client_options_;
    transport::Streams native_server_{server_link_, server_options_}, native_client_{client_link_, client_options_};
    Roads roads_{tcp_server_, &native_server_};
    std::map<bool, int> accepted_;
    std::map<io::Streams*, std::string> texts_;
    std::deque<std::string> kept_;
};

TEST_F(RoadsTest, each_connection_stays_on_its_own) {
    ASSERT_TRUE(roads_.listen({"broker", 9092}).has_value());
    ASSERT_TRUE(roads_.listen({"10.0.0.1", 9192, io::Road::native}).has_value());
    const auto tcp = tcp_client_.connect({"broker", 9092}).value();
    const auto native = native_client_.connect({"10.0.0.1", 9192, io::Road::native}).value();
    run();
    EXPECT_EQ(accepted_[false], 1);
    EXPECT_EQ(accepted_[true], 1);
    const std::string over_tcp = "over tcp", over_datagrams = "over datagrams";
    const Fragment first{std::as_bytes(std::span(over_tcp)).data(), 8};
    const Fragment second{std::as_bytes(std::span(over_datagrams)).data(), 14};
    ASSERT_TRUE(tcp_client_.send(tcp, {&first, 1}, 1).has_value());
    ASSERT_TRUE(native_client_.send(native, {&second, 1}, 1).has_value());
    run();
    EXPECT_EQ(texts_[&tcp_client_], over_tcp);
    EXPECT_EQ(texts_[&native_client_], over_datagrams);
    EXPECT_EQ(roads_.free_buffer_share(), 1);
}

TEST_F(RoadsTest, without_a_native_road_there_is_none) {
    Roads roads(tcp_server_, nullptr);
    EXPECT_EQ(roads.listen({"10.0.0.1", 9192, io::Road::native}).error().code, Errc::unsupported);
    EXPECT_EQ(roads.connect({"10.0.0.1", 9192, io::Road::native}).error().code, Errc::unsupported);
    EXPECT_TRUE(roads.listen({"broker", 9092}).has_value());
}

}  // namespace
}  // namespace penstock::shard
