#include "store_contract.h"

#include <algorithm>
#include <ctime>

#include "base/random.h"

namespace penstock::tests {

io::StoreTransaction transaction(uint64_t revision, std::vector<io::StoreRow> puts, std::vector<std::string> removes) {
    return {.revision = revision, .puts = std::move(puts), .removes = std::move(removes), .token = 1000 + revision};
}

std::map<std::string, std::string> rows(const io::StoreContents& contents) {
    std::map<std::string, std::string> out;
    for (const auto& row : contents.rows) out[row.key] = row.value;
    return out;
}

Nanos monotonic_now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return Nanos(t.tv_sec * second_ns + t.tv_nsec);
}

void StoreContract::SetUp() {
    world_ = GetParam().make();
    if (world_ == nullptr) GTEST_SKIP() << GetParam().name << " cannot run here";
}

io::StoreCompletion StoreContract::next() {
    io::StoreCompletion completion;
    while (store().poll(std::span(&completion, 1)) == 0) world_->wait();
    return completion;
}

void StoreContract::write(io::StoreTransaction transaction) {
    const uint64_t token = transaction.token;
    ASSERT_TRUE(store().submit(std::move(transaction)));
    const io::StoreCompletion completion = next();
    ASSERT_TRUE(completion.ok) << to_string(completion.error.code);
    ASSERT_EQ(completion.token, token);
}

io::StoreContents StoreContract::load() {
    auto contents = store().load();
    EXPECT_TRUE(contents.has_value());
    return contents ? std::move(*contents) : io::StoreContents{};
}

TEST_P(StoreContract, ANewOneIsActiveAndEmpty) {
    EXPECT_EQ(store().role(monotonic_now()), io::StoreRole::active);
    const io::StoreContents contents = load();
    EXPECT_EQ(contents.revision, 0u);
    EXPECT_TRUE(contents.rows.empty());
}

TEST_P(StoreContract, TransactionsComeBackInOrderAndSurvive) {
    ASSERT_TRUE(store().submit(transaction(1, {{"b", "1"}, {"a", std::string("\0\xff", 2)}, {"empty", ""}})));
    ASSERT_TRUE(store().submit(transaction(2, {{"b", "2"}}, {"a", "never there"})));
    ASSERT_TRUE(store().submit(transaction(3, {{"c", "3"}, {"both", "put"}}, {"both"})));
    for (uint64_t token : {1001u, 1002u, 1003u}) {
        const io::StoreCompletion completion = next();
        EXPECT_TRUE(completion.ok);
        EXPECT_EQ(completion.token, token);
    }
    world_->reopen();
    const io::StoreContents contents = load();
    EXPECT_EQ(contents.revision, 3u);
    EXPECT_EQ(rows(contents), (std::map<std::string, std::string>{{"b", "2"}, {"c", "3"}, {"empty", ""}}));
    EXPECT_TRUE(std::ranges::is_sorted(contents.rows, {}, &io::StoreRow::key));
}

TEST_P(StoreContract, RowsAndTransactionsMayBeLarge) {
    std::map<std::string, std::string> wanted{{"large", std::string(3 << 20, 'x')}};
    for (int i = 0; i < 20'000; ++i)
        wanted["partition/" + std::to_string(i)] = std::string(static_cast<size_t>(i % 200), static_cast<char>(i));
    io::StoreTransaction large = transaction(1, {});
    for (const auto& [key, value] : wanted) large.puts.push_back({key, value});
    write(std::move(large));
    world_->reopen();
    EXPECT_EQ(rows(load()), wanted);
    io::StoreTransaction removal = transaction(2, {{"last", "one"}});
    for (const auto& [key, value] : wanted) removal.removes.push_back(key);
    write(std::move(removal));
    world_->reopen();
    EXPECT_EQ(rows(load()), (std::map<std::string, std::string>{{"last", "one"}}));
}

TEST_P(StoreContract, WhatIsWrittenIsFoundAtEachStart) {
    Random random(5);
    std::map<std::string, std::string> wanted;
    uint64_t revision = 0;
    for (int start = 0; start < 4; ++start) {
        const io::StoreContents contents = load();
        ASSERT_EQ(contents.revision, revision);
        ASSERT_EQ(rows(contents), wanted);
        for (int i = 0; i < 30; ++i) {
            io::StoreTransaction change = transaction(++revision, {});
            for (uint64_t n = random.below(20); n > 0; --n) {
                const std::string key = "row/" + std::to_string(random.below(100));
                const std::string value(random.below(300), static_cast<char>(random.below(256)));
                change.puts.push_back({key, wanted[key] = value});
            }
            if (random.below(3) == 0 && !wanted.empty()) {
                change.removes.push_back(wanted.begin()->first);
                wanted.erase(wanted.begin());
            }
            write(std::move(change));
        }
        world_->reopen();
    }
}

TEST_P(StoreContract, AWrongRevisionIsRefused) {
    write(transaction(1, {{"a", "1"}}));
    for (const uint64_t wrong : {uint64_t{1}, uint64_t{3}}) {
        ASSERT_TRUE(store().submit(transaction(wrong, {{"a", "wrong"}})));
        const io::StoreCompletion completion = next();
        EXPECT_FALSE(completion.ok);
        EXPECT_EQ(completion.error.code, Errc::refused);
        world_->reopen();
    }
    const io::StoreContents contents = load();
    EXPECT_EQ(contents.revision, 1u);
    EXPECT_EQ(contents.rows.front().value, "1");
}

TEST_P(StoreContract, TheQueueIsBounded) {
    uint64_t taken = 0;
    while (const auto submitted = store().submit(transaction(taken + 1, {{"a", ""}}))) ASSERT_LT(++taken, 1000u);
    EXPECT_EQ(store().submit(transaction(taken + 1, {})).error().code, Errc::would_block);
    for (uint64_t i = 0; i < taken; ++i) EXPECT_TRUE(next().ok);
    write(transaction(taken + 1, {{"a", "1"}}));
}

}  // namespace penstock::tests
