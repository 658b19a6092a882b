#include "wire/kafka/offset_commit.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class OffsetCommitTest : public testing::Test {
protected:
    /// In order: partitions 0 and 1 of "t", one that it does not have, one with long metadata; one of an unknown topic.
    OffsetCommitTest() : long_(limits::offset_metadata_bytes + 1, 'x') {
        partitions_.resize(4);
        for (int32_t i = 0; i < 4; ++i) {
            partitions_[static_cast<size_t>(i)].partition_index = i % 3;
            partitions_[static_cast<size_t>(i)].committed_offset = 100 + i;
        }
        partitions_[0].committed_metadata = std::string_view(long_).substr(1);
        partitions_[0].committed_leader_epoch = 4;
        partitions_[3].committed_metadata = long_;
        topics_.resize(2);
        topics_[0].name = "t";
        topics_[0].topic_id = rig_.topic_id();
        topics_[0].partitions = partitions_;
        topics_[1].name = "unknown";
        topics_[1].topic_id = make_uuid(9, 9);
        topics_[1].partitions = std::span(partitions_).first(1);
        request_.group_id = "g";
        request_.generation_id = 3;
        request_.member_id = "m";
        request_.topics = topics_;
    }
    GroupRig rig_;
    std::string long_;
    std::vector<OffsetCommitRequest::Partition> partitions_;
    std::vector<OffsetCommitRequest::Topic> topics_;
    OffsetCommitRequest request_;
};

TEST_F(OffsetCommitTest, judges_each_partition_and_commits_the_rest_in_one_call) {
    for (int16_t version = 2; version <= 10; ++version) {
        SCOPED_TRACE(version);
        const auto response = rig_.ask<OffsetCommitResponse, CommitOffsetsCall>(
            request_, version, [&](CommitOffsetsCall& call) {
                EXPECT_EQ(call.member.member_id, "m");
                EXPECT_EQ(call.member.generation, 3);
                EXPECT_EQ(call.unknown_group_is_not_found, version >= 9);
                ASSERT_EQ(call.offsets.size(), 2u);
                EXPECT_EQ(call.offsets[0].topic, "t");
                EXPECT_EQ(call.offsets[0].partition, 0);
                EXPECT_EQ(call.offsets[0].offset, 100);
                EXPECT_EQ(call.offsets[0].metadata.size(), limits::offset_metadata_bytes);
                EXPECT_EQ(call.offsets[0].leader_epoch, version >= 6 ? 4 : -1);
                EXPECT_EQ(call.offsets[1].partition, 1) << "led by another broker, which does not matter";
                EXPECT_EQ(call.offsets[1].metadata, "");
            });
        ASSERT_EQ(response.topics.size(), 2u);
        ASSERT_EQ(response.topics[0].partitions.size(), 4u);
        const ErrorCode expected[] = {ErrorCode::none, ErrorCode::none, ErrorCode::unknown_topic_or_partition,
                                      ErrorCode::offset_metadata_too_large};
        for (size_t i = 0; i < 4; ++i) EXPECT_EQ(response.topics[0].partitions[i].error_code, expected[i]) << i;
        EXPECT_EQ(response.topics[0].partitions[1].partition_index, 1);
        EXPECT_EQ(response.topics[1].partitions[0].error_code,
                  version == 10 ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition);
        if (version == 10) EXPECT_EQ(response.topics[0].topic_id, rig_.topic_id());
        else EXPECT_EQ(response.topics[0].name, "t");
    }
}

TEST_F(OffsetCommitTest, tells_the_groups_error_where_there_is_no_other) {
    const auto response = rig_.ask<OffsetCommitResponse, CommitOffsetsCall>(
        request_, 8, [](CommitOffsetsCall& call) { call.error = ErrorCode::illegal_generation; });
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::illegal_generation);
    EXPECT_EQ(response.topics[0].partitions[2].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(OffsetCommitTest, speaks_of_the_log_in_words_that_clients_of_groups_know) {
    const auto told = [&](ErrorCode error) {
        return rig_
            .ask<OffsetCommitResponse, CommitOffsetsCall>(request_, 8, [=](auto& call) { call.error = error; })
            .topics[0].partitions[0].error_code;
    };
    EXPECT_EQ(told(ErrorCode::request_timed_out), ErrorCode::coordinator_not_available);
    EXPECT_EQ(told(ErrorCode::kafka_storage_error), ErrorCode::not_coordinator);
    EXPECT_EQ(told(ErrorCode::message_too_large), ErrorCode::invalid_commit_offset_size);
}

TEST_F(OffsetCommitTest, an_empty_group_id_is_allowed) {
    request_.group_id = "";
    const auto response = rig_.ask<OffsetCommitResponse, CommitOffsetsCall>(
        request_, 8, [](CommitOffsetsCall& call) { EXPECT_EQ(call.group_id, ""); });
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::none);
}

TEST_F(OffsetCommitTest, asks_no_group_when_nothing_is_left_to_commit) {
    request_.topics = std::span(topics_).subspan(1);
    EXPECT_EQ(rig_.ask<OffsetCommitResponse>(request_, 8).topics[0].partitions[0].error_code,
              ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace penstock::broker
