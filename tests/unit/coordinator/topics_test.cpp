#include "coordinator/topics.h"

#include <gtest/gtest.h>

#include <functional>

#include "cluster.h"
#include "limits.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using namespace wire::node;

const TopicDefaults defaults{.partitions = 3, .replication_factor = 2};

std::vector<TopicOutcome> create(State& state, std::vector<CreatableTopic> topics, bool validate_only = false) {
    Random random(5);
    CreateTopicsRequest request;
    request.topics = topics;
    request.validate_only = validate_only;
    return create_topics(state, request, defaults, random);
}

CreatableTopic named(std::string_view name, int32_t partitions = -1, int16_t factor = -1) {
    CreatableTopic topic;
    topic.name = name;
    topic.partitions = partitions;
    topic.replication_factor = factor;
    return topic;
}

TEST(Topics, Names) {
    const std::string longest(249, 'a'), longer(250, 'a');
    for (std::string_view name : {std::string_view("a"), std::string_view("A-z_0.9"), std::string_view("..."),
                                  std::string_view(longest), std::string_view("-")})
        EXPECT_TRUE(is_topic_name(name)) << name;
    for (std::string_view name : {std::string_view(""), std::string_view("."), std::string_view(".."),
                                  std::string_view(longer), std::string_view("a b"), std::string_view("a/b"),
                                  std::string_view("\xc3\xa4"), std::string_view("a\0b", 3)})
        EXPECT_FALSE(is_topic_name(name)) << name;
}

TEST(Topics, CreatedWithDefaultsAndLeadersInSync) {
    State state = cluster(3);
    const std::vector<TopicConfig> configs{{"retention.ms", "5"}};
    CreatableTopic topic = named("games");
    topic.configs = configs;
    const auto outcomes = create(state, {topic});
    ASSERT_EQ(outcomes[0].error, ErrorCode::none) << outcomes[0].message;
    EXPECT_EQ(outcomes[0].partitions, 3);
    EXPECT_EQ(outcomes[0].replication_factor, 2);
    const Topic* created = state.topic("games");
    ASSERT_NE(created, nullptr);
    EXPECT_EQ(created->id, outcomes[0].id);
    EXPECT_FALSE(created->id.is_zero());
    EXPECT_EQ(created->configs, (Configs{{"retention.ms", "5"}}));
    for (const Partition& p : created->partitions) {
        EXPECT_EQ(p.replicas.size(), 2u);
        EXPECT_EQ(p.leader, p.replicas[0]);
        EXPECT_EQ(p.isr, std::vector<NodeId>{p.leader});  // followers are in sync when their leader proved it
        EXPECT_EQ(p.leader_epoch, LeaderEpoch{0});
    }
}

TEST(Topics, WhatIsRefused) {
    struct Case {
        const char* what;
        std::function<void(CreatableTopic&)> change;
        ErrorCode error;
    };
    static const std::vector<int32_t> one{1}, two{2}, both{1, 2}, twice{1, 1}, away{3}, unknown{9}, none{};
    static const std::vector<wire::Array<int32_t>> good{both, both}, uneven{one, both}, doubled{twice}, dead{away},
        missing{unknown}, empty{none};
    static const std::string long_value(limits::config_value_bytes_max + 1, 'x');
    static const std::vector<TopicConfig> too_long{{"a", long_value}}, unnamed{{"", "x"}};
    const std::vector<Case> table{
        {"nothing", [](auto&) {}, ErrorCode::none},
        {"name", [](auto& t) { t.name = "a/b"; }, ErrorCode::invalid_topic},
        {"exists", [](auto& t) { t.name = "there"; }, ErrorCode::topic_already_exists},
        {"0 partitions", [](auto& t) { t.partitions = 0; }, ErrorCode::invalid_partitions},
        {"-2 partitions", [](auto& t) { t.partitions = -2; }, ErrorCode::invalid_partitions},
        {"many partitions", [](auto& t) { t.partitions = 10'001; }, ErrorCode::invalid_partitions},
        {"factor 0", [](auto& t) { t.replication_factor = 0; }, ErrorCode::invalid_replication_factor},
        {"factor above the living", [](auto& t) { t.replication_factor = 3; }, ErrorCode::invalid_replication_factor},
        {"assignment", [](auto& t) { t.assignment = good; }, ErrorCode::none},
        {"assignment and count", [](auto& t) { t.assignment = good; t.partitions = 2; }, ErrorCode::invalid_request},
        {"uneven", [](auto& t) { t.assignment = uneven; }, ErrorCode::invalid_replica_assignment},
        {"twice", [](auto& t) { t.assignment = doubled; }, ErrorCode::invalid_replica_assignment},
        {"fenced", [](auto& t) { t.assignment = dead; }, ErrorCode::invalid_replica_assignment},
        {"unknown", [](auto& t) { t.assignment = missing; }, ErrorCode::invalid_replica_assignment},
        {"no replicas", [](auto& t) { t.assignment = empty; }, ErrorCode::invalid_replica_assignment},
        {"long config", [](auto& t) { t.configs = too_long; }, ErrorCode::invalid_config},
        {"unnamed config", [](auto& t) { t.configs = unnamed; }, ErrorCode::invalid_config},
    };
    for (const Case& c : table) {
        for (bool validate_only : {true, false}) {
            State state = cluster(2);
            state.set_broker(broker(3, true));
            state.add_topic(topic(7, "there", {partition(1, {1}, {1})}));
            state.take_transaction();
            CreatableTopic wanted = named("new");
            c.change(wanted);
            const auto outcomes = create(state, {wanted}, validate_only);
            EXPECT_EQ(outcomes[0].error, c.error) << c.what << ": " << outcomes[0].message;
            EXPECT_EQ(outcomes[0].message.empty(), c.error == ErrorCode::none) << c.what;
            EXPECT_EQ(state.dirty_rows() > 0, c.error == ErrorCode::none && !validate_only) << c.what;
        }
    }
}

TEST(Topics, ARequestIsJudgedTopicByTopic) {
    State state = cluster(2);
    const auto outcomes = create(state, {named("a"), named("twice"), named("b"), named("twice"), named("")});
    EXPECT_EQ(outcomes[0].error, ErrorCode::none);
    EXPECT_EQ(outcomes[1].error, ErrorCode::invalid_request);
    EXPECT_EQ(outcomes[2].error, ErrorCode::none);
    EXPECT_EQ(outcomes[3].error, ErrorCode::invalid_request);
    EXPECT_EQ(outcomes[4].error, ErrorCode::invalid_topic);
    EXPECT_NE(outcomes[0].id, outcomes[2].id);
    EXPECT_EQ(state.topics().size(), 2u);
    EXPECT_NE(state.topic("a")->partitions[0].leader, state.topic("b")->partitions[0].leader);  // the start moves on
}

TEST(Topics, NobodyAliveMeansNoTopics) {
    State state = cluster(1);
    state.set_broker(broker(1, true));
    EXPECT_EQ(create(state, {named("a", 1, 1)})[0].error, ErrorCode::invalid_replication_factor);
}

TEST(Topics, DeletedByNameOrId) {
    State state = cluster(1);
    create(state, {named("a", 1, 1), named("b", 1, 1), named("c", 1, 1)});
    const Uuid b = state.topic("b")->id;
    const std::vector<DeletableTopic> topics{{"a", {}}, {"", b}, {"a", {}}, {"", numbered(9)}, {"", {}}, {"c", b}};
    DeleteTopicsRequest request;
    request.topics = topics;
    const auto outcomes = delete_topics(state, request);
    const std::vector<ErrorCode> wanted{ErrorCode::none, ErrorCode::none, ErrorCode::unknown_topic_or_partition,
                                        ErrorCode::unknown_topic_id, ErrorCode::invalid_request,
                                        ErrorCode::invalid_request};
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(outcomes[i].error, wanted[i]) << i;
    EXPECT_EQ(outcomes[1].name, "b");
    EXPECT_EQ(state.topics().size(), 1u);
    EXPECT_EQ(state.deleted().size(), 2u);
}

TEST(Topics, ANameCanBeUsedAgainWithAnotherId) {
    State state = cluster(1);
    Random random(1);
    std::vector<CreatableTopic> topics{named("a", 1, 1)};
    CreateTopicsRequest request;
    request.topics = topics;
    const Uuid first = create_topics(state, request, defaults, random)[0].id;
    const std::vector<DeletableTopic> gone{{"a", {}}};
    DeleteTopicsRequest deletion;
    deletion.topics = gone;
    delete_topics(state, deletion);
    const Uuid second = create_topics(state, request, defaults, random)[0].id;
    EXPECT_NE(first, second);
    EXPECT_TRUE(state.deleted().contains(first));
}

TEST(Topics, ConfigsAreAlteredIfTheyAreStillAsExpected) {
    State state = cluster(1);
    create(state, {named("a", 1, 1), named("b", 1, 1)});
    state.take_transaction();
    const std::vector<TopicConfig> none, one{{"x", "1"}}, two{{"x", "2"}, {"y", "2"}};
    std::vector<AlteredTopic> topics{{"a", state.topic("a")->id, none, one}, {"b", state.topic("b")->id, one, two},
                                     {"c", make_uuid(1, 2), none, one}};
    AlterTopicConfigsRequest request;
    request.topics = topics;
    request.validate_only = true;
    EXPECT_EQ(alter_topic_configs(state, request).at(0).error, ErrorCode::none);
    EXPECT_EQ(state.dirty_rows(), 0u);
    request.validate_only = false;
    const std::vector<TopicOutcome> outcomes = alter_topic_configs(state, request);
    EXPECT_EQ(outcomes.at(0).error, ErrorCode::none);
    EXPECT_EQ(outcomes.at(0).configs, (Configs{{"x", "1"}}));
    EXPECT_EQ(outcomes.at(1).error, ErrorCode::invalid_update_version);
    EXPECT_EQ(outcomes.at(2).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(state.topic("a")->configs, (Configs{{"x", "1"}}));
    EXPECT_TRUE(state.topic("b")->configs.empty());
    state.take_transaction();
    topics = {{"a", state.topic("a")->id, one, one}};
    request.topics = topics;
    EXPECT_EQ(alter_topic_configs(state, request).at(0).error, ErrorCode::none);
    EXPECT_EQ(state.dirty_rows(), 0u);  // nothing changed
    topics[0].configs = none;
    EXPECT_EQ(alter_topic_configs(state, request).at(0).error, ErrorCode::none);
    EXPECT_TRUE(state.topic("a")->configs.empty());
}

TEST(Topics, ConfigsStayWithinTheirBounds) {
    State state = cluster(1);
    create(state, {named("a", 1, 1)});
    const std::string long_value(limits::config_value_bytes_max + 1, 'x');
    const std::vector<TopicConfig> configs{{"x", long_value}};
    const std::vector<AlteredTopic> topics{{"a", state.topic("a")->id, {}, configs}};
    AlterTopicConfigsRequest request;
    request.topics = topics;
    EXPECT_EQ(alter_topic_configs(state, request).at(0).error, ErrorCode::invalid_config);
    EXPECT_TRUE(state.topic("a")->configs.empty());
}

}  // namespace
}  // namespace penstock::coordinator
