#include "cli/group_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "mock_cluster.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

constexpr int per_partition = 20;

std::vector<MockRecord> records(int32_t partition, const std::string& name) {
    std::vector<MockRecord> made;
    for (int i = 0; i < per_partition; ++i)
        made.push_back({"key", name + std::to_string(partition) + "-" + std::to_string(i)});
    return made;
}

/// A member on a thread of its own, until it is told to stop.
class Member {
public:
    explicit Member(const Globals& globals) : globals_(globals), thread_([this] { run(); }) {}
    ~Member() { stop(); }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::set<int32_t> read_from() {
        const std::lock_guard guard(mutex_);
        return partitions_;
    }
    std::multiset<std::string> seen() {
        const std::lock_guard guard(mutex_);
        return seen_;
    }

private:
    void run() {
        Client client(globals_);
        // The mock waits for a session's time, less a second, when somebody comes or goes.
        const GroupTimes quick{.session = 5s, .rebalance = 60s, .heartbeat = 200ms};
        auto sdk = SdkClient::create(globals_);
        ASSERT_TRUE(sdk);
        auto reader = GroupReader::create(client, *sdk, {.group = "scores", .topic = "games",
                                                         .start = {.kind = StartOffset::Kind::earliest},
                                                         .times = quick});
        ASSERT_TRUE(reader);
        while (!stopping_) {
            const auto done = reader->step(Clock::now() + 100ms, [&](const ShownRecord& record) {
                const std::lock_guard guard(mutex_);
                seen_.emplace(*record.value);
                partitions_.insert(record.partition);
                return true;
            });
            EXPECT_TRUE(done) << done.error().message;
            if (!done) break;
        }
        const auto finished = reader->finish();
        EXPECT_TRUE(finished) << finished.error().message;
    }

    const Globals globals_;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::multiset<std::string> seen_;
    std::set<int32_t> partitions_;
    std::thread thread_;
};

template <class Condition>
bool eventually(Condition condition) {
    const Deadline deadline = Clock::now() + 120s;   // the mock lets a group agree by luck: see below
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

// What was shown is committed, and no more; the next one goes on there, up to what is the end when it begins.
TEST(GroupReader, GoesOnWhereTheGroupHasComeTo) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", records(0, "a"));
    const Globals globals = cluster.globals();
    std::vector<std::string> seen;
    for (const size_t stop_at : {size_t{3}, size_t{1000}}) {
        Client client(globals);
        auto sdk = SdkClient::create(globals);
        ASSERT_TRUE(sdk);
        auto reader = GroupReader::create(client, *sdk, {.group = "scores", .topic = "games",
                                                         .start = {.kind = StartOffset::Kind::earliest},
                                                         .stop_at_end = true});
        ASSERT_TRUE(reader);
        for (bool over = false; !over;) {
            const auto done = reader->step(Clock::now() + 1s, [&](const ShownRecord& record) {
                seen.emplace_back(*record.value);
                return seen.size() != stop_at;
            });
            ASSERT_TRUE(done) << done.error().message;
            over = *done;
        }
        ASSERT_TRUE(reader->finish());
        GroupClient group(client, "scores");
        const auto committed = group.committed({{"games", 0}}, client.deadline());
        ASSERT_TRUE(committed) << committed.error().message;
        EXPECT_EQ(static_cast<size_t>(committed->at({"games", 0})), std::min<size_t>(stop_at, per_partition));
    }
    ASSERT_EQ(seen.size(), static_cast<size_t>(per_partition));
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], "a0-" + std::to_string(i));
}

TEST(GroupReader, SharesPartitionsWithMembersThatComeAndGo) {
    MockCluster cluster(1);
    cluster.create_topic("games", 2);
    // The mock refuses a follower that syncs later than its leader, who asks for metadata before: that takes a while.
    cluster.set_round_trip(50);
    const Globals globals = cluster.globals();
    Member first(globals);
    const auto produce = [&](const std::string& name) {
        for (int32_t p = 0; p < 2; ++p) cluster.produce("games", p, "none", records(p, name));
    };
    produce("a");
    EXPECT_TRUE(eventually([&] { return first.seen().size() == 2 * per_partition; }));
    Member second(globals);
    // Until it is there, the first gets all of it.
    int round = 0;
    EXPECT_TRUE(eventually([&] {
        produce("b" + std::to_string(++round));
        std::this_thread::sleep_for(200ms);
        return second.read_from().size() == 1;
    }));
    second.stop();
    produce("c");
    EXPECT_TRUE(eventually([&] {
        auto all = first.seen();
        all.merge(second.seen());
        const size_t wanted = static_cast<size_t>(2 + round) * 2 * per_partition;
        return std::set(all.begin(), all.end()).size() == wanted;
    })) << "some record came to nobody";
    EXPECT_EQ(second.read_from().size(), 1u);
    first.stop();
    // Twice, perhaps: the mock takes no commits during a rebalance.
    std::set<std::string> last;
    for (const std::string& value : first.seen())
        if (value.starts_with("c")) last.insert(value);
    EXPECT_EQ(last.size(), 2u * per_partition);
}

}  // namespace
}  // namespace penstock::cli
