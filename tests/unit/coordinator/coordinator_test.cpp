// The state machine by itself: frames in, frames and transactions out. With brokers' links: tests/scenario.
#include "coordinator/coordinator.h"

#include <gtest/gtest.h>

#include "cluster.h"
#include "limits.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/partitions.h"
#include "wire/node/register_broker.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using namespace wire::node;

struct World {
    Nanos now{1000 * second_ns};
    Coordinator coordinator{{.session_timeout_ns = 500 * millisecond_ns, .topic_defaults = {}, .seed = 3},
                            State::load({}).value(), now};
    Arena arena{1 << 22};
    int32_t correlation = 0;

    template <class M>
    std::vector<std::byte> frame_of(const M& message) {
        auto frame = wire::request_frame(arena, ++correlation, {}, message, 0);
        std::vector<std::byte> bytes;
        for (const Fragment& f : *frame) bytes.insert(bytes.end(), f.data, f.data + f.size);
        bytes.erase(bytes.begin(), bytes.begin() + 4);
        return bytes;
    }
    template <class M>
    void send(uint64_t connection, const M& message) {
        coordinator.on_frame(io::ConnectionId{connection}, frame_of(message), now);
    }
    /// Lets the store succeed. Returns what was sent meanwhile.
    std::vector<OutgoingFrame> turn() {
        coordinator.on_turn(now);
        if (auto t = coordinator.poll_transaction()) coordinator.on_stored({t->token, true, {}}, now);
        return frames();
    }
    std::vector<OutgoingFrame> frames() {
        std::vector<OutgoingFrame> out;
        while (auto frame = coordinator.poll_frame()) out.push_back(std::move(*frame));
        return out;
    }
    std::vector<uint64_t> closed() {
        std::vector<uint64_t> out;
        while (auto id = coordinator.poll_close()) out.push_back(id->value);
        return out;
    }
    template <class M>
    M decode(const OutgoingFrame& frame) {
        Fragment bytes{frame.bytes.data() + 4, static_cast<uint32_t>(frame.bytes.size() - 4)};
        wire::Reader reader(std::span(&bytes, 1), arena);
        int32_t id = 0;
        M message;
        EXPECT_TRUE(wire::decode_response_header(reader, wire::node::api_of(M::key), 0, id));
        EXPECT_TRUE(wire::decode(reader, message, 0));
        return message;
    }
    RegisterBrokerResponse register_broker(uint64_t connection, int32_t id) {
        send(connection, registration(id));
        auto out = turn();
        EXPECT_EQ(out.size(), 1u);
        return decode<RegisterBrokerResponse>(out.at(0));
    }
    static RegisterBrokerRequest registration(int32_t id) {
        RegisterBrokerRequest request;
        request.node_id = id;
        request.incarnation = broker(id).incarnation;
        request.storage_id = broker(id).storage_id;
        request.host = "host";
        request.port = 9092;
        return request;
    }
};

TEST(Coordinator, AnswersARegistrationOnlyWhenItIsStored) {
    World world;
    world.send(1, World::registration(1));
    world.coordinator.on_turn(world.now);
    auto transaction = world.coordinator.poll_transaction();
    ASSERT_TRUE(transaction.has_value());
    EXPECT_EQ(transaction->revision, 1u);
    EXPECT_TRUE(world.frames().empty());
    EXPECT_FALSE(world.coordinator.poll_note().has_value());
    world.coordinator.on_turn(world.now);
    EXPECT_FALSE(world.coordinator.poll_transaction().has_value());  // one at a time
    world.coordinator.on_stored({transaction->token, true, {}}, world.now);
    const auto out = world.frames();
    ASSERT_EQ(out.size(), 1u);
    const auto response = world.decode<RegisterBrokerResponse>(out[0]);
    EXPECT_EQ(response.error, 0);
    EXPECT_EQ(response.revision, 1);
    EXPECT_EQ(response.heartbeat_interval_ms, 50);
    EXPECT_EQ(response.session_timeout_ms, 500);
    EXPECT_FALSE(response.epoch_id.is_zero());
    EXPECT_TRUE(world.coordinator.poll_note().has_value());
}

TEST(Coordinator, AFailedWriteSilencesIt) {
    World world;
    world.send(1, World::registration(1));
    world.coordinator.on_turn(world.now);
    auto transaction = world.coordinator.poll_transaction();
    world.coordinator.on_stored({transaction->token, false, {Errc::io, 5}}, world.now);
    ASSERT_TRUE(world.coordinator.failure().has_value());
    EXPECT_EQ(world.coordinator.failure()->code, Errc::io);
    EXPECT_TRUE(world.frames().empty());
    world.send(2, World::registration(2));
    world.coordinator.on_turn(world.now);
    EXPECT_FALSE(world.coordinator.poll_transaction().has_value());
    EXPECT_TRUE(world.frames().empty());
    EXPECT_FALSE(world.coordinator.poll_note().has_value());
    EXPECT_EQ(world.coordinator.next_deadline(), never);
}

TEST(Coordinator, EverythingThatWaitsGoesIntoOneTransaction) {
    World world;
    for (uint64_t i = 1; i <= 5; ++i) world.send(i, World::registration(static_cast<int32_t>(i)));
    EXPECT_EQ(world.turn().size(), 5u);
    EXPECT_EQ(world.coordinator.state().revision(), 1u);
    EXPECT_EQ(world.coordinator.state().brokers().size(), 5u);
}

TEST(Coordinator, TheSessionBelongsToTheConnectionThatOpenedIt) {
    World world;
    const auto first = world.register_broker(1, 1);
    world.send(2, BrokerHeartbeatRequest{.session = first.session, .sequence = first.sequence});
    auto out = world.turn();
    EXPECT_EQ(world.decode<BrokerHeartbeatResponse>(out.at(0)).error, 102);
    const auto second = world.register_broker(3, 1);
    EXPECT_EQ(world.closed(), std::vector<uint64_t>{1});  // the same broker came back: the old connection is dead
    EXPECT_NE(first.session, second.session);
    world.send(3, BrokerHeartbeatRequest{.session = first.session, .sequence = first.sequence});
    out = world.turn();
    EXPECT_EQ(world.decode<BrokerHeartbeatResponse>(out.at(0)).error, 102);
    world.send(3, BrokerHeartbeatRequest{.session = second.session, .sequence = second.sequence});
    out = world.turn();
    EXPECT_EQ(world.decode<BrokerHeartbeatResponse>(out.at(0)).error, 0);
}

TEST(Coordinator, ChangesNeedASession) {
    World world;
    world.register_broker(1, 1);
    const std::vector<CreatableTopic> topics{{"a", 1, 1, {}, {}}};
    world.send(9, CreateTopicsRequest{.session = 0, .topics = topics, .validate_only = false});
    const std::vector<DeletableTopic> gone{{"a", {}}};
    world.send(9, DeleteTopicsRequest{.session = 0, .topics = gone});
    world.send(9, AlterTopicConfigsRequest{.session = 0, .topics = {}, .validate_only = false});
    world.send(9, WatchClusterRequest{.session = 0});
    auto out = world.turn();
    ASSERT_EQ(out.size(), 4u);
    EXPECT_EQ(world.coordinator.state().topics().size(), 0u);
    EXPECT_EQ(world.coordinator.state().revision(), 1u);
}

TEST(Coordinator, ProducerIdsAreStoredBeforeTheyAreGivenAndNeedASession) {
    World world;
    const auto session = world.register_broker(1, 1);
    world.send(1, AllocateProducerIdsRequest{.session = session.session});
    world.coordinator.on_turn(world.now);
    const auto transaction = world.coordinator.poll_transaction();
    ASSERT_TRUE(transaction.has_value());
    EXPECT_TRUE(world.frames().empty());
    world.coordinator.on_stored({transaction->token, true, {}}, world.now);
    const auto out = world.frames();
    ASSERT_EQ(out.size(), 1u);
    const auto given = world.decode<AllocateProducerIdsResponse>(out[0]);
    EXPECT_EQ(given.error, 0);
    EXPECT_EQ(given.first, 0);
    EXPECT_EQ(given.count, limits::producer_id_block);
    world.send(9, AllocateProducerIdsRequest{.session = session.session});
    const auto refused = world.decode<AllocateProducerIdsResponse>(world.turn().at(0));
    EXPECT_EQ(ErrorCode{refused.error}, ErrorCode::broker_id_not_registered);
    EXPECT_EQ(refused.count, 0);
    EXPECT_EQ(world.coordinator.state().next_producer_id(), limits::producer_id_block);
}

TEST(Coordinator, PartitionsAreChangedInASessionOnlyAndWithinBounds) {
    World world;
    const auto session = world.register_broker(1, 1);
    const std::vector<ProposedPartition> proposals(limits::changed_partitions_max + 1);
    const std::vector<ElectedPartition> elected(limits::changed_partitions_max + 1);
    const std::vector<ReassignedPartition> moved(limits::changed_partitions_max + 1);
    const auto not_registered = static_cast<int16_t>(ErrorCode::broker_id_not_registered);
    const auto invalid = static_cast<int16_t>(ErrorCode::invalid_request);
    for (const bool known : {false, true}) {
        const int64_t id = known ? session.session : session.session + 1;
        const int16_t wanted = known ? invalid : not_registered;
        world.send(1, AlterPartitionsRequest{.session = id, .partitions = proposals});
        world.send(1, ElectLeadersRequest{.session = id, .type = ElectionType::preferred, .partitions = elected});
        world.send(1, ElectLeadersRequest{.session = id, .type = ElectionType{2}, .partitions = {}});
        world.send(1, AlterReassignmentsRequest{.session = id, .partitions = moved});
        const auto out = world.turn();
        ASSERT_EQ(out.size(), 4u);
        EXPECT_EQ(world.decode<AlterPartitionsResponse>(out[0]).error, wanted);
        EXPECT_EQ(world.decode<ElectLeadersResponse>(out[1]).error, wanted);
        EXPECT_EQ(world.decode<ElectLeadersResponse>(out[2]).error, wanted);
        EXPECT_EQ(world.decode<AlterReassignmentsResponse>(out[3]).error, wanted);
        EXPECT_TRUE(world.decode<AlterPartitionsResponse>(out[0]).partitions.empty());
    }
    EXPECT_EQ(world.coordinator.state().revision(), 1u);
}

TEST(Coordinator, ABrokerMayStopOnlyInTheSessionInWhichItAsked) {
    World world;
    const auto first = world.register_broker(1, 1);
    const auto beat = [&](uint64_t connection, int64_t session, bool stops) {
        world.send(connection, BrokerHeartbeatRequest{.session = session, .wants_to_stop = stops});
        return world.decode<BrokerHeartbeatResponse>(world.turn().at(0)).may_stop;
    };
    EXPECT_FALSE(beat(1, first.session, false));
    EXPECT_FALSE(beat(1, first.session, true)) << "heartbeats are answered before anything is done";
    EXPECT_TRUE(world.coordinator.state().broker(NodeId{1})->stopping);
    EXPECT_TRUE(beat(1, first.session, true));
    const auto second = world.register_broker(2, 1);
    EXPECT_FALSE(world.coordinator.state().broker(NodeId{1})->stopping);
    EXPECT_FALSE(beat(2, second.session, false));
    EXPECT_FALSE(beat(2, second.session, true));
    EXPECT_TRUE(beat(2, second.session, true));
}

// It asked, and came back in a new session before the coordinator got to it.
TEST(Coordinator, ANewSessionDoesNotInheritTheWishToStop) {
    World world;
    const auto first = world.register_broker(1, 1);
    world.send(1, BrokerHeartbeatRequest{.session = first.session, .wants_to_stop = true});
    world.send(2, World::registration(1));
    const auto out = world.turn();
    const auto second = world.decode<RegisterBrokerResponse>(out.at(1));
    EXPECT_FALSE(world.coordinator.state().broker(NodeId{1})->stopping);
    world.send(2, BrokerHeartbeatRequest{.session = second.session, .wants_to_stop = true});
    EXPECT_FALSE(world.decode<BrokerHeartbeatResponse>(world.turn().at(0)).may_stop);
}

TEST(Coordinator, GroupsOfChangesStopGrowing) {
    World world;
    const auto session = world.register_broker(1, 1);
    std::vector<CreatableTopic> topics;
    std::vector<std::string> names;
    for (int i = 0; i < 3; ++i) names.push_back("t" + std::to_string(i));
    for (const auto& name : names) topics.push_back({name, 10'000, 1, {}, {}});
    for (const auto& topic : topics)
        world.send(1, CreateTopicsRequest{.session = session.session, .topics = {&topic, 1}, .validate_only = false});
    EXPECT_EQ(world.turn().size(), 2u);
    EXPECT_EQ(world.turn().size(), 1u);
    EXPECT_EQ(world.coordinator.state().revision(), 3u);
}

TEST(Coordinator, WhoBreaksTheProtocolIsClosed) {
    World world;
    const auto session = world.register_broker(1, 1);
    auto whole = world.frame_of(World::registration(2));
    std::vector<std::byte> wrong_key = whole;
    wrong_key[0] = std::byte{0};
    std::vector<std::byte> wrong_version = whole;
    wrong_version[3] = std::byte{9};
    const std::vector<std::vector<std::byte>> frames{{}, {std::byte{1}}, wrong_key, wrong_version};
    for (uint64_t i = 0; i < frames.size(); ++i) {
        world.coordinator.on_frame(io::ConnectionId{10 + i}, frames[i], world.now);
        EXPECT_EQ(world.closed(), std::vector<uint64_t>{10 + i});
        EXPECT_TRUE(world.coordinator.poll_note().has_value());
    }
    for (size_t size = 9; size < whole.size(); ++size) {
        world.coordinator.on_frame(io::ConnectionId{20}, std::span(whole).first(size), world.now);
        EXPECT_TRUE(world.turn().empty());
        EXPECT_EQ(world.closed(), std::vector<uint64_t>{20}) << size;
    }
    world.send(1, WatchClusterRequest{.session = session.session, .revision = 1, .wait_ms = 1000});
    world.send(1, WatchClusterRequest{.session = session.session, .revision = 1, .wait_ms = 1000});
    EXPECT_EQ(world.closed(), std::vector<uint64_t>{1});
    EXPECT_EQ(world.coordinator.state().brokers().size(), 1u);
}

TEST(Coordinator, WaitingRequestsAreBounded) {
    World world;
    for (uint32_t i = 0; i < limits::connection_requests_max; ++i) world.send(1, World::registration(1));
    EXPECT_TRUE(world.closed().empty());
    world.send(1, World::registration(1));
    EXPECT_EQ(world.closed(), std::vector<uint64_t>{1});
}

TEST(Coordinator, AWatchWaitsForNewsOrItsTime) {
    World world;
    const auto session = world.register_broker(1, 1);
    world.send(1, WatchClusterRequest{.session = session.session, .wait_ms = 400});
    auto out = world.turn();
    ASSERT_EQ(out.size(), 1u);
    auto page = world.decode<WatchClusterResponse>(out[0]);
    EXPECT_TRUE(page.full);
    const WatchClusterRequest again{.session = session.session, .revision = page.revision,
                                    .after_revision = page.after_revision, .after_topic = page.after_topic,
                                    .wait_ms = 100};
    world.send(1, again);
    EXPECT_TRUE(world.turn().empty());
    EXPECT_LE(world.coordinator.next_deadline(), world.now + 100 * millisecond_ns);
    world.now += 100 * millisecond_ns;
    out = world.turn();
    ASSERT_EQ(out.size(), 1u);
    page = world.decode<WatchClusterResponse>(out[0]);
    EXPECT_FALSE(page.full);
    EXPECT_EQ(page.revision, 1);
    world.send(1, again);
    EXPECT_TRUE(world.turn().empty());
    world.send(2, World::registration(2));
    out = world.turn();
    EXPECT_EQ(out.size(), 2u);  // the registration's answer, and the news of it
}

TEST(Coordinator, AfterAStartEveryBrokerHasTimeToComeBack) {
    World world;
    world.register_broker(1, 1);
    State state = world.coordinator.state();
    Coordinator next({.session_timeout_ns = 500 * millisecond_ns, .topic_defaults = {}, .seed = 4}, std::move(state),
                     world.now);
    next.on_turn(world.now);
    auto transaction = next.poll_transaction();  // its epoch
    ASSERT_TRUE(transaction.has_value());
    next.on_stored({transaction->token, true, {}}, world.now);
    const Nanos start = world.now;
    while (world.now < start + 499 * millisecond_ns) {
        world.now = std::min(start + 499 * millisecond_ns, next.next_deadline());
        next.on_turn(world.now);
    }
    EXPECT_TRUE(next.state().alive(NodeId{1}));
    world.now = start + 500 * millisecond_ns;
    next.on_turn(world.now);
    EXPECT_FALSE(next.state().alive(NodeId{1}));
}

}  // namespace
}  // namespace penstock::coordinator
