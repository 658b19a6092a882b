#include "replica/fork.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::replica {
namespace {

std::vector<EpochBegin> epochs(std::initializer_list<std::pair<int32_t, int64_t>> begins) {
    std::vector<EpochBegin> all;
    for (const auto& [epoch, offset] : begins) all.push_back({LeaderEpoch(epoch), Offset(offset)});
    return all;
}

struct Case {
    const char* what;
    int64_t leader_start, leader_end;
    std::vector<EpochBegin> leader;
    int64_t follower_start, follower_end;
    std::vector<EpochBegin> follower;
    Fork fork;
};

TEST(ForkTest, is_where_the_newest_common_epoch_ends_sooner) {
    const std::vector<Case> cases{
        {"the same log", 0, 10, epochs({{1, 0}}), 0, 10, epochs({{1, 0}}), {Offset(10)}},
        {"behind in the same epoch", 0, 10, epochs({{1, 0}}), 0, 7, epochs({{1, 0}}), {Offset(7)}},
        {"ahead in an epoch that the leader ended", 0, 20, epochs({{1, 0}, {2, 10}}), 0, 15, epochs({{1, 0}}),
         {Offset(10)}},
        {"ended earlier than the leader in an old epoch", 0, 20, epochs({{1, 0}, {3, 10}}), 0, 15,
         epochs({{1, 0}, {2, 8}}), {Offset(8)}},
        {"an epoch between that only the follower has", 0, 20, epochs({{1, 0}, {3, 10}}), 0, 15,
         epochs({{1, 0}, {2, 12}}), {Offset(10)}},
        {"the newest epoch without records", 0, 10, epochs({{1, 0}, {2, 10}}), 0, 12, epochs({{1, 0}}), {Offset(10)}},
        {"ahead in the leader's own epoch", 0, 10, epochs({{1, 0}}), 0, 12, epochs({{1, 0}}), {Offset(10)}},
        {"an empty new replica", 0, 10, epochs({{1, 0}}), 0, 0, {}, {Offset(0)}},
        {"an empty new replica of a log that begins later", 5, 10, epochs({{1, 0}}), 0, 0, {}, {Offset(5), true}},
        {"nothing in common", 0, 10, epochs({{4, 0}}), 0, 6, epochs({{3, 0}}), {Offset(0)}},
        {"nothing in common, and begins later", 5, 10, epochs({{4, 5}}), 2, 6, epochs({{3, 2}}), {Offset(5), true}},
        {"too far behind", 50, 90, epochs({{1, 0}, {2, 60}}), 0, 30, epochs({{1, 0}}), {Offset(50), true}},
        {"parted below its own start", 0, 30, epochs({{1, 0}, {3, 10}}), 20, 40, epochs({{1, 0}, {2, 15}}),
         {Offset(0), true}},
        {"as long, but led once without a record", 0, 30, epochs({{1, 0}, {3, 20}}), 0, 15, epochs({{1, 0}, {2, 15}}),
         {Offset(15), false, true}},
        {"as long, and heard of the next epoch", 0, 30, epochs({{1, 0}, {2, 15}}), 0, 15, epochs({{1, 0}, {2, 15}}),
         {Offset(15)}},
        {"an empty log that led once", 0, 30, epochs({{1, 0}}), 0, 0, epochs({{2, 0}}), {Offset(0), false, true}},
        {"begins later and goes on", 0, 30, epochs({{1, 0}, {2, 10}}), 20, 25, epochs({{1, 0}, {2, 10}}),
         {Offset(25)}},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.what);
        const Fork fork = find_fork({Offset(one.leader_start), Offset(one.leader_end), one.leader},
                                    {Offset(one.follower_start), Offset(one.follower_end), one.follower});
        EXPECT_EQ(fork.offset, one.fork.offset);
        EXPECT_EQ(fork.anew, one.fork.anew);
        EXPECT_EQ(fork.cuts, fork.anew || one.follower_end > one.fork.offset.value || one.fork.cuts);
    }
}

}  // namespace
}  // namespace penstock::replica
