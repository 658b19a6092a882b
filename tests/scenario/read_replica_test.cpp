// What a broker gives another whose disk has lost it; and a disk that rots, between brokers, end to end.
#include "wire/node/read_replica.h"

#include <utility>

#include <gtest/gtest.h>

#include "log/format.h"
#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"

namespace penstock::scenario {
namespace {

using wire::node::ReadReplicaRequest;
using wire::node::ReadReplicaResponse;

class ReadReplica : public testing::Test {
protected:
    ReadReplica() {
        topic_ = world_.make_topic("t", 1, 3);
        EXPECT_TRUE(world_.wait_for_in_sync("t", 0, 3));
        shard_ = log::shard_of({topic_, 0}, world_.options.shards);
        for (int i = 0; i < 20; ++i) {
            values_.push_back(std::to_string(i) + std::string(5000, static_cast<char>('a' + i)));
            EXPECT_EQ(produce(world_.connect(leader()), "t", 0, {values_.back()}).error_code, ErrorCode::none);
        }
    }
    int32_t leader() { return world_.leader("t", 0); }
    ReadReplicaResponse ask(Client& node, int64_t offset, int32_t bytes_max, const Uuid& topic) {
        return node.ask<ReadReplicaResponse>(
            ReadReplicaRequest{.topic = topic, .partition = 0, .offset = offset, .bytes_max = bytes_max}, 0);
    }
    /// Some used block of its logs' files, but for their first ones.
    void rot(int32_t broker) {
        sim::Directory& directory = world_.directory(broker);
        for (const io::FileEntry& entry : directory.files()) {
            if (!log::is_pool(entry.file.kind)) continue;
            const std::vector<std::byte> bytes = directory.contents(entry.file);
            const auto block = std::span(bytes).subspan(4 * io::block_size, io::block_size);
            if (std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; })) continue;
            EXPECT_TRUE(directory.rot(entry.file, 4, 7));
            return;
        }
        ADD_FAILURE() << "nothing is on its disk";
    }
    /// Stops whoever else leads, until it does.
    void let_lead(int32_t broker) {
        for (int i = 0; i < 10 && leader() != broker; ++i) {
            const int32_t other = leader();
            world_.stop(other);
            ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 2));
            world_.start(other);
            ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 3));
        }
        ASSERT_EQ(leader(), broker);
    }

    ReplicaWorld world_;
    Uuid topic_;
    uint32_t shard_ = 0;
    std::vector<std::string> values_;
};

TEST_F(ReadReplica, every_replica_has_the_same_bytes) {
    std::vector<std::string> found;
    for (int32_t broker = 1; broker <= 3; ++broker) {
        Client& node = world_.connect_native(broker, shard_, true);
        const auto answer = ask(node, 3, 12'000, topic_);
        EXPECT_EQ(answer.error, 0);
        EXPECT_EQ(values_of(answer.records, 3), (std::vector<std::string>{values_[3], values_[4]})) << broker;
        std::string bytes;
        for (const Fragment& piece : answer.records)
            bytes.append(reinterpret_cast<const char*>(piece.data), piece.size);
        found.push_back(bytes);
    }
    EXPECT_EQ(found[0], found[1]);
    EXPECT_EQ(found[0], found[2]);
}

TEST_F(ReadReplica, refuses_what_is_not_there) {
    Client& node = world_.connect_native(1, shard_, true);
    EXPECT_EQ(ask(node, 0, 1000, make_uuid(9, 9)).error, std::to_underlying(ErrorCode::unknown_topic_or_partition));
    EXPECT_EQ(ask(node, 21, 1000, topic_).error, std::to_underlying(ErrorCode::offset_out_of_range));
    EXPECT_EQ(ask(node, -1, 1000, topic_).error, std::to_underlying(ErrorCode::offset_out_of_range));
    EXPECT_TRUE(ask(node, 20, 1000, topic_).records.empty());
    EXPECT_EQ(values_of(ask(node, 7, -5, topic_).records, 7).size(), 1u) << "one batch, however little is asked for";
}

TEST_F(ReadReplica, serves_nodes_only) {
    Client& stranger = world_.connect_native(1, shard_, false);
    stranger.send(ReadReplicaRequest{}, 0);
    EXPECT_TRUE(stranger.wait_for_close());
}

TEST_F(ReadReplica, what_a_leader_has_lost_it_has_from_the_others) {
    const int32_t broker = leader();
    world_.stop(broker);
    ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 2));
    rot(broker);
    world_.start(broker);
    ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 3));
    let_lead(broker);
    Client& client = world_.connect(broker);
    for (size_t at = 0; at < values_.size(); ++at) {
        const auto answer = fetch(client, "t", 0, static_cast<int64_t>(at));
        ASSERT_EQ(answer.error_code, ErrorCode::none) << at;
        EXPECT_EQ(values_of(answer.records, static_cast<int64_t>(at)).at(0), values_[at]);
    }
    const log::StoreCounters& counters = world_.shard(broker, shard_).store().counters();
    EXPECT_GT(counters.corrupt_ranges, 0u);
    EXPECT_EQ(counters.repaired, 1u);
    EXPECT_EQ(counters.not_repaired, 0u);
}

}  // namespace
}  // namespace penstock::scenario
