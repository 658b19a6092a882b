#include "broker/topic_config.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(TopicConfig, takes_values_within_their_bounds) {
    for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"cleanup.policy", "delete"}, {"compression.type", "producer"}, {"retention.ms", "-1"},
             {"retention.bytes", "1000"}, {"segment.bytes", "1048576"}, {"max.message.bytes", "0"},
             {"message.timestamp.type", "LogAppendTime"}, {"min.insync.replicas", "2"},
             {"unclean.leader.election.enable", "false"}, {"flush.ms", "1000"}, {"segment.index.bytes", "whatever"}}) {
        EXPECT_FALSE(config_problem(key, value).has_value()) << key;
    }
}

TEST(TopicConfig, explains_what_it_refuses) {
    for (const auto& [key, value, why] : std::initializer_list<std::tuple<const char*, const char*, const char*>>{
             {"no.such.name", "1", "Unknown topic config name"},
             {"", "1", "Unknown topic config name"},
             {"retention.ms", "soon", "not a number"},
             {"retention.ms", "1 ", "not a number"},
             {"retention.ms", "99999999999999999999", "not a number"},
             {"retention.ms", "-2", "at least -1"},
             {"segment.bytes", "1000", "at least 1048576"},
             {"segment.bytes", "3000000000", "at most"},
             {"min.insync.replicas", "0", "at least 1"},
             {"cleanup.policy", "compact", "serves only delete"},
             {"cleanup.policy", "delete,compact", "serves only delete"},
             {"cleanup.policy", "shred", "one of delete"},
             {"cleanup.policy", "", "one of delete"},
             {"compression.type", "lz4", "serves only producer"},
             {"message.timestamp.type", "logappendtime", "one of CreateTime,LogAppendTime"}}) {
        const auto problem = config_problem(key, value);
        ASSERT_TRUE(problem.has_value()) << key << "=" << value;
        EXPECT_NE(problem->find(why), std::string::npos) << *problem;
    }
}

TEST(TopicConfig, reads_settings_over_the_defaults) {
    log::LogConfig defaults;
    defaults.retention_ms = 5000;
    TopicView topic;
    topic.configs = {{"max.message.bytes", "77"}, {"message.timestamp.after.max.ms", "9"},
                     {"message.timestamp.type", "LogAppendTime"}, {"min.insync.replicas", "3"},
                     {"retention.bytes", "123"}, {"segment.bytes", "2000000"}};
    const TopicSettings settings = settings_of(topic, defaults);
    EXPECT_EQ(settings.max_message_bytes, 77u);
    EXPECT_EQ(settings.timestamp_after_max_ms, 9);
    EXPECT_EQ(settings.timestamp_before_max_ms, INT64_MAX);
    EXPECT_TRUE(settings.log_append_time);
    EXPECT_EQ(settings.min_insync_replicas, 3);
    EXPECT_EQ(settings.log.retention_bytes, 123);
    EXPECT_EQ(settings.log.retention_ms, 5000);
    EXPECT_EQ(settings.log.segment_bytes, 2'000'000u);
}

TEST(TopicConfig, keeps_the_default_where_a_value_makes_no_sense) {
    TopicView topic;
    topic.configs = {{"max.message.bytes", "x"}, {"min.insync.replicas", "-4"}, {"retention.ms", ""}};
    const TopicSettings settings = settings_of(topic, {});
    EXPECT_EQ(settings.max_message_bytes, TopicSettings{}.max_message_bytes);
    EXPECT_EQ(settings.min_insync_replicas, 1);
    EXPECT_EQ(settings.log.retention_ms, log::LogConfig{}.retention_ms);
}

TEST(TopicConfig, knows_topic_names) {
    for (const char* good : {"a", "A-b_c.9", "...", "__x"}) EXPECT_TRUE(is_topic_name(good)) << good;
    for (const char* bad : {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(is_topic_name(bad)) << bad;
    EXPECT_TRUE(is_topic_name(std::string(249, 'x')));
    EXPECT_FALSE(is_topic_name(std::string(250, 'x')));
}

TEST(TopicConfig, without_the_policy_to_delete_nothing_is_deleted) {
    log::LogConfig defaults;
    defaults.retention_ms = 5000;
    defaults.retention_bytes = 7000;
    TopicView topic;
    topic.configs = {{"cleanup.policy", "compact"}, {"retention.bytes", "123"}};
    EXPECT_EQ(settings_of(topic, defaults).log.retention_ms, -1);
    EXPECT_EQ(settings_of(topic, defaults).log.retention_bytes, -1);
    topic.configs[0].value = "compact,delete";
    EXPECT_EQ(settings_of(topic, defaults).log.retention_ms, 5000);
    EXPECT_EQ(settings_of(topic, defaults).log.retention_bytes, 123);
}

}  // namespace
}  // namespace penstock::broker
