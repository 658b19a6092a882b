// Deleting records at the owner: src/broker/owner_delete_records.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

class OwnerDeleteRecordsTest : public OwnerRig {
protected:
    DeleteRecordsCall& begin(int64_t before, int32_t partition = 0) {
        DeleteRecordsCall& call = calls_.emplace_back();
        call.key = key(partition);
        call.before = before;
        owner_->on_call(call, time_);
        return call;
    }
    DeleteRecordsCall& ask(int64_t before, int32_t partition = 0) {
        DeleteRecordsCall& call = begin(before, partition);
        run_until([&] { return answered(call); });
        return call;
    }
    std::deque<DeleteRecordsCall> calls_;
};

TEST_F(OwnerDeleteRecordsTest, answers_when_the_new_start_is_durable) {
    open();
    apply(1);
    for (int i = 0; i < 4; ++i) append(10);
    DeleteRecordsCall& call = begin(5);
    EXPECT_FALSE(answered(call));
    run_until([&] { return answered(call); });
    EXPECT_EQ(call.error, ErrorCode::none);
    EXPECT_EQ(call.low_watermark, 5);
    EXPECT_EQ(log().durable_start(), Offset(5));
    EXPECT_EQ(fetch({{0, 4}}).parts[0].error, ErrorCode::offset_out_of_range);
    // What is gone already needs nothing.
    EXPECT_EQ(ask(2).low_watermark, 5);
    EXPECT_EQ(calls_.back().error, ErrorCode::none);
}

TEST_F(OwnerDeleteRecordsTest, takes_all_that_is_visible) {
    open();
    apply(2);
    append(10);
    append(10);
    EXPECT_EQ(ask(all_records).low_watermark, 6);
    EXPECT_EQ(ask(all_records, 1).low_watermark, 0);
    append(10);
    EXPECT_EQ(log().start_offset(), Offset(6));
    EXPECT_EQ(log().end_offset(), Offset(9));
}

TEST_F(OwnerDeleteRecordsTest, what_is_seen_before_it_is_durable_goes_once_it_is) {
    open();
    topic_.settings.log.memory = true;
    apply(1);
    append(10);
    run_until([&] { return log().durable_offset() == Offset(3); });
    directory_.stall_until(time_.now + second_ns);
    append(10);
    DeleteRecordsCall& all = begin(all_records);
    DeleteRecordsCall& beyond = begin(7);
    turns(2);
    EXPECT_EQ(beyond.error, ErrorCode::offset_out_of_range);
    EXPECT_FALSE(answered(all));
    EXPECT_EQ(log().start_offset(), Offset(0));
    run_until([&] { return answered(all); });
    EXPECT_EQ(all.error, ErrorCode::none);
    EXPECT_EQ(all.low_watermark, 6);
    EXPECT_EQ(log().durable_start(), Offset(6));
}

TEST_F(OwnerDeleteRecordsTest, answers_several_in_whatever_order_they_came) {
    open();
    apply(1);
    for (int i = 0; i < 4; ++i) append(10);
    DeleteRecordsCall& far = begin(7);
    DeleteRecordsCall& near = begin(3);
    run_until([&] { return answered(far) && answered(near); });
    EXPECT_GE(far.low_watermark, 7);
    EXPECT_GE(near.low_watermark, 3);
}

TEST_F(OwnerDeleteRecordsTest, refuses_offsets_that_are_not_there) {
    open();
    apply(1);
    append(10);
    for (const int64_t before : {int64_t{4}, int64_t{-2}, INT64_MIN, INT64_MAX}) {
        EXPECT_EQ(ask(before).error, ErrorCode::offset_out_of_range) << before;
        EXPECT_EQ(calls_.back().low_watermark, -1);
    }
    EXPECT_EQ(log().start_offset(), Offset(0));
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    owner_->on_call(append_call(10), time_);
    store_turn();
    EXPECT_EQ(log().end_offset(), Offset(6));
    EXPECT_EQ(ask(6).error, ErrorCode::offset_out_of_range) << "not durable yet, so not visible";
}

TEST_F(OwnerDeleteRecordsTest, refuses_where_this_broker_does_not_lead) {
    open();
    apply(1);
    append(10);
    EXPECT_EQ(ask(1, 9).error, ErrorCode::unknown_topic_or_partition);
    apply(1, NodeId(2), 1);
    EXPECT_EQ(ask(1).error, ErrorCode::not_leader_or_follower);
}

TEST_F(OwnerDeleteRecordsTest, tells_those_that_wait_when_the_partition_goes) {
    open();
    apply(1);
    append(10);
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    DeleteRecordsCall& moved = begin(2);
    store_turn();
    EXPECT_FALSE(answered(moved));
    apply(1, NodeId(2), 1);
    run_until([&] { return answered(moved); });
    EXPECT_EQ(moved.error, ErrorCode::not_leader_or_follower);
    apply(1, NodeId(1), 2);
    append(10);
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    DeleteRecordsCall& gone = begin(3);
    store_turn();
    EXPECT_FALSE(answered(gone));
    delete_topic();
    run_until([&] { return answered(gone); });
    EXPECT_EQ(gone.error, ErrorCode::unknown_topic_or_partition);
}

TEST_F(OwnerDeleteRecordsTest, can_be_cancelled_while_the_disk_is_slow) {
    open();
    apply(1);
    append(10);
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    DeleteRecordsCall& call = begin(2);
    store_turn();
    owner_->on_cancel(call, time_);
    store_turn();
    EXPECT_TRUE(answered(call));
    EXPECT_EQ(call.error, ErrorCode::request_timed_out);
    run_until([&] { return log().durable_start() == Offset(2); });
}

}  // namespace
}  // namespace penstock::broker
