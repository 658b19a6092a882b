#include "socket/route_sizes.h"

#include <gtest/gtest.h>

#include "endpoint_of.h"

namespace penstock::socket {
namespace {

constexpr Nanos start{1000 * second_ns};

TEST(RouteSizes, asks_the_kernel_once_in_a_while) {
    RouteSizes routes;
    const uint32_t bytes = routes.datagram_bytes_max(endpoint("::ffff:127.0.0.1", 9092), start);
    EXPECT_GE(bytes, 500u);
    EXPECT_LE(bytes, io::burst_bytes_max);
    EXPECT_EQ(routes.datagram_bytes_max(endpoint("::ffff:127.0.0.1", 9093), start + second_ns), bytes);
    EXPECT_EQ(routes.lookups(), 1u);
    EXPECT_EQ(routes.datagram_bytes_max(endpoint("::ffff:127.0.0.1", 0), start + 60 * second_ns), bytes);
    EXPECT_EQ(routes.lookups(), 2u) << "routes change";
}

TEST(RouteSizes, keeps_no_more_than_its_places) {
    RouteSizes routes;
    for (int round = 0; round < 2; ++round) {
        for (int i = 1; i < 255; ++i) {
            const std::string host = "::ffff:127.0.0." + std::to_string(i);
            EXPECT_GE(routes.datagram_bytes_max(endpoint(host.c_str(), 1), start), 500u);
        }
    }
    EXPECT_GT(routes.lookups(), 254u);
    EXPECT_LE(routes.lookups(), 2 * 254u);
}

TEST(RouteSizes, without_a_route_it_is_what_all_carry) {
    RouteSizes routes;
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(routes.datagram_bytes_max(endpoint("::ffff:255.255.255.255", 1), start), 1232u);
    }
    EXPECT_EQ(routes.lookups(), 2u) << "it may come any moment";
}

}  // namespace
}  // namespace penstock::socket
