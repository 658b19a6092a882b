#include "cli/reader.h"

#include <gtest/gtest.h>

#include "cli/offsets.h"
#include "mock_cluster.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

std::vector<MockRecord> numbered(int count) {
    std::vector<MockRecord> records;
    for (int i = 0; i < count; ++i) records.push_back({"key", "value " + std::to_string(i)});
    return records;
}

/// A reader with its clients.
struct Reading {
    Reading(const Globals& given, const std::string& topic, const std::vector<ReadPosition>& positions,
            bool stop_at_end = true)
        : globals(given), client(globals), sdk(std::move(*SdkClient::create(globals))) {
        const penstock_consumer_options options = PENSTOCK_CONSUMER_OPTIONS_INIT;
        reader = std::move(*Reader::create(client, sdk, topic, options));
        EXPECT_TRUE(reader->assign(positions, stop_at_end));
    }
    Outcome<bool> step(const RecordVisitor& visitor) { return reader->step(Clock::now() + 5s, visitor); }
    /// Until the reader is done; nothing after a failure.
    std::optional<Failure> run(const RecordVisitor& visitor) {
        while (true) {
            const auto done = step(visitor);
            if (!done) return done.error();
            if (*done) return {};
        }
    }
    /// The values of each partition in the order in which they came.
    std::map<int32_t, std::vector<std::string>> drain() {
        std::map<int32_t, std::vector<std::string>> seen;
        const auto failure = run([&](const ShownRecord& r) {
            EXPECT_EQ(r.key, "key");
            EXPECT_EQ(static_cast<size_t>(r.offset), seen[r.partition].size());
            seen[r.partition].emplace_back(*r.value);
            return true;
        });
        EXPECT_FALSE(failure) << failure->message;
        return seen;
    }

    const Globals globals;
    Client client;
    SdkClient sdk;
    std::unique_ptr<Reader> reader;
};

TEST(Reader, ReadsWhatRealClientsWrite) {
    MockCluster cluster(2);
    for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        const std::string topic = std::string("t-") + codec;
        cluster.create_topic(topic, 2);
        cluster.set_leader(topic, 0, 1);
        cluster.set_leader(topic, 1, 2);
        for (int32_t p = 0; p < 2; ++p) cluster.produce(topic, p, codec, numbered(300));
        Reading reading(cluster.globals(), topic, {{.partition = 0, .next = 0, .end = 300},
                                                   {.partition = 1, .next = 0, .end = 300}});
        const auto ends = list_offsets(reading.client, topic, {0, 1}, wire::kafka::latest_timestamp,
                                       reading.client.deadline());
        ASSERT_TRUE(ends) << ends.error().message;
        EXPECT_EQ(ends->at(0), 300);
        const auto seen = reading.drain();
        for (int32_t p = 0; p < 2; ++p) {
            ASSERT_EQ(seen.at(p).size(), 300u) << topic;
            for (int i = 0; i < 300; ++i) EXPECT_EQ(seen.at(p)[static_cast<size_t>(i)], "value " + std::to_string(i));
        }
    }
}

TEST(Reader, FollowsALeaderThatMoves) {
    MockCluster cluster(2);
    cluster.create_topic("games", 1);
    cluster.set_leader("games", 0, 1);
    cluster.produce("games", 0, "none", numbered(10));
    Reading reading(cluster.globals(), "games", {{.partition = 0, .next = 0, .end = 20}});
    size_t seen = 0;
    const RecordVisitor count = [&](const ShownRecord&) { return ++seen, true; };
    while (seen < 10) ASSERT_TRUE(reading.step(count));
    cluster.set_leader("games", 0, 2);
    cluster.produce("games", 0, "none", numbered(10));
    const auto failure = reading.run(count);
    ASSERT_FALSE(failure) << failure->message;
    EXPECT_EQ(seen, 20u);
}

TEST(Reader, LostConnectionsAreOpenedAgain) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(10));
    cluster.fail_next(ApiKey::fetch, {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT});
    Reading reading(cluster.globals(), "games", {{.partition = 0, .next = 0, .end = 10}});
    EXPECT_EQ(reading.drain().at(0).size(), 10u);
}

TEST(Reader, AnOffsetOutOfRangeIsAFailureThatNamesIt) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(3));
    Reading reading(cluster.globals(), "games", {{.partition = 0, .next = 99}}, false);
    const auto failure = reading.run([](const ShownRecord&) { return true; });
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->message, "offset 99 of games/0 is out of range: there are 0 to 3");
}

TEST(Reader, StopsWhenTheVisitorHasEnough) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(100));
    Reading reading(cluster.globals(), "games", {{.partition = 0, .next = 0}}, false);
    size_t seen = 0;
    const auto failure = reading.run([&](const ShownRecord&) { return ++seen < 7; });
    ASSERT_FALSE(failure) << failure->message;
    EXPECT_EQ(seen, 7u);
}

TEST(Reader, NothingBehindTheEndIsShown) {
    MockCluster cluster(1);
    cluster.create_topic("games", 2);
    for (int32_t p = 0; p < 2; ++p) cluster.produce("games", p, "none", numbered(20));
    Reading reading(cluster.globals(), "games", {{.partition = 0, .next = 3, .end = 7},
                                                 {.partition = 1, .next = 20, .end = 20}});
    std::vector<int64_t> offsets;
    const auto failure = reading.run([&](const ShownRecord& record) {
        EXPECT_EQ(record.partition, 0);
        offsets.push_back(record.offset);
        return true;
    });
    ASSERT_FALSE(failure) << failure->message;
    EXPECT_EQ(offsets, (std::vector<int64_t>{3, 4, 5, 6}));
}

// The SDK goes on trying; the user wants to know.
TEST(Reader, BrokersThatAreGoneAreAFailureInTime) {
    auto cluster = std::make_unique<MockCluster>(1);
    cluster->create_topic("games", 1);
    cluster->produce("games", 0, "none", numbered(3));
    Globals globals = cluster->globals();
    globals.timeout = 300ms;
    Reading reading(globals, "games", {{.partition = 0, .next = 0}}, false);
    size_t seen = 0;
    const RecordVisitor count = [&](const ShownRecord&) { return ++seen, true; };
    while (seen < 3) ASSERT_TRUE(reading.step(count));
    cluster.reset();
    const auto failure = reading.run(count);
    ASSERT_TRUE(failure);
    EXPECT_NE(failure->message.find("cannot reach"), std::string::npos) << failure->message;
}

}  // namespace
}  // namespace penstock::cli
