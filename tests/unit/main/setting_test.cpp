#include "main/setting.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace penstock {
namespace {

TEST(Setting, numbers_take_the_units_of_their_kind) {
    EXPECT_EQ(parse_number(Unit::bytes, "64MiB"), 64 << 20);
    EXPECT_EQ(parse_number(Unit::bytes, "64 MiB"), 64 << 20);
    EXPECT_EQ(parse_number(Unit::bytes, "12"), 12);
    EXPECT_EQ(parse_number(Unit::bytes, "7B"), 7);
    EXPECT_EQ(parse_number(Unit::milliseconds, "500ms"), 500);
    EXPECT_EQ(parse_number(Unit::milliseconds, "7d"), 604'800'000);
    EXPECT_EQ(parse_number(Unit::milliseconds, "2min"), 120'000);
    EXPECT_EQ(parse_number(Unit::none, "-1"), -1);
}

TEST(Setting, numbers_refuse_what_they_do_not_know) {
    EXPECT_EQ(parse_number(Unit::bytes, "64MB"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::bytes, "MiB"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::bytes, ""), std::nullopt);
    EXPECT_EQ(parse_number(Unit::bytes, "1.5GiB"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::milliseconds, "5MiB"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::none, "5 s"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::bytes, "9999999999TiB"), std::nullopt);
    EXPECT_EQ(parse_number(Unit::none, "99999999999999999999"), std::nullopt);
}

TEST(Setting, numbers_print_in_the_largest_exact_unit) {
    EXPECT_EQ(format_number(Unit::bytes, 64 << 20), "64MiB");
    EXPECT_EQ(format_number(Unit::bytes, (64 << 20) + 1), "67108865B");
    EXPECT_EQ(format_number(Unit::milliseconds, 500), "500ms");
    EXPECT_EQ(format_number(Unit::milliseconds, 604'800'000), "7d");
    EXPECT_EQ(format_number(Unit::bytes, -1), "-1");
    EXPECT_EQ(format_number(Unit::bytes, 0), "0");
    EXPECT_EQ(format_number(Unit::none, 1024), "1024");
}

TEST(Setting, labels_are_short_and_fit_on_a_line) {
    std::string rack = "old";
    const Setting row{"broker.rack", &rack, "", Unit::label, 0, 8, "", ""};
    EXPECT_TRUE(assign(row, "a room"));
    EXPECT_EQ(rack, "a room");
    EXPECT_TRUE(assign(row, ""));
    EXPECT_EQ(rack, "");
    for (const std::string_view wrong : {std::string_view("nine bytes"), std::string_view("a\nb"),
                                         std::string_view("a\0b", 3), std::string_view("\x7f")})
        EXPECT_FALSE(assign(row, wrong));
    EXPECT_EQ(rack, "");
    EXPECT_EQ(describe_type(row), "text of at most 8 bytes, or \"\"");
}

TEST(Setting, addresses) {
    const auto v4 = parse_address("127.0.0.1:9092");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->host, "127.0.0.1");
    EXPECT_EQ(v4->port, 9092);
    const auto v6 = parse_address("[::1]:0");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(v6->port, 0);
    for (const char* wrong : {"", ":", "host", "host:", ":9092", "host:65536", "host:-1", "host:9x", "::1:9092",
                              "[::1:9092", "a b:1", "http://host:1", "host:+1"}) {
        EXPECT_FALSE(parse_address(wrong)) << wrong;
    }
}

TEST(Setting, addresses_come_in_lists) {
    std::vector<io::Address> list{{.host = "old", .port = 1}};
    const Setting row{"coordinator.address", &list, "a:1", Unit::none, 0, 0, "", ""};
    for (const char* wrong : {"", ",", "a:1,", ",a:1", "a:1;b:2", "a:1,b", "a:1, ,b:2", "a,b:1"})
        EXPECT_FALSE(assign(row, wrong)) << wrong;
    EXPECT_EQ(assign(row, "a:1, b:2,a:1").error(), "\"a:1\" stands twice");
    std::string many = "h:1";
    for (size_t port = 2; port <= addresses_max + 1; ++port) many += ",h:" + std::to_string(port);
    EXPECT_EQ(assign(row, many).error(), "more than 16 addresses");
    EXPECT_EQ(value_text(row), "old:1");
    EXPECT_TRUE(assign(row, "a:1, [::1]:2 ,c:3"));
    EXPECT_EQ(value_text(row), "a:1,[::1]:2,c:3");
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(list[1], (io::Address{.host = "::1", .port = 2}));
}

TEST(Setting, paths_in_zookeeper) {
    std::string text = "/old";
    const Setting row{"zookeeper.root", &text, "/penstock", Unit::node_path, 0, 0, "", ""};
    for (const char* wrong :
         {"", "/", "penstock", "/penstock/", "/a//b", "/./a", "/a/..", "/a b", "/\x7f", "/\xc3\xa9"})
        EXPECT_FALSE(assign(row, wrong)) << wrong;
    EXPECT_FALSE(assign(row, "/" + std::string(200, 'a')));
    EXPECT_EQ(text, "/old");
    EXPECT_TRUE(assign(row, "/penstock/first"));
    EXPECT_EQ(text, "/penstock/first");
}

TEST(Setting, a_refused_value_leaves_the_target_alone_and_says_why) {
    uint64_t count = 3;
    const Setting row{"shards.count", &count, "0", Unit::none, 0, 256, "", ""};
    EXPECT_EQ(assign(row, "257").error(), "257 is out of range: 0 to 256");
    EXPECT_EQ(assign(row, "two").error(), "\"two\" is not a whole number, 0 to 256");
    EXPECT_EQ(count, 3u);
    EXPECT_TRUE(assign(row, "256"));
    EXPECT_EQ(count, 256u);
}

TEST(Setting, no_limit_is_a_value_of_its_own) {
    int64_t bytes = 5;
    const Setting row{"b", &bytes, "-1", Unit::bytes, -1, 1 << 20, "", ""};
    EXPECT_TRUE(assign(row, "-1"));
    EXPECT_EQ(bytes, -1);
    EXPECT_EQ(assign(row, "-2").error(), "-2 is out of range: 0 to 1MiB, or -1 for no limit");
}

TEST(Setting, choices_are_guessed) {
    IdleStrategy idle = IdleStrategy::spin;
    const Setting row{"shards.idle", &idle, "spin", Unit::none, 0, 0, "", ""};
    EXPECT_TRUE(assign(row, "block"));
    EXPECT_EQ(idle, IdleStrategy::block);
    EXPECT_EQ(assign(row, "spn").error(), "\"spn\" is not one of spin, backoff, block; did you mean \"spin\"?");
    EXPECT_EQ(assign(row, "nothing-like-it").error(), "\"nothing-like-it\" is not one of spin, backoff, block");
    EXPECT_EQ(assign(row, int64_t{1}).error(), "expected one of spin, backoff, block, not a number");
}

TEST(Setting, text_and_booleans) {
    std::string text = "old";
    const Setting path{"data.directory", &text, "x", Unit::path, 0, 0, "", ""};
    EXPECT_FALSE(assign(path, ""));
    EXPECT_FALSE(assign(path, std::string_view("a\0b", 3)));
    EXPECT_EQ(text, "old");
    bool on = false;
    const Setting flag{"topics.auto_create", &on, "true", Unit::none, 0, 0, "", ""};
    EXPECT_TRUE(assign(flag, "true"));
    EXPECT_TRUE(on);
    EXPECT_EQ(assign(flag, "yes").error(), "\"yes\" is neither true nor false");
}

TEST(Setting, only_an_optional_address_may_be_empty) {
    io::Address address{.host = "h", .port = 1};
    const Setting must{"kafka.listen", &address, "a:1", Unit::none, 0, 0, "", ""};
    EXPECT_FALSE(assign(must, ""));
    EXPECT_EQ(value_text(must), "h:1");
    const Setting may{"kafka.advertised", &address, "", Unit::optional, 0, 0, "", ""};
    EXPECT_TRUE(assign(may, ""));
    EXPECT_EQ(value_text(may), "");
}

TEST(Setting, a_broken_relation_names_both_places) {
    uint64_t memory = 1 << 20;
    uint64_t request = 2 << 20;
    Settings rows;
    rows.push_back({"memory", &memory, "1MiB", Unit::bytes, 0, 1 << 30, "", "", "request", "a.toml:3"});
    rows.push_back({"request", &request, "1MiB", Unit::bytes, 0, 1 << 30, "", "", {}, "--set"});
    const std::vector<std::string> expected{"a.toml:3: memory = 1MiB is below request = 2MiB (--set)"};
    EXPECT_EQ(broken_relations(rows), expected);
    memory = request;
    EXPECT_TRUE(broken_relations(rows).empty());
}

}  // namespace
}  // namespace penstock
