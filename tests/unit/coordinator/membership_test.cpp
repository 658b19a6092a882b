#include "coordinator/membership.h"

#include <gtest/gtest.h>

#include <functional>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using wire::node::RegisterBrokerRequest;

RegisterBrokerRequest request_of(const Broker& b) {
    RegisterBrokerRequest request;
    request.node_id = b.id.value;
    request.incarnation = b.incarnation;
    request.storage_id = b.storage_id;
    request.host = b.host;
    request.port = b.port;
    request.shard_count = static_cast<int32_t>(b.shard_count);
    return request;
}

// Brokers 1 and 2 are alive, 3 is fenced; 1 alone is in sync for a topic, 3 for none.
State three_brokers() {
    State state = cluster(2);
    state.set_broker(broker(3, true));
    state.add_topic(topic(7, "a", {partition(1, {1, 3}, {1}), partition(2, {2, 3}, {2, 3})}));
    state.take_transaction();
    return state;
}

TEST(Membership, WhoMayRegister) {
    struct Case {
        const char* what;
        std::function<void(RegisterBrokerRequest&)> change;
        int32_t id;
        ErrorCode error;
        const char* message;
    };
    const Uuid other = numbered(77);
    static const std::string long_host(256, 'h');
    const std::vector<Case> table{
        {"as it was", [](auto&) {}, 1, ErrorCode::none, ""},
        {"a new broker", [](auto&) {}, 9, ErrorCode::none, ""},
        {"a new incarnation", [&](auto& r) { r.incarnation = other; }, 1, ErrorCode::none, ""},
        {"same cluster and history",
         [](auto& r) { r.cluster_id = numbered(1); r.revision = 2; r.epoch_id = numbered(2); }, 1, ErrorCode::none, ""},
        {"another cluster", [&](auto& r) { r.cluster_id = other; }, 1, ErrorCode::inconsistent_cluster_id,
         "belongs to"},
        {"a later revision", [](auto& r) { r.revision = 3; r.epoch_id = numbered(2); }, 1,
         ErrorCode::invalid_registration, "backup"},
        {"an unknown epoch", [&](auto& r) { r.revision = 1; r.epoch_id = other; }, 1,
         ErrorCode::invalid_registration, "backup"},
        {"other storage, alive", [&](auto& r) { r.storage_id = other; }, 1, ErrorCode::duplicate_broker_registration,
         "is alive"},
        {"other storage, fenced, nobody depends on it", [&](auto& r) { r.storage_id = other; }, 3, ErrorCode::none, ""},
        {"storage of another broker", [](auto& r) { r.storage_id = numbered(2001); }, 9,
         ErrorCode::duplicate_broker_registration, "keeps its node.id"},
        {"no host", [](auto& r) { r.host = ""; }, 1, ErrorCode::invalid_request, "host"},
        {"long host", [](auto& r) { r.host = long_host; }, 1, ErrorCode::invalid_request, "host"},
        {"port 0", [](auto& r) { r.port = 0; }, 1, ErrorCode::invalid_request, "port"},
        {"port 65536", [](auto& r) { r.port = 65536; }, 1, ErrorCode::invalid_request, "port"},
        {"no shards", [](auto& r) { r.shard_count = 0; }, 1, ErrorCode::invalid_request, "shard"},
        {"no incarnation", [](auto& r) { r.incarnation = {}; }, 1, ErrorCode::invalid_request, "incarnation"},
        {"negative revision", [](auto& r) { r.revision = -1; }, 1, ErrorCode::invalid_registration, ""},
        {"long rack", [](auto& r) { r.rack = long_host; }, 1, ErrorCode::invalid_request, "rack"},
        {"negative id", [](auto& r) { r.node_id = -1; }, 1, ErrorCode::invalid_request, "negative"},
    };
    const State state = three_brokers();
    for (const Case& c : table) {
        const Broker from = broker(c.id);
        RegisterBrokerRequest request = request_of(from);
        c.change(request);
        const auto refusal = check_registration(state, request);
        EXPECT_EQ(refusal ? refusal->error : ErrorCode::none, c.error) << c.what;
        if (refusal) {
            EXPECT_NE(refusal->message.find(c.message), std::string::npos) << refusal->message;
        }
    }
}

TEST(Membership, AnEmptyDiskDoesNotReplaceTheOnlyCopy) {
    State state = three_brokers();
    fence_broker(state, NodeId{1});
    const Broker from = broker(1);
    RegisterBrokerRequest request = request_of(from);
    request.storage_id = numbered(77);
    const auto refusal = check_registration(state, request);
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->error, ErrorCode::invalid_registration);
    EXPECT_NE(refusal->message.find("only copy"), std::string::npos) << refusal->message;
}

TEST(Membership, TheSameIncarnationChangesNothing) {
    State state = three_brokers();
    const Broker same = broker(1);
    register_broker(state, request_of(same));
    EXPECT_EQ(state.dirty_rows(), 0u);
}

TEST(Membership, ANewIncarnationIsElectedWithAHigherEpoch) {
    State state = three_brokers();
    Broker again = broker(1);
    again.incarnation = numbered(99);
    register_broker(state, request_of(again));
    EXPECT_EQ(state.topic("a")->partitions[0], partition(1, {1, 3}, {1}, 1, 1));
    EXPECT_EQ(state.topic("a")->partitions[1], partition(2, {2, 3}, {2, 3}, 0));
}

TEST(Membership, ACleanRestartKeepsItsPlacesAndAnUncleanOneThoseOnDisk) {
    for (const bool memory : {false, true}) {
        for (const bool clean : {false, true}) {
            State state = cluster(2);
            Topic made = topic(7, "a", {partition(2, {1, 2}, {1, 2}), partition(1, {1, 2}, {1, 2}),
                                        partition(2, {2, 1}, {2})});
            if (memory) made.configs = {{"durability", "memory"}};
            state.add_topic(made);
            state.take_transaction();
            Broker again = broker(2);
            again.incarnation = numbered(99);
            RegisterBrokerRequest request = request_of(again);
            request.clean = clean;
            register_broker(state, request);
            const auto& partitions = state.topic("a")->partitions;
            const bool leaves = memory && !clean;
            EXPECT_EQ(partitions[0].leader, NodeId{1}) << "it led: the first in order follows";
            EXPECT_EQ(partitions[0].leader_epoch, LeaderEpoch{1});
            EXPECT_EQ(partitions[0].isr, leaves ? ids({1}) : ids({1, 2})) << memory << clean;
            EXPECT_EQ(partitions[1].isr, leaves ? ids({1}) : ids({1, 2})) << memory << clean;
            EXPECT_EQ(partitions[1].leader_epoch, LeaderEpoch{0});
            EXPECT_EQ(partitions[2], partition(2, {2, 1}, {2}, 1, 1)) << "the last member stays, under a new epoch";
            EXPECT_EQ(state.broker(NodeId{2})->incarnation, numbered(99));
        }
    }
}

TEST(Membership, ABrokerStopsUntilItsSessionEnds) {
    State state = three_brokers();
    EXPECT_TRUE(stop_broker(state, NodeId{2}));
    EXPECT_TRUE(state.broker(NodeId{2})->stopping);
    EXPECT_TRUE(state.alive(NodeId{2}));
    EXPECT_FALSE(state.eligible(NodeId{2}));
    EXPECT_EQ(state.eligible_brokers(), ids({1}));
    state.take_transaction();
    EXPECT_FALSE(stop_broker(state, NodeId{2}));
    EXPECT_FALSE(stop_broker(state, NodeId{3})) << "fenced";
    EXPECT_FALSE(stop_broker(state, NodeId{9})) << "unknown";
    EXPECT_EQ(state.dirty_rows(), 0u);
    const Broker second = broker(2);
    register_broker(state, request_of(second));
    EXPECT_TRUE(state.eligible(NodeId{2})) << "a new session: it has to say so again";
    stop_broker(state, NodeId{2});
    fence_broker(state, NodeId{2});
    EXPECT_FALSE(state.broker(NodeId{2})->stopping);
}

TEST(Membership, OtherStorageStartsOutOfSync) {
    State state = three_brokers();
    Broker other = broker(3);
    other.storage_id = numbered(88);
    register_broker(state, request_of(other));
    EXPECT_TRUE(state.alive(NodeId{3}));
    EXPECT_EQ(state.topic("a")->partitions[1], partition(2, {2, 3}, {2}, 0, 1));
}

TEST(Membership, FencingElectsOthersAndReturningKeepsThem) {
    State state = three_brokers();
    const Broker third = broker(3);
    register_broker(state, request_of(third));
    fence_broker(state, NodeId{2});
    EXPECT_EQ(state.topic("a")->partitions[1], partition(3, {2, 3}, {3}, 1, 1));
    const Broker second = broker(2);
    register_broker(state, request_of(second));
    EXPECT_EQ(state.topic("a")->partitions[1], partition(3, {2, 3}, {3}, 1, 1));  // its leader decides about it
    state.take_transaction();
    fence_broker(state, NodeId{9});
    EXPECT_EQ(state.dirty_rows(), 0u);
}

TEST(Membership, ABrokerThatWasAwayTakesUpWhatWaitedForIt) {
    State state = three_brokers();
    fence_broker(state, NodeId{1});
    EXPECT_EQ(state.topic("a")->partitions[0], partition(1, {1, 3}, {1}, 0));  // stays on record
    const Broker first = broker(1);
    register_broker(state, request_of(first));
    EXPECT_EQ(state.topic("a")->partitions[0], partition(1, {1, 3}, {1}, 0));
}

}  // namespace
}  // namespace penstock::coordinator
