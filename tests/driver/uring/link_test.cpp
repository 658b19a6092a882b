#include "uring/link.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "../link_contract.h"
#include "../socket/refused_sends.h"
#include "../pattern.h"
#include "socket/clock.h"
#include "socket/endpoint.h"
#include "socket/socket.h"

namespace penstock::tests {

namespace {

/// All links on one ring, so that one wait covers them.
class UringLinkWorld final : public LinkWorld {
public:
    UringLinkWorld(const LinkLimits& limits, std::string host, uring::LinkOptions options = {})
        : host_(std::move(host)), ring(*uring::Ring::create()) {
        options.receive_buffers = limits.receive_buffers;
        for (auto& one : all) one = *uring::Link::create(*ring, options);
    }
    io::Link& link(size_t index) override { return *all[index]; }
    std::string host(size_t) const override { return host_; }
    bool step() override {
        ring->wait_until(socket::monotonic_now() + 2 * millisecond_ns);
        return false;
    }

private:
    std::string host_;

public:
    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<uring::Link> all[links];
};

// A small socket buffer, so that a test can fill it.
constexpr socket::DatagramSocketOptions small_sockets{.receive_bytes = 256 * 1024, .send_bytes = 256 * 1024};

template <bool segmentation>
std::unique_ptr<LinkWorld> make_world(const LinkLimits& limits) {
    const uring::LinkOptions options{.socket = small_sockets, .segmentation = segmentation};
    return std::make_unique<UringLinkWorld>(limits, "127.0.0.1", options);
}

std::unique_ptr<LinkWorld> make_ipv6_world(const LinkLimits& limits) {
    return std::make_unique<UringLinkWorld>(limits, "::1", uring::LinkOptions{.socket = small_sockets});
}

bool has_ipv6() {
    const auto socket = socket::open_datagram_socket({"::1", 0}, {});
    if (socket) ::close(socket->descriptor);
    return socket.has_value();
}

std::vector<LinkDriver> drivers() {
    std::vector<LinkDriver> all = {{"uring", make_world<true>}, {"uring_without_segmentation", make_world<false>}};
    if (has_ipv6()) all.push_back({"uring_ipv6", make_ipv6_world});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Drivers, LinkContract, testing::ValuesIn(drivers()), link_driver_name);

/// What the contract cannot reach: what the kernel says besides, and the other sockets of the machine.
class UringLink : public testing::Test {
protected:
    UringLink() : ring_(*uring::Ring::create()) { refused_sends() = {}; }
    ~UringLink() override {
        refused_sends() = {};
        for (const int socket : sockets_) ::close(socket);
    }

    void open(const uring::LinkOptions& options, const std::string& host = "127.0.0.1") {
        link_ = *uring::Link::create(*ring_, options);
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
            ring_->wait_until(socket::monotonic_now() + 2 * millisecond_ns);
        }
        return false;
    }

    std::unique_ptr<uring::Ring> ring_;
    std::unique_ptr<uring::Link> link_;
    std::unique_ptr<LinkSide> side_;
    uint16_t port_ = 0;
    io::Endpoint to_;
    std::vector<int> sockets_;
};

TEST_F(UringLink, a_burst_crosses_the_kernel_whole) {
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

TEST_F(UringLink, what_does_not_fit_a_buffer_is_dropped) {
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

TEST_F(UringLink, counts_what_the_kernel_lost) {
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
    for (int i = 0; i < 5; ++i) ring_->wait_until(socket::monotonic_now() + millisecond_ns);
    EXPECT_EQ(link_->counters().buffer_shortages, shortages) << "it asks again when a buffer is free, not before";
    side_->release_held();
}

TEST_F(UringLink, an_arrival_wakes_the_shard) {
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
        ring_->wait_until(start + 60 * second_ns);
        side_->poll();
    }
    arrived = true;
    EXPECT_LT(socket::monotonic_now() - start, 30 * second_ns);
}

TEST_F(UringLink, what_waits_to_be_received_keeps_the_shard_awake) {
    open({});
    const int socket = plain_socket();
    ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    ASSERT_TRUE(run_until([&] { return side_->datagrams == 1; }));
    ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    while (link_->counters().datagrams < 2) ring_->wait_until(socket::monotonic_now() + millisecond_ns);
    const uint64_t sleeps = ring_->counters().sleeps;
    ring_->wait_until(socket::monotonic_now() + 60 * second_ns);
    EXPECT_EQ(ring_->counters().sleeps, sleeps);
    EXPECT_TRUE(run_until([&] { return side_->datagrams == 2; }));
}

TEST_F(UringLink, room_to_send_wakes_the_shard) {
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
    ring_->wait_until(start + 60 * second_ns);
    EXPECT_LT(socket::monotonic_now() - start, 30 * second_ns);
    EXPECT_EQ(link_->send(bursts), 2u);
    EXPECT_TRUE(run_until([&] { return side_->datagrams == 3; }));
}

TEST_F(UringLink, one_socket_serves_both_families) {
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

TEST_F(UringLink, resolves_to_what_its_socket_reaches) {
    open({});
    EXPECT_TRUE(socket::is_ipv4(link_->resolve({"localhost", 7}).value()));
    EXPECT_EQ(link_->resolve({"localhost", 7}), link_->resolve({"127.0.0.1", 7}));
    EXPECT_EQ(link_->resolve({"::1", 7}).error().code, Errc::not_found);
    EXPECT_EQ(link_->resolve({"no such host.invalid", 7}).error().code, Errc::not_found);
    EXPECT_FALSE(uring::Link::create(*ring_).value()->open({"192.0.2.77", 0}).has_value()) << "nobody's address";
}

/// From here on this process is on a machine without IPv6.
bool forbid_ipv6() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// A link at `host` sends a burst to itself.
bool talks_to_itself(const std::string& host) {
    const auto ring = *uring::Ring::create();
    const auto link = *uring::Link::create(*ring);
    const auto port = link->open({host, 0});
    if (!port) return false;
    const io::Endpoint self = link->resolve({"localhost", *port}).value();
    const std::vector<std::byte> bytes = pattern_bytes(0, 5000);
    const Fragment one{bytes.data(), 5000};
    const io::OutgoingBurst burst{self, 1000, {&one, 1}};
    LinkSide side(*link);
    for (int i = 0; i < 1000 && side.datagrams < 5; ++i) {
        if (i == 0 && link->send({&burst, 1}) != 1) return false;
        ring->wait_until(socket::monotonic_now() + 2 * millisecond_ns);
        side.poll();
    }
    return side.from(self) == cut(bytes, 1000) && link->datagram_bytes_max(self) > 1232;
}

TEST_F(UringLink, needs_no_ipv6) {
    constexpr int good = 0, bad = 1, no_filter = 2;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!forbid_ipv6()) ::_exit(no_filter);
        ::_exit(!has_ipv6() && talks_to_itself("") && talks_to_itself("127.0.0.1") ? good : bad);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == no_filter) GTEST_SKIP() << "this kernel takes no filter";
    EXPECT_EQ(WEXITSTATUS(status), good);
    EXPECT_TRUE(talks_to_itself("127.0.0.1"));
}

}  // namespace

}  // namespace penstock::tests
