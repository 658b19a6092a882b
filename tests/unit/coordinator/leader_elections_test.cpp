#include "coordinator/leader_elections.h"

#include <gtest/gtest.h>

#include "cluster.h"
#include "limits.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using wire::node::ElectedPartition;
using wire::node::ElectionType;

Elections elect(State& state, ElectionType type, const std::vector<ElectedPartition>& partitions) {
    wire::node::ElectLeadersRequest request;
    request.type = type;
    request.partitions = partitions;
    return elect_leaders(state, request);
}

Elections elect_all(State& state, ElectionType type) {
    wire::node::ElectLeadersRequest request;
    request.type = type;
    return elect_leaders(state, request);
}

struct ElectionCase {
    const char* what;
    Partition before;
    std::vector<int32_t> fenced;
    ErrorCode error;
    Partition after;
};

State with(const ElectionCase& c) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {c.before}));
    for (int32_t id : c.fenced) state.set_broker(broker(id, true));
    state.take_transaction();
    return state;
}

TEST(LeaderElections, Preferred) {
    const Partition led_by_2 = partition(2, {1, 2}, {2, 1}, 4), alone = partition(2, {1, 2}, {2}, 4),
                    good = partition(1, {1, 2}, {1, 2}, 4), waits = partition(1, {1, 2}, {1}, 4);
    const std::vector<ElectionCase> table{
        {"back", led_by_2, {}, ErrorCode::none, partition(1, {1, 2}, {2, 1}, 5, 1)},
        {"leads already", good, {}, ErrorCode::election_not_needed, good},
        {"away", led_by_2, {1}, ErrorCode::preferred_leader_not_available, led_by_2},
        {"not in sync", alone, {}, ErrorCode::preferred_leader_not_available, alone},
        {"leads on record, but is away", waits, {1}, ErrorCode::preferred_leader_not_available, waits},
    };
    for (const ElectionCase& c : table) {
        for (const bool all : {false, true}) {
            State state = with(c);
            const Elections elections = all ? elect_all(state, ElectionType::preferred)
                                            : elect(state, ElectionType::preferred, {{"a", 0}});
            if (all && c.error == ErrorCode::election_not_needed) {
                EXPECT_TRUE(elections.outcomes.empty()) << c.what;
            } else {
                ASSERT_EQ(elections.outcomes.size(), 1u) << c.what;
                EXPECT_EQ(elections.outcomes[0].error, c.error) << c.what;
                EXPECT_EQ(elections.outcomes[0].topic, "a");
                EXPECT_EQ(elections.outcomes[0].message.empty(), c.error == ErrorCode::none) << c.what;
            }
            EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
            EXPECT_EQ(state.dirty_rows() > 0, c.error == ErrorCode::none) << c.what;
            EXPECT_TRUE(elections.losses.empty());
        }
    }
}

TEST(LeaderElections, Unclean) {
    const Partition waits = partition(3, {3, 1, 2}, {3}, 4), good = partition(1, {1, 2}, {1}, 4),
                    clean = partition(3, {3, 1, 2}, {3, 2}, 4), nobody = partition(-1, {3}, {3}, 4);
    const std::vector<ElectionCase> table{
        {"the first that lives", waits, {3}, ErrorCode::none, partition(1, {3, 1, 2}, {1}, 5, 1)},
        {"the only one that lives", waits, {1, 3}, ErrorCode::none, partition(2, {3, 1, 2}, {2}, 5, 1)},
        {"nobody lives", waits, {1, 2, 3}, ErrorCode::eligible_leaders_not_available, waits},
        {"the leader lives", good, {2, 3}, ErrorCode::election_not_needed, good},
        {"one in sync lives", clean, {3}, ErrorCode::none, partition(2, {3, 1, 2}, {3, 2}, 5, 1)},
        {"there is no other", nobody, {3}, ErrorCode::eligible_leaders_not_available, nobody},
        {"it ends a reassignment", moving(partition(3, {1, 3}, {3}, 4), {3}, {1}, {3}), {3}, ErrorCode::none,
         partition(1, {1}, {1}, 5, 1)},
    };
    for (const ElectionCase& c : table) {
        State state = with(c);
        const Elections elections = elect(state, ElectionType::unclean, {{"a", 0}});
        ASSERT_EQ(elections.outcomes.size(), 1u) << c.what;
        EXPECT_EQ(elections.outcomes[0].error, c.error) << c.what << elections.outcomes[0].message;
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
        EXPECT_EQ(state.dirty_rows() > 0, c.error == ErrorCode::none) << c.what;
        const bool lost = c.error == ErrorCode::none && c.before != clean;
        ASSERT_EQ(elections.losses.size(), lost ? 1u : 0u) << c.what;
        if (lost) {
            EXPECT_NE(elections.losses[0].message.find("without having been in sync"), std::string::npos);
        }
    }
}

TEST(LeaderElections, PartitionByPartition) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(2, {1, 2}, {1, 2}), partition(1, {1, 2}, {1, 2})}));
    const auto outcomes =
        elect(state, ElectionType::preferred, {{"b", 0}, {"a", 2}, {"a", -1}, {"a", 1}, {"a", 0}, {"a", 0}}).outcomes;
    const std::vector<ErrorCode> wanted{
        ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition,
        ErrorCode::unknown_topic_or_partition, ErrorCode::election_not_needed, ErrorCode::none,
        ErrorCode::election_not_needed};
    ASSERT_EQ(outcomes.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(outcomes[i].error, wanted[i]) << i;
}

TEST(LeaderElections, AnElectionOfAllIsBounded) {
    State state = cluster(2);
    const uint32_t more = limits::changed_partitions_max + 1;
    for (uint64_t i = 0; i < 2; ++i)
        state.add_topic(topic(7 + i, "t" + std::to_string(i),
                              std::vector<Partition>(more / 2 + 1, partition(2, {1, 2}, {1, 2}))));
    Elections first = elect_all(state, ElectionType::preferred);
    EXPECT_EQ(first.outcomes.size(), limits::changed_partitions_max);
    EXPECT_TRUE(first.more);
    Elections second = elect_all(state, ElectionType::preferred);
    EXPECT_FALSE(second.outcomes.empty());
    EXPECT_FALSE(second.more);
    EXPECT_TRUE(elect_all(state, ElectionType::preferred).outcomes.empty());
}

}  // namespace
}  // namespace penstock::coordinator
