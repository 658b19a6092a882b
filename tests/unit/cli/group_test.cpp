#include <gtest/gtest.h>

#include "command_run.h"
#include "contains.h"
#include "group_broker.h"

namespace penstock::cli {
namespace {

/// A command line against the scripted broker.
class GroupCommand : public testing::Test {
protected:
    RunResult run(const std::vector<std::string>& words) { return run_command(words, fake_.broker.address()); }
    GroupBroker fake_;
};

TEST_F(GroupCommand, ListsGroupsById) {
    EXPECT_EQ(run({"group", "list"}).text, "GROUP   STATE   PROTOCOL\n"
                                           "audit   Empty   consumer\n"
                                           "scores  Stable  consumer\n");
    EXPECT_TRUE(contains(run({"group", "list", "--json"}).text, "\"group\": \"audit\""));
}

TEST_F(GroupCommand, DescribesProgressAndMembers) {
    fake_.has_member = true;
    const auto table = run({"group", "describe", "scores"});
    EXPECT_EQ(table.code, 0) << table.failure;
    EXPECT_EQ(table.text, "Group scores   Stable   consumer (range)\n"
                          "TOPIC  PARTITION  COMMITTED  END  LAG  MEMBER\n"
                          "games          0         40  100   60  -\n"
                          "games          1          -  100    -  m-1\n"
                          "\n"
                          "MEMBER  CLIENT  HOST       ASSIGNMENT\n"
                          "m-1     app     /10.0.0.1  games:1\n");
    const auto json = run({"group", "describe", "scores", "--json"});
    EXPECT_TRUE(contains(json.text, "\"lag\": 60"));
    EXPECT_TRUE(contains(json.text, "\"member\": \"m-1\""));
}

TEST_F(GroupCommand, AnUnknownGroupIsAFailureWithASuggestion) {
    const auto result = run({"group", "describe", "score"});
    EXPECT_EQ(result.code, -1);
    EXPECT_EQ(result.failure, "there is no group 'score' | Did you mean 'scores'?");
}

TEST_F(GroupCommand, FindsACoordinatorThatMoved) {
    fake_.moves_left = 2;
    EXPECT_EQ(run({"group", "describe", "scores"}).code, 0);
    EXPECT_EQ(fake_.finds, 3);
}

TEST_F(GroupCommand, DeletesAndSaysWhyNot) {
    EXPECT_EQ(run({"group", "delete", "scores"}).text, "Group 'scores' is deleted.\n");
    fake_.delete_error = ErrorCode::non_empty_group;
    EXPECT_TRUE(contains(run({"group", "delete", "scores"}).failure, "Stop its consumers first"));
    fake_.delete_error = ErrorCode::group_id_not_found;
    EXPECT_TRUE(contains(run({"group", "delete", "score"}).failure, "Did you mean 'scores'?"));
    EXPECT_EQ(run({"group", "delete", "score", "--if-exists"}).code, 0);
}

TEST_F(GroupCommand, ResetShowsFirstAndExecutesWhenTold) {
    const auto shown = run({"group", "reset-offsets", "scores", "--topic", "games", "--to-earliest"});
    EXPECT_EQ(shown.text, "PARTITION  COMMITTED  NEW\n"
                          "        0         40   10\n"
                          "        1          -   10\n"
                          "Nothing was changed. Add --execute to do it.\n");
    EXPECT_EQ(fake_.committed, (std::map<int32_t, int64_t>{{0, 40}}));
    const auto done = run({"group", "reset-offsets", "scores", "--topic", "games", "--to-latest", "--execute"});
    EXPECT_EQ(done.code, 0) << done.failure;
    EXPECT_EQ(fake_.committed, (std::map<int32_t, int64_t>{{0, 100}, {1, 100}}));
    run({"group", "reset-offsets", "scores", "-t", "games", "--shift-by", "-30", "-p", "1", "--execute", "--json"});
    EXPECT_EQ(fake_.committed, (std::map<int32_t, int64_t>{{0, 100}, {1, 70}}));
    run({"group", "reset-offsets", "scores", "-t", "games", "--to-datetime", "2026-11-22", "--execute"});
    EXPECT_EQ(fake_.committed, (std::map<int32_t, int64_t>{{0, 55}, {1, 55}}));
}

TEST_F(GroupCommand, ResetIsRefusedWhileTheGroupHasMembersOrSaysNo) {
    fake_.has_member = true;
    const auto busy = run({"group", "reset-offsets", "scores", "-t", "games", "--to-latest", "--execute"});
    EXPECT_TRUE(contains(busy.failure, "has 1 member")) << busy.failure;
    fake_.has_member = false;
    fake_.commit_error = ErrorCode::unknown_member_id;
    const auto refused = run({"group", "reset-offsets", "scores", "-t", "games", "--to-latest", "--execute"});
    EXPECT_TRUE(contains(refused.failure, "UNKNOWN_MEMBER_ID")) << refused.failure;
    EXPECT_EQ(fake_.committed, (std::map<int32_t, int64_t>{{0, 40}}));
    const auto wrong = run({"group", "reset-offsets", "scores", "-t", "games", "-p", "7", "--to-latest"});
    EXPECT_TRUE(contains(wrong.failure, "has no partition 7"));
}

}  // namespace
}  // namespace penstock::cli
