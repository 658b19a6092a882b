// A client of a simulated broker makes a topic.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "scenario/node_world.h"
#include "wire/kafka/create_topics.h"

namespace penstock::scenario {

/// Its id. `replicas` -1: as many as the cluster gives by default.
inline Uuid create_topic(Client& client, const std::string& name, int32_t partitions, int16_t replicas,
                         const std::vector<std::pair<std::string, std::string>>& configs) {
    using wire::kafka::CreateTopicsRequest;
    std::vector<CreateTopicsRequest::Config> set;
    for (const auto& [key, value] : configs) set.push_back({key, value});
    CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = replicas;
    topic.configs = set;
    CreateTopicsRequest request;
    request.topics = {&topic, 1};
    const auto response = client.ask<wire::kafka::CreateTopicsResponse>(request, 7);
    EXPECT_EQ(response.topics.size(), 1u);
    if (response.topics.size() != 1) return {};
    EXPECT_EQ(response.topics[0].error_code, wire::kafka::ErrorCode::none)
        << response.topics[0].error_message.value_or("");
    return response.topics[0].topic_id;
}

}  // namespace penstock::scenario
