// Appends at the owner: src/broker/owner_append.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

using OwnerAppendTest = OwnerRig;

TEST_F(OwnerAppendTest, answers_when_the_batch_is_durable) {
    open();
    apply(1);
    AppendCall& call = append_call(100);
    owner_->on_call(call, time_);
    EXPECT_EQ(owner_->poll_answer(), nullptr);
    EXPECT_TRUE(call.held);
    run_until([&] { return answered(call); });
    EXPECT_FALSE(call.held);
    EXPECT_EQ(call.error, ErrorCode::none);
    EXPECT_EQ(call.base_offset, 0);
    EXPECT_EQ(log().durable_offset(), Offset(3));
}

TEST_F(OwnerAppendTest, in_memory_answers_and_shows_what_is_appended) {
    open();
    topic_.settings.log.memory = true;
    apply(1);
    append(100);
    run_until([&] { return log().durable_offset() == Offset(3); });
    directory_.stall_until(time_.now + second_ns);
    Fetch& watching = fetch({{0, 3}});
    AppendCall& call = append_call(100);
    call.batch.producer = {.producer_id = 5, .epoch = 0, .first_sequence = 0, .last_offset_delta = 2};
    owner_->on_call(call, time_);
    turns(1);
    ASSERT_TRUE(answered(call));
    EXPECT_EQ(call.base_offset, 3);
    ASSERT_TRUE(answered(watching.call)) << "who waits for records is told at once";
    EXPECT_EQ(watching.parts[0].high_watermark, 6);
    EXPECT_GT(watching.parts[0].bytes, 300u);
    AppendCall& duplicate = append_call(100);
    duplicate.batch.producer = call.batch.producer;
    owner_->on_call(duplicate, time_);
    turns(1);
    EXPECT_TRUE(answered(duplicate));
    EXPECT_EQ(duplicate.base_offset, 3);
    EXPECT_EQ(log().durable_offset(), Offset(3));
    give_back(watching);
}

TEST_F(OwnerAppendTest, a_change_of_durability_acts_at_once_and_takes_nothing_back) {
    open();
    apply(1);
    append(100);
    directory_.stall_until(time_.now + second_ns);
    AppendCall& waiting = append_call(100);
    owner_->on_call(waiting, time_);
    turns(2);
    EXPECT_FALSE(answered(waiting));
    topic_.settings.log.memory = true;
    apply(1);
    turns(1);
    EXPECT_TRUE(answered(waiting)) << "it waits for the disk no longer";
    Fetch& seen = fetch({{0, 3}});
    turns(1);
    ASSERT_TRUE(answered(seen.call));
    EXPECT_EQ(seen.parts[0].high_watermark, 6);
    topic_.settings.log.memory = false;
    apply(1);
    AppendCall& next = append_call(100);
    owner_->on_call(next, time_);
    Fetch& again = fetch({{0, 3}});
    turns(2);
    EXPECT_FALSE(answered(next)) << "it waits for the disk again";
    ASSERT_TRUE(answered(again.call));
    EXPECT_EQ(again.parts[0].high_watermark, 6) << "what was seen stays seen, and no more is";
    EXPECT_EQ(again.parts[0].bytes, seen.parts[0].bytes);
    EXPECT_EQ(log().durable_offset(), Offset(3));
    give_back(seen);
    give_back(again);
    run_until([&] { return answered(next); });
    EXPECT_EQ(log().durable_offset(), Offset(9));
}

TEST_F(OwnerAppendTest, answers_at_once_who_does_not_wait_for_the_disk) {
    open();
    apply(1);
    append(100);
    AppendCall& call = append_call(100);
    call.acks = Acks::appended;
    owner_->on_call(call, time_);
    EXPECT_EQ(owner_->poll_answer(), &call);
    EXPECT_EQ(call.base_offset, 3);
    EXPECT_EQ(log().durable_offset(), Offset(3));
}

TEST_F(OwnerAppendTest, parks_what_has_no_room_and_keeps_the_order) {
    open({.cache_bytes = 4 * mib});
    apply(2);
    std::vector<AppendCall*> calls;
    for (int i = 0; i < 60; ++i) {
        calls.push_back(&append_call(100'000 + 1000 * static_cast<size_t>(i), i % 2));
        owner_->on_call(*calls.back(), time_);
    }
    EXPECT_GT(owner_->counters().append_waits, 0u);
    run_until([&] { return answered_.size() == calls.size(); });
    for (int i = 0; i < 60; ++i) {
        EXPECT_EQ(calls[static_cast<size_t>(i)]->error, ErrorCode::none);
        EXPECT_EQ(calls[static_cast<size_t>(i)]->base_offset, 3 * (i / 2));
    }
}

TEST_F(OwnerAppendTest, a_log_that_waits_for_a_file_holds_up_no_other) {
    constexpr int32_t partitions = 30;  // more than the pool has files
    open({.pool_bytes = 0});
    apply(partitions);
    append(100, 0);
    directory_.stall_until(time_.now + second_ns);
    int32_t partition = 1;
    const uint64_t waits = owner_->counters().append_waits;
    while (owner_->counters().append_waits == waits && partition < partitions)
        owner_->on_call(append_call(100, partition++), time_);
    AppendCall& waiting = appends_.back();
    AppendCall& behind = append_call(100, partition - 1);
    AppendCall& other = append_call(100, 0);
    owner_->on_call(behind, time_);
    owner_->on_call(other, time_);
    EXPECT_EQ(owner_->counters().append_waits, waits + 2);
    EXPECT_EQ(log(0).end_offset(), Offset(6)) << "the other partition goes on";
    run_until([&] { return answered(waiting) && answered(behind) && answered(other); });
    EXPECT_EQ(waiting.base_offset, 0);
    EXPECT_EQ(behind.base_offset, 3);
}

TEST_F(OwnerAppendTest, what_waits_for_its_log_is_cancelled_and_goes_with_the_topic) {
    open({.pool_bytes = 0});
    directory_.stall_until(time_.now + second_ns);
    apply(2);
    AppendCall& removed = append_call(100, 0);
    AppendCall& cancelled = append_call(100, 1);
    for (AppendCall* call : {&removed, &cancelled}) owner_->on_call(*call, time_);
    EXPECT_EQ(owner_->counters().append_waits, 2u);
    owner_->on_cancel(cancelled, time_);
    delete_topic();
    turns(2);
    ASSERT_TRUE(answered(removed));
    EXPECT_EQ(removed.error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(cancelled.error, ErrorCode::request_timed_out);
}

TEST_F(OwnerAppendTest, cancels_what_is_parked_and_what_is_not_durable_yet) {
    open({.cache_bytes = 4 * mib});
    apply(1);
    directory_.stall_until(time_.now + second_ns);
    std::vector<AppendCall*> calls;
    while (owner_->counters().append_waits < 2) {
        calls.push_back(&append_call(300'000));
        owner_->on_call(*calls.back(), time_);
    }
    for (AppendCall* call : calls) owner_->on_cancel(*call, time_);
    turns(1);
    for (AppendCall* call : calls) {
        EXPECT_TRUE(answered(*call));
        EXPECT_EQ(call->error, ErrorCode::request_timed_out);
        owner_->on_cancel(*call, time_);  // once more does nothing
    }
    turns(1);
    EXPECT_EQ(answered_.size(), calls.size());
    time_.now += 2 * second_ns;
    append(100);
}

TEST_F(OwnerAppendTest, refuses_when_the_journal_fails) {
    open();
    apply(1);
    append(100);
    sim::Fault fault;
    fault.kinds = sim::fault_kind(io::DiskOpKind::write_durable);
    fault.count = UINT64_MAX;
    directory_.inject(fault);
    AppendCall& lost = append_call(100);
    owner_->on_call(lost, time_);
    run_until([&] { return answered(lost); });
    EXPECT_EQ(lost.error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(lost.base_offset, -1);
    AppendCall& later = append_call(100);
    owner_->on_call(later, time_);
    run_until([&] { return answered(later); });
    EXPECT_EQ(later.error, ErrorCode::kafka_storage_error);
}

TEST_F(OwnerAppendTest, refuses_when_it_stops) {
    open({.cache_bytes = 4 * mib});
    apply(1);
    while (owner_->counters().append_waits < 1) owner_->on_call(append_call(300'000), time_);
    AppendCall& parked = appends_.back();
    owner_->begin_stop();
    turns(1);
    EXPECT_TRUE(answered(parked));
    EXPECT_EQ(parked.error, ErrorCode::not_leader_or_follower);
    AppendCall& later = append_call(10);
    owner_->on_call(later, time_);
    turns(1);
    EXPECT_EQ(later.error, ErrorCode::not_leader_or_follower);
    run_until([&] { return answered_.size() == appends_.size(); });
}

TEST_F(OwnerAppendTest, a_duplicate_of_what_failed_is_refused_like_it) {
    open();
    apply(1);
    append(100);
    directory_.inject({.kinds = sim::fault_kind(io::DiskOpKind::write_durable), .count = 1000});
    const auto send = [&](int32_t sequence) -> AppendCall& {
        AppendCall& call = append_call(100);
        call.batch.producer = {.producer_id = 7, .epoch = 0, .first_sequence = sequence, .last_offset_delta = 2,
                               .timestamp = time_.wall_ms};
        owner_->on_call(call, time_);
        return call;
    };
    AppendCall& original = send(0);
    AppendCall& duplicate = send(0);
    AppendCall& gap = send(5);
    EXPECT_EQ(owner_->poll_answer(), &gap);
    EXPECT_EQ(gap.error, ErrorCode::out_of_order_sequence_number);
    EXPECT_TRUE(duplicate.held) << "its original is not durable";
    run_until([&] { return answered(original) && answered(duplicate); });
    EXPECT_EQ(original.error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(duplicate.error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(duplicate.base_offset, -1);
    AppendCall& late = send(0);
    EXPECT_EQ(owner_->poll_answer(), &late) << "it would wait for ever";
    EXPECT_EQ(late.error, ErrorCode::kafka_storage_error);
}

}  // namespace
}  // namespace penstock::broker
