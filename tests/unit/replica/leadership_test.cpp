#include "replica/leadership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::replica {
namespace {

using testing::ElementsAre;

constexpr NodeId us{1}, two{2}, three{3};
const Uuid our_incarnation = make_uuid(1, 1);

Uuid incarnation_of(NodeId id) { return make_uuid(static_cast<uint64_t>(id.value), 1); }

/// Broker 1 leads, brokers 2 and 3 follow. Time passes by hand.
class LeadershipTest : public testing::Test {
protected:
    void begin(int64_t end, int64_t known, std::vector<NodeId> in_sync, bool in_memory = false) {
        in_sync_ = std::move(in_sync);
        LeadershipOptions options{.self = us, .incarnation = our_incarnation};
        leadership_.emplace(options, record(), Offset(end), Offset(known), in_memory, now_);
        leadership_->on_own(Offset(end), Offset(end), now_);
    }

    Record record() const { return {LeaderEpoch(5), partition_epoch_, replicas_, in_sync_}; }

    void record_in_sync(std::vector<NodeId> in_sync) {
        in_sync_ = std::move(in_sync);
        ++partition_epoch_;
        leadership_->on_record(record(), now_);
    }

    /// It has the leader's log up to `end`.
    void follow(NodeId id, int64_t end, int64_t leader_end) {
        const std::vector<EpochBegin> epochs{{LeaderEpoch(1), Offset(0)}};
        Follower& follower = *leadership_->find(id);
        leadership_->on_asked(follower);
        leadership_->on_shape(follower, make_uuid(static_cast<uint64_t>(id.value), 1),
                              {Offset(0), Offset(leader_end), epochs}, {Offset(0), Offset(end), epochs}, Offset(end),
                              now_);
        if (follower.stage == Follower::Stage::cutting) settle(id, end, end);
    }

    void settle(NodeId id, int64_t end, int64_t durable) {
        Follower& follower = *leadership_->find(id);
        leadership_->on_sent(follower, std::max(follower.next, Offset(end)), 0);
        leadership_->on_settled(follower, Offset(end), Offset(durable), 0, now_);
    }

    std::optional<Proposal> propose() { return leadership_->propose(incarnation_of, now_); }

    int64_t watermark() const { return leadership_->high_watermark().value; }

    Nanos now_{1'000'000'000};
    int32_t partition_epoch_ = 7;
    std::vector<NodeId> replicas_{us, two, three};
    std::vector<NodeId> in_sync_;
    std::optional<Leadership> leadership_;
};

TEST_F(LeadershipTest, alone_shows_what_is_settled_here) {
    replicas_ = {us};
    begin(10, 0, {us});
    EXPECT_TRUE(leadership_->alone());
    EXPECT_TRUE(leadership_->confirmed());
    EXPECT_EQ(watermark(), 10);
    leadership_->on_own(Offset(20), Offset(15), now_);
    EXPECT_EQ(watermark(), 15);
}

TEST_F(LeadershipTest, shows_nothing_new_before_all_in_sync_have_the_log_of_the_election) {
    begin(10, 4, {us, two, three});
    EXPECT_FALSE(leadership_->confirmed());
    follow(two, 10, 10);
    EXPECT_FALSE(leadership_->confirmed());
    EXPECT_EQ(watermark(), 4);
    follow(three, 6, 10);
    EXPECT_EQ(watermark(), 4) << "6 is below the log as of the election";
    settle(three, 10, 9);
    EXPECT_FALSE(leadership_->confirmed());
    settle(three, 10, 10);
    EXPECT_TRUE(leadership_->confirmed());
    EXPECT_EQ(watermark(), 10);
}

TEST_F(LeadershipTest, is_confirmed_without_those_who_leave_the_record) {
    begin(10, 4, {us, two, three});
    follow(two, 10, 10);
    record_in_sync({us, two});
    EXPECT_TRUE(leadership_->confirmed());
    EXPECT_EQ(watermark(), 10);
}

TEST_F(LeadershipTest, replicated_is_the_least_of_those_in_sync) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    follow(three, 3, 10);
    leadership_->on_own(Offset(30), Offset(30), now_);
    EXPECT_EQ(watermark(), 10);
    settle(two, 25, 20);
    EXPECT_EQ(watermark(), 20);
    leadership_->on_own(Offset(40), Offset(40), now_);
    settle(two, 40, 40);
    EXPECT_EQ(watermark(), 40) << "three is not in sync";
    leadership_->on_own(Offset(50), Offset(41), now_);
    settle(two, 50, 50);
    EXPECT_EQ(watermark(), 41) << "our own disk counts";
}

TEST_F(LeadershipTest, appended_is_enough_in_memory) {
    begin(10, 10, {us, two}, true);
    follow(two, 10, 10);
    leadership_->on_own(Offset(20), Offset(20), now_);
    settle(two, 20, 12);
    EXPECT_EQ(watermark(), 20);
    leadership_->set_in_memory(false, now_);
    EXPECT_EQ(watermark(), 20) << "it never goes back";
}

TEST_F(LeadershipTest, believes_no_more_than_it_sent) {
    for (const bool in_memory : {false, true}) {
        begin(10, 10, {us, two}, in_memory);
        follow(two, 10, 10);
        leadership_->on_own(Offset(20), Offset(20), now_);
        Follower& follower = *leadership_->find(two);
        leadership_->on_sent(follower, Offset(15), 100);
        leadership_->on_settled(follower, Offset(1000), Offset(1000), 100, now_);
        EXPECT_EQ(watermark(), 15);
    }
}

TEST_F(LeadershipTest, a_newer_record_decides_what_was_proposed_before_it) {
    begin(10, 10, {us});
    follow(two, 10, 10);
    ASSERT_TRUE(propose());
    leadership_->on_own(Offset(20), Offset(20), now_);
    EXPECT_EQ(watermark(), 10);
    record_in_sync({us});
    EXPECT_EQ(watermark(), 20);
}

TEST_F(LeadershipTest, who_has_everything_is_proposed_and_counts_from_then_on) {
    begin(10, 10, {us});
    EXPECT_FALSE(propose());
    follow(two, 8, 10);
    EXPECT_FALSE(propose()) << "it lacks what is visible";
    settle(two, 10, 10);
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_EQ(proposal->leader_epoch, LeaderEpoch(5));
    EXPECT_EQ(proposal->partition_epoch, 7);
    EXPECT_THAT(proposal->in_sync, ElementsAre(Member{us, our_incarnation}, Member{two, incarnation_of(two)}));
    EXPECT_FALSE(propose()) << "one at a time";
    leadership_->on_own(Offset(20), Offset(20), now_);
    EXPECT_EQ(watermark(), 10) << "it may be on record by now";
    settle(two, 15, 15);
    EXPECT_EQ(watermark(), 15);
}

TEST_F(LeadershipTest, who_is_refused_counts_no_more_and_is_proposed_again_later) {
    begin(10, 10, {us});
    follow(two, 10, 10);
    ASSERT_TRUE(propose());
    leadership_->on_own(Offset(20), Offset(20), now_);
    leadership_->on_proposal_decided(record(), false, now_);
    EXPECT_EQ(watermark(), 20);
    settle(two, 20, 20);
    EXPECT_FALSE(propose()) << "not at once";
    now_ += second_ns;
    EXPECT_TRUE(propose());
}

TEST_F(LeadershipTest, what_is_refused_or_lost_is_proposed_again_though_nothing_else_moves) {
    replicas_ = {us, two};
    begin(10, 10, {us});
    follow(two, 10, 10);
    settle(two, 10, 10);
    ASSERT_TRUE(propose());
    EXPECT_EQ(leadership_->next_deadline(now_), never);
    leadership_->on_proposal_decided(record(), false, now_);
    EXPECT_EQ(leadership_->next_deadline(now_), now_ + second_ns);
    now_ += second_ns;
    ASSERT_TRUE(propose());
    leadership_->on_proposal_lost(now_);
    EXPECT_EQ(leadership_->next_deadline(now_), now_ + second_ns);
}

TEST_F(LeadershipTest, a_lost_proposal_counts_until_it_is_decided) {
    begin(10, 10, {us});
    follow(two, 10, 10);
    ASSERT_TRUE(propose());
    leadership_->on_proposal_lost(now_);
    leadership_->on_own(Offset(20), Offset(20), now_);
    EXPECT_EQ(watermark(), 10);
    leadership_->on_lost(*leadership_->find(two), now_);
    now_ += second_ns;
    // Two is not wanted any more; what was proposed must be decided all the same.
    const auto again = propose();
    ASSERT_TRUE(again);
    EXPECT_THAT(again->in_sync, ElementsAre(Member{us, our_incarnation}));
    EXPECT_EQ(watermark(), 10);
    leadership_->on_proposal_decided(record(), true, now_);
    EXPECT_EQ(watermark(), 20);
}

TEST_F(LeadershipTest, who_lags_for_too_long_is_to_leave) {
    begin(10, 10, {us, two, three});
    for (const NodeId id : {two, three}) {
        follow(id, 10, 10);
        settle(id, 10, 10);
    }
    leadership_->on_own(Offset(20), Offset(20), now_);
    settle(three, 20, 20);
    now_ += 9 * second_ns;
    EXPECT_FALSE(propose());
    EXPECT_EQ(leadership_->next_deadline(now_), Nanos(1'000'000'000) + 10 * second_ns);
    now_ += 2 * second_ns;
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_THAT(proposal->in_sync,
                ElementsAre(Member{us, our_incarnation}, Member{three, incarnation_of(three)}));
    EXPECT_EQ(watermark(), 10) << "until that is on record, two counts";
    record_in_sync({us, three});
    EXPECT_EQ(watermark(), 20);
}

TEST_F(LeadershipTest, whose_disk_fails_is_to_leave_at_once_and_may_come_back) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    leadership_->on_disk_failed(*leadership_->find(two), now_);
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_THAT(proposal->in_sync, ElementsAre(Member{us, our_incarnation}));
    in_sync_ = {us};
    ++partition_epoch_;
    leadership_->on_proposal_decided(record(), true, now_);
    EXPECT_FALSE(propose());
    follow(two, 10, 10);
    const auto again = propose();
    ASSERT_TRUE(again);
    EXPECT_THAT(again->in_sync, ElementsAre(Member{us, our_incarnation}, Member{two, incarnation_of(two)}));
}

TEST_F(LeadershipTest, with_a_failed_log_of_its_own_it_proposes_the_others) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    follow(three, 10, 10);
    leadership_->on_own_failed();
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_THAT(proposal->in_sync, ElementsAre(Member{two, incarnation_of(two)})) << "and nobody who was not in sync";
}

TEST_F(LeadershipTest, with_a_failed_log_and_nobody_else_in_sync_it_proposes_nothing) {
    begin(10, 10, {us});
    follow(two, 4, 10);
    leadership_->on_own_failed();
    EXPECT_FALSE(propose());
}

TEST_F(LeadershipTest, with_records_that_rotted_before_anybody_had_them_it_proposes_the_others) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    leadership_->on_own(Offset(20), Offset(20), now_);
    leadership_->on_unreadable(Offset(10));
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_THAT(proposal->in_sync, ElementsAre(Member{two, incarnation_of(two)}));
}

TEST_F(LeadershipTest, what_could_be_read_after_all_is_no_reason_to_go) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    leadership_->on_own(Offset(20), Offset(20), now_);
    leadership_->on_unreadable(Offset(15));
    leadership_->on_sent(*leadership_->find(two), Offset(15), 1);
    leadership_->on_sent(*leadership_->find(two), Offset(16), 1);
    EXPECT_FALSE(propose());
}

TEST_F(LeadershipTest, with_rotten_records_and_nobody_else_in_sync_it_takes_in_who_has_all) {
    begin(10, 10, {us});
    leadership_->on_unreadable(Offset(4));
    follow(two, 10, 10);
    const auto proposal = propose();
    ASSERT_TRUE(proposal);
    EXPECT_THAT(proposal->in_sync, ElementsAre(Member{us, our_incarnation}, Member{two, incarnation_of(two)}));
}

TEST_F(LeadershipTest, who_keeps_pace_does_not_lag_though_it_is_always_behind) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    for (int64_t at = 20; at < 2000; at += 10) {
        leadership_->on_own(Offset(at), Offset(at), now_);
        settle(two, at - 5, at - 5);
        now_ += second_ns;
        ASSERT_FALSE(propose()) << at;
    }
    now_ += 11 * second_ns;
    EXPECT_TRUE(propose());
}

TEST_F(LeadershipTest, a_follower_is_asked_first_and_cut_before_it_is_sent_more) {
    begin(10, 10, {us, two});
    Follower& follower = *leadership_->find(two);
    EXPECT_TRUE(leadership_->wants(follower, now_));
    leadership_->on_asked(follower);
    EXPECT_FALSE(leadership_->wants(follower, now_));
    const std::vector<EpochBegin> own{{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(5), Offset(6)}};
    const std::vector<EpochBegin> its{{LeaderEpoch(1), Offset(0)}};
    leadership_->on_shape(follower, incarnation_of(two), {Offset(0), Offset(10), own}, {Offset(0), Offset(9), its},
                          Offset(9), now_);
    EXPECT_EQ(follower.stage, Follower::Stage::cutting);
    EXPECT_EQ(follower.fork, (Fork{Offset(6), false, true}));
    EXPECT_EQ(follower.next, Offset(6));
    EXPECT_TRUE(leadership_->wants(follower, now_));
    leadership_->on_sent(follower, Offset(6), 0);
    EXPECT_FALSE(leadership_->wants(follower, now_)) << "it has not said yet that it cut";
    leadership_->on_settled(follower, Offset(6), Offset(6), 0, now_);
    EXPECT_EQ(follower.stage, Follower::Stage::following);
    EXPECT_TRUE(leadership_->wants(follower, now_));
}

/// Else it would refuse our older records for ever.
TEST_F(LeadershipTest, a_follower_that_led_without_a_record_is_cut_of_that_epoch) {
    begin(10, 10, {us, two});
    Follower& follower = *leadership_->find(two);
    leadership_->on_asked(follower);
    const std::vector<EpochBegin> own{{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(5), Offset(10)}};
    const std::vector<EpochBegin> its{{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(4), Offset(7)}};
    leadership_->on_shape(follower, incarnation_of(two), {Offset(0), Offset(10), own}, {Offset(0), Offset(7), its},
                          Offset(7), now_);
    EXPECT_EQ(follower.stage, Follower::Stage::cutting);
    EXPECT_EQ(follower.next, Offset(7));
    leadership_->on_sent(follower, Offset(7), 0);
    leadership_->on_settled(follower, Offset(7), Offset(7), 0, now_);
    EXPECT_EQ(follower.stage, Follower::Stage::following);
}

TEST_F(LeadershipTest, a_lost_follower_is_asked_again_after_a_while) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    Follower& follower = *leadership_->find(two);
    leadership_->on_own(Offset(20), Offset(20), now_);
    leadership_->on_sent(follower, Offset(20), 500);
    leadership_->on_lost(follower, now_);
    EXPECT_FALSE(leadership_->wants(follower, now_));
    const Nanos at = leadership_->next_deadline(now_);
    EXPECT_EQ(at, now_ + 100 * millisecond_ns);
    now_ = at;
    EXPECT_TRUE(leadership_->wants(follower, now_));
    EXPECT_EQ(follower.stage, Follower::Stage::unknown);
    EXPECT_EQ(watermark(), 10);
}

TEST_F(LeadershipTest, tells_followers_of_the_watermark_when_nothing_else_is_sent) {
    begin(10, 10, {us, two});
    follow(two, 10, 10);
    settle(two, 10, 10);
    EXPECT_FALSE(leadership_->wants(*leadership_->find(two), now_));
    leadership_->on_own(Offset(20), Offset(20), now_);
    settle(two, 20, 20);
    EXPECT_EQ(watermark(), 20);
    EXPECT_FALSE(leadership_->wants(*leadership_->find(two), now_)) << "records may take it along";
    EXPECT_EQ(leadership_->next_deadline(now_), now_ + 50 * millisecond_ns);
    now_ += 50 * millisecond_ns;
    EXPECT_TRUE(leadership_->wants(*leadership_->find(two), now_));
    leadership_->on_sent(*leadership_->find(two), Offset(20), 0);
    EXPECT_FALSE(leadership_->wants(*leadership_->find(two), now_));
}

TEST_F(LeadershipTest, replicas_come_and_go_with_the_record) {
    begin(10, 10, {us});
    replicas_ = {us, NodeId(4)};
    ++partition_epoch_;
    leadership_->on_record(record(), now_);
    EXPECT_EQ(leadership_->find(two), nullptr);
    ASSERT_NE(leadership_->find(NodeId(4)), nullptr);
    follow(NodeId(4), 10, 10);
    EXPECT_TRUE(propose());
}

TEST_F(LeadershipTest, older_records_change_nothing) {
    begin(10, 10, {us, two});
    record_in_sync({us});
    --partition_epoch_;
    in_sync_ = {us, two};
    leadership_->on_record(record(), now_);
    EXPECT_EQ(leadership_->in_sync_count(), 1u);
}

}  // namespace
}  // namespace penstock::replica
