#include "shard/cluster_seat.h"

#include <gtest/gtest.h>

#include "limits.h"
#include "scenario/kafka_calls.h"
#include "scenario/link_options.h"
#include "wire/kafka/create_topics.h"

namespace penstock::scenario {
namespace {

using shard::ClusterSeat;

TEST(ClusterSeat, tries_again_when_the_coordinator_is_not_there) {
    sim::Clock clock;
    sim::Network network(clock, 1);
    sim::Streams streams(network, {.host = "broker"});
    ClusterSeat seat(link_options(1), {{"coordinator", 9090}}, streams, clock.now());
    int refusals = 0;
    for (int i = 0; i < 200; ++i) {
        clock.advance(100 * millisecond_ns);
        network.run();
        seat.on_turn(clock.now());
        io::StreamEvent event;
        while (streams.poll({&event, 1}) == 1) {
            seat.on_event(event, clock.now());
            refusals += event.kind == io::StreamEventKind::closed ? 1 : 0;
        }
    }
    EXPECT_GT(refusals, 5);
    EXPECT_LT(refusals, 100) << "it should wait longer and longer";
    EXPECT_FALSE(seat.link().reason().empty());
    EXPECT_EQ(seat.poll_view(), nullptr);
}

// Nobody is there, so the seat goes round: each attempt is for the next one, none is left out.
TEST(ClusterSeat, tries_each_coordinator_in_turn) {
    sim::Clock clock;
    sim::Network network(clock, 1);
    sim::Streams streams(network, {.host = "broker"});
    const std::vector<io::Address> coordinators{{"a", 9090}, {"b", 9091}, {"c", 9092}};
    ClusterSeat seat(link_options(1), coordinators, streams, clock.now());
    std::vector<io::Address> tried;
    while (tried.size() < 7) {
        const broker::LinkState before = seat.link().state();
        seat.on_turn(clock.now());
        if (before != broker::LinkState::connecting && seat.link().state() == broker::LinkState::connecting)
            tried.push_back(seat.coordinator());
        clock.advance(10 * millisecond_ns);
        network.run();
        io::StreamEvent event;
        while (streams.poll({&event, 1}) == 1) seat.on_event(event, clock.now());
    }
    for (size_t i = 0; i < tried.size(); ++i) EXPECT_EQ(tried[i], coordinators[i % 3]) << i;
}

TEST(ClusterSeat, answers_changes_that_it_cannot_forward) {
    sim::Clock clock;
    sim::Network network(clock, 1);
    sim::Streams streams(network, {.host = "broker"});
    ClusterSeat seat(link_options(1), {{"coordinator", 9090}}, streams, clock.now());
    broker::TopicsCall cancelled, stopped, late;
    for (broker::TopicsCall* call : {&cancelled, &stopped}) {
        call->created.push_back({.name = "t"});
        call->deadline = clock.now() + 60 * second_ns;
        seat.on_call(*call);
    }
    EXPECT_EQ(seat.poll_answer(), nullptr);
    seat.on_cancel(cancelled);
    EXPECT_EQ(seat.poll_answer(), &cancelled);
    EXPECT_EQ(cancelled.result.error, ErrorCode::request_timed_out);
    seat.on_cancel(cancelled);
    EXPECT_EQ(seat.poll_answer(), nullptr);
    seat.close();
    EXPECT_EQ(seat.poll_answer(), &stopped);
    EXPECT_EQ(stopped.result.error, ErrorCode::not_controller);
    seat.on_call(late);
    EXPECT_EQ(seat.poll_answer(), &late);
    EXPECT_EQ(seat.next_deadline(), never);
}

TEST(ClusterSeat, keeps_nobody_waiting_for_a_producer_id_without_a_session) {
    sim::Clock clock;
    sim::Network network(clock, 1);
    sim::Streams streams(network, {.host = "broker"});
    ClusterSeat seat(link_options(1), {{"coordinator", 9090}}, streams, clock.now());
    broker::ProducerIdCall call, late;
    seat.on_call(call);
    EXPECT_EQ(seat.poll_answer(), &call);
    EXPECT_FALSE(call.held);
    EXPECT_EQ(call.error, ErrorCode::coordinator_load_in_progress);
    seat.on_cancel(call);
    EXPECT_EQ(seat.poll_answer(), nullptr);
    seat.close();
    seat.on_call(late);
    EXPECT_EQ(seat.poll_answer(), &late);
    EXPECT_EQ(late.error, ErrorCode::coordinator_load_in_progress);
}

TEST(ClusterSeat, makes_a_topic_known_to_all_shards_before_it_answers) {
    BrokerWorld world({.shards = 4});
    for (int i = 0; i < 10; ++i) {
        const Uuid id = world.make_topic("t" + std::to_string(i), 8);
        for (const auto& shard : world.shards) EXPECT_NE(shard->view().topic(id), nullptr);
    }
}

TEST(ClusterSeat, finds_the_one_that_is_there) {
    BrokerWorld world({.silent_coordinators = {{"away", 1, io::Road::native}}});
    for (int i = 0; i < 3; ++i) {
        world.make_topic("t" + std::to_string(i), 2);
        EXPECT_EQ(world.shards[0]->seat()->coordinator().host, "coordinator");
        world.stop_coordinator();
        world.run(second_ns);
        world.start_coordinator();
        ASSERT_TRUE(world.run_until([&] {
            return world.shards[0]->seat()->link().state() == broker::LinkState::registered;
        }));
    }
}

TEST(ClusterSeat, survives_a_coordinator_that_comes_and_goes) {
    BrokerWorld world;
    for (int i = 0; i < 5; ++i) {
        world.make_topic("t" + std::to_string(i), 2);
        world.stop_coordinator();
        world.run(700 * millisecond_ns * (i + 1));
        world.start_coordinator();
        ASSERT_TRUE(world.run_until([&] {
            return world.shards[0]->seat()->link().state() == broker::LinkState::registered;
        }));
        for (int k = 0; k <= i; ++k)
            EXPECT_EQ(produce(world.connect(), "t" + std::to_string(k), 1, {"x"}).error_code, ErrorCode::none);
    }
}

}  // namespace
}  // namespace penstock::scenario
