#include "socket/endpoint.h"

#include <gtest/gtest.h>

#include <cstring>

#include "endpoint_of.h"

namespace penstock::socket {
namespace {

TEST(Endpoint, goes_through_names_of_both_families) {
    const io::Endpoint four = endpoint("::ffff:192.0.2.1", 4660), six = endpoint("2001:db8::1", 65535);
    EXPECT_TRUE(is_ipv4(four));
    EXPECT_FALSE(is_ipv4(six));
    EXPECT_FALSE(is_ipv4(endpoint("::192.0.2.1", 1)));
    for (const io::Endpoint& one : {four, six}) {
        const SocketName name = socket_name(one, AF_INET6);
        EXPECT_EQ(name.size, sizeof(sockaddr_in6));
        EXPECT_EQ(endpoint_of(&name.storage, name.size), one);
    }
    const SocketName name = socket_name(four, AF_INET);
    ASSERT_EQ(name.size, sizeof(sockaddr_in));
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &name.storage, sizeof ipv4);
    EXPECT_EQ(ipv4.sin_family, AF_INET);
    EXPECT_EQ(ipv4.sin_port, htons(4660));
    EXPECT_EQ(ipv4.sin_addr.s_addr, ::inet_addr("192.0.2.1"));
    EXPECT_EQ(endpoint_of(&ipv4, sizeof ipv4), four);
}

TEST(Endpoint, says_when_a_family_cannot_say_it) {
    EXPECT_EQ(socket_name(endpoint("2001:db8::1", 1), AF_INET).size, 0u);
    const sockaddr_in6 six{.sin6_family = AF_INET6, .sin6_port = 1};
    EXPECT_EQ(endpoint_of(&six, sizeof six - 1), io::Endpoint{});
    EXPECT_EQ(endpoint_of(&six, 0), io::Endpoint{});
    const sockaddr_in6 other{.sin6_family = AF_UNIX, .sin6_port = 1};
    EXPECT_EQ(endpoint_of(&other, sizeof other), io::Endpoint{});
}

}  // namespace
}  // namespace penstock::socket
