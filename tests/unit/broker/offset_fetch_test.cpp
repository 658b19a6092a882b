#include "wire/kafka/offset_fetch.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class OffsetFetchTest : public testing::Test {
protected:
    OffsetFetchTest() {
        topics_.resize(2);
        topics_[0].name = "t";
        topics_[0].topic_id = rig_.topic_id();
        topics_[0].partition_indexes = indexes_;
        topics_[1].name = "gone";
        topics_[1].topic_id = make_uuid(9, 9);
        topics_[1].partition_indexes = std::span(indexes_).first(1);
        groups_ = {{"g", "m", 7, topics_}, {"h", {}, -1, {}}};
        request_.group_id = "g";
        request_.topics = topics_;
        request_.groups = groups_;
    }
    static void serve_wanted(FetchOffsetsCall& call) {
        call.offsets.resize(call.wanted.size());
        call.offsets[0] = {"", {}, 0, 100, 4, "note"};
    }
    GroupRig rig_;
    std::vector<int32_t> indexes_{0, 1};
    std::vector<OffsetFetchRequest::Topic> topics_;
    std::vector<OffsetFetchRequest::Group> groups_;
    OffsetFetchRequest request_;
};

TEST_F(OffsetFetchTest, answers_one_group_in_the_order_asked) {
    for (int16_t version = 1; version <= 7; ++version) {
        SCOPED_TRACE(version);
        const auto response = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, version, [](auto& call) {
            EXPECT_FALSE(call.all);
            ASSERT_EQ(call.wanted.size(), 3u);
            EXPECT_EQ(call.wanted[1].topic, "t");
            EXPECT_EQ(call.wanted[1].partition, 1);
            EXPECT_EQ(call.wanted[2].topic, "gone") << "what was committed outlives the topic";
            serve_wanted(call);
        });
        EXPECT_EQ(response.error_code, ErrorCode::none);
        ASSERT_EQ(response.topics.size(), 2u);
        const auto& first = response.topics[0].partitions[0];
        EXPECT_EQ(first.committed_offset, 100);
        EXPECT_EQ(first.committed_leader_epoch, version >= 5 ? 4 : -1);
        EXPECT_EQ(first.metadata, "note");
        EXPECT_EQ(response.topics[0].partitions[1].committed_offset, -1);
        EXPECT_EQ(response.topics[0].partitions[1].metadata, "");
        EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::none);
    }
}

TEST_F(OffsetFetchTest, what_was_committed_for_an_earlier_topic_of_the_name_is_void) {
    const auto response = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, 5, [](auto& call) {
        call.offsets.resize(call.wanted.size());
        call.offsets[0] = {"", make_uuid(8, 8), 0, 100, 4, "note"};
        call.offsets[1] = {"", make_uuid(1, 1), 1, 101, 4, "note"};
    });
    EXPECT_EQ(response.topics[0].partitions[0].committed_offset, -1);
    EXPECT_EQ(response.topics[0].partitions[1].committed_offset, 101);
    request_.topics.reset();
    const auto all = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, 5, [](auto& call) {
        call.offsets = {{"t", make_uuid(8, 8), 0, 100, 4, ""}, {"t", make_uuid(1, 1), 1, 101, 4, ""}};
    });
    ASSERT_EQ(all.topics.size(), 1u);
    ASSERT_EQ(all.topics[0].partitions.size(), 1u);
    EXPECT_EQ(all.topics[0].partitions[0].committed_offset, 101);
}

TEST_F(OffsetFetchTest, answers_several_groups_and_all_of_one) {
    for (int16_t version = 8; version <= 10; ++version) {
        SCOPED_TRACE(version);
        rig_.start(request_, version);
        auto& wanted = rig_.next<FetchOffsetsCall>();
        auto& all = rig_.next<FetchOffsetsCall>();
        EXPECT_EQ(wanted.member.member_id, version >= 9 ? "m" : "");
        EXPECT_EQ(wanted.member.generation, version >= 9 ? 7 : -1);
        EXPECT_EQ(wanted.wanted.size(), version == 10 ? 2u : 3u);
        EXPECT_TRUE(all.all);
        EXPECT_EQ(all.group_id, "h");
        serve_wanted(wanted);
        rig_.answer(wanted);
        EXPECT_FALSE(rig_.finished);
        all.offsets = {{"gone", {}, 0, 5, -1, ""}, {"t", {}, 0, 6, -1, ""}, {"t", {}, 1, 7, -1, "x"}};
        rig_.answer(all);
        const auto response = rig_.response<OffsetFetchResponse>();
        ASSERT_EQ(response.groups.size(), 2u);
        EXPECT_EQ(response.groups[0].group_id, "g");
        EXPECT_EQ(response.groups[0].topics[0].partitions[0].committed_offset, 100);
        EXPECT_EQ(response.groups[0].topics[1].partitions[0].error_code,
                  version == 10 ? ErrorCode::unknown_topic_id : ErrorCode::none);
        const auto& topics = response.groups[1].topics;
        ASSERT_EQ(topics.size(), version == 10 ? 1u : 2u) << "a topic that is gone has no id";
        ASSERT_EQ(topics.back().partitions.size(), 2u);
        EXPECT_EQ(topics.back().partitions[1].committed_offset, 7);
        EXPECT_EQ(topics.back().partitions[1].metadata, "x");
        if (version == 10) EXPECT_EQ(topics.back().topic_id, rig_.topic_id());
        else EXPECT_EQ(topics.back().name, "t");
    }
}

TEST_F(OffsetFetchTest, tells_an_error_where_the_version_has_a_place_for_it) {
    const auto fail = [](FetchOffsetsCall& call) { call.error = ErrorCode::coordinator_load_in_progress; };
    const auto oldest = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, 1, fail);
    EXPECT_EQ(oldest.topics[1].partitions[0].error_code, ErrorCode::coordinator_load_in_progress);
    const auto old = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, 7, fail);
    EXPECT_EQ(old.error_code, ErrorCode::coordinator_load_in_progress);
    request_.groups = std::span(groups_).first(1);
    const auto now = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(request_, 10, fail);
    EXPECT_EQ(now.groups[0].error_code, ErrorCode::coordinator_load_in_progress);
    EXPECT_TRUE(now.groups[0].topics.empty());
}

TEST_F(OffsetFetchTest, never_says_not_available) {
    const auto response = rig_.ask<OffsetFetchResponse, FetchOffsetsCall>(
        request_, 7, [](auto& call) { call.error = ErrorCode::request_timed_out; });
    EXPECT_EQ(response.error_code, ErrorCode::not_coordinator);
}

}  // namespace
}  // namespace penstock::broker
