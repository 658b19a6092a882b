#include "broker/partition_changes.h"

#include <gtest/gtest.h>

#include <string>

#include "limits.h"
#include "broker/serving_rig.h"

namespace penstock::broker {
namespace {

class PartitionChangesTest : public testing::Test {
protected:
    /// So many partitions of two topics, to be elected.
    void list(size_t count) {
        partitions_.resize(count);
        for (size_t i = 0; i < count; ++i) {
            partitions_[i].topic = i < count / 2 ? "a" : "b";
            partitions_[i].partition = static_cast<int32_t>(i);
        }
        changes.all = partitions_;
        changes.election = Election::unclean;
    }
    TopicsCall& call() { return static_cast<TopicsCall&>(*rig.asked.back().call); }
    /// What the coordinator says to the call under way: the number of each partition as its error's message.
    bool answer(ErrorCode error = ErrorCode::none) {
        --call().asks;
        --request.open_calls;
        call().result.error = error;
        if (error == ErrorCode::none)
            for (const PartitionRef& p : call().elected)
                call().result.partitions.push_back({p.topic, p.partition, ErrorCode::election_not_needed,
                                                    std::to_string(p.partition)});
        return go_on(request, rig, changes);
    }

    BrokerOptions options;
    TopicTable topics{{}};
    ServingRig rig{options, topics};
    Request request;
    PartitionChanges changes;

private:
    std::vector<PartitionChange> partitions_;
};

TEST_F(PartitionChangesTest, asks_nobody_when_there_is_nothing_to_ask) {
    EXPECT_FALSE(start_changes(request, rig, changes, 1000));
    list(2);
    for (PartitionChange& change : changes.all) change.decided = true;
    EXPECT_FALSE(start_changes(request, rig, changes, 1000));
    EXPECT_TRUE(rig.asked.empty());
}

TEST_F(PartitionChangesTest, asks_in_calls_of_a_bounded_size_and_keeps_the_order) {
    list(2 * limits::changed_partitions_max + 5);
    changes.all[3].decided = true;
    changes.all[3].error = ErrorCode::invalid_request;
    ASSERT_TRUE(start_changes(request, rig, changes, 1000));
    EXPECT_EQ(call().change, TopicsChange::elect);
    EXPECT_EQ(call().election, Election::unclean);
    EXPECT_EQ(call().elected.size(), limits::changed_partitions_max);
    ASSERT_TRUE(answer());
    EXPECT_EQ(call().elected.size(), limits::changed_partitions_max);
    ASSERT_TRUE(answer());
    EXPECT_EQ(call().elected.size(), 4u);
    EXPECT_FALSE(answer());
    EXPECT_EQ(rig.asked.size(), 3u);
    for (const PartitionChange& change : changes.all) {
        ASSERT_TRUE(change.decided);
        if (change.partition == 3) EXPECT_EQ(change.error, ErrorCode::invalid_request);
        else ASSERT_EQ(change.message, std::to_string(change.partition));
    }
    EXPECT_EQ(changes.error, ErrorCode::none);
}

TEST_F(PartitionChangesTest, a_call_that_came_to_nothing_decides_all_that_is_left) {
    list(limits::changed_partitions_max + 5);
    ASSERT_TRUE(start_changes(request, rig, changes, 1000));
    ASSERT_TRUE(answer());
    EXPECT_FALSE(answer(ErrorCode::request_timed_out));
    EXPECT_EQ(changes.error, ErrorCode::request_timed_out);
    EXPECT_EQ(changes.all.front().error, ErrorCode::election_not_needed);
    EXPECT_EQ(changes.all.back().error, ErrorCode::request_timed_out);
}

TEST_F(PartitionChangesTest, asks_no_more_when_the_time_is_over) {
    list(limits::changed_partitions_max + 5);
    ASSERT_TRUE(start_changes(request, rig, changes, 1000));
    request.timed_out = true;
    EXPECT_FALSE(answer());
    EXPECT_EQ(changes.all.front().error, ErrorCode::election_not_needed);
    EXPECT_EQ(changes.all.back().error, ErrorCode::request_timed_out);
    EXPECT_TRUE(changes.all.back().decided);
}

TEST_F(PartitionChangesTest, a_coordinator_that_answers_for_too_few_is_not_believed) {
    list(3);
    ASSERT_TRUE(start_changes(request, rig, changes, 1000));
    call().elected.pop_back();
    EXPECT_FALSE(answer());
    EXPECT_EQ(changes.all[1].error, ErrorCode::election_not_needed);
    EXPECT_EQ(changes.all[2].error, ErrorCode::unknown_server_error);
}

TEST_F(PartitionChangesTest, results_are_grouped_by_topic) {
    struct Partition {
        int32_t index = -1;
        ErrorCode error = ErrorCode::none;
        wire::NullableString message{};
    };
    struct Topic {
        std::string_view name;
        wire::Array<Partition> partitions;
    };
    list(6);
    const auto odd = [](const PartitionChange& change) { return change.partition % 2 == 1; };
    const auto found = results_of<Topic, Partition>(request, changes, odd);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].name, "a");
    ASSERT_EQ(found[0].partitions.size(), 1u);
    EXPECT_EQ(found[0].partitions[0].index, 1);
    EXPECT_EQ(found[1].name, "b");
    ASSERT_EQ(found[1].partitions.size(), 2u);
    EXPECT_EQ(found[1].partitions[1].index, 5);
    EXPECT_TRUE((results_of<Topic, Partition>(request, changes, [](const PartitionChange&) { return false; }).empty()));
}

}  // namespace
}  // namespace penstock::broker
