#include <gtest/gtest.h>

#include <mutex>

#include "command_run.h"
#include "contains.h"
#include "scripted_broker.h"
#include "wire/kafka/describe_configs.h"
#include "wire/kafka/incremental_alter_configs.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {
namespace {

using wire::kafka::ConfigResourceType;
using wire::kafka::ConfigSource;
using wire::kafka::DescribeConfigsRequest;
using wire::kafka::DescribeConfigsResponse;
using wire::kafka::IncrementalAlterConfigsRequest;
using wire::kafka::IncrementalAlterConfigsResponse;
using wire::kafka::MetadataResponse;

/// Broker 1 with the topic "games", which has a retention of its own.
struct ConfigBroker {
    std::atomic<ErrorCode> alter_error = ErrorCode::none;
    std::atomic<int> busy_left = 0;   ///< so many changes are answered "timed out"
    std::mutex mutex;
    std::map<std::string, std::string> set{{"retention.ms", "1000"}};   ///< under the mutex, as the next
    std::vector<std::string> asked;                                     ///< "SET name=value", "DELETE name"
    ScriptedBroker broker{{[this](Peer& peer) { serve(peer); }}};

    void serve(Peer& peer) {
        while (const auto request = peer.receive()) {
            Arena arena(1 << 20);
            switch (static_cast<ApiKey>(request->key)) {
                case ApiKey::api_versions: answer_versions(peer, *request); break;
                case ApiKey::metadata: metadata(peer, *request); break;
                case ApiKey::describe_configs: describe(peer, *request, arena); break;
                case ApiKey::incremental_alter_configs: alter(peer, *request, arena); break;
                default: return;
            }
        }
    }

private:
    void metadata(Peer& peer, const ReceivedRequest& request) {
        const std::string host = broker.address().host;
        const MetadataResponse::Broker self{.node_id = 1, .host = host, .port = broker.address().port};
        MetadataResponse::Topic topic;
        topic.name = "games";
        MetadataResponse response;
        response.brokers = {&self, 1};
        response.controller_id = 1;
        response.topics = {&topic, 1};
        peer.answer(request, response);
    }

    DescribeConfigsResponse::Config shown(std::string_view name, std::string_view initial) {
        DescribeConfigsResponse::Config config;
        const auto own = set.find(std::string(name));
        config.name = name;
        config.value = own != set.end() ? std::string_view(own->second) : initial;
        config.source = own != set.end() ? ConfigSource::topic : ConfigSource::initial;
        config.documentation = "What it is.";
        return config;
    }

    void describe(Peer& peer, const ReceivedRequest& request, Arena& arena) {
        const auto wanted = peer.decode<DescribeConfigsRequest>(request, arena).resources.front();
        const std::lock_guard guard(mutex);
        DescribeConfigsResponse::Result result;
        result.resource_type = wanted.type;
        result.resource_name = wanted.name;
        std::vector<DescribeConfigsResponse::Config> configs;
        if (wanted.type == ConfigResourceType::broker) {
            configs.push_back({.name = "num.partitions", .value = "7", .read_only = true,
                               .source = ConfigSource::static_broker});
            configs.push_back({.name = "delete.topic.enable", .value = "true", .read_only = true,
                               .source = ConfigSource::initial});
        } else if (wanted.name == "games") {
            configs = {shown("retention.ms", "604800000"), shown("cleanup.policy", "delete"),
                       shown("max.message.bytes", "1048588")};
        } else {
            result.error_code = ErrorCode::unknown_topic_or_partition;
        }
        result.configs = configs;
        DescribeConfigsResponse response;
        response.results = {&result, 1};
        peer.answer(request, response);
    }

    void alter(Peer& peer, const ReceivedRequest& request, Arena& arena) {
        const auto wanted = peer.decode<IncrementalAlterConfigsRequest>(request, arena).resources.front();
        const std::lock_guard guard(mutex);
        IncrementalAlterConfigsResponse::Result result;
        result.resource_type = wanted.type;
        result.resource_name = wanted.name;
        result.error_code = busy_left-- > 0 ? ErrorCode::request_timed_out : alter_error.load();
        if (result.error_code == ErrorCode::invalid_config) result.error_message = "because";
        for (const auto& config : wanted.configs) {
            const bool sets = config.operation == wire::kafka::AlterOperation::set;
            asked.push_back((sets ? "SET " : "DELETE ") + std::string(config.name) + "=" +
                            std::string(config.value.value_or("(null)")));
            if (result.error_code != ErrorCode::none) continue;
            if (sets) set[std::string(config.name)] = *config.value;
            else set.erase(std::string(config.name));
        }
        IncrementalAlterConfigsResponse response;
        response.results = {&result, 1};
        peer.answer(request, response);
    }
};

class ConfigCommand : public testing::Test {
protected:
    RunResult run(const std::vector<std::string>& words) { return run_command(words, fake_.broker.address()); }
    std::vector<std::string> asked() {
        const std::lock_guard guard(fake_.mutex);
        return fake_.asked;
    }
    ConfigBroker fake_;
};

TEST_F(ConfigCommand, ShowsWhatATopicHasSetOrAll) {
    EXPECT_EQ(run({"config", "get", "topic", "games"}).text, "CONFIG        VALUE  SOURCE\n"
                                                             "retention.ms  1000   topic\n");
    EXPECT_EQ(run({"config", "get", "topic", "games", "--all"}).text, "CONFIG             VALUE    SOURCE\n"
                                                                      "cleanup.policy     delete   default\n"
                                                                      "max.message.bytes  1048588  default\n"
                                                                      "retention.ms       1000     topic\n");
    const auto json = run({"config", "get", "topic", "games", "--json"});
    EXPECT_TRUE(contains(json.text, "\"config\": \"retention.ms\"")) << json.text;
    EXPECT_TRUE(contains(json.text, "\"source\": \"topic\""));
    EXPECT_TRUE(contains(json.text, "\"documentation\": \"What it is.\""));
    run({"config", "unset", "topic", "games", "retention.ms"});
    EXPECT_TRUE(contains(run({"config", "get", "topic", "games"}).text, "has no configs of its own"));
}

TEST_F(ConfigCommand, ShowsWhatBrokersWereStartedWith) {
    EXPECT_EQ(run({"config", "get", "broker"}).text, "Broker 1\n"
                                                     "CONFIG          VALUE  SOURCE\n"
                                                     "num.partitions  7      broker's file\n");
    EXPECT_TRUE(contains(run({"config", "get", "broker", "1", "--all"}).text, "delete.topic.enable  true"));
    EXPECT_TRUE(contains(run({"config", "get", "broker", "1", "--json"}).text, "\"broker\": 1"));
    EXPECT_EQ(run({"config", "get", "broker", "2"}).failure, "there is no broker 2 | See 'penstock cluster status'.");
}

TEST_F(ConfigCommand, SetsAndUnsets) {
    const auto done = run({"config", "set", "topic", "games", "retention.ms=5", "cleanup.policy=compact,delete"});
    EXPECT_EQ(done.code, 0) << done.failure;
    EXPECT_EQ(done.text, "retention.ms of topic 'games' is 5.\n"
                         "cleanup.policy of topic 'games' is compact,delete.\n");
    EXPECT_EQ(run({"config", "unset", "topic", "games", "retention.ms"}).text,
              "retention.ms of topic 'games' is 604800000 again, its default.\n");
    const auto json = run({"config", "set", "topic", "games", "retention.ms=", "--json"});
    EXPECT_TRUE(contains(json.text, "\"topic\": \"games\"")) << json.text;
    EXPECT_EQ(asked(), (std::vector<std::string>{"SET retention.ms=5", "SET cleanup.policy=compact,delete",
                                                 "DELETE retention.ms=(null)", "SET retention.ms="}));
}

TEST_F(ConfigCommand, SuggestsNamesThatExist) {
    EXPECT_EQ(run({"config", "get", "topic", "game"}).failure, "there is no topic 'game' | Did you mean 'games'?");
    EXPECT_EQ(run({"config", "unset", "topic", "games", "retention.m"}).failure,
              "there is no config 'retention.m' | Did you mean 'retention.ms'?");
    EXPECT_TRUE(asked().empty());
    fake_.alter_error = ErrorCode::invalid_config;
    EXPECT_EQ(run({"config", "set", "topic", "games", "retention.m=1"}).failure,
              "there is no config 'retention.m' | Did you mean 'retention.ms'?");
    const auto refused = run({"config", "set", "topic", "games", "retention.ms=soon"});
    EXPECT_TRUE(contains(refused.failure, "INVALID_CONFIG")) << refused.failure;
    EXPECT_TRUE(contains(refused.failure, "because"));
}

TEST_F(ConfigCommand, TriesAgainWhatMaySucceedLater) {
    fake_.busy_left = 2;
    EXPECT_EQ(run({"config", "set", "topic", "games", "retention.ms=5"}).code, 0);
    EXPECT_EQ(asked().size(), 3u);
}

TEST_F(ConfigCommand, RefusesArgumentsThatMakeNoSense) {
    EXPECT_TRUE(contains(run({"config", "set", "topic", "games", "a=1", "a=2"}).failure, "more than once"));
    for (const auto& [words, why] : std::initializer_list<std::pair<std::vector<std::string>, const char*>>{
             {{"config", "set", "topic", "games", "retention.ms"}, "is not NAME=VALUE"},
             {{"config", "set", "topic", "games"}, "CONFIG=VALUE"},
             {{"config", "unset", "topic", "games", "retention.ms=1"}, "is no name of a config"},
             {{"config", "get"}, "needs a command: topic, broker"},
             {{"config", "set", "broker"}, "has no command 'broker'"}}) {
        const auto parsed = parse_arguments(words);
        ASSERT_FALSE(parsed);
        EXPECT_TRUE(contains(parsed.error().message, why)) << parsed.error().message;
    }
}

}  // namespace
}  // namespace penstock::cli
