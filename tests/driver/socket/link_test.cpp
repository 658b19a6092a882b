#include "socket/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "../link_contract.h"
#include "refused_sends.h"
#include "../pattern.h"
#include "socket/clock.h"
#include "socket/endpoint.h"
#include "socket/socket.h"

namespace penstock::tests {

namespace {

void wait(socket::Poller& poller, int64_t ns) {
    const Nanos now = socket::monotonic_now();
    poller.poll(now, now + ns);
}

/// All links on one poller, so that one wait covers them.
class SocketLinkWorld final : public LinkWorld {
public:
    SocketLinkWorld(const LinkLimits& limits, std::string host, socket::LinkOptions options = {})
        : host_(std::move(host)), poller(*socket::Poller::create()) {
        options.receive_buffers = limits.receive_buffers;
        for (auto& one : all) one = *socket::Link::create(*poller, options);
    }
    io::Link& link(size_t index) override { return *all[index]; }
    std::string host(size_t) const override { return host_; }
    bool step() override {
        wait(*poller, 2 * millisecond_ns);
        return false;
    }

private:
    std::string host_;

public:
    std::unique_ptr<socket::Poller> poller;
    std::unique_ptr<socket::Link> all[links];
};

// A small socket buffer, so that a test can fill it.
constexpr socket::DatagramSocketOptions small_sockets{.receive_bytes = 256 * 1024, .send_bytes = 256 * 1024};

template <bool segmentation>
std::unique_ptr<LinkWorld> make_world(const LinkLimits& limits) {
    const socket::LinkOptions options{.socket = small_sockets, .segmentation = segmentation};
    return std::make_unique<SocketLinkWorld>(limits, "127.0.0.1", options);
}

std::unique_ptr<LinkWorld> make_ipv6_world(const LinkLimits& limits) {
    return std::make_unique<SocketLinkWorld>(limits, "::1", socket::LinkOptions{.socket = small_sockets});
}

bool has_ipv6() {
    const auto socket = socket::open_datagram_socket({"::1", 0}, {});
    if (socket) ::close(socket->descriptor);
    return socket.has_value();
}

std::vector<LinkDriver> drivers() {
    std::vector<LinkDriver> all = {{"socket", make_world<true>}, {"socket_without_segmentation", make_world<false>}};
    if (has_ipv6()) all.push_back({"socket_ipv6", make_ipv6_world});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Drivers, LinkContract, testing::ValuesIn(drivers()), link_driver_name);

/// What the contract cannot reach: what the kernel says besides, and the other sockets of the machine.
class SocketLink : public testing::Test {
protected:
    SocketLink() : poller_(*socket::Poller::create()) { refused_sends() = {}; }
    ~SocketLink() override {
        refused_sends() = {};
        for (const int socket : sockets_) ::close(socket);
    }

    void open(const socket::LinkOptions& options, const std::string& host = "127.0.0.1") {
        link_ = *socket::Link::create(*poller_, options);
        port_ = link_->open({host, 0}).value();
        to_ = link_->resolve({host.empty() ? "127.0.0.1" : host, port_}).value();
        side_ = std::make_unique<LinkSide>(*link_);
    }
    /// A socket that is connected to the link.
    int plain_socket(const std::string& host = "127.0.0.1") {
        const auto to = socket::resolve({host, port_}, false, 1).value().front();
        const int socket = ::socket(to.storage.ss_family, SOCK_DGRAM, 0);
        EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&to.storage), to.size), 0);
        sockets_.push_back(socket);
        return socket;
    }
    template <class Done>
    [[nodiscard]] bool run_until(Done done) {
        for (int i = 0; i < 5000; ++i) {
            side_->poll();
            if (done()) return true;
            wait(*poller_, 2 * millisecond_ns);
        }
        return false;
    }

    std::unique_ptr<socket::Poller> poller_;
    std::unique_ptr<socket::Link> link_;
    std::unique_ptr<LinkSide> side_;
    uint16_t port_ = 0;
    io::Endpoint to_;
    std::vector<int> sockets_;
};

TEST_F(SocketLink, a_burst_crosses_the_kernel_whole) {
    open({});
    const std::vector<std::byte> bytes = pattern_bytes(0, 64'000);
    const Fragment one{bytes.data(), 64'000};
    const io::OutgoingBurst burst{to_, 1000, {&one, 1}};
    ASSERT_EQ(link_->send({&burst, 1}), 1u);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 64; }));
    EXPECT_EQ(side_->bursts, 1u);
    EXPECT_EQ(link_->counters().bursts, 1u);
    EXPECT_EQ(link_->counters().datagrams, 64u);
    EXPECT_EQ(link_->counters().bytes, 64'000u);
    EXPECT_EQ(link_->send_counters().calls, 1u);
}

TEST_F(SocketLink, what_does_not_fit_a_buffer_is_dropped) {
    open({.receive_buffer_bytes = 1000});
    const int socket = plain_socket();
    const std::vector<std::byte> bytes = pattern_bytes(0, 1001);
    ASSERT_EQ(::send(socket, bytes.data(), 1001, 0), 1001);
    ASSERT_EQ(::send(socket, bytes.data(), 0, 0), 0);
    ASSERT_EQ(::send(socket, bytes.data(), 1000, 0), 1000);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 1; }));
    EXPECT_EQ(link_->counters().truncated, 1u);
    EXPECT_EQ(link_->counters().empty, 1u);
    EXPECT_EQ(link_->counters().bytes, 1000u);
    EXPECT_EQ(link_->free_buffer_share(), 1.0);
}

TEST_F(SocketLink, counts_what_the_kernel_lost) {
    open({.receive_buffers = 2, .socket = {.receive_bytes = 4096}});
    const int socket = plain_socket();
    side_->hold = true;
    const std::vector<std::byte> bytes = pattern_bytes(0, 1000);
    ASSERT_EQ(link_->dropped_by_kernel(), 0u);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(::send(socket, bytes.data(), 1000, 0), 1000);
    }
    ASSERT_TRUE(run_until([&] { return link_->counters().buffer_shortages > 0; }));
    EXPECT_EQ(side_->datagrams, 2u);
    EXPECT_GT(link_->dropped_by_kernel(), 50u);
    const uint64_t shortages = link_->counters().buffer_shortages;
    for (int i = 0; i < 5; ++i) wait(*poller_, millisecond_ns);
    EXPECT_EQ(link_->counters().buffer_shortages, shortages) << "it asks again when a buffer is free, not before";
    side_->release_held();
}

TEST_F(SocketLink, allocates_what_is_used) {
    open({});
    EXPECT_EQ(link_->allocated_buffers(), 0u);
    const int socket = plain_socket();
    for (size_t i = 1; i <= 20; ++i) {
        ASSERT_EQ(::send(socket, "x", 1, 0), 1);
        ASSERT_TRUE(run_until([&] { return side_->datagrams == i; }));
    }
    EXPECT_LE(link_->allocated_buffers(), 2u);
    EXPECT_LE(link_->counters().calls, 21u) << "no call only to find that there is nothing more";
    constexpr size_t many = 100;
    for (size_t i = 0; i < many; ++i) ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    const uint64_t calls = link_->counters().calls;
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 20 + many; }));
    EXPECT_LT(link_->counters().calls - calls, many) << "several with one call";
    EXPECT_EQ(link_->free_buffer_share(), 1.0);
}

TEST_F(SocketLink, an_arrival_wakes_the_shard) {
    open({});
    const int socket = plain_socket();
    std::atomic<bool> arrived = false;
    std::jthread sender([&] {
        const char byte = 1;
        while (!arrived) {
            ::send(socket, &byte, 1, 0);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    const Nanos start = socket::monotonic_now();
    while (side_->datagrams == 0) {
        wait(*poller_, 60 * second_ns);
        side_->poll();
    }
    arrived = true;
    EXPECT_LT(socket::monotonic_now() - start, 30 * second_ns);
}

TEST_F(SocketLink, what_waits_to_be_received_keeps_the_shard_awake) {
    open({});
    const int socket = plain_socket();
    ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 1; }));
    ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    const Nanos start = socket::monotonic_now();
    for (int i = 0; i < 3; ++i) wait(*poller_, 60 * second_ns);
    EXPECT_LT(socket::monotonic_now() - start, 30 * second_ns);
    EXPECT_EQ(link_->counters().datagrams, 1u) << "nobody took it";
    EXPECT_TRUE(run_until([&] { return side_->datagrams == 2; }));
}

TEST_F(SocketLink, room_to_send_wakes_the_shard) {
    open({});
    const Fragment one{reinterpret_cast<const std::byte*>("x"), 1};
    const io::OutgoingBurst bursts[] = {{to_, 1, {&one, 1}}, {to_, 1, {&one, 1}}};
    refused_sends() = {.os_errors = {EAGAIN}, .messages_before = 1};
    ASSERT_EQ(link_->send(bursts), 1u);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 1; }));
    // Nothing is on its way now but the word that there is room.
    refused_sends() = {.os_errors = {EAGAIN}};
    ASSERT_EQ(link_->send(bursts), 0u);
    const Nanos start = socket::monotonic_now();
    wait(*poller_, 60 * second_ns);
    EXPECT_LT(socket::monotonic_now() - start, 30 * second_ns);
    EXPECT_EQ(link_->send(bursts), 2u);
    EXPECT_TRUE(run_until([&] { return side_->datagrams == 3; }));
}

TEST_F(SocketLink, one_socket_serves_both_families) {
    if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine";
    open({}, "");
    const int four = plain_socket("127.0.0.1"), six = plain_socket("::1");
    const char byte = 1;
    ASSERT_EQ(::send(four, &byte, 1, 0), 1);
    ASSERT_EQ(::send(six, &byte, 1, 0), 1);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 2; }));
    for (const int socket : {four, six}) {
        const std::string host = socket == four ? "127.0.0.1" : "::1";
        const io::Endpoint peer = link_->resolve({host, socket::local_port(socket)}).value();
        EXPECT_EQ(side_->from(peer).size(), 1u) << host;
        const Fragment one{reinterpret_cast<const std::byte*>("answer"), 6};
        const io::OutgoingBurst burst{peer, 6, {&one, 1}};
        ASSERT_EQ(link_->send({&burst, 1}), 1u);
        char answer[8] = {};
        EXPECT_EQ(::recv(socket, answer, sizeof answer, 0), 6) << host;
        EXPECT_STREQ(answer, "answer");
    }
}

TEST_F(SocketLink, resolves_to_what_its_socket_reaches) {
    open({});
    EXPECT_TRUE(socket::is_ipv4(link_->resolve({"localhost", 7}).value()));
    EXPECT_EQ(link_->resolve({"localhost", 7}), link_->resolve({"127.0.0.1", 7}));
    EXPECT_EQ(link_->resolve({"::1", 7}).error().code, Errc::not_found);
    EXPECT_EQ(link_->resolve({"no such host.invalid", 7}).error().code, Errc::not_found);
    EXPECT_FALSE(socket::Link::create(*poller_).value()->open({"192.0.2.77", 0}).has_value()) << "nobody's address";
}

}  // namespace

}  // namespace penstock::tests
