// The leader's side of partitions with other replicas, whose answers are made by hand.
#include "broker/owner.h"

#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

using replica::Follower;
using wire::node::Cut;

constexpr NodeId two{2};
const Uuid twos_incarnation = make_uuid(2, 2);

class OwnerLeadTest : public OwnerRig {
protected:
    OwnerLeadTest() {
        options_.incarnation = make_uuid(1, 1);
        view_.brokers = {{.id = us, .incarnation = options_.incarnation}, {.id = two, .incarnation = twos_incarnation}};
    }
    ~OwnerLeadTest() override { owner_->release(parcel_.slices); }

    void lead(int32_t epoch, std::vector<NodeId> in_sync, int32_t partition_epoch = 0) {
        apply_records({{.leader = us, .leader_epoch = LeaderEpoch(epoch), .replicas = {us, two},
                        .isr = std::move(in_sync), .partition_epoch = partition_epoch}});
    }
    Follower* next_follower() {
        Follower* follower = nullptr;
        run_until([&] { return follower != nullptr || (follower = owner_->poll_follower()) != nullptr; });
        return follower;
    }
    /// Broker 2 says that it has the records of an epoch up to `end`.
    void answer_state(int64_t end, int32_t epoch) {
        Follower* follower = next_follower();
        ASSERT_EQ(follower->stage, Follower::Stage::unknown);
        const FollowerName name = owner_->ask_state(*follower);
        std::vector<replica::EpochBegin> epochs;
        if (end > 0) epochs.push_back({LeaderEpoch(epoch), Offset(0)});
        owner_->on_replica_state(name, twos_incarnation, {Offset(0), Offset(end), epochs}, Offset(end));
        turns(1);
    }
    /// Packs what broker 2 gets next.
    const Parcel& pack() {
        owner_->release(parcel_.slices);
        parcel_ = {};
        Follower* follower = next_follower();
        EXPECT_TRUE(owner_->pack(*follower, 1 * mib, parcel_));
        return parcel_;
    }
    void settle(const Parcel& parcel, int64_t end) {
        owner_->on_replica_settled(parcel.to, Offset(end), Offset(end), parcel.bytes);
        turns(1);
    }
    AppendCall& begin_append(Acks acks = Acks::replicated, int32_t min_in_sync = 1) {
        AppendCall& call = append_call(10);
        call.acks = acks;
        call.min_in_sync = min_in_sync;
        const Offset end = log().end_offset();
        owner_->on_call(call, time_);
        run_until([&] { return log().end_offset() > end || answered(call); });   // its first file may have to be made
        return call;
    }
    ErrorCode latest(int64_t& offset) {
        ListOffsetCall& call = lists_.emplace_back();
        call.key = key();
        owner_->on_call(call, time_);
        turns(1);
        EXPECT_TRUE(answered(call));
        offset = call.offset;
        return call.error;
    }
    InSyncCall* next_proposal() {
        InSyncCall* call = nullptr;
        run_until([&] { return call != nullptr || (call = owner_->poll_proposal()) != nullptr; });
        return call;
    }
    const Partition& partition() { return *static_cast<const Partition*>(log().owner); }

    Parcel parcel_;
};

TEST_F(OwnerLeadTest, asks_anew_who_was_started_again_while_nothing_was_sent) {
    open();
    lead(1, {us});
    answer_state(0, 1);
    InSyncCall* joining = next_proposal();
    ASSERT_NE(joining, nullptr);
    EXPECT_EQ(joining->proposal.isr.back().incarnation, twos_incarnation);
    const Follower& follower = *partition().leadership->find(two);
    EXPECT_EQ(follower.stage, Follower::Stage::following);
    lead(1, {us}, 1);
    EXPECT_EQ(follower.stage, Follower::Stage::following) << "the same as before";
    view_.brokers.back().incarnation = make_uuid(2, 3);
    lead(1, {us}, 2);
    EXPECT_EQ(follower.stage, Follower::Stage::unknown);
    owner_->on_proposal_answered(*joining);
}

TEST_F(OwnerLeadTest, acknowledges_and_shows_what_all_in_sync_have) {
    open();
    lead(1, {us, two});
    answer_state(0, 1);
    AppendCall& call = begin_append();
    Fetch& reader = fetch({{0, 0}});
    const Parcel& parcel = pack();
    EXPECT_EQ(parcel.from, Offset(0));
    EXPECT_GT(parcel.bytes, 0u);
    turns(20);
    EXPECT_FALSE(answered(call)) << "durable here alone";
    EXPECT_FALSE(answered(reader.call));
    settle(parcel, 3);
    EXPECT_TRUE(answered(call));
    EXPECT_EQ(call.error, ErrorCode::none);
    EXPECT_TRUE(answered(reader.call));
    EXPECT_EQ(reader.parts[0].high_watermark, 3);
    give_back(reader);
}

TEST_F(OwnerLeadTest, acks_of_one_waits_for_its_own_disk_alone) {
    open();
    lead(1, {us, two});
    AppendCall& call = begin_append(Acks::settled);
    run_until([&] { return answered(call); });
    EXPECT_EQ(call.error, ErrorCode::none);
    EXPECT_EQ(partition().high_watermark, Offset(0));
}

TEST_F(OwnerLeadTest, tells_nobody_the_end_before_the_log_of_the_election_is_confirmed) {
    open();
    apply(1);
    append(10);
    lead(2, {us, two});
    int64_t end = 0;
    EXPECT_EQ(latest(end), ErrorCode::offset_not_available);
    answer_state(0, 2);
    EXPECT_EQ(latest(end), ErrorCode::offset_not_available);
    settle(pack(), 3);
    EXPECT_EQ(latest(end), ErrorCode::none);
    EXPECT_EQ(end, 3);
}

// The leader before may have shown more: whoever saw that must not see the watermark go back.
TEST_F(OwnerLeadTest, gives_nothing_before_the_log_of_the_election_is_confirmed) {
    open();
    apply(1);
    for (int i = 0; i < 2; ++i) append(10);
    lead(2, {us, two});
    EXPECT_EQ(partition().high_watermark, Offset(6));
    Fetch& waits = fetch({{0, 0}});
    Fetch& leaves = fetch({{0, 0}});
    owner_->on_cancel(leaves.call, time_);
    turns(20);
    EXPECT_FALSE(answered(waits.call));
    ASSERT_TRUE(answered(leaves.call));
    EXPECT_EQ(leaves.parts[0].bytes, 0u);
    EXPECT_FALSE(leaves.parts[0].confirmed);
    answer_state(0, 2);
    settle(pack(), 6);   // the watermark stays where it is
    run_until([&] { return answered(waits.call); });
    EXPECT_GT(waits.parts[0].bytes, 0u);
    EXPECT_TRUE(waits.parts[0].confirmed);
    EXPECT_EQ(waits.parts[0].high_watermark, 6);
    for (Fetch* done : {&waits, &leaves}) give_back(*done);
}

TEST_F(OwnerLeadTest, gives_what_it_has_once_it_is_alone) {
    open();
    apply(1);
    append(10);
    lead(2, {us, two});
    Fetch& reader = fetch({{0, 0}});
    turns(20);
    EXPECT_FALSE(answered(reader.call));
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(2), .replicas = {us}, .isr = {us},
                    .partition_epoch = 1}});
    run_until([&] { return answered(reader.call); });
    EXPECT_GT(reader.parts[0].bytes, 0u);
    give_back(reader);
}

// Who reads up to the watermark once all is confirmed, as consumer groups do when they load, would miss the rest.
TEST_F(OwnerLeadTest, is_confirmed_only_when_it_shows_what_was_confirmed) {
    open();
    lead(1, {us, two});
    begin_append();
    lead(2, {us, two});
    answer_state(0, 2);
    const Parcel& parcel = pack();
    owner_->on_replica_settled(parcel.to, Offset(3), Offset(3), parcel.bytes);
    EXPECT_TRUE(partition().leadership->confirmed());
    EXPECT_EQ(partition().high_watermark, Offset(0));
    EXPECT_FALSE(partition().confirmed());
    turns(1);
    EXPECT_EQ(partition().high_watermark, Offset(3));
    EXPECT_TRUE(partition().confirmed());
}

TEST_F(OwnerLeadTest, refuses_acks_of_all_with_too_few_in_sync) {
    open();
    lead(1, {us});
    AppendCall& refused = begin_append(Acks::replicated, 2);
    turns(1);
    EXPECT_EQ(refused.error, ErrorCode::not_enough_replicas);
    EXPECT_EQ(log().end_offset(), Offset(0));
    lead(1, {us, two}, 1);
    answer_state(0, 1);
    AppendCall& waiting = begin_append(Acks::replicated, 2);
    turns(5);
    EXPECT_FALSE(answered(waiting));
    lead(1, {us}, 2);
    run_until([&] { return answered(waiting); });
    EXPECT_EQ(waiting.error, ErrorCode::not_enough_replicas_after_append);
}

TEST_F(OwnerLeadTest, proposes_who_has_caught_up_and_counts_it_from_then_on) {
    open();
    lead(1, {us});
    answer_state(0, 1);
    InSyncCall* call = next_proposal();
    ASSERT_EQ(call->proposal.isr.size(), 2u);
    EXPECT_EQ(call->proposal.isr[1].incarnation, twos_incarnation);
    AppendCall& waiting = begin_append();
    turns(20);
    EXPECT_FALSE(answered(waiting)) << "both sets count until it is decided";
    call->decided = true;
    call->outcome = {.topic = topic_id_, .partition = 0, .error = ErrorCode::none, .message = {}, .leader = us,
                     .leader_epoch = LeaderEpoch(1), .isr = {us, two}, .partition_epoch = 1};
    owner_->on_proposal_answered(*call);
    turns(1);
    EXPECT_EQ(partition().in_sync_count(), 2u);
    settle(pack(), 3);
    EXPECT_TRUE(answered(waiting));
}

TEST_F(OwnerLeadTest, proposes_to_go_on_without_who_lags) {
    open();
    lead(1, {us, two});
    answer_state(0, 1);
    AppendCall& waiting = begin_append();
    pack();
    time_.now += 11 * second_ns;
    InSyncCall* call = next_proposal();
    ASSERT_EQ(call->proposal.isr.size(), 1u);
    EXPECT_FALSE(answered(waiting));
    // The answer is lost: the same again, later.
    owner_->on_proposal_answered(*call);
    time_.now += 2 * second_ns;
    call = next_proposal();
    call->decided = true;
    call->outcome = {.topic = topic_id_, .partition = 0, .error = ErrorCode::none, .message = {}, .leader = us,
                     .leader_epoch = LeaderEpoch(1), .isr = {us}, .partition_epoch = 1};
    owner_->on_proposal_answered(*call);
    turns(1);
    EXPECT_TRUE(answered(waiting));
}

TEST_F(OwnerLeadTest, a_duplicate_waits_for_the_replication_of_what_it_repeats) {
    open();
    lead(1, {us, two});
    answer_state(0, 1);
    const auto produce = [&]() -> AppendCall& {
        AppendCall& call = append_call(10);
        call.batch.producer = {.producer_id = 9, .epoch = 0, .first_sequence = 0, .last_offset_delta = 2,
                               .timestamp = 1};
        owner_->on_call(call, time_);
        return call;
    };
    produce();
    turns(20);
    AppendCall& again = produce();
    turns(20);
    EXPECT_FALSE(answered(again));
    settle(pack(), 3);
    EXPECT_TRUE(answered(again));
    EXPECT_EQ(again.base_offset, 0);
    EXPECT_EQ(log().end_offset(), Offset(3));
}

TEST_F(OwnerLeadTest, refuses_who_waits_when_another_leads) {
    open();
    lead(1, {us, two});
    answer_state(0, 1);
    AppendCall& waiting = begin_append();
    const Parcel& parcel = pack();
    apply_records({{.leader = two, .leader_epoch = LeaderEpoch(2), .replicas = {us, two}, .isr = {us, two}}});
    EXPECT_TRUE(answered(waiting));
    EXPECT_EQ(waiting.error, ErrorCode::not_leader_or_follower);
    settle(parcel, 3);   // an answer to nobody
    owner_->on_replica_lost(parcel.to);
    EXPECT_EQ(owner_->poll_follower(), nullptr);
}

TEST_F(OwnerLeadTest, sends_what_the_follower_lacks_and_cuts_what_it_has_too_much_of) {
    open();
    lead(1, {us, two});
    answer_state(0, 1);
    begin_append();
    settle(pack(), 3);
    owner_->on_replica_lost(parcel_.to);
    time_.now += second_ns;
    answer_state(9, 1);
    const Parcel& cut = pack();
    EXPECT_EQ(cut.cut, Cut::at);
    EXPECT_EQ(cut.from, Offset(3));
    EXPECT_EQ(cut.bytes, 0u);
    settle(cut, 3);
    begin_append();
    const Parcel& more = pack();
    EXPECT_EQ(more.cut, Cut::none);
    EXPECT_EQ(more.from, Offset(3));
    EXPECT_GT(more.bytes, 0u);
}

TEST_F(OwnerLeadTest, needs_no_leadership_alone) {
    open();
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(1), .replicas = {us}, .isr = {us}}});
    append(10);
    EXPECT_EQ(partition().leadership, nullptr);
    EXPECT_EQ(partition().high_watermark, Offset(3));
    EXPECT_EQ(owner_->next_deadline(), never);
    // It grows, and shrinks again.
    lead(1, {us}, 1);
    EXPECT_NE(partition().leadership, nullptr);
    EXPECT_EQ(partition().high_watermark, Offset(3));
    append(10);
    apply_records({{.leader = us, .leader_epoch = LeaderEpoch(1), .replicas = {us}, .isr = {us},
                    .partition_epoch = 2}});
    append(10);
    EXPECT_EQ(partition().leadership, nullptr);
    EXPECT_EQ(partition().high_watermark, Offset(9));
}

}  // namespace
}  // namespace penstock::broker
