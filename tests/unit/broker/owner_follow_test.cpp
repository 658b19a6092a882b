// The follower's side of partitions, with leaders made by hand.
#include "broker/owner.h"

#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

using wire::node::Cut;

constexpr NodeId leader{2};

class OwnerFollowTest : public OwnerRig {
protected:
    void follow(int32_t epoch, bool memory = false) {
        topic_.settings.log.memory = memory;
        apply_records({{.leader = leader, .leader_epoch = LeaderEpoch(epoch), .replicas = {leader, us},
                        .isr = {leader}}});
    }
    ReplicaStateCall& ask(int32_t epoch, int64_t session) {
        ReplicaStateCall& call = states_.emplace_back();
        call.key = key();
        call.epoch = LeaderEpoch(epoch);
        call.session = session;
        owner_->on_call(call, time_);
        turns(1);
        EXPECT_TRUE(answered(call));
        return call;
    }
    ReplicateCall& send(int32_t epoch, int64_t session, int64_t from, std::span<const wire::StampedBatch> batches,
                        Cut cut = Cut::none, int64_t high_watermark = 0, int64_t log_start = 0) {
        ReplicateCall& call = sent_.emplace_back();
        call.key = key();
        call.epoch = LeaderEpoch(epoch);
        call.session = session;
        call.cut = cut;
        call.from = Offset(from);
        call.high_watermark = Offset(high_watermark);
        call.log_start = Offset(log_start);
        call.batches = batches;
        owner_->on_call(call, time_);
        return call;
    }
    ReplicateCall& settle(ReplicateCall& call) {
        run_until([&] { return answered(call); });
        return call;
    }
    /// So many offsets under an epoch, one batch each.
    void fill(int32_t epoch, int64_t session, int64_t from, int count) {
        for (int64_t at = from; at < from + count; ++at)
            EXPECT_EQ(settle(send(epoch, session, at, stamped(at, epoch))).error, ErrorCode::none);
    }
    const Partition& partition() { return *static_cast<const Partition*>(log().owner); }
};

TEST_F(OwnerFollowTest, says_what_its_log_holds) {
    open();
    follow(3);
    EXPECT_EQ(ask(3, 0).end, Offset(0));
    fill(3, 0, 0, 2);
    const ReplicaStateCall& state = ask(3, 1);
    EXPECT_EQ(state.error, ErrorCode::none);
    EXPECT_EQ(state.end, Offset(2));
    EXPECT_EQ(state.durable, Offset(2));
    EXPECT_EQ(state.epochs, (std::vector<log::EpochRange>{{LeaderEpoch(3), Offset(0)}}));
}

TEST_F(OwnerFollowTest, answers_when_it_is_durable_and_in_memory_when_it_is_appended) {
    for (const bool memory : {false, true}) {
        if (!memory) open();
        follow(1, memory);
        const int64_t session = memory ? 1 : 0;
        ask(1, session);
        const int64_t from = log().end_offset().value;
        ReplicateCall& call = send(1, session, from, stamped(from, 1));
        while (Call* now = owner_->poll_answer()) answered_.push_back(now);
        EXPECT_EQ(answered(call), memory);
        settle(call);
        EXPECT_EQ(call.error, ErrorCode::none);
        EXPECT_EQ(call.end, Offset(from + 1));
        if (!memory) {
            EXPECT_EQ(call.durable, call.end);
        }
    }
}

TEST_F(OwnerFollowTest, refuses_leaders_that_are_older_than_one_it_heard_of) {
    open();
    follow(3);
    ask(3, 0);
    EXPECT_EQ(ask(5, 0).error, ErrorCode::none) << "it may know more than the view";
    EXPECT_EQ(send(3, 0, 0, stamped(0, 3)).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(ask(4, 9).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(settle(send(5, 0, 0, stamped(0, 5))).error, ErrorCode::none);
    EXPECT_EQ(send(5, 0, 1, stamped(1, 6)).error, ErrorCode::invalid_record) << "an epoch that its leader cannot know";
}

TEST_F(OwnerFollowTest, refuses_what_was_sent_in_an_earlier_session) {
    open();
    follow(3);
    ask(3, 0);
    fill(3, 0, 0, 3);
    ask(3, 1);
    fill(3, 1, 3, 1);
    EXPECT_EQ(send(3, 0, 1, {}, Cut::at).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(ask(3, 0).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(log().end_offset(), Offset(4));
}

TEST_F(OwnerFollowTest, takes_only_what_comes_next) {
    open();
    follow(1);
    ask(1, 0);
    fill(1, 0, 0, 2);
    EXPECT_EQ(send(1, 0, 3, stamped(3, 1)).error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(send(1, 0, 1, stamped(1, 1)).error, ErrorCode::offset_out_of_range);
    // What lies between was compacted away at the leader.
    EXPECT_EQ(settle(send(1, 0, 2, stamped(7, 1))).end, Offset(8));
}

TEST_F(OwnerFollowTest, cuts_its_log_where_the_leader_says) {
    open();
    follow(1);
    ask(1, 0);
    fill(1, 0, 0, 5);
    follow(2);
    ask(2, 0);
    EXPECT_EQ(settle(send(2, 0, 3, {}, Cut::at)).end, Offset(3));
    fill(2, 0, 3, 1);
    EXPECT_EQ(ask(2, 1).epochs, (std::vector<log::EpochRange>{{LeaderEpoch(1), Offset(0)},
                                                              {LeaderEpoch(2), Offset(3)}}));
}

TEST_F(OwnerFollowTest, begins_anew_where_the_leader_begins) {
    open();
    follow(1);
    ask(1, 0);
    fill(1, 0, 0, 2);
    const ReplicateCall& call = settle(send(1, 0, 50, stamped(50, 1), Cut::anew, 0, 50));
    EXPECT_EQ(call.error, ErrorCode::none);
    EXPECT_EQ(call.end, Offset(51));
    EXPECT_EQ(log().start_offset(), Offset(50));
    fill(1, 0, 51, 1);
}

TEST_F(OwnerFollowTest, shows_and_keeps_what_its_leader_does) {
    open();
    follow(1);
    ask(1, 0);
    EXPECT_EQ(partition().high_watermark, Offset(0));
    settle(send(1, 0, 0, stamped(0, 1), Cut::none, 10));
    EXPECT_EQ(partition().high_watermark, Offset(1)) << "bounded by its own log";
    fill(1, 0, 1, 3);
    EXPECT_EQ(partition().high_watermark, Offset(4)) << "what the leader said still holds";
    settle(send(1, 0, 4, {}, Cut::none, 10, 2));
    run_until([&] { return log().start_offset() == Offset(2); });
}

TEST_F(OwnerFollowTest, stops_to_lead_when_it_hears_of_a_later_leader) {
    open();
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(4), .replicas = {us, leader}, .isr = {us, leader}}});
    AppendCall& waiting = append_call(10);
    owner_->on_call(waiting, time_);
    turns(5);
    EXPECT_FALSE(answered(waiting)) << "the other replica has not got it";
    EXPECT_EQ(ask(4, 0).error, ErrorCode::fenced_leader_epoch);
    EXPECT_EQ(ask(5, 0).error, ErrorCode::none);
    EXPECT_TRUE(answered(waiting));
    EXPECT_EQ(waiting.error, ErrorCode::not_leader_or_follower);
    // The record of its own election comes late.
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(4), .replicas = {us, leader}, .isr = {us, leader}}});
    AppendCall& late = append_call(10);
    owner_->on_call(late, time_);
    turns(1);
    EXPECT_EQ(late.error, ErrorCode::not_leader_or_follower);
}

TEST_F(OwnerFollowTest, has_no_log_of_what_moved_away) {
    open();
    follow(1);
    EXPECT_EQ(store_->logs().size(), 1u);
    apply_records({{.leader = leader, .leader_epoch = LeaderEpoch(1), .replicas = {leader}, .isr = {leader}}});
    EXPECT_TRUE(store_->logs().empty());
    EXPECT_EQ(ask(1, 0).error, ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace penstock::broker
