#include "broker/config_description.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/broker_config_rows.h"
#include "broker/topic_config_rows.h"

namespace penstock::broker {
namespace {

using wire::kafka::ConfigSource;

const ConfigDescription& named(const ConfigDescriptions& all, std::string_view name) {
    const auto at = std::ranges::find(*all, name, &ConfigDescription::name);
    if (at != all->end()) return *at;
    ADD_FAILURE() << "no " << name;
    static const ConfigDescription none;
    return none;
}

/// "name=value:source name=value:source"
std::string synonyms(const ConfigDescription& config) {
    std::string text;
    for (const auto& synonym : config.synonyms) {
        if (!text.empty()) text += ' ';
        text += std::string(synonym.name) + "=" + std::string(synonym.value.value_or("(null)")) + ":" +
                std::to_string(static_cast<int>(synonym.source));
    }
    return text;
}

TEST(ConfigDescription, of_a_topic_says_where_values_come_from) {
    BrokerOptions options;
    options.default_log.retention_ms = 5000;
    options.default_log.segment_bytes = 2'000'000;
    const std::vector<ConfigEntry> set{{"cleanup.policy", "delete, compact"}, {"from.elsewhere", "x"},
                                       {"message.format.version", "2.8"}, {"retention.ms", " 9"}};
    Arena arena(1 << 20);
    const auto all = describe_topic_configs(set, 1, options, {.synonyms = true, .documentation = true}, arena);
    ASSERT_TRUE(all.has_value());
    const ConfigDescription& own = named(all, "retention.ms");
    EXPECT_EQ(own.value, "9");
    EXPECT_EQ(own.source, ConfigSource::topic);
    EXPECT_EQ(synonyms(own), "retention.ms=9:1 log.retention.ms=5000:4 log.retention.ms=604800000:5");
    const ConfigDescription& setting = named(all, "segment.bytes");
    EXPECT_EQ(setting.value, "2000000");
    EXPECT_EQ(setting.source, ConfigSource::static_broker);
    EXPECT_EQ(synonyms(setting), "log.segment.bytes=2000000:4 log.segment.bytes=1073741824:5");
    EXPECT_EQ(setting.type, 3);
    const ConfigDescription& initial = named(all, "min.cleanable.dirty.ratio");
    EXPECT_EQ(initial.value, "0.5");
    EXPECT_EQ(initial.source, ConfigSource::initial);
    EXPECT_EQ(synonyms(initial), "log.cleaner.min.cleanable.ratio=0.5:5");
    EXPECT_EQ(initial.type, 6);
    EXPECT_EQ(named(all, "cleanup.policy").value, "delete,compact");
    EXPECT_EQ(named(all, "remote.storage.enable").source, ConfigSource::initial);
    EXPECT_EQ(synonyms(named(all, "remote.storage.enable")), "");
    EXPECT_EQ(named(all, "message.format.version").value, "2.8");
    EXPECT_EQ(named(all, "from.elsewhere").value, "x");
    EXPECT_EQ(named(all, "from.elsewhere").type, 0);
    EXPECT_EQ(all->size(), topic_config_rows().size() - 1 + 1);  // less what is gone and not set, and one unknown
    for (const ConfigDescription& config : *all) {
        EXPECT_FALSE(config.is_sensitive);
        EXPECT_EQ(config.documentation.has_value(), config.name != "from.elsewhere") << config.name;
    }
}

TEST(ConfigDescription, what_has_one_value_is_read_only) {
    Arena arena(1 << 20);
    const auto all = describe_topic_configs({}, 1, {}, {}, arena);
    ASSERT_TRUE(all.has_value());
    for (const ConfigDescription& config : *all)
        EXPECT_EQ(config.read_only, find_topic_config(config.name)->effect == ConfigEffect::fixed) << config.name;
}

TEST(ConfigDescription, of_the_broker_has_the_defaults_of_topics_too) {
    BrokerOptions options;
    options.default_log.retention_bytes = 77;
    options.listen = {"::1", 9092};
    Arena arena(1 << 20);
    const auto all = describe_broker_configs(options, {}, {.synonyms = true}, arena);
    ASSERT_TRUE(all.has_value());
    EXPECT_EQ(named(all, "log.retention.bytes").value, "77");
    EXPECT_EQ(synonyms(named(all, "log.retention.bytes")), "log.retention.bytes=77:4 log.retention.bytes=-1:5");
    EXPECT_EQ(named(all, "num.partitions").source, ConfigSource::initial);
    EXPECT_EQ(synonyms(named(all, "node.id")), "node.id=1:4");
    EXPECT_EQ(named(all, "listeners").value, "PLAINTEXT://[::1]:9092");
    std::vector<std::string_view> names;
    for (const ConfigDescription& config : *all) names.push_back(config.name);
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
    // What has no effect on a topic is no config of this broker either.
    EXPECT_EQ(std::ranges::find(names, "log.flush.interval.ms"), names.end());
}

TEST(ConfigDescription, takes_room_only_for_what_is_asked_for) {
    const std::vector<std::string_view> keys{"retention.ms", "retention.ms", "none"};
    Arena arena(1 << 20), other(1 << 20);
    const auto few = describe_topic_configs({}, 1, {}, {.keys = keys}, arena);
    ASSERT_TRUE(few.has_value());
    EXPECT_EQ(few->size(), 1u);
    EXPECT_LT(arena.used(), 1000u);
    const std::vector<std::string_view> broker_keys{"log.retention.ms"};
    EXPECT_EQ(describe_broker_configs({}, {}, {.keys = broker_keys}, other)->size(), 1u);
}

TEST(ConfigDescription, has_no_answer_without_room) {
    const std::vector<ConfigEntry> set{{"retention.ms", "5"}};
    for (size_t bytes = 0; bytes < 16 * 1024; bytes += 64) {
        Arena arena(bytes);
        const auto all = describe_topic_configs(set, 1, {}, {.synonyms = true}, arena);
        EXPECT_EQ(all ? named(all, "retention.ms").value : "5", "5");
        Arena other(bytes);
        const auto broker = describe_broker_configs({}, {}, {.synonyms = true}, other);
        EXPECT_EQ(broker ? named(broker, "num.partitions").value : "1", "1");
    }
}

}  // namespace
}  // namespace penstock::broker
