#include "sim/store.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace penstock::sim {
namespace {

io::StoreTransaction put(uint64_t revision, const char* key, const char* value) {
    return {.revision = revision, .puts = {{key, value}}, .removes = {}, .token = revision * 10};
}

std::vector<io::StoreCompletion> drain(Store& store) {
    std::array<io::StoreCompletion, 100> out;
    const size_t count = store.poll(out);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(SimStore, applies_in_order_and_loads_in_key_order) {
    StoreMedium medium;
    Store store(medium);
    ASSERT_TRUE(store.submit(put(1, "b", "1")));
    ASSERT_TRUE(store.submit(put(2, "a", "2")));
    ASSERT_TRUE(store.submit({.revision = 3, .puts = {{"c", "3"}}, .removes = {"b"}, .token = 30}));
    const auto completions = drain(store);
    ASSERT_EQ(completions.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(completions[i].ok);
        EXPECT_EQ(completions[i].token, (i + 1) * 10);
    }
    const auto contents = Store(medium).load();
    ASSERT_TRUE(contents);
    EXPECT_EQ(contents->revision, 3u);
    ASSERT_EQ(contents->rows.size(), 2u);
    EXPECT_EQ(contents->rows[0].key, "a");
    EXPECT_EQ(contents->rows[1].value, "3");
}

TEST(SimStore, refuses_a_second_writer) {
    StoreMedium medium;
    Store first(medium), second(medium);
    ASSERT_TRUE(first.submit(put(1, "k", "first")));
    EXPECT_TRUE(drain(first).at(0).ok);
    ASSERT_TRUE(second.submit(put(1, "k", "second")));
    const auto completions = drain(second);
    EXPECT_FALSE(completions.at(0).ok);
    EXPECT_EQ(completions.at(0).error.code, Errc::refused);
    EXPECT_EQ(medium.rows.at("k"), "first");
}

TEST(SimStore, is_bounded_and_can_be_held) {
    StoreMedium medium;
    Store store(medium);
    store.hold(true);
    for (uint64_t i = 1; i <= store_queue_max; ++i) ASSERT_TRUE(store.submit(put(i, "k", "v")));
    EXPECT_EQ(store.submit(put(99, "k", "v")).error().code, Errc::would_block);
    EXPECT_TRUE(drain(store).empty());
    EXPECT_EQ(store.process(2), 2u);
    EXPECT_EQ(drain(store).size(), 2u);
    store.hold(false);
    EXPECT_EQ(drain(store).size(), store_queue_max - 2);
    EXPECT_EQ(medium.revision, store_queue_max);
}

TEST(SimStore, a_crash_keeps_a_prefix_of_what_waited) {
    StoreMedium medium;
    Store store(medium);
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(store.submit(put(i, "k", "v")));
    store.crash(2);
    EXPECT_TRUE(drain(store).empty());
    EXPECT_FALSE(store.submit(put(3, "k", "v")));
    EXPECT_FALSE(store.load());
    EXPECT_EQ(Store(medium).load()->revision, 2u);
}

TEST(SimStore, injected_failures_may_have_reached_the_medium) {
    StoreMedium medium;
    Store store(medium);
    store.fail_next({Errc::io, 5});
    ASSERT_TRUE(store.submit(put(1, "k", "lost")));
    EXPECT_EQ(drain(store).at(0).error, (Error{Errc::io, 5}));
    EXPECT_EQ(medium.revision, 0u);
    store.fail_next({Errc::io, 5}, true);
    ASSERT_TRUE(store.submit(put(1, "k", "kept")));
    EXPECT_FALSE(drain(store).at(0).ok);
    EXPECT_EQ(medium.rows.at("k"), "kept");
    ASSERT_TRUE(store.submit(put(1, "k", "again")));
    EXPECT_EQ(drain(store).at(0).error.code, Errc::refused);

    store.fail_load({Errc::io, 5});
    EXPECT_FALSE(store.load());
    EXPECT_TRUE(store.load());
}

}  // namespace
}  // namespace penstock::sim
