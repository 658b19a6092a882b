#include "socket/stream.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "socket/socket.h"
#include "world.h"

namespace penstock::tests {

namespace {

std::unique_ptr<StreamWorld> make_world(const StreamLimits& limits) { return std::make_unique<SocketWorld>(limits); }

INSTANTIATE_TEST_SUITE_P(Drivers, StreamContract, testing::Values(StreamDriver{"socket", make_world}),
                         stream_driver_name);

/// What the contract cannot reach: kernel sockets at the other end, and the limits of the process.
class SocketStreams : public testing::Test {
protected:
    SocketStreams() : side_(*world_.server_side) { port_ = world_.server_side->listen({"127.0.0.1", 0}).value_or(0); }
    ~SocketStreams() override {
        for (const int socket : sockets_) ::close(socket);
    }

    int connect_raw(int socket = ::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port_)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        sockets_.push_back(socket);
        return socket;
    }
    template <class Done>
    [[nodiscard]] bool run_until(Done done) {
        for (int i = 0; i < 5000; ++i) {
            side_.poll();
            if (done()) return true;
            world_.step();
        }
        return false;
    }
    bool descriptor_readable() {
        pollfd one{.fd = world_.poller->descriptor(), .events = POLLIN};
        return ::poll(&one, 1, 0) == 1;
    }
    const socket::StreamCounters& counters() const { return world_.server_side->counters(); }

    SocketWorld world_{StreamLimits{}};
    Side side_;
    uint16_t port_ = 0;
    std::vector<int> sockets_;
};

TEST_F(SocketStreams, a_reset_is_told_with_its_reason) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(raw, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    ::close(raw);
    sockets_.clear();
    ASSERT_TRUE(run_until([&] { return side_.is_closed(side_.begun[0]); }));
    EXPECT_EQ(side_[side_.begun[0]].error, (Error{Errc::io, ECONNRESET}));
}

TEST_F(SocketStreams, nothing_is_read_that_nobody_takes) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const std::vector<std::byte> bytes = pattern_bytes(0, 100);
    ASSERT_EQ(::send(raw, bytes.data(), bytes.size(), 0), 100);
    for (int i = 0; i < 10; ++i) world_.step();
    EXPECT_EQ(counters().receives, 0u);
    EXPECT_EQ(world_.server_side->allocated_buffers(), 0u);
    ASSERT_TRUE(run_until([&] { return side_[side_.begun[0]].received == bytes.size(); }));
    EXPECT_EQ(counters().receives, 1u);
}

TEST_F(SocketStreams, one_connection_costs_one_buffer) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    uint64_t sent = 0;
    for (int i = 0; i < 50; ++i) {
        const std::vector<std::byte> bytes = pattern_bytes(sent, 1000);
        ASSERT_EQ(::send(raw, bytes.data(), bytes.size(), 0), 1000);
        sent += bytes.size();
        ASSERT_TRUE(run_until([&] { return side_[side_.begun[0]].received == sent; }));
    }
    EXPECT_EQ(world_.server_side->allocated_buffers(), 1u);
}

TEST_F(SocketStreams, the_descriptor_says_when_something_is_to_be_done) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const auto settle = [&] {
        world_.poller->poll(socket::monotonic_now(), Nanos{});
        side_.poll();
        world_.poller->arm(never);
    };
    settle();
    settle();
    EXPECT_FALSE(descriptor_readable());
    const std::vector<std::byte> bytes = pattern_bytes(0, 10);
    ASSERT_EQ(::send(raw, bytes.data(), bytes.size(), 0), 10);
    EXPECT_TRUE(descriptor_readable()) << "bytes came";
    world_.poller->poll(socket::monotonic_now(), Nanos{});
    world_.poller->arm(never);
    EXPECT_TRUE(descriptor_readable()) << "told, not taken";
    settle();
    settle();
    EXPECT_FALSE(descriptor_readable());
    const Fragment one{bytes.data(), 10};
    ASSERT_TRUE(side_.send(side_.begun[0], {&one, 1}, 1));
    world_.poller->arm(never);
    EXPECT_TRUE(descriptor_readable()) << "there is something to send";
    world_.poller->poll(socket::monotonic_now(), Nanos{});
    world_.poller->arm(never);
    EXPECT_TRUE(descriptor_readable()) << "sent, and nobody was told";
    settle();
    settle();
    EXPECT_FALSE(descriptor_readable());
}

TEST_F(SocketStreams, a_full_kernel_says_when_there_is_room) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const std::vector<std::byte> bytes = pattern_bytes(0, 64 * mib);
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    ASSERT_TRUE(side_.send(side_.begun[0], {&one, 1}, 1));
    ASSERT_TRUE(run_until([&] { return counters().send_shortages > 0; }));
    const uint64_t sends = counters().sends, shortages = counters().send_shortages;
    for (int i = 0; i < 5; ++i) world_.step();
    EXPECT_EQ(counters().sends, sends);
    EXPECT_EQ(counters().send_shortages, shortages) << "it asks again when there is room, not before";
    std::vector<std::byte> got(bytes.size());
    size_t at = 0;
    ASSERT_TRUE(run_until([&] {
        const ssize_t n = ::recv(raw, got.data() + at, got.size() - at, MSG_DONTWAIT);
        if (n > 0) at += static_cast<size_t>(n);
        return at == got.size();
    }));
    EXPECT_EQ(got, bytes);
    ASSERT_TRUE(run_until([&] { return side_.sent == 1; }));
}

TEST_F(SocketStreams, an_end_behind_bytes_is_not_missed) {
    for (int i = 0; i < 20; ++i) {
        const int raw = connect_raw();
        const std::vector<std::byte> bytes = pattern_bytes(0, 5);
        ASSERT_EQ(::send(raw, bytes.data(), bytes.size(), 0), 5);
        ::shutdown(raw, SHUT_WR);
    }
    ASSERT_TRUE(run_until([&] { return side_.closed == 20; }));
    for (const io::ConnectionId id : side_.begun) EXPECT_EQ(side_[id].received, 5u);
}

TEST_F(SocketStreams, rests_when_descriptors_run_out) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    // UBSan looks at a type of object through a pipe when it first meets it: let it, before there is none to be had.
    ASSERT_TRUE(run_until([&] { return counters().accept_failures == 0; }));
    const int raw = ::socket(AF_INET, SOCK_STREAM, 0);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(raw) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    connect_raw(raw);
    ASSERT_TRUE(run_until([&] { return counters().accept_failures > 0; }));
    for (int i = 0; i < 10; ++i) world_.step(), side_.poll();  // a driver that asked again at once would count on
    EXPECT_LE(counters().accept_failures, 2u);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
}

TEST_F(SocketStreams, counts_what_it_refuses) {
    SocketWorld small({.connections_max = 1});
    port_ = small.server_side->listen({"127.0.0.1", 0}).value_or(0);
    connect_raw();
    const int second = connect_raw();
    Side side(*small.server_side);
    for (int i = 0; i < 1000 && small.server_side->counters().refused == 0; ++i) {
        side.poll();
        small.step();
    }
    EXPECT_EQ(small.server_side->counters().refused, 1u);
    char byte = 0;
    EXPECT_EQ(::recv(second, &byte, 1, 0), 0) << "closed at once";
}

TEST_F(SocketStreams, tries_the_further_addresses_of_a_name) {
    const auto named = world_.client_side->connect({"localhost", port_});
    const auto unnamed = world_.client_side->connect({"", port_});  // both loopbacks: where ::1 comes first it refuses
    ASSERT_TRUE(named.has_value() && unnamed.has_value());
    Side client(*world_.client_side);
    ASSERT_TRUE(run_until([&] { client.poll(); return client.is_open(*named) && client.is_open(*unnamed); }));
    EXPECT_EQ(world_.client_side->connect({"no such host.invalid", 1}).error().code, Errc::not_found);

    world_.server_side->stop_listening();
    const auto port = world_.server_side->listen({"::1", 0});
    if (!port) GTEST_SKIP() << "no IPv6 on this machine";
    const auto six = world_.client_side->connect({"::1", *port});
    ASSERT_TRUE(run_until([&] { client.poll(); return client.is_open(*six) && side_.begun.size() == 3; }));
    EXPECT_TRUE(side_[side_.begun[2]].peer.starts_with("[::1]:"));
}

TEST_F(SocketStreams, ends_with_everything_under_way) {
    for (int i = 0; i < 3; ++i) connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 3; }));
    SocketWorld other{StreamLimits{}};
    ASSERT_TRUE(other.client_side->connect({"127.0.0.1", port_}).has_value());
    const std::vector<std::byte> bytes = pattern_bytes(0, 16 * mib);
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    ASSERT_TRUE(side_.send(side_.begun[0], {&one, 1}, 1));
    world_.step();
}

}  // namespace
}  // namespace penstock::tests
