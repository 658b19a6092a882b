#include "cli/values.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

TEST(ParseBytes, UnderstandsUnits) {
    EXPECT_EQ(parse_bytes("0"), 0u);
    EXPECT_EQ(parse_bytes("512"), 512u);
    EXPECT_EQ(parse_bytes("64k"), 65536u);
    EXPECT_EQ(parse_bytes("64KiB"), 65536u);
    EXPECT_EQ(parse_bytes("64kB"), 64000u);
    EXPECT_EQ(parse_bytes("1MiB"), 1048576u);
    EXPECT_EQ(parse_bytes("1.5M"), 1572864u);
    EXPECT_EQ(parse_bytes("2 GB"), 2'000'000'000u);
}

TEST(ParseBytes, RefusesTheRest) {
    for (const char* bad : {"", "k", "-1", "1.3", "1X", "1KiBB", "0x10", "1e3", "nan", "inf", "99999999999T", " 1"}) {
        EXPECT_FALSE(parse_bytes(bad)) << bad;
    }
}

TEST(ParseDuration, UnderstandsUnits) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("10s"), 10s);
    EXPECT_EQ(parse_duration("10"), 10s);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("2m"), 2min);
    EXPECT_EQ(parse_duration("100us"), 100us);
    EXPECT_EQ(parse_duration("7d"), 168h);
    for (const char* bad : {"", "s", "-1s", "1y", "1 hour", "1000000000d"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(ParseTimestamp, UnderstandsBothForms) {
    EXPECT_EQ(parse_timestamp("0"), 0);
    EXPECT_EQ(parse_timestamp("1732291200000"), 1732291200000);
    EXPECT_EQ(parse_timestamp("1970-01-01"), 0);
    EXPECT_EQ(parse_timestamp("2026-11-22T16:00:00.123Z"), 1795363200123);
    EXPECT_EQ(parse_timestamp("2026-11-22 16:00"), 1795363200000);
    EXPECT_EQ(parse_timestamp("2024-02-29"), 1709164800000);
    for (const char* bad : {"", "-5", "2026-13", "2026-13-01", "2026-02-30", "2026-11-22T", "2026-11-22T25:00",
                            "2026-11-22T16:00:00+01:00", "2026-11-22Tx", "1969-12-31"}) {
        EXPECT_FALSE(parse_timestamp(bad)) << bad;
    }
}

TEST(ShowTimestamp, IsWhatParseTakes) {
    for (const int64_t ms : {int64_t{0}, int64_t{1795363200123}, int64_t{1709164800000}, int64_t{253402300799999}}) {
        EXPECT_EQ(parse_timestamp(show_timestamp(ms)), ms);
    }
    EXPECT_EQ(show_timestamp(-1), "-");
    EXPECT_EQ(show_timestamp(INT64_MAX), "9223372036854775807");
}

TEST(ParseAddresses, TakesLists) {
    const auto list = parse_addresses("localhost:9092,10.0.0.1,[::1]:19092,[fe80::1]");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 4u);
    EXPECT_EQ((*list)[0], (Address{"localhost", 9092}));
    EXPECT_EQ((*list)[1], (Address{"10.0.0.1", 9092}));
    EXPECT_EQ((*list)[2], (Address{"::1", 19092}));
    EXPECT_EQ((*list)[2].text(), "[::1]:19092");
    EXPECT_EQ((*list)[3], (Address{"fe80::1", 9092}));
}

TEST(ParseAddresses, SaysWhatIsWrong) {
    for (const char* bad : {"", ":9092", "host:", "host:0", "host:65536", "host:x", "::1", "a,,b", "[::1",
                            "[::1]9092"}) {
        const auto list = parse_addresses(bad);
        ASSERT_FALSE(list) << bad;
        EXPECT_EQ(list.error().kind, FailureKind::usage);
        EXPECT_FALSE(list.error().message.empty());
    }
}

TEST(ParsePair, SplitsAtTheFirstEquals) {
    EXPECT_EQ(parse_pair("a=b=c"), (std::pair<std::string, std::string>("a", "b=c")));
    EXPECT_EQ(parse_pair("a="), (std::pair<std::string, std::string>("a", "")));
    EXPECT_FALSE(parse_pair("a"));
    EXPECT_FALSE(parse_pair("=b"));
}

TEST(Show, Numbers) {
    EXPECT_EQ(show_count(0), "0");
    EXPECT_EQ(show_count(999), "999");
    EXPECT_EQ(show_count(1000), "1,000");
    EXPECT_EQ(show_count(1234567), "1,234,567");
    EXPECT_EQ(show_bytes(512), "512 B");
    EXPECT_EQ(show_bytes(1536), "1.50 KiB");
    EXPECT_EQ(show_bytes(64.0 * 1024), "64.0 KiB");
    EXPECT_EQ(show_microseconds(950), "950 us");
    EXPECT_EQ(show_microseconds(1230), "1.23 ms");
    EXPECT_EQ(show_microseconds(45600), "45.6 ms");
    EXPECT_EQ(show_microseconds(4'560'000), "4.56 s");
}

}  // namespace
}  // namespace penstock::cli
