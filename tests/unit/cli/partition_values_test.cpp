#include "cli/partition_values.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace penstock::cli {
namespace {

TEST(PartitionValues, ATopicOrOneOfItsPartitions) {
    const auto all = parse_partition_selection("games");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->topic, "games");
    EXPECT_FALSE(all->partition);
    const auto one = parse_partition_selection("games:12");
    ASSERT_TRUE(one);
    EXPECT_EQ(one->topic, "games");
    EXPECT_EQ(one->partition, 12);
    for (const char* wrong : {"", ":1", "games:", "games:-1", "games:x", "a b:1", "a:b:1", "games:99999999999"})
        EXPECT_FALSE(parse_partition_selection(wrong)) << wrong;
}

TEST(PartitionValues, ListsOfBrokers) {
    EXPECT_EQ(parse_broker_list("3,1,2").value(), (std::vector<int32_t>{3, 1, 2}));
    EXPECT_EQ(parse_broker_list("3").value(), std::vector<int32_t>{3});
    for (const char* wrong : {"", ",", "1,", ",1", "1,,2", "1,1", "-1", "one", "1 2", "1:2"})
        EXPECT_FALSE(parse_broker_list(wrong)) << wrong;
}

TEST(PartitionValues, AssignmentsAsKafkasToolsHaveThem) {
    const std::vector<std::vector<int32_t>> expected{{1, 2}, {2, 3}, {3, 1}};
    EXPECT_EQ(parse_assignment("1:2,2:3,3:1").value(), expected);
    for (const char* wrong : {"", "1:2,", "1:1", "1,x", "1;2"}) EXPECT_FALSE(parse_assignment(wrong)) << wrong;
}

TEST(PartitionValues, AnAssignmentSaysHowManyPartitionsAndReplicasThereAre) {
    EXPECT_TRUE(parse_arguments({"topic", "create", "t", "--assignment", "1:2,2:1"}));
    EXPECT_FALSE(parse_arguments({"topic", "create", "t", "--assignment", "1:2,2:1", "--partitions", "2"}));
    EXPECT_FALSE(parse_arguments({"topic", "create", "t", "--assignment", "1:2", "--replication-factor", "2"}));
    EXPECT_FALSE(parse_arguments({"topic", "create", "t", "--assignment", "1:1"}));
}

}  // namespace
}  // namespace penstock::cli
