#include "cli/bench.h"

#include <gtest/gtest.h>

#include "mock_cluster.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

struct BenchTest : testing::Test {
    BenchTest() { cluster.create_topic("bench", 4); }

    Outcome<BenchOutcome> load(const BenchOptions& options, BenchMeter& meter, bool produce) {
        auto topic = client.topic("bench", IfAbsent::refuse, client.deadline());
        if (!topic) return std::unexpected(topic.error());
        return produce ? run_produce_load(client, options, meter, {*topic})
                       : run_consume_load(client, options, meter, {*topic});
    }

    MockCluster cluster{2};
    Globals globals = cluster.globals();
    Client client{globals};
};

TEST_F(BenchTest, NamesItsTopics) {
    EXPECT_EQ(bench_topics({.topic = "a"}), (std::vector<std::string>{"a"}));
    EXPECT_EQ(bench_topics({.topic = "a", .topics = 3}), (std::vector<std::string>{"a-0", "a-1", "a-2"}));
}

TEST_F(BenchTest, EveryRequestOfAClosedLoadIsAnswered) {
    for (const char* acks : {"all", "1", "0"}) {
        const BenchOptions options{.connections = 3, .in_flight = 4, .record_bytes = 100, .batch_bytes = 1000,
                                   .acks = acks};
        BenchMeter meter(0s, 300ms, false);
        const auto outcome = load(options, meter, true);
        ASSERT_TRUE(outcome) << outcome.error().message;
        EXPECT_EQ(outcome->unanswered, 0u);
        EXPECT_EQ(outcome->partitions, 4u);
        EXPECT_GT(outcome->batch_records, 5u);
        EXPECT_LE(outcome->batch_wire_bytes, 1000u);
        EXPECT_GT(outcome->wire_bytes, 0u);
        EXPECT_EQ(meter.records() % outcome->batch_records, 0u);
        EXPECT_GE(meter.latency().count(), meter.requests());
        EXPECT_EQ(meter.failed_records(), 0u);
    }
}

TEST_F(BenchTest, AnOpenLoadSendsWhatWasDue) {
    const BenchOptions options{.rate = 2000, .record_bytes = 10, .batch_bytes = 1};  // one record in each request
    BenchMeter meter(0s, 250ms, false);
    const auto outcome = load(options, meter, true);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->batch_records, 1u);
    EXPECT_EQ(outcome->unanswered, 0u);
    // Every request that was due in the window counts, however late it was sent or answered.
    EXPECT_NEAR(static_cast<double>(meter.latency().count()), 500.0, 1.0);
}

TEST_F(BenchTest, ErrorsAreCountedNotHidden) {
    cluster.fail_next(ApiKey::produce, {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});
    const BenchOptions options{.batch_bytes = 1000};
    BenchMeter meter(0s, 500ms, false);
    const auto outcome = load(options, meter, true);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(meter.failed_records(), 2 * outcome->batch_records);
    EXPECT_EQ(outcome->first_error, "NOT_ENOUGH_REPLICAS (19)");
}

TEST_F(BenchTest, ConsumesAllThatWasProduced) {
    BenchMeter produced(0s, 300ms, false);
    // At a rate, as the mock keeps no more than 5 MiB of a partition.
    const auto outcome = load({.rate = 10'000, .batch_bytes = 1000}, produced, true);
    ASSERT_TRUE(outcome);
    BenchMeter consumed(0s, 60s, false);
    const auto read = load({.connections = 2, .in_flight = 2}, consumed, false);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->wire_bytes, outcome->wire_bytes);
    EXPECT_EQ(consumed.records() % outcome->batch_records, 0u);
    EXPECT_LT(consumed.window_seconds(), 60.0);
}

TEST_F(BenchTest, NothingToConsumeIsAFailureThatSaysWhatToDo) {
    BenchMeter meter(0s, 1s, false);
    const auto read = load({}, meter, false);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().hint.find("bench produce"), std::string::npos);
}

}  // namespace
}  // namespace penstock::cli
