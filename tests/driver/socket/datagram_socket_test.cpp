#include "socket/datagram_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

#include "base/units.h"
#include "socket/socket.h"

namespace penstock::socket {
namespace {

int option(int socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
    return value;
}

TEST(DatagramSocket, fragments_nothing_and_does_not_block) {
    const auto made = open_datagram_socket({"", 0}, {});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(option(made->descriptor, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
    if (made->family == AF_INET6) {
        EXPECT_EQ(option(made->descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_PROBE);
        EXPECT_TRUE(made->ipv4 && made->ipv6);
    }
    char byte = 0;
    EXPECT_EQ(::recv(made->descriptor, &byte, 1, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
    ::close(made->descriptor);
}

TEST(DatagramSocket, asks_for_the_buffers_it_is_told) {
    const auto small = open_datagram_socket({"127.0.0.1", 0}, {.receive_bytes = 8192}),
               large = open_datagram_socket({"127.0.0.1", 0}, {.receive_bytes = 1 << 30});
    ASSERT_TRUE(small.has_value() && large.has_value());
    EXPECT_EQ(granted_receive_bytes(small->descriptor), 2 * 8192u);
    EXPECT_GE(granted_receive_bytes(large->descriptor), 64 * 1024u) << "as much as the machine allows";
    EXPECT_EQ(dropped_datagrams(small->descriptor), 0u);
    ::close(small->descriptor);
    ::close(large->descriptor);
}

TEST(DatagramSocket, says_whom_it_reaches) {
    const auto four = open_datagram_socket({"127.0.0.1", 0}, {});
    ASSERT_TRUE(four.has_value());
    EXPECT_TRUE(four->ipv4);
    EXPECT_FALSE(four->ipv6);
    ::close(four->descriptor);
    if (const auto six = open_datagram_socket({"::1", 0}, {})) {
        EXPECT_FALSE(six->ipv4);
        EXPECT_TRUE(six->ipv6);
        ::close(six->descriptor);
    }
    const auto any_four = open_datagram_socket({"0.0.0.0", 0}, {});
    ASSERT_TRUE(any_four.has_value());
    EXPECT_TRUE(any_four->ipv4);
    EXPECT_FALSE(any_four->ipv6);
    ::close(any_four->descriptor);
}

TEST(DatagramSocket, finds_a_port_that_is_taken) {
    const auto first = open_datagram_socket({"127.0.0.1", 0}, {});
    ASSERT_TRUE(first.has_value());
    const uint16_t port = local_port(first->descriptor);
    EXPECT_EQ(probe_datagram_port({"127.0.0.1", port}, 50 * millisecond_ns).error().code, Errc::exists);
    EXPECT_EQ(probe_datagram_port({"", port}, 0).error().code, Errc::exists) << "everywhere is there as well";
    EXPECT_EQ(probe_datagram_port({"192.0.2.77", 0}, second_ns).error().code, Errc::io) << "nobody's address";
    ::close(first->descriptor);
    EXPECT_TRUE(probe_datagram_port({"127.0.0.1", port}, 0).has_value());
}

}  // namespace
}  // namespace penstock::socket
