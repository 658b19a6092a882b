#include "wire/kafka/incremental_alter_configs.h"

#include "scenario/config_calls.h"

namespace penstock::scenario {
namespace {

TEST(IncrementalAlterConfigs, sets_removes_and_changes_lists) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"retention.ms", "1000"}, {"segment.ms", "2000"}});
    Client& client = world.connect();
    const std::vector<Operation> operations{set("max.message.bytes", "77"), unset("retention.ms"), unset("flush.ms"),
                                            append("cleanup.policy", "compact")};
    for (int16_t version = 0; version <= 1; ++version)
        EXPECT_EQ(alter(client, {{ConfigResourceType::topic, "t", operations}}, false, version).at(0).error,
                  ErrorCode::none);
    EXPECT_EQ(value_of(client, "t", "max.message.bytes"), "77");
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "604800000");
    EXPECT_EQ(value_of(client, "t", "segment.ms"), "2000");
    EXPECT_EQ(value_of(client, "t", "cleanup.policy"), "delete,compact");
    EXPECT_EQ(alter_topic(client, "t", {subtract("cleanup.policy", "delete,none")}).error, ErrorCode::none);
    EXPECT_EQ(value_of(client, "t", "cleanup.policy"), "compact");
}

TEST(IncrementalAlterConfigs, changes_what_the_shards_do_at_once_and_for_good) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 6);
    Client& client = world.connect();
    const std::string large(2000, 'x');
    for (int32_t p = 0; p < 6; ++p) EXPECT_EQ(produce(client, "t", p, {large}).error_code, ErrorCode::none);
    ASSERT_EQ(alter_topic(client, "t", {set("max.message.bytes", "1000")}).error, ErrorCode::none);
    for (int32_t p = 0; p < 6; ++p)
        EXPECT_EQ(produce(world.connect(), "t", p, {large}).error_code, ErrorCode::message_too_large);
    world.crash_broker(3);
    world.stop_coordinator();
    world.start_coordinator();
    world.start_broker();
    Client& later = world.connect();
    EXPECT_EQ(value_of(later, "t", "max.message.bytes"), "1000");
    EXPECT_EQ(produce(later, "t", 0, {large}).error_code, ErrorCode::message_too_large);
    ASSERT_EQ(alter_topic(later, "t", {unset("max.message.bytes")}).error, ErrorCode::none);
    EXPECT_EQ(produce(later, "t", 0, {large}).error_code, ErrorCode::none);
}

TEST(IncrementalAlterConfigs, a_shorter_retention_removes_records_without_a_restart) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    ASSERT_EQ(produce(client, "t", 0, {"old"}).error_code, ErrorCode::none);
    world.run(60 * second_ns);
    EXPECT_EQ(list_offset(client, "t", 0, wire::kafka::earliest_timestamp).offset, 0);
    ASSERT_EQ(alter_topic(client, "t", {set("retention.ms", "1000")}).error, ErrorCode::none);
    world.run(60 * second_ns);
    EXPECT_EQ(list_offset(client, "t", 0, wire::kafka::earliest_timestamp).offset, 1);
    EXPECT_EQ(produce(client, "t", 0, {"new"}).base_offset, 1);
}

TEST(IncrementalAlterConfigs, a_topic_becomes_compacted_and_stops_to_be) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(produce(client, "t", 0, {"no key"}).error_code, ErrorCode::none);
    ASSERT_EQ(alter_topic(client, "t", {append("cleanup.policy", "compact")}).error, ErrorCode::none);
    EXPECT_EQ(produce(client, "t", 0, {"no key"}).error_code, ErrorCode::invalid_record);
    ASSERT_EQ(alter_topic(client, "t", {subtract("cleanup.policy", "compact")}).error, ErrorCode::none);
    EXPECT_EQ(produce(client, "t", 0, {"no key"}).error_code, ErrorCode::none);
}

TEST(IncrementalAlterConfigs, judges_each_resource_on_its_own) {
    BrokerWorld world;
    for (const char* name : {"good", "bad", "twice"}) world.make_topic(name);
    const std::vector<Operation> fine{set("retention.ms", "1")};
    using enum ConfigResourceType;
    const auto type_99 = static_cast<ConfigResourceType>(99);
    const auto operation_9 = static_cast<AlterOperation>(9);
    const std::vector<std::pair<Change, ErrorCode>> cases{
        {{topic, "good", fine}, ErrorCode::none},
        {{topic, "no-such", fine}, ErrorCode::unknown_topic_or_partition},
        {{topic, "no such", fine}, ErrorCode::invalid_topic},
        {{topic, "", fine}, ErrorCode::invalid_request},
        {{topic, "twice", fine}, ErrorCode::invalid_request},
        {{topic, "twice", {}}, ErrorCode::invalid_request},
        {{broker, "1", {set("log.retention.ms", "1")}}, ErrorCode::invalid_request},
        {{broker, "", {set("log.retention.ms", "1")}}, ErrorCode::invalid_request},
        {{broker, "7", {}}, ErrorCode::invalid_request},
        {{broker, "x", {}}, ErrorCode::invalid_request},
        {{broker_logger, "1", {set("root", "DEBUG")}}, ErrorCode::invalid_request},
        {{client_metrics, "m", {set("interval.ms", "1000")}}, ErrorCode::invalid_request},
        {{client_metrics, "gone", {unset("interval.ms")}}, ErrorCode::none},
        {{group, "g", {set("consumer.session.timeout.ms", "50000")}}, ErrorCode::invalid_config},
        {{unknown, "x", fine}, ErrorCode::invalid_request},
        {{type_99, "x", fine}, ErrorCode::invalid_request},
    };
    std::vector<Change> changes;
    for (const auto& [change, error] : cases) changes.push_back(change);
    Client& client = world.connect();
    const std::vector<Altered> results = alter(client, changes);
    ASSERT_EQ(results.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
        EXPECT_EQ(results[i].error, cases[i].second) << i << " " << results[i].message;
        EXPECT_EQ(results[i].message.empty(), cases[i].second == ErrorCode::none) << i;
    }
    EXPECT_EQ(value_of(client, "good", "retention.ms"), "1");
    EXPECT_EQ(value_of(client, "twice", "retention.ms"), "604800000");

    // One topic, one wrong thing at a time. Nothing of it is applied, the good part neither.
    const std::vector<std::tuple<Operation, ErrorCode, const char*>> wrong{
        {set("no.such", "1"), ErrorCode::invalid_config, "Unknown topic config name: no.such"},
        {set("retention.bytes", "much"), ErrorCode::invalid_config, "not a number"},
        {set("compression.type", "lz4"), ErrorCode::invalid_config, "serves only producer"},
        {set("cleanup.policy", "shred"), ErrorCode::invalid_config, "must be one of compact, delete"},
        {append("retention.bytes", "1"), ErrorCode::invalid_config, "is no list"},
        {subtract("no.such", "1"), ErrorCode::invalid_config, "Unknown topic config name"},
        {set("retention.ms", "2"), ErrorCode::invalid_request, "named more than once"},
        {{"retention.bytes", AlterOperation::set, {}}, ErrorCode::invalid_request, "Null value"},
        {{"cleanup.policy", AlterOperation::append, {}}, ErrorCode::invalid_request, "Null value"},
        {{"retention.bytes", operation_9, "1"}, ErrorCode::invalid_request, "Unknown operation 9"},
        {set("flush.ms", std::string_view()), ErrorCode::invalid_config, "not a number"}};
    for (const auto& [operation, error, why] : wrong) {
        const Altered result = alter_topic(client, "bad", {set("retention.ms", "5"), operation});
        EXPECT_EQ(result.error, error) << operation.name;
        EXPECT_NE(result.message.find(why), std::string::npos) << result.message;
    }
    EXPECT_EQ(alter_topic(client, "bad", {set("max.compaction.lag.ms", "5"), set("min.compaction.lag.ms", "6")}).error,
              ErrorCode::invalid_config);
    EXPECT_EQ(value_of(client, "bad", "retention.ms"), "604800000");
    // A wrong config comes before a topic that is not there, as in Kafka.
    EXPECT_EQ(alter_topic(client, "no-such", {set("no.such", "1")}).error, ErrorCode::invalid_config);
}

TEST(IncrementalAlterConfigs, answers_whatever_the_sizes_are) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const std::string longest(32767, 'x');
    for (const Operation& operation :
         {set(longest, "1"), set("retention.ms", longest), set("cleanup.policy", longest), append(longest, "1")}) {
        const Altered result = alter_topic(client, "t", {operation});
        EXPECT_EQ(result.error, ErrorCode::invalid_config);
        EXPECT_LE(result.message.size(), limits::error_message_bytes);
    }
    // Allowed by its name and value, refused by the coordinator for its size.
    EXPECT_EQ(alter_topic(client, "t", {set("message.format.version", longest)}).error, ErrorCode::invalid_config);
    std::vector<std::string> names;
    for (size_t i = 0; i <= limits::configs_per_resource; ++i) names.push_back(std::to_string(i) + longest.substr(900));
    std::vector<Operation> many;
    for (const std::string& name : names) many.push_back(unset(name));
    EXPECT_EQ(alter_topic(client, "t", many).error, ErrorCode::invalid_request);
    many.resize(100);
    for (Operation& operation : many) operation = set(operation.name, "1");
    EXPECT_EQ(alter(client, {{ConfigResourceType::broker, "1", many}}).at(0).error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(client, ConfigResourceType::broker, longest).error_code, ErrorCode::invalid_request);
}

TEST(IncrementalAlterConfigs, only_validates_when_asked_to) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const std::vector<Altered> results =
        alter(client, {{ConfigResourceType::topic, "t", {set("retention.ms", "5")}},
                       {ConfigResourceType::topic, "none", {set("retention.ms", "5")}}}, true);
    EXPECT_EQ(results.at(0).error, ErrorCode::none) << results.at(0).message;
    EXPECT_EQ(results.at(1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "604800000");
}

}  // namespace
}  // namespace penstock::scenario
