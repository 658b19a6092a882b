#include "uring/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../stream_contract.h"
#include "socket/clock.h"
#include "socket/socket.h"

namespace penstock::tests {

namespace {

/// Both sides on one ring, so that one wait covers both.
class UringWorld final : public StreamWorld {
public:
    explicit UringWorld(const StreamLimits& limits) : ring(*uring::Ring::create()) {
        const uring::StreamOptions options{.connections_max = limits.connections_max,
                                           .receive_buffers = limits.receive_buffers,
                                           .receive_buffer_bytes = limits.receive_buffer_bytes};
        server_side = *uring::Streams::create(*ring, options);
        client_side = *uring::Streams::create(*ring, options);
    }
    io::Streams& server() override { return *server_side; }
    io::Streams& client() override { return *client_side; }
    void step() override { ring->wait_until(socket::monotonic_now() + 2 * millisecond_ns); }
    /// The driver does not do this, clients do: to the socket that calls itself so.
    void end_sending(io::ConnectionId, const std::string& name) override {
        const auto port = static_cast<uint16_t>(std::stoi(name.substr(name.rfind(':') + 1)));
        for (int socket = 0; socket < 1000; ++socket) {
            sockaddr_in own{};
            socklen_t size = sizeof own;
            const bool named = ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0;
            if (!named || own.sin_family != AF_INET || own.sin_port != htons(port)) continue;
            ASSERT_EQ(::shutdown(socket, SHUT_WR), 0);
            return;
        }
        FAIL() << "no socket " << name;
    }

    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<uring::Streams> server_side, client_side;
};

std::unique_ptr<StreamWorld> make_uring_world(const StreamLimits& limits) {
    return std::make_unique<UringWorld>(limits);
}

INSTANTIATE_TEST_SUITE_P(Drivers, StreamContract, testing::Values(StreamDriver{"uring", make_uring_world}),
                         stream_driver_name);

/// What the contract cannot reach: kernel sockets at the other end, and the limits of the process.
class UringStreams : public testing::Test {
protected:
    UringStreams() : side_(*world_.server_side) { port_ = world_.server_side->listen({"127.0.0.1", 0}).value_or(0); }

    int connect_raw() {
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port_)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
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

    UringWorld world_{StreamLimits{}};
    Side side_;
    uint16_t port_ = 0;
};

TEST_F(UringStreams, a_reset_is_told_with_its_reason) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(raw, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    ::close(raw);
    ASSERT_TRUE(run_until([&] { return side_.is_closed(side_.begun[0]); }));
    EXPECT_EQ(side_[side_.begun[0]].error, (Error{Errc::io, ECONNRESET}));
}

TEST_F(UringStreams, closed_waits_for_the_kernel) {
    const int raw = connect_raw();
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    const std::vector<std::byte> bytes = pattern_bytes(0, 64 * mib);
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    ASSERT_TRUE(side_.send(side_.begun[0], {&one, 1}, 1));
    for (int i = 0; i < 5; ++i) world_.step();
    world_.server_side->close(side_.begun[0]);
    side_.poll();
    EXPECT_FALSE(side_.is_closed(side_.begun[0])) << "the kernel still reads the caller's memory";
    ASSERT_TRUE(run_until([&] { return side_.is_closed(side_.begun[0]); }));
    ::close(raw);
}

TEST_F(UringStreams, rests_when_descriptors_run_out) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    // UBSan looks at a type of object through a pipe when it first meets it: let it, before there is none to be had.
    ASSERT_TRUE(run_until([&] { return world_.server_side->counters().accept_failures == 0; }));
    const int raw = ::socket(AF_INET, SOCK_STREAM, 0);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(raw) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port_)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(raw, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_TRUE(run_until([&] { return world_.server_side->counters().accept_failures > 0; }));
    for (int i = 0; i < 10; ++i) world_.step();  // some 20 ms: a driver that asked again at once would count on
    EXPECT_LE(world_.server_side->counters().accept_failures, 2u);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(run_until([&] { return side_.begun.size() == 1; }));
    ::close(raw);
}

TEST_F(UringStreams, counts_what_it_refuses) {
    UringWorld small({.connections_max = 1});
    const uint16_t port = small.server_side->listen({"127.0.0.1", 0}).value_or(0);
    port_ = port;
    const int first = connect_raw(), second = connect_raw();
    Side side(*small.server_side);
    for (int i = 0; i < 1000 && small.server_side->counters().refused == 0; ++i) {
        side.poll();
        small.step();
    }
    EXPECT_EQ(small.server_side->counters().refused, 1u);
    char byte = 0;
    EXPECT_EQ(::recv(second, &byte, 1, 0), 0) << "closed at once";
    ::close(first);
    ::close(second);
}

TEST_F(UringStreams, shards_share_a_port_and_strangers_are_found) {
    EXPECT_EQ(world_.client_side->listen({"127.0.0.1", port_}).value_or(0), port_);
    EXPECT_EQ(socket::probe_port({"127.0.0.1", port_}, 100 * millisecond_ns).error().code, Errc::exists);
    EXPECT_TRUE(socket::probe_port({"127.0.0.1", 0}, 0).has_value());
}

TEST_F(UringStreams, connects_by_name_and_over_ipv6) {
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

}  // namespace
}  // namespace penstock::tests
