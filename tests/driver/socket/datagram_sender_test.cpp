#include "socket/datagram_sender.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "../link_contract.h"
#include "../pattern.h"
#include "refused_sends.h"
#include "socket/datagram_socket.h"
#include "socket/socket.h"

namespace penstock::tests {
namespace {

/// A sender, and a socket that takes what it sends, datagram by datagram.
class DatagramSenderTest : public testing::Test {
protected:
    DatagramSenderTest() : ours_(*socket::open_datagram_socket({"127.0.0.1", 0}, {})) {
        refused_sends() = {};
        sender_.open(ours_.descriptor, ours_.family);
        theirs_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_in address{.sin_family = AF_INET};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(theirs_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        to_ = {.port = socket::local_port(theirs_)};
        to_.ip[10] = to_.ip[11] = std::byte{0xff};
        to_.ip[12] = std::byte{127};
        to_.ip[15] = std::byte{1};
    }
    ~DatagramSenderTest() override {
        refused_sends() = {};
        ::close(theirs_);
        ::close(ours_.descriptor);
    }

    /// `count` bursts of five datagrams of 100 bytes each, the last of them of 50.
    size_t send(size_t count) {
        std::vector<io::OutgoingBurst> bursts(count, {to_, 100, {&row_, 1}});
        return sender_.send(bursts);
    }
    Datagrams received() {
        Datagrams all;
        std::vector<std::byte> buffer(70'000);
        for (;;) {
            const ssize_t n = ::recv(theirs_, buffer.data(), buffer.size(), 0);
            if (n < 0) return all;
            all.emplace_back(buffer.begin(), buffer.begin() + n);
        }
    }
    Datagrams expected(size_t count) const {
        Datagrams all;
        for (size_t i = 0; i < count; ++i) {
            for (const auto& one : cut(bytes_, 100)) all.push_back(one);
        }
        return all;
    }

    const std::vector<std::byte> bytes_ = pattern_bytes(0, 450);
    const Fragment row_{bytes_.data(), 450};
    socket::DatagramSocket ours_;
    socket::DatagramSender sender_{true};
    int theirs_ = -1;
    io::Endpoint to_;
};

TEST_F(DatagramSenderTest, one_call_takes_many_bursts) {
    EXPECT_EQ(send(20), 20u);
    EXPECT_EQ(received(), expected(20));
    EXPECT_EQ(sender_.counters().calls, 1u);
    EXPECT_EQ(sender_.counters().bursts, 20u);
    EXPECT_EQ(sender_.counters().datagrams, 100u);
    EXPECT_EQ(sender_.counters().bytes, 9000u);
}

TEST_F(DatagramSenderTest, goes_on_without_segmentation_where_it_is_refused) {
    for (const int os_error : {EIO, EINVAL}) {
        socket::DatagramSender sender(true);
        sender.open(ours_.descriptor, ours_.family);
        refused_sends() = {.os_errors = {os_error}, .only_segmented = true, .for_ever = true};
        std::vector<io::OutgoingBurst> bursts(20, {to_, 100, {&row_, 1}});
        EXPECT_EQ(sender.send(bursts), 20u);
        EXPECT_EQ(received(), expected(20));
        EXPECT_EQ(sender.counters().segmentation_refusals, 1u);
        EXPECT_EQ(sender.counters().lost, 0u);
        refused_sends() = {};
        const uint64_t before = sender.counters().calls;
        EXPECT_EQ(sender.send(bursts), 20u);
        EXPECT_EQ(sender.counters().calls, before + 2) << "100 messages, for good";
        EXPECT_EQ(received(), expected(20));
    }
}

TEST_F(DatagramSenderTest, keeps_segmentation_where_the_burst_was_at_fault) {
    // Older kernels say EINVAL of datagrams above the MTU that they are to cut.
    for (const int as_datagrams : {EINVAL, EMSGSIZE, EPERM}) {
        refused_sends() = {.os_errors = {EINVAL, as_datagrams}};
        const uint64_t lost = sender_.counters().lost;
        EXPECT_EQ(send(3), 3u);
        EXPECT_EQ(sender_.counters().lost, lost + 5);
        EXPECT_EQ(received(), expected(2));
    }
    EXPECT_EQ(sender_.counters().segmentation_refusals, 0u);
    const uint64_t before = sender_.counters().calls;
    EXPECT_EQ(send(64), 64u);
    EXPECT_EQ(sender_.counters().calls, before + 1) << "one message for each burst, still";
}

TEST_F(DatagramSenderTest, keeps_segmentation_when_there_is_no_room_to_find_out) {
    refused_sends() = {.os_errors = {EIO, EAGAIN}};
    EXPECT_EQ(send(3), 0u);
    EXPECT_EQ(sender_.counters().segmentation_refusals, 0u);
    const uint64_t before = sender_.counters().calls;
    EXPECT_EQ(send(3), 3u);
    EXPECT_EQ(sender_.counters().calls, before + 1);
    EXPECT_EQ(received(), expected(3));
    EXPECT_EQ(sender_.counters().lost, 0u);
}

TEST_F(DatagramSenderTest, takes_as_many_as_there_is_room_for) {
    refused_sends() = {.os_errors = {EAGAIN}};
    EXPECT_EQ(send(5), 0u);
    EXPECT_EQ(sender_.counters().shortages, 1u);
    refused_sends() = {.os_errors = {EAGAIN}, .messages_before = 3};
    EXPECT_EQ(send(5), 3u);
    EXPECT_EQ(received(), expected(3));
    EXPECT_EQ(sender_.counters().shortages, 2u);
    EXPECT_EQ(sender_.counters().lost, 0u);
    EXPECT_EQ(send(2), 2u);
    EXPECT_EQ(received(), expected(2));
}

TEST_F(DatagramSenderTest, a_burst_that_is_half_gone_is_over) {
    socket::DatagramSender sender(false);
    sender.open(ours_.descriptor, ours_.family);
    refused_sends() = {.os_errors = {EAGAIN}, .messages_before = 7};
    std::vector<io::OutgoingBurst> bursts(3, {to_, 100, {&row_, 1}});
    EXPECT_EQ(sender.send(bursts), 2u);
    EXPECT_EQ(received().size(), 7u);
    EXPECT_EQ(sender.counters().lost, 3u);
    EXPECT_EQ(sender.counters().datagrams, 7u);
    refused_sends() = {.os_errors = {EAGAIN}, .messages_before = 5};
    EXPECT_EQ(sender.send(bursts), 1u) << "between two bursts nothing is lost";
    EXPECT_EQ(sender.counters().lost, 3u);
}

TEST_F(DatagramSenderTest, what_the_network_refuses_is_lost_and_the_rest_goes) {
    for (const int os_error : {EMSGSIZE, ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EPERM, ENOBUFS, ENOMEM}) {
        const uint64_t lost = sender_.counters().lost;
        refused_sends() = {.os_errors = {os_error}, .messages_before = 2};
        EXPECT_EQ(send(5), 5u) << os_error;
        EXPECT_EQ(received(), expected(4)) << os_error;
        EXPECT_EQ(sender_.counters().lost, lost + 5);
    }
}

TEST_F(DatagramSenderTest, an_ipv4_socket_cannot_reach_ipv6) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socket::DatagramSender sender(true);
    sender.open(socket, AF_INET);
    const io::Endpoint ipv6{.ip = {std::byte{0xfd}}, .port = 7};
    const io::OutgoingBurst bursts[] = {{ipv6, 100, {&row_, 1}}, {to_, 100, {&row_, 1}}};
    EXPECT_EQ(sender.send(bursts), 2u);
    EXPECT_EQ(received(), expected(1));
    EXPECT_EQ(sender.counters().lost, 5u);
    ::close(socket);
}

}  // namespace
}  // namespace penstock::tests
