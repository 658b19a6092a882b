#include "broker/repairs.h"

#include <gtest/gtest.h>

#include "log/format.h"
#include "owner_rig.h"

namespace penstock::broker {
namespace {

constexpr size_t record_bytes = 20'000;   // three in a batch

/// We lead, alone in sync, and brokers 2 to 4 have the partition, too. More is appended than memory holds; then what
/// came first rots.
class RepairsTest : public OwnerRig {
protected:
    RepairsTest() {
        open({.cache_bytes = 2 * mib});
        for (const int32_t id : {1, 2, 3, 4}) view_.brokers.push_back({.id = NodeId(id), .alive = id != 4});
        apply_records({{.leader = us, .leader_epoch = LeaderEpoch(0),
                        .replicas = {us, NodeId(2), NodeId(3), NodeId(4)}, .isr = {us}}});
        for (int i = 0; i < 2; ++i) append(record_bytes);
        right_ = read(fetch({{0, 0}}));
        for (int i = 0; i < 100; ++i) append(record_bytes);
        int rotted = 0;
        for (const io::FileEntry& entry : directory_.files()) {
            log::FileHeader header;
            if (!log::is_pool(entry.file.kind)) continue;
            const auto bytes = directory_.contents(entry.file);
            const bool first = log::read_file_header(std::span(bytes).first(io::block_size), header) &&
                               header.key == key() && header.start_position == 0;
            rotted += first && directory_.rot(entry.file, 3, 7);
        }
        EXPECT_EQ(rotted, 1);
        lost_ = &fetch({{0, 0}}, 1, right_.size());
    }

    std::vector<std::byte> read(Fetch& fetch) {
        run_until([&] { return answered(fetch.call); });
        std::vector<std::byte> bytes;
        for (const log::Slice& slice : fetch.call.slices)
            bytes.insert(bytes.end(), slice.data, slice.data + slice.size);
        give_back(fetch);
        std::erase(answered_, &fetch.call);
        return bytes;
    }
    RepairAsk next_ask() {
        std::optional<RepairAsk> ask;
        run_until([&] {
            if (!ask) ask = owner_->poll_repair();
            return ask.has_value();
        });
        return ask.value_or(RepairAsk{});
    }
    void answer(const RepairAsk& ask, std::span<const std::byte> bytes) {
        owner_->on_repair_answer(ask.batches.id, ask.broker, bytes);
    }
    /// What the lost range was: the batches of right_ that fit it.
    std::span<const std::byte> right(const RepairAsk& ask) const {
        return std::span(right_).first(std::min<size_t>(right_.size(), ask.batches.bytes));
    }

    std::vector<std::byte> right_;
    Fetch* lost_ = nullptr;
};

TEST_F(RepairsTest, replicas_are_asked_one_after_the_other) {
    RepairAsk ask = next_ask();
    EXPECT_EQ(ask.batches.key, key());
    EXPECT_EQ(ask.batches.from, Offset(0));
    EXPECT_EQ(ask.broker, NodeId(3));
    EXPECT_FALSE(owner_->poll_repair().has_value());
    answer(ask, {});
    ask = next_ask();
    EXPECT_EQ(ask.broker, NodeId(2));
    EXPECT_FALSE(answered(lost_->call));
    answer(ask, right(ask));
    EXPECT_EQ(read(*lost_), right_);
    EXPECT_EQ(lost_->parts[0].error, ErrorCode::none);
}

TEST_F(RepairsTest, who_does_not_answer_is_passed_over_and_may_answer_late) {
    const RepairAsk first = next_ask();
    EXPECT_LE(owner_->next_deadline(), time_.now + limits::repair_wait_ns);
    time_.now += limits::repair_wait_ns;
    const RepairAsk second = next_ask();
    EXPECT_NE(second.broker, first.broker);
    answer(first, right(first));
    EXPECT_EQ(read(*lost_), right_);
    answer(second, right(second));   // to nobody
}

TEST_F(RepairsTest, what_nobody_has_is_corrupt_and_who_is_away_is_not_asked) {
    for (int i = 0; i < 2; ++i) {
        const RepairAsk ask = next_ask();
        EXPECT_NE(ask.broker, NodeId(4));
        std::vector<std::byte> wrong(right_.size(), std::byte{1});
        answer(ask, wrong);
    }
    EXPECT_TRUE(read(*lost_).empty());
    EXPECT_EQ(lost_->parts[0].error, ErrorCode::corrupt_message);
    turns(100);
    EXPECT_FALSE(owner_->poll_repair().has_value());
}

TEST_F(RepairsTest, a_leader_that_lost_what_no_replica_has_leaves_the_lead_to_others) {
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(0), .replicas = {us, NodeId(2), NodeId(3), NodeId(4)},
                    .isr = {us, NodeId(2)}, .partition_epoch = 1}});
    for (int i = 0; i < 2; ++i) answer(next_ask(), {});
    read(*lost_);
    EXPECT_NE(lost_->parts[0].error, ErrorCode::none);
    const auto next_follower = [&] {
        replica::Follower* follower = nullptr;
        run_until([&] {
            if (follower == nullptr || follower->broker != NodeId(2)) follower = owner_->poll_follower();
            return follower != nullptr && follower->broker == NodeId(2);
        });
        return follower;
    };
    owner_->on_replica_state(owner_->ask_state(*next_follower()), {}, {Offset(0), Offset(0), {}}, Offset(0));
    Parcel parcel;
    EXPECT_FALSE(owner_->pack(*next_follower(), 1 * mib, parcel));
    turns(1);
    InSyncCall* proposal = owner_->poll_proposal();
    ASSERT_NE(proposal, nullptr);
    ASSERT_EQ(proposal->proposal.isr.size(), 1u);
    EXPECT_EQ(proposal->proposal.isr[0].id, NodeId(2));
    owner_->on_proposal_answered(*proposal);
}

}  // namespace
}  // namespace penstock::broker
