// Fetches at the owner: src/broker/owner_fetch.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

using OwnerFetchTest = OwnerRig;

TEST_F(OwnerFetchTest, lends_what_there_is_and_takes_it_back) {
    open();
    apply(2);
    append(1000, 0);
    append(1000, 1);
    Fetch& both = fetch({{0, 0}, {1, 0}});
    turns(1);
    ASSERT_TRUE(answered(both.call));
    EXPECT_EQ(both.parts[0].high_watermark, 3);
    EXPECT_GT(both.parts[0].bytes, 3000u);
    EXPECT_EQ(both.parts[0].bytes + both.parts[1].bytes, both.call.bytes);
    EXPECT_EQ(owner_->lent_bytes(), both.call.bytes);
    give_back(both);
    EXPECT_EQ(owner_->lent_bytes(), 0u);
    EXPECT_TRUE(both.call.slices.empty());
}

TEST_F(OwnerFetchTest, watches_until_enough_has_come) {
    open();
    apply(2);
    append(100, 0);
    Fetch& waiting = fetch({{0, 0}, {1, 0}}, 2500);
    turns(1);
    EXPECT_FALSE(answered(waiting.call));
    EXPECT_EQ(owner_->lent_bytes(), 0u) << "who waits lends nothing";
    append(300, 1);
    EXPECT_FALSE(answered(waiting.call));
    append(400, 0);
    turns(1);
    ASSERT_TRUE(answered(waiting.call));
    EXPECT_GE(waiting.call.bytes, 2500u);
    give_back(waiting);
}

TEST_F(OwnerFetchTest, does_not_wake_for_what_is_not_durable) {
    open();
    apply(1);
    Fetch& waiting = fetch({{0, 0}});
    directory_.stall_until(time_.now + 100 * millisecond_ns);
    owner_->on_call(append_call(100), time_);
    turns(500);
    EXPECT_FALSE(answered(waiting.call));
    run_until([&] { return answered(waiting.call); });
    EXPECT_EQ(waiting.parts[0].high_watermark, 3);
    give_back(waiting);
}

TEST_F(OwnerFetchTest, answers_a_cancel_with_what_there_is) {
    open();
    apply(2);
    append(100, 1);
    Fetch& empty = fetch({{0, 0}});
    Fetch& little = fetch({{0, 0}, {1, 0}}, 1'000'000);
    turns(1);
    owner_->on_cancel(empty.call, time_);
    owner_->on_cancel(little.call, time_);
    turns(1);
    EXPECT_TRUE(answered(empty.call));
    EXPECT_EQ(empty.call.bytes, 0u);
    EXPECT_EQ(empty.parts[0].high_watermark, 0);
    ASSERT_TRUE(answered(little.call));
    EXPECT_GT(little.parts[1].bytes, 0u);
    give_back(little);
}

TEST_F(OwnerFetchTest, keeps_the_limits_of_the_response) {
    open();
    apply(3);
    for (int32_t partition = 0; partition < 3; ++partition)
        for (int i = 0; i < 3; ++i) append(1000, partition);
    Fetch& first_only = fetch({{0, 0}, {1, 0}}, 1, 10, 10);
    Fetch& in_order = fetch({{0, 0}, {1, 0}, {2, 0}}, 1, 13'000);
    turns(1);
    ASSERT_TRUE(answered(first_only.call) && answered(in_order.call));
    EXPECT_GT(first_only.parts[0].bytes, 3000u);
    EXPECT_EQ(first_only.parts[1].bytes, 0u);
    EXPECT_GT(in_order.parts[0].bytes, 9000u);
    EXPECT_GT(in_order.parts[1].bytes, 0u);
    EXPECT_LE(in_order.call.bytes, 13'000u);
    EXPECT_EQ(in_order.parts[2].bytes, 0u);
    EXPECT_EQ(in_order.parts[2].high_watermark, 9);
    give_back(first_only);
    give_back(in_order);
}

TEST_F(OwnerFetchTest, lends_no_more_than_its_bound_and_serves_the_others_in_turn) {
    open({.cache_bytes = 16 * mib, .lent_bytes_max = 1 * mib});
    apply(1);
    for (int i = 0; i < 4; ++i) append(100'000);
    std::vector<Fetch*> all;
    for (int i = 0; i < 6; ++i) all.push_back(&fetch({{0, 0}}, 1, 600'000));
    turns(1);
    EXPECT_FALSE(answered(all[5]->call));
    EXPECT_LE(owner_->lent_bytes(), 1 * mib + 400'000);
    for (Fetch* next : all) {
        run_until([&] { return answered(next->call); });
        EXPECT_GT(next->call.bytes, 0u);
        give_back(*next);
    }
    EXPECT_EQ(owner_->lent_bytes(), 0u);
}

TEST_F(OwnerFetchTest, reads_from_disk_what_is_not_in_the_cache) {
    open({.cache_bytes = 4 * mib, .lent_bytes_max = 2 * mib});
    apply(2);
    append(1000, 0);
    for (int i = 0; i < 40; ++i) append(150'000, 1);
    Fetch& cold = fetch({{0, 0}, {1, 0}}, 1, 500'000);
    run_until([&] { return answered(cold.call); });
    EXPECT_GT(cold.parts[0].bytes, 3000u);
    EXPECT_GT(cold.parts[1].bytes, 0u);
    give_back(cold);
    // A cancel while the disk reads does not lose the read.
    for (int i = 0; i < 40; ++i) append(150'000, 1);
    Fetch& hurried = fetch({{0, 0}}, 1);
    owner_->on_cancel(hurried.call, time_);
    run_until([&] { return answered(hurried.call); });
    EXPECT_GT(hurried.call.bytes, 3000u);
    give_back(hurried);
}

TEST_F(OwnerFetchTest, checks_offsets_and_epochs) {
    open();
    apply(1, NodeId(1), 3);
    append(100);
    Fetch& beyond = fetch({{0, 4}});
    Fetch& before = fetch({{0, -1}});
    Fetch& nowhere = fetch({{5, 0}});
    turns(1);
    EXPECT_EQ(beyond.parts[0].error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(before.parts[0].error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(nowhere.parts[0].error, ErrorCode::unknown_topic_or_partition);
    for (const auto& [epoch, error] : {std::pair{2, ErrorCode::fenced_leader_epoch},
                                       {4, ErrorCode::unknown_leader_epoch}, {3, ErrorCode::none}}) {
        Fetch& asked = fetches_.emplace_back(1u);
        asked.parts[0].key = key();
        asked.parts[0].bytes_max = 1000;
        asked.parts[0].current_leader_epoch = epoch;
        asked.call.bytes_max = 1000;
        owner_->on_call(asked.call, time_);
        turns(1);
        EXPECT_EQ(asked.parts[0].error, error);
        if (error == ErrorCode::none) give_back(asked);
    }
}

TEST_F(OwnerFetchTest, answers_watches_of_a_log_that_fails) {
    open();
    apply(1);
    append(100);
    Fetch& waiting = fetch({{0, 3}});
    sim::Fault fault;
    fault.kinds = sim::fault_kind(io::DiskOpKind::write_durable);
    fault.count = UINT64_MAX;
    directory_.inject(fault);
    owner_->on_call(append_call(100), time_);
    run_until([&] { return answered(waiting.call); });
    EXPECT_EQ(waiting.parts[0].error, ErrorCode::kafka_storage_error);
}

}  // namespace
}  // namespace penstock::broker
