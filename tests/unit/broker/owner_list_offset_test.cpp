// Offsets for timestamps at the owner: src/broker/owner_list_offset.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

using wire::kafka::earliest_local_timestamp;
using wire::kafka::earliest_pending_upload_timestamp;
using wire::kafka::earliest_timestamp;
using wire::kafka::latest_tiered_timestamp;
using wire::kafka::latest_timestamp;
using wire::kafka::max_timestamp;

class OwnerListOffsetTest : public OwnerRig {
protected:
    ListOffsetCall& ask(int64_t timestamp, int32_t epoch = -1, int32_t partition = 0) {
        ListOffsetCall& call = calls_.emplace_back();
        call.key = key(partition);
        call.timestamp = timestamp;
        call.current_leader_epoch = epoch;
        owner_->on_call(call, time_);
        run_until([&] { return answered(call); });
        return call;
    }
    std::deque<ListOffsetCall> calls_;
};

TEST_F(OwnerListOffsetTest, knows_the_ends_with_the_epoch) {
    open();
    apply(1, NodeId(1), 4);
    append(10);
    EXPECT_EQ(ask(latest_timestamp).offset, 3);
    EXPECT_EQ(ask(latest_timestamp).leader_epoch, 4);
    EXPECT_EQ(ask(earliest_timestamp).offset, 0);
    EXPECT_EQ(ask(earliest_timestamp).found_timestamp, -1);
}

TEST_F(OwnerListOffsetTest, finds_the_record_inside_the_batch) {
    open();
    apply(1);
    append(10, 0, 1000);
    append(10, 0, 2000, wire::Codec::zstd);
    append(10, 0, 1500);  // clients' clocks differ
    EXPECT_EQ(ask(0).offset, 0);
    EXPECT_EQ(ask(1001).offset, 1);
    EXPECT_EQ(ask(1001).found_timestamp, 1001);
    EXPECT_EQ(ask(1003).offset, 3);
    EXPECT_EQ(ask(2002).offset, 5);
    EXPECT_EQ(ask(2003).offset, -1);
    EXPECT_EQ(ask(2003).error, ErrorCode::none);
}

TEST_F(OwnerListOffsetTest, finds_the_first_record_with_the_highest_time) {
    open();
    apply(1);
    EXPECT_EQ(ask(max_timestamp).offset, -1);
    EXPECT_EQ(calls_.back().error, ErrorCode::none);
    append(10, 0, 1000);
    append(10, 0, 3000, wire::Codec::zstd);
    append(10, 0, 2000);
    append(10, 0, 3000);
    EXPECT_EQ(ask(max_timestamp).offset, 5);
    EXPECT_EQ(calls_.back().found_timestamp, 3002);
    EXPECT_EQ(calls_.back().leader_epoch, 0);
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    owner_->on_call(append_call(10, 0, 9000), time_);
    store_turn();
    EXPECT_EQ(ask(max_timestamp).offset, 5);
}

TEST_F(OwnerListOffsetTest, looks_among_the_records_that_are_left) {
    open();
    apply(1);
    append(10, 0, 5000);
    append(10, 0, 1000);
    append(10, 0, 2000);
    const auto cut = [&](int64_t offset) {
        ASSERT_TRUE(store_->delete_before(log(), Offset(offset)).has_value());
        run_until([&] { return log().durable_start() == Offset(offset); });
    };
    cut(2);  // inside the first batch: 5002 is left of it
    EXPECT_EQ(ask(0).offset, 2);
    EXPECT_EQ(ask(max_timestamp).offset, 2);
    EXPECT_EQ(calls_.back().found_timestamp, 5002);
    cut(5);  // 1002 is left of the second
    EXPECT_EQ(ask(1000).offset, 5);
    EXPECT_EQ(ask(1000).found_timestamp, 1002);
    EXPECT_EQ(ask(max_timestamp).offset, 8);
    EXPECT_EQ(ask(5001).offset, -1);
    cut(7);
    EXPECT_EQ(ask(0).offset, 7);
    EXPECT_EQ(ask(max_timestamp).found_timestamp, 2002);
    append(10, 0, 1500);
    cut(9);
    EXPECT_EQ(ask(max_timestamp).offset, 11);
    EXPECT_EQ(ask(1502).offset, 11);
    EXPECT_EQ(ask(earliest_timestamp).offset, 9);
}

TEST_F(OwnerListOffsetTest, goes_on_behind_a_batch_that_lost_what_it_promised) {
    open();
    apply(1);
    append(10, 0, 1000);
    AppendCall& falling = append_call(10, 0, 1000);
    wire::BatchBuilder builder;
    for (const int64_t timestamp : {3000, 1000, 1001}) builder.add(timestamp, std::nullopt, std::nullopt);
    std::vector<std::byte>& bytes = batches_.emplace_back();
    ASSERT_TRUE(builder.finish(wire::Codec::none, bytes).has_value());
    std::memcpy(falling.batch.header, bytes.data(), sizeof falling.batch.header);
    const Fragment body{bytes.data() + log::batch_header_size,
                        static_cast<uint32_t>(bytes.size() - log::batch_header_size)};
    falling.batch.body = {&body, 1};
    falling.batch.max_timestamp = 3000;
    owner_->on_call(falling, time_);
    run_until([&] { return answered(falling); });
    append(10, 0, 2000);
    EXPECT_EQ(ask(max_timestamp).offset, 3);
    EXPECT_EQ(ask(1500).offset, 3);
    ASSERT_TRUE(store_->delete_before(log(), Offset(4)).has_value());
    run_until([&] { return log().durable_start() == Offset(4); });
    EXPECT_EQ(ask(max_timestamp).offset, 8);
    EXPECT_EQ(calls_.back().found_timestamp, 2002);
    EXPECT_EQ(ask(1500).offset, 6);
    EXPECT_EQ(ask(1001).offset, 5);
}

TEST_F(OwnerListOffsetTest, knows_places_without_a_tier) {
    open();
    apply(1, NodeId(1), 2);
    append(10);
    apply(1, NodeId(1), 5);
    append(10);
    EXPECT_EQ(ask(earliest_timestamp).leader_epoch, 2);
    EXPECT_EQ(ask(earliest_local_timestamp).offset, 0);
    EXPECT_EQ(ask(earliest_local_timestamp).leader_epoch, 2);
    ASSERT_TRUE(store_->delete_before(log(), Offset(4)).has_value());
    run_until([&] { return log().durable_start() == Offset(4); });
    EXPECT_EQ(ask(earliest_local_timestamp).offset, 4);
    EXPECT_EQ(ask(earliest_local_timestamp).leader_epoch, 5);
    for (const int64_t place : {latest_tiered_timestamp, earliest_pending_upload_timestamp}) {
        EXPECT_EQ(ask(place).offset, -1);
        EXPECT_EQ(ask(place).error, ErrorCode::none);
        EXPECT_EQ(ask(place).leader_epoch, -1);
        EXPECT_EQ(ask(place, 4).error, ErrorCode::fenced_leader_epoch);
    }
}

TEST_F(OwnerListOffsetTest, does_not_tell_of_what_is_not_durable) {
    open();
    apply(1);
    append(10, 0, 1000);
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    owner_->on_call(append_call(10, 0, 5000), time_);
    store_turn();
    EXPECT_EQ(ask(latest_timestamp).offset, 3);
    EXPECT_EQ(ask(4000).offset, -1);
}

TEST_F(OwnerListOffsetTest, reads_from_disk_and_can_be_cancelled_meanwhile) {
    open({.cache_bytes = 4 * mib, .lent_bytes_max = 2 * mib});
    apply(2);
    append(1000, 0, 1000);
    for (int i = 0; i < 40; ++i) append(150'000, 1);
    EXPECT_EQ(ask(1002).offset, 2);
    for (int i = 0; i < 40; ++i) append(150'000, 1);
    ListOffsetCall& call = calls_.emplace_back();
    call.key = key(0);
    call.timestamp = 1002;
    owner_->on_call(call, time_);
    owner_->on_cancel(call, time_);
    turns(20);
    EXPECT_TRUE(answered(call));
}

TEST_F(OwnerListOffsetTest, refuses_unknown_partitions_and_other_epochs) {
    open();
    apply(1, NodeId(1), 2);
    EXPECT_EQ(ask(latest_timestamp, -1, 9).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(ask(latest_timestamp, 1).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(ask(latest_timestamp, 3).error, ErrorCode::unknown_leader_epoch);
    apply(1, NodeId(2), 3);
    EXPECT_EQ(ask(latest_timestamp).error, ErrorCode::not_leader_or_follower);
}

}  // namespace
}  // namespace penstock::broker
