// What a follower makes of what another node sends it, of sense and of nonsense.
#include "wire/node/replicate.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"
#include "wire/node/replica_state.h"

namespace penstock::scenario {
namespace {

using wire::node::Cut;
using wire::node::ReplicatedPartition;
using wire::node::ReplicaStateRequest;
using wire::node::ReplicaStateResponse;
using wire::node::ReplicateRequest;
using wire::node::ReplicateResponse;
using wire::node::SettledPartition;

constexpr int32_t later_epoch = 1000;   // of a leader that only this test knows

int16_t code(ErrorCode error) { return static_cast<int16_t>(error); }

/// A topic with three replicas, and a connection to one that follows, as the node that leads it next.
class Replicate : public testing::Test {
protected:
    Replicate() {
        topic_ = world_.make_topic("t", 1, 3);
        EXPECT_TRUE(world_.wait_for_in_sync("t", 0, 3));
        const int32_t leader = world_.leader("t", 0);
        follower_ = leader == 1 ? 2 : 1;
        shard_ = log::shard_of({topic_, 0}, world_.options.shards);
        node_ = &world_.connect_native(follower_, shard_, true);
    }

    ReplicaStateResponse ask(Client& client, int32_t epoch, int64_t session, const Uuid& topic) {
        return client.ask<ReplicaStateResponse>(
            ReplicaStateRequest{.topic = topic, .partition = 0, .leader_epoch = epoch, .session = session}, 0);
    }
    ReplicatedPartition part(int64_t from, std::span<const Fragment> records = {}) const {
        return {.topic = topic_, .partition = 0, .leader_epoch = later_epoch, .session = 1, .cut = Cut::none,
                .from = from, .high_watermark = 0, .log_start = 0, .records = records};
    }
    SettledPartition send(const ReplicatedPartition& part) {
        const auto response = node_->ask<ReplicateResponse>(ReplicateRequest{.partitions = {&part, 1}}, 0);
        EXPECT_EQ(response.partitions.size(), 1u);
        return response.partitions.empty() ? SettledPartition{} : response.partitions[0];
    }
    /// As a leader has it in its log.
    static std::vector<std::byte> stamped(int64_t offset) {
        std::vector<std::byte> batch = make_batch({"x"});
        const auto head = std::span(batch).first<wire::batch_header_bytes>();
        wire::BatchHeader header = wire::parse_batch_header(head);
        header.base_offset = Offset(offset);
        header.leader_epoch = LeaderEpoch(later_epoch);
        wire::write_batch_header(head, header);
        return batch;
    }
    static Fragment whole(const std::vector<std::byte>& bytes) {
        return {bytes.data(), static_cast<uint32_t>(bytes.size())};
    }

    ReplicaWorld world_;
    Uuid topic_;
    int32_t follower_ = 0;
    uint32_t shard_ = 0;
    Client* node_ = nullptr;
};

TEST_F(Replicate, takes_what_comes_next_and_says_how_far_it_is_durable) {
    const auto state = ask(*node_, later_epoch, 1, topic_);
    EXPECT_EQ(state.error, 0);
    EXPECT_EQ(state.incarnation, make_uuid(static_cast<uint64_t>(follower_), 1));
    EXPECT_EQ(state.end, 0);
    const std::vector<std::byte> batch = stamped(0);
    const Fragment records = whole(batch);
    const SettledPartition settled = send(part(0, {&records, 1}));
    EXPECT_EQ(settled.error, 0);
    EXPECT_EQ(settled.end, 1);
    EXPECT_EQ(settled.durable, 1);
    EXPECT_EQ(send(part(0, {&records, 1})).error, code(ErrorCode::offset_out_of_range)) << "not once more";
    const auto after = ask(*node_, later_epoch, 2, topic_);
    ASSERT_EQ(after.epochs.size(), 1u);
    EXPECT_EQ(after.epochs[0].epoch, later_epoch);
}

TEST_F(Replicate, refuses_what_is_damaged_or_of_no_sense) {
    ask(*node_, later_epoch, 1, topic_);
    std::vector<std::byte> damaged = stamped(0);
    damaged.back() ^= std::byte{1};
    Fragment records = whole(damaged);
    EXPECT_EQ(send(part(0, {&records, 1})).error, code(ErrorCode::corrupt_message));
    const std::vector<std::byte> batch = stamped(0);
    records = {batch.data(), static_cast<uint32_t>(batch.size()) - 1};
    EXPECT_EQ(send(part(0, {&records, 1})).error, code(ErrorCode::corrupt_message));
    ReplicatedPartition odd = part(0);
    odd.cut = Cut{7};
    EXPECT_EQ(send(odd).error, code(ErrorCode::invalid_request));
    EXPECT_EQ(send(part(-1)).error, code(ErrorCode::invalid_request));
    odd = part(0);
    odd.topic = make_uuid(9, 9);
    EXPECT_EQ(send(odd).error, code(ErrorCode::unknown_topic_or_partition));
    odd = part(0);
    odd.leader_epoch = later_epoch - 1;
    EXPECT_EQ(send(odd).error, code(ErrorCode::fenced_leader_epoch));
    EXPECT_EQ(ask(*node_, later_epoch, 2, topic_).end, 0) << "nothing of it was appended";
}

TEST_F(Replicate, serves_nodes_only) {
    Client& stranger = world_.connect_native(follower_, shard_, false);
    stranger.send(ReplicateRequest{}, 0);
    EXPECT_TRUE(stranger.wait_for_close());
    Client& kafka = world_.connect(follower_);
    kafka.send(ReplicateRequest{}, 0);
    EXPECT_TRUE(kafka.wait_for_close());
    node_->send_bytes({std::byte{0}, std::byte{0}, std::byte{0}, std::byte{8}, std::byte{0x27}, std::byte{0x19},
                       std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}});
    EXPECT_TRUE(node_->wait_for_close()) << "a Replicate without its body";
}

}  // namespace
}  // namespace penstock::scenario
