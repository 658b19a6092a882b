// Ends of epochs at the owner: src/broker/owner_epoch_end.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

class OwnerEpochEndTest : public OwnerRig {
protected:
    EpochEndCall& ask(int32_t epoch, int32_t current = -1, int32_t partition = 0) {
        EpochEndCall& call = calls_.emplace_back();
        call.key = key(partition);
        call.epoch = epoch;
        call.current_leader_epoch = current;
        owner_->on_call(call, time_);
        store_turn();
        EXPECT_TRUE(answered(call));
        return call;
    }
    void expect_end(int32_t asked, int32_t epoch, int64_t offset) {
        const EpochEndCall& call = ask(asked);
        EXPECT_EQ(call.error, ErrorCode::none);
        EXPECT_EQ(call.end.epoch, epoch) << "asked for " << asked;
        EXPECT_EQ(call.end.offset, offset) << "asked for " << asked;
    }
    std::deque<EpochEndCall> calls_;
};

TEST_F(OwnerEpochEndTest, knows_where_each_epoch_ended) {
    open();
    apply(1, NodeId(1), 2);
    expect_end(2, 2, 0);
    append(10);
    apply(1, NodeId(1), 3);  // leaves no records
    apply(1, NodeId(1), 5);
    append(10);
    append(10);
    apply(1, NodeId(1), 9);
    append(10);
    expect_end(-1, -1, -1);
    expect_end(0, 0, 0);
    expect_end(1, 1, 0);
    expect_end(2, 2, 3);
    expect_end(3, 2, 3);
    expect_end(4, 2, 3);
    expect_end(5, 5, 9);
    expect_end(8, 5, 9);
    expect_end(9, 9, 12);
    expect_end(10, -1, -1);
}

TEST_F(OwnerEpochEndTest, forgets_epochs_whose_records_are_gone) {
    open();
    for (int32_t epoch = 0; epoch < 4; ++epoch) {
        apply(1, NodeId(1), epoch);
        append(10);
    }
    ASSERT_TRUE(store_->delete_before(log(), Offset(7)).has_value());
    run_until([&] { return log().durable_start() == Offset(7); });
    expect_end(0, 0, 7);
    expect_end(1, 1, 7);
    expect_end(2, 2, 9);
    expect_end(3, 3, 12);
}

TEST_F(OwnerEpochEndTest, refuses_unknown_partitions_and_other_epochs) {
    open();
    apply(1, NodeId(1), 2);
    EXPECT_EQ(ask(0, -1, 9).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(ask(0, 1).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(ask(0, 3).error, ErrorCode::unknown_leader_epoch);
    EXPECT_EQ(ask(0, 2).error, ErrorCode::none);
    apply(1, NodeId(2), 3);
    EXPECT_EQ(ask(0).error, ErrorCode::not_leader_or_follower);
    EXPECT_EQ(ask(0).end.offset, -1);
}

}  // namespace
}  // namespace penstock::broker
