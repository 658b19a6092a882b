#include "cli/fetcher.h"

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

/// Reads until all positions are done; the values of each partition in the order in which they came.
std::map<int32_t, std::vector<std::string>> drain(Fetcher& fetcher) {
    std::map<int32_t, std::vector<std::string>> seen;
    while (true) {
        const auto done = fetcher.step(Clock::now() + 5s, [&](const ShownRecord& r) {
            EXPECT_EQ(r.key, "key");
            EXPECT_EQ(static_cast<size_t>(r.offset), seen[r.partition].size());
            seen[r.partition].emplace_back(*r.value);
            return true;
        });
        EXPECT_TRUE(done) << done.error().message;
        if (!done || *done) return seen;
    }
}

TEST(Fetcher, ReadsWhatRealClientsWrite) {
    MockCluster cluster(2);
    for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        const std::string topic = std::string("t-") + codec;
        cluster.create_topic(topic, 2);
        cluster.set_leader(topic, 0, 1);
        cluster.set_leader(topic, 1, 2);
        for (int32_t p = 0; p < 2; ++p) cluster.produce(topic, p, codec, numbered(300));
        const Globals globals = cluster.globals();
        Client client(globals);
        const auto ends = list_offsets(client, topic, {0, 1}, wire::kafka::latest_timestamp, client.deadline());
        ASSERT_TRUE(ends) << ends.error().message;
        EXPECT_EQ(ends->at(0), 300);
        Fetcher fetcher(client, topic, {{.partition = 0, .next = 0, .end = 300},
                                        {.partition = 1, .next = 0, .end = 300}});
        const auto seen = drain(fetcher);
        for (int32_t p = 0; p < 2; ++p) {
            ASSERT_EQ(seen.at(p).size(), 300u) << topic;
            for (int i = 0; i < 300; ++i) EXPECT_EQ(seen.at(p)[static_cast<size_t>(i)], "value " + std::to_string(i));
        }
    }
}

TEST(Fetcher, FollowsALeaderThatMoves) {
    MockCluster cluster(2);
    cluster.create_topic("games", 1);
    cluster.set_leader("games", 0, 1);
    cluster.produce("games", 0, "none", numbered(10));
    const Globals globals = cluster.globals();
    Client client(globals);
    Fetcher fetcher(client, "games", {{.partition = 0, .next = 0, .end = 20}});
    size_t seen = 0;
    const RecordVisitor count = [&](const ShownRecord&) { return ++seen, true; };
    while (seen < 10) ASSERT_TRUE(fetcher.step(Clock::now() + 5s, count));
    cluster.set_leader("games", 0, 2);
    cluster.produce("games", 0, "none", numbered(10));
    while (true) {
        const auto done = fetcher.step(Clock::now() + 5s, count);
        ASSERT_TRUE(done) << done.error().message;
        if (*done) break;
    }
    EXPECT_EQ(seen, 20u);
}

TEST(Fetcher, LostConnectionsAreOpenedAgain) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(10));
    cluster.fail_next(ApiKey::fetch, {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT});
    const Globals globals = cluster.globals();
    Client client(globals);
    Fetcher fetcher(client, "games", {{.partition = 0, .next = 0, .end = 10}});
    EXPECT_EQ(drain(fetcher).at(0).size(), 10u);
}

TEST(Fetcher, AnOffsetOutOfRangeIsAFailureThatNamesIt) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(3));
    const Globals globals = cluster.globals();
    Client client(globals);
    Fetcher fetcher(client, "games", {{.partition = 0, .next = 99}});
    const auto done = fetcher.step(Clock::now() + 5s, [](const ShownRecord&) { return true; });
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("offset 99 of games/0"), std::string::npos) << done.error().message;
}

TEST(Fetcher, StopsWhenTheVisitorHasEnough) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", numbered(100));
    const Globals globals = cluster.globals();
    Client client(globals);
    Fetcher fetcher(client, "games", {{.partition = 0, .next = 0}});
    size_t seen = 0;
    while (true) {
        const auto done = fetcher.step(Clock::now() + 5s, [&](const ShownRecord&) { return ++seen < 7; });
        ASSERT_TRUE(done);
        if (*done) break;
    }
    EXPECT_EQ(seen, 7u);
    EXPECT_EQ(fetcher.positions().front().next, 7);
}

}  // namespace
}  // namespace penstock::cli
