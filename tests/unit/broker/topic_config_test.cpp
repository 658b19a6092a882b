#include "broker/topic_config.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(TopicConfig, takes_values_within_their_bounds) {
    for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"cleanup.policy", "delete"}, {"compression.type", "producer"}, {"retention.ms", "-1"},
             {"retention.bytes", "1000"}, {"segment.bytes", "1048576"}, {"max.message.bytes", "0"},
             {"message.timestamp.type", "LogAppendTime"}, {"min.insync.replicas", "2"},
             {"unclean.leader.election.enable", "false"}, {"unclean.leader.election.enable", " False"},
             {"flush.ms", "1000"}, {"segment.index.bytes", "4"}, {"message.format.version", "2.8"},
             {"message.downconversion.enable", "false"}, {"retention.ms", " 1 "}, {"retention.bytes", "-7"},
             {"cleanup.policy", "compact"}, {"cleanup.policy", "delete, compact"}, {"cleanup.policy", ""},
             {"min.cleanable.dirty.ratio", "1"}, {"min.cleanable.dirty.ratio", "1e-3"}, {"delete.retention.ms", "0"},
             {"local.retention.ms", "-2"}, {"leader.replication.throttled.replicas", ""}}) {
        EXPECT_FALSE(config_problem(key, value).has_value()) << key;
    }
}

TEST(TopicConfig, explains_what_it_refuses) {
    for (const auto& [key, value, why] : std::initializer_list<std::tuple<const char*, const char*, const char*>>{
             {"no.such.name", "1", "Unknown topic config name"},
             {"", "1", "Unknown topic config name"},
             {"retention.ms", "soon", "not a number"},
             {"retention.ms", "1 2", "not a number"},
             {"retention.ms", "99999999999999999999", "not a number"},
             {"retention.ms", "-2", "at least -1"},
             {"segment.bytes", "1000", "at least 1048576"},
             {"segment.bytes", "3000000000", "at most"},
             {"min.insync.replicas", "0", "at least 1"},
             {"cleanup.policy", "shred", "each part must be one of compact, delete"},
             {"cleanup.policy", "delete,", "each part must be one of compact, delete"},
             {"cleanup.policy", "Compact", "each part must be one of compact, delete"},
             {"min.cleanable.dirty.ratio", "1.01", "at most 1"},
             {"min.cleanable.dirty.ratio", "-0.1", "at least 0"},
             {"min.cleanable.dirty.ratio", "NaN", "not a number"},
             {"delete.retention.ms", "-1", "at least 0"},
             {"min.compaction.lag.ms", "-1", "at least 0"},
             {"max.compaction.lag.ms", "0", "at least 1"},
             {"segment.index.bytes", "whatever", "not a number"},
             {"preallocate", "yes", "true or false"},
             {"leader.replication.throttled.replicas", "0:1", "serves only an empty one"},
             {"local.retention.ms", "1000", "serves only -2"},
             {"remote.storage.enable", "true", "serves only false"},
             {"compression.type", "lz4", "serves only producer"},
             {"message.timestamp.type", "logappendtime", "one of CreateTime, LogAppendTime"}}) {
        const auto problem = config_problem(key, value);
        ASSERT_TRUE(problem.has_value()) << key << "=" << value;
        EXPECT_NE(problem->find(why), std::string::npos) << *problem;
    }
}

TEST(TopicConfig, reads_settings_over_the_defaults) {
    BrokerOptions defaults;
    defaults.default_log.retention_ms = 5000;
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

TEST(TopicConfig, durability_is_disk_or_memory_and_never_memory_of_an_internal_topic) {
    EXPECT_FALSE(config_problem("durability", "memory").has_value());
    EXPECT_FALSE(config_problem("durability", "disk").has_value());
    EXPECT_NE(config_problem("durability", "none").value_or("").find("one of disk, memory"), std::string::npos);
    TopicView topic;
    EXPECT_FALSE(settings_of(topic, {}).log.memory);
    topic.configs = {{"durability", "memory"}};
    EXPECT_TRUE(settings_of(topic, {}).log.memory);
    EXPECT_FALSE(configs_problem("t", topic.configs).has_value());
    EXPECT_TRUE(configs_problem("__consumer_offsets", topic.configs).has_value());
    topic.configs = {{"durability", "disk"}};
    EXPECT_FALSE(configs_problem("__consumer_offsets", topic.configs).has_value());
}

TEST(TopicConfig, keeps_the_default_where_a_value_makes_no_sense) {
    TopicView topic;
    topic.configs = {{"max.message.bytes", "x"}, {"min.insync.replicas", "-4"}, {"retention.ms", ""}};
    const TopicSettings settings = settings_of(topic, {});
    EXPECT_EQ(settings.max_message_bytes, TopicSettings{}.max_message_bytes);
    EXPECT_EQ(settings.min_insync_replicas, 1);
    EXPECT_EQ(settings.log.retention_ms, log::LogConfig{}.retention_ms);
}

TEST(TopicConfig, by_default_one_replica_may_be_away) {
    const auto wanted = [](size_t replicas, size_t adding, int32_t setting) {
        TopicView topic;
        topic.partitions.resize(1);
        for (size_t id = 0; id < replicas; ++id)
            topic.partitions[0].replicas.push_back(NodeId(static_cast<int32_t>(id)));
        topic.partitions[0].adding.assign(topic.partitions[0].replicas.begin(),
                                          topic.partitions[0].replicas.begin() + static_cast<ptrdiff_t>(adding));
        BrokerOptions options;
        options.default_min_insync_replicas = setting;
        return settings_of(topic, options).min_insync_replicas;
    };
    EXPECT_EQ(wanted(1, 0, 2), 1);
    EXPECT_EQ(wanted(2, 0, 2), 1);
    EXPECT_EQ(wanted(3, 0, 2), 2);
    EXPECT_EQ(wanted(5, 0, 2), 2);
    EXPECT_EQ(wanted(3, 0, 1), 1);
    EXPECT_EQ(wanted(3, 2, 2), 1) << "those that are only coming";
}

TEST(TopicConfig, knows_topic_names) {
    for (const char* good : {"a", "A-b_c.9", "...", "__x"}) EXPECT_TRUE(is_topic_name(good)) << good;
    for (const char* bad : {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(is_topic_name(bad)) << bad;
    EXPECT_TRUE(is_topic_name(std::string(249, 'x')));
    EXPECT_FALSE(is_topic_name(std::string(250, 'x')));
}

TEST(TopicConfig, without_the_policy_to_delete_nothing_is_deleted) {
    BrokerOptions defaults;
    defaults.default_log.retention_ms = 5000;
    defaults.default_log.retention_bytes = 7000;
    TopicView topic;
    topic.configs = {{"cleanup.policy", "compact"}, {"retention.bytes", "123"}};
    EXPECT_FALSE(settings_of(topic, defaults).log.remove_old);
    topic.configs[0].value = "compact,delete";
    EXPECT_TRUE(settings_of(topic, defaults).log.remove_old);
    EXPECT_EQ(settings_of(topic, defaults).log.retention_ms, 5000);
    EXPECT_EQ(settings_of(topic, defaults).log.retention_bytes, 123);
}

TEST(TopicConfig, reads_what_compaction_needs) {
    TopicView topic;
    const log::LogConfig plain = settings_of(topic, {}).log;
    EXPECT_FALSE(plain.compact);
    EXPECT_TRUE(plain.remove_old);
    EXPECT_EQ(plain.min_cleanable_dirty_ratio, 0.5);
    EXPECT_EQ(plain.delete_retention_ms, 86'400'000);
    EXPECT_EQ(plain.min_compaction_lag_ms, 0);
    EXPECT_EQ(plain.max_compaction_lag_ms, INT64_MAX);
    topic.configs = {{"cleanup.policy", "delete , compact"}, {"delete.retention.ms", "1"},
                     {"max.compaction.lag.ms", "9"}, {"min.cleanable.dirty.ratio", "0.25"},
                     {"min.compaction.lag.ms", "8"}};
    const log::LogConfig both = settings_of(topic, {}).log;
    EXPECT_TRUE(both.compact);
    EXPECT_TRUE(both.remove_old);
    EXPECT_EQ(both.min_cleanable_dirty_ratio, 0.25);
    EXPECT_EQ(both.delete_retention_ms, 1);
    EXPECT_EQ(both.min_compaction_lag_ms, 8);
    EXPECT_EQ(both.max_compaction_lag_ms, 9);
    topic.configs = {{"cleanup.policy", ""}};
    EXPECT_FALSE(settings_of(topic, {}).log.compact);
    EXPECT_FALSE(settings_of(topic, {}).log.remove_old);
}

TEST(TopicConfig, refuses_values_that_contradict_each_other) {
    std::vector<ConfigEntry> configs{{"max.compaction.lag.ms", "9"}, {"min.compaction.lag.ms", "9"}};
    EXPECT_FALSE(configs_problem("t", configs).has_value());
    configs[1].value = "10";
    ASSERT_TRUE(configs_problem("t", configs).has_value());
    EXPECT_NE(configs_problem("t", configs)->find("min.compaction.lag.ms (10) is more"), std::string::npos);
    EXPECT_FALSE(configs_problem("t", {}).has_value());
}

}  // namespace
}  // namespace penstock::broker
