#include "client/bootstrap.h"

#include <gtest/gtest.h>

namespace penstock::client {
namespace {

TEST(Bootstrap, RoadsPortsAndSeveralAddresses) {
    const auto native = parse_bootstrap("host-a,10.0.0.1:7,[fd00::1]:8,[::1]");
    ASSERT_TRUE(native.has_value());
    EXPECT_EQ(native->road, io::Road::native);
    ASSERT_EQ(native->addresses.size(), 4u);
    EXPECT_EQ(show(native->addresses[0]), "host-a:9192");
    EXPECT_EQ(show(native->addresses[1]), "10.0.0.1:7");
    EXPECT_EQ(show(native->addresses[2]), "[fd00::1]:8");
    EXPECT_EQ(show(native->addresses[3]), "[::1]:9192");
    for (const io::Address& address : native->addresses) EXPECT_EQ(address.road, io::Road::native);
    EXPECT_EQ(parse_bootstrap("udp://h")->road, io::Road::native);

    const auto tcp = parse_bootstrap("tcp://h");
    ASSERT_TRUE(tcp.has_value());
    EXPECT_EQ(tcp->road, io::Road::tcp);
    EXPECT_EQ(show(tcp->addresses[0]), "h:9092");
}

TEST(Bootstrap, NonsenseIsRefusedWithWhatIsWrong) {
    for (const char* text : {"", "udp://", "http://h", "h:", "h:0", "h:65536", "h:9x", ":1", "::1", "[::1", "[::1]9",
                             "[::1]:", "a,,b", "a,", "[]:1"}) {
        const auto parsed = parse_bootstrap(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, PENSTOCK_INVALID) << text;
        EXPECT_NE(parsed.error().detail.find("bootstrap address"), std::string::npos) << text;
    }
    std::string many = "h";
    for (size_t i = 0; i < bootstrap_addresses_max; ++i) many += ",h";
    EXPECT_FALSE(parse_bootstrap(many).has_value());
    EXPECT_TRUE(parse_bootstrap(std::string_view(many).substr(2)).has_value());
}

}  // namespace
}  // namespace penstock::client
