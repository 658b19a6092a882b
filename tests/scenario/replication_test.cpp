// Brokers that replicate, end to end: what was acknowledged stays, whoever crashes.
#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"

namespace penstock::scenario {
namespace {

using wire::kafka::latest_timestamp;

const sim::Fault no_writes{
    .kinds = sim::fault_kind(io::DiskOpKind::write) | sim::fault_kind(io::DiskOpKind::write_durable),
    .count = UINT64_MAX};

class Replication : public testing::Test {
protected:
    void make(const ReplicaWorldOptions& options = {}) { world_ = std::make_unique<ReplicaWorld>(options); }

    /// A new topic has all its replicas in sync.
    void make_topic(std::vector<std::pair<std::string, std::string>> configs = {}) {
        topic_ = world_->make_topic("t", 1, 3, std::move(configs));
        ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 3));
    }

    int32_t leader() { return world_->leader("t", 0); }
    /// All others that are on record.
    std::vector<int32_t> followers() {
        std::vector<int32_t> ids;
        for (const NodeId id : world_->partition("t", 0)->replicas)
            if (id.value != leader()) ids.push_back(id.value);
        return ids;
    }

    /// Acknowledged by all in sync: it must be there for ever.
    void produce_one(const std::string& value) {
        const auto answer = produce(world_->connect(leader()), "t", 0, {value});
        ASSERT_EQ(answer.error_code, ErrorCode::none) << value;
        EXPECT_EQ(answer.base_offset, static_cast<int64_t>(acknowledged_.size()));
        acknowledged_.push_back(value);
    }
    void produce_some(int count) {
        for (int i = 0; i < count; ++i) produce_one("v" + std::to_string(acknowledged_.size()));
    }
    /// Until nothing comes for a while: what a new leader has not confirmed yet comes a moment later.
    std::vector<std::string> read_all() {
        std::vector<std::string> all;
        Client& client = world_->connect(leader());
        for (;;) {
            const auto answer = fetch(client, "t", 0, static_cast<int64_t>(all.size()));
            EXPECT_EQ(answer.error_code, ErrorCode::none);
            const std::vector<std::string> some = values_of(answer.records, static_cast<int64_t>(all.size()));
            if (some.empty()) return all;
            all.insert(all.end(), some.begin(), some.end());
        }
    }
    /// Reads from the log of a broker, whatever is visible.
    int64_t log_end(int32_t broker) {
        const log::LogKey key{topic_, 0};
        const uint32_t shard = log::shard_of(key, world_->options.shards);
        for (log::Log* log : const_cast<log::Store&>(world_->shard(broker, shard).store()).logs())
            if (log->key() == key) return log->end_offset().value;
        return -1;
    }

    std::unique_ptr<ReplicaWorld> world_;
    Uuid topic_;
    std::vector<std::string> acknowledged_;
};

TEST_F(Replication, every_replica_has_what_was_acknowledged) {
    make();
    make_topic();
    produce_some(10);
    for (int32_t broker = 1; broker <= 3; ++broker) EXPECT_EQ(log_end(broker), 10) << broker;
    EXPECT_EQ(read_all(), acknowledged_);
}

TEST_F(Replication, nothing_acknowledged_is_lost_when_the_leader_crashes) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        make({.seed = seed});
        acknowledged_.clear();
        make_topic();
        produce_some(10);
        const int32_t first = leader();
        world_->crash(first, seed);
        ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != first; }));
        EXPECT_EQ(read_all(), acknowledged_);
        produce_some(10);
        EXPECT_EQ(read_all(), acknowledged_);
        world_->start(first);
        ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 3));
        world_->run(200 * millisecond_ns);
        for (int32_t broker = 1; broker <= 3; ++broker) EXPECT_EQ(log_end(broker), 20) << broker;
    }
}

TEST_F(Replication, a_leader_whose_disk_fails_lets_another_lead) {
    make();
    make_topic();
    produce_some(5);
    const int32_t first = leader();
    world_->directory(first).inject(no_writes);
    const auto refused = produce(world_->connect(first), "t", 0, {"refused"});
    EXPECT_EQ(refused.error_code, ErrorCode::kafka_storage_error);
    ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != first; }));
    EXPECT_TRUE(world_->wait_for_in_sync("t", 0, 2));
    // It went to the others beside the write that failed: they may have it, and need not.
    if (read_all().size() > acknowledged_.size()) acknowledged_.push_back("refused");
    EXPECT_EQ(read_all(), acknowledged_);
    produce_some(5);
    EXPECT_EQ(read_all(), acknowledged_);
    world_->directory(first).clear_faults();
}

TEST_F(Replication, a_follower_whose_disk_fails_holds_up_nobody_for_long) {
    make();
    make_topic();
    produce_some(5);
    const Nanos before = world_->clock.now();
    const int32_t failing = followers().front();
    world_->directory(failing).inject(no_writes);
    produce_some(1);
    EXPECT_LT(world_->clock.now() - before, second_ns);
    EXPECT_TRUE(world_->wait_for_in_sync("t", 0, 2));
    produce_some(5);
    EXPECT_EQ(read_all(), acknowledged_);
    world_->directory(failing).clear_faults();
}

// What the leader before showed it does not know: an answer without an error would tell of an end, and of a watermark.
TEST_F(Replication, a_leader_that_does_not_know_its_end_says_so_and_gives_nothing) {
    make();
    make_topic({{"min.insync.replicas", "1"}});
    produce_some(5);
    const int32_t first = leader();
    world_->crash(first, 1);
    ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != first; }));
    for (const int32_t broker : followers())
        if (broker != first) world_->cut_off(broker, true);
    Client& client = world_->connect(leader());
    for (const int64_t from : {0, 5}) {
        const auto answer = fetch(client, "t", 0, from, {.max_wait_ms = 50});
        EXPECT_EQ(answer.error_code, ErrorCode::offset_not_available);
        EXPECT_TRUE(answer.records.empty());
    }
    ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 1));
    EXPECT_EQ(read_all(), acknowledged_);
}

// What the old leader alone had, and nobody was promised, makes room for what came after it.
TEST_F(Replication, a_leader_that_comes_back_is_cut_at_the_fork) {
    make();
    make_topic();
    produce_some(5);
    const int32_t first = leader();
    Client& client = world_->connect(first);
    world_->cut_off(first, true);
    ProduceCall lost("t", 0, make_batch({"lost", "lost", "lost"}));
    lost.send(client);
    ASSERT_TRUE(world_->run_until([&] { return log_end(first) == 8; }));
    ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != first; }));
    EXPECT_FALSE(client.has_frame());
    produce_some(1);
    world_->cut_off(first, false);
    ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 3));
    EXPECT_EQ(client.receive<wire::kafka::ProduceResponse>(1, 9).topics[0].partitions[0].error_code,
              ErrorCode::not_leader_or_follower);
    produce_some(1);
    EXPECT_EQ(log_end(first), 7);
    EXPECT_EQ(read_all(), acknowledged_);
}

TEST_F(Replication, a_replica_with_an_empty_disk_is_filled_again) {
    make();
    make_topic({{"min.insync.replicas", "2"}});
    const int32_t follower = followers()[0];
    world_->crash(follower, 1);
    ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 2));
    const std::string large(300'000, 'x');
    for (int i = 0; i < 20; ++i) produce_one(large + std::to_string(i));
    world_->start(follower);
    ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 3));
    EXPECT_EQ(log_end(follower), 20);
    world_->crash(leader(), 2);
    EXPECT_EQ(read_all(), acknowledged_);
}

TEST_F(Replication, acks_of_all_are_refused_below_min_insync_replicas) {
    make();
    make_topic({{"min.insync.replicas", "2"}});
    produce_some(1);
    for (const int32_t follower : followers()) world_->crash(follower, 1);
    ASSERT_TRUE(world_->wait_for_in_sync("t", 0, 1));
    Client& client = world_->connect(leader());
    EXPECT_EQ(produce(client, "t", 0, {"x"}).error_code, ErrorCode::not_enough_replicas);
    EXPECT_EQ(produce(client, "t", 0, {"y"}, {.acks = 1}).error_code, ErrorCode::none);
    EXPECT_EQ(log_end(leader()), 2);
}

TEST_F(Replication, an_append_that_lost_its_replicas_is_said_to_be_too_few) {
    make();
    make_topic({{"min.insync.replicas", "2"}});
    produce_some(1);
    Client& client = world_->connect(leader());
    for (const int32_t follower : followers()) world_->cut_off(follower, true);
    ProduceCall call("t", 0, make_batch({"x"}));
    const auto answer = client.receive<wire::kafka::ProduceResponse>(call.send(client), 9);
    EXPECT_EQ(answer.topics[0].partitions[0].error_code, ErrorCode::not_enough_replicas_after_append);
}

// Both brokers of a cluster of three that stay go down one after the other; the last has everything.
TEST_F(Replication, the_last_in_sync_replica_has_everything) {
    make();
    make_topic({{"min.insync.replicas", "1"}});
    for (int kills = 0; kills < 2; ++kills) {
        produce_some(5);
        const int32_t killed = leader();
        world_->crash(killed, 3);
        ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != killed; }));
    }
    produce_some(5);
    EXPECT_EQ(read_all(), acknowledged_);
}

TEST_F(Replication, a_memory_topic_is_acknowledged_when_all_in_sync_have_appended) {
    make();
    make_topic({{"durability", "memory"}});
    produce_some(5);
    for (int32_t broker = 1; broker <= 3; ++broker) EXPECT_EQ(log_end(broker), 5) << broker;
    EXPECT_EQ(read_all(), acknowledged_);
}

// A batch that was appended and not replicated when the leader went is there once, or sent again and there once.
TEST_F(Replication, an_idempotent_producer_may_send_again_to_the_next_leader) {
    make();
    make_topic();
    const auto send = [&](int32_t sequence) {
        const ProducerStamp stamp{.id = 7, .sequence = sequence};
        const std::vector<std::byte> batch = make_batch({"v" + std::to_string(sequence)}, stamp);
        return produce_batch(world_->connect(leader()), "t", 0, batch);
    };
    for (int32_t sequence = 0; sequence < 3; ++sequence) ASSERT_EQ(send(sequence).error_code, ErrorCode::none);
    const int32_t first = leader();
    world_->crash(first, 1);
    ASSERT_TRUE(world_->run_until([&] { return world_->partition("t", 0)->leader.value != first; }));
    const auto again = send(2);
    EXPECT_EQ(again.error_code, ErrorCode::none);
    EXPECT_EQ(again.base_offset, 2);
    EXPECT_EQ(send(3).base_offset, 3);
    EXPECT_EQ(read_all(), (std::vector<std::string>{"v0", "v1", "v2", "v3"}));
}

}  // namespace
}  // namespace penstock::scenario
