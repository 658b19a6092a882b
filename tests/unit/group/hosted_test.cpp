#include "group/hosted.h"

#include <gtest/gtest.h>

namespace penstock::group {
namespace {

struct HostedTest : testing::Test {
    ~HostedTest() override {
        hosted.drop(ErrorCode::not_coordinator);
        EXPECT_EQ(context.memory, 0u) << "all that was counted is given back";
    }

    void commit(const std::string& group, const std::string& topic, int32_t partition, std::string_view metadata) {
        const broker::CommitOffsetsCall::Offset offset{topic, {}, partition, 1, -1, metadata};
        broker::CommitOffsetsCall call;
        call.offsets = {&offset, 1};
        hosted.commit(hosted.make(group), call);
    }

    GroupContext context{.options = {}, .time = {Nanos(1), 1'000}, .timers = {}, .random = Random(1), .answers = {},
                         .memory = 0, .staged = false};
    Hosted hosted{{make_uuid(1, 1), 0}, context};
};

TEST_F(HostedTest, writes_are_cut_where_they_grow_large) {
    const std::string metadata(4'000, 'm');
    for (int i = 0; i < 1'000; ++i) commit("g", "t", i, metadata);
    EXPECT_GE(hosted.writes.size(), 7u);
    EXPECT_LE(hosted.writes.size(), 9u);
    EXPECT_EQ(hosted.find("g")->offsets().at("t").size(), 1'000u);
    EXPECT_GT(context.memory, 4'000'000u);
    size_t taken = 0;
    while (hosted.begin_write(context.time)) {
        EXPECT_LT(hosted.batch.size(), limits::group_batch_bytes + 8'000);
        EXPECT_FALSE(hosted.begin_write(context.time)) << "one at a time";
        hosted.end_write();
        ++taken;
    }
    EXPECT_GE(taken, 7u);
}

TEST_F(HostedTest, what_it_wrote_it_reads) {
    commit("g", "t", 0, "x");
    commit("h", "t", 5, "y");
    hosted.remove(*hosted.find("h"));
    ASSERT_TRUE(hosted.begin_write(context.time));
    const std::vector<std::byte> batch = hosted.batch;
    hosted.end_write();
    Hosted again{{make_uuid(1, 1), 0}, context};
    EXPECT_TRUE(again.take_batches(batch));
    again.end_load();
    EXPECT_EQ(again.next, Offset(4));
    EXPECT_EQ(again.groups.size(), 1u);
    ASSERT_NE(again.find("g"), nullptr);
    EXPECT_EQ(again.find("g")->offset("t", 0)->metadata, "x");
    EXPECT_EQ(again.find("h"), nullptr) << "nothing is left of it";
    again.drop(ErrorCode::none);
}

TEST_F(HostedTest, reads_whole_batches_and_no_nonsense) {
    commit("g", "t", 0, "x");
    ASSERT_TRUE(hosted.begin_write(context.time));
    std::vector<std::byte> batch = hosted.batch;
    hosted.end_write();
    Hosted again{{make_uuid(1, 1), 0}, context};
    EXPECT_FALSE(again.take_batches(std::span(batch).first(batch.size() - 1)));
    for (size_t i = wire::batch_header_bytes; i < batch.size(); ++i) {
        std::vector<std::byte> broken = batch;
        broken[i] ^= std::byte{0x55};
        Hosted victim{{make_uuid(1, 1), 0}, context};
        EXPECT_TRUE(victim.take_batches(broken));
        victim.end_load();
        EXPECT_LE(victim.groups.size(), 1u);
        victim.drop(ErrorCode::none);
    }
}

TEST_F(HostedTest, member_ids_begin_with_the_name_and_differ) {
    GroupHost& host = hosted;
    const std::string one = host.new_member_id("client"), two = host.new_member_id("client");
    EXPECT_EQ(one.size(), 7u + 36);
    EXPECT_EQ(one.substr(0, 7), "client-");
    EXPECT_EQ(one[15], '-');
    EXPECT_NE(one, two);
}

}  // namespace
}  // namespace penstock::group
