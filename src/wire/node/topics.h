// CreateTopics, DeleteTopics, AlterTopicConfigs, CreatePartitions: changes that a broker forwards for a Kafka client.
//
// The broker has validated what only it knows (names and values of configs); the coordinator decides the rest.
// Errors are Kafka's codes, per topic. One answer serves all: the topics in the order of the request, and the
// revision whose view holds the outcome.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"
#include "wire/node/watch_cluster.h"

namespace penstock::wire::node {

struct CreatableTopic {
    std::string_view name;
    int32_t partitions = -1;
    int16_t replication_factor = -1;
    Array<Array<int32_t>> assignment;  ///< the replicas of partition 0, 1, ...; empty: the coordinator places them
    Array<TopicConfig> configs;

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(partitions);
        c.field(replication_factor);
        c.field(assignment);
        c.field(configs);
    }
};

struct CreateTopicsRequest {
    static constexpr NodeKey key = NodeKey::create_topics;
    int64_t session = 0;
    Array<CreatableTopic> topics;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(topics);
        c.field(validate_only);
    }
};

/// By name, or by id when the name is empty.
struct DeletableTopic {
    std::string_view name;
    Uuid id;

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(id);
    }
};

struct DeleteTopicsRequest {
    static constexpr NodeKey key = NodeKey::delete_topics;
    int64_t session = 0;
    Array<DeletableTopic> topics;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(topics);
    }
};

/// Takes `configs` if the topic still has the ones that they were made from, else answers INVALID_UPDATE_VERSION.
struct AlteredTopic {
    std::string_view name;   ///< for the answer: the id counts
    Uuid id;
    Array<TopicConfig> expected;
    Array<TopicConfig> configs;

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(id);
        c.field(expected);
        c.field(configs);
    }
};

struct AlterTopicConfigsRequest {
    static constexpr NodeKey key = NodeKey::alter_topic_configs;
    int64_t session = 0;
    Array<AlteredTopic> topics;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(topics);
        c.field(validate_only);
    }
};

struct GrowingTopic {
    std::string_view name;
    int32_t count = 0;   ///< the old partitions among them
    Nullable<Array<Array<int32_t>>> assignment;  ///< the replicas of each new one; null: the coordinator places them

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(count);
        c.field(assignment);
    }
};

struct CreatePartitionsRequest {
    static constexpr NodeKey key = NodeKey::create_partitions;
    int64_t session = 0;
    Array<GrowingTopic> topics;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(topics);
        c.field(validate_only);
    }
};

struct ChangedTopic {
    std::string_view name;
    Uuid id;
    int16_t error = 0;
    NullableString message;
    int32_t partitions = -1;
    int16_t replication_factor = -1;
    Array<TopicConfig> configs;

    template <class C>
    void fields(C& c) {
        c.field(name);
        c.field(id);
        c.field(error);
        c.field(message);
        c.field(partitions);
        c.field(replication_factor);
        c.field(configs);
    }
};

template <NodeKey answered>
struct ChangedTopicsResponse {
    static constexpr NodeKey key = answered;
    int16_t error = 0;       ///< of the request as a whole
    int64_t revision = 0;
    Array<ChangedTopic> topics;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(revision);
        c.field(topics);
    }
};

using CreateTopicsResponse = ChangedTopicsResponse<NodeKey::create_topics>;
using DeleteTopicsResponse = ChangedTopicsResponse<NodeKey::delete_topics>;
using AlterTopicConfigsResponse = ChangedTopicsResponse<NodeKey::alter_topic_configs>;
using CreatePartitionsResponse = ChangedTopicsResponse<NodeKey::create_partitions>;

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::CreateTopicsRequest);
PENSTOCK_MESSAGE(node::DeleteTopicsRequest);
PENSTOCK_MESSAGE(node::AlterTopicConfigsRequest);
PENSTOCK_MESSAGE(node::CreatePartitionsRequest);
PENSTOCK_MESSAGE(node::CreateTopicsResponse);
PENSTOCK_MESSAGE(node::DeleteTopicsResponse);
PENSTOCK_MESSAGE(node::AlterTopicConfigsResponse);
PENSTOCK_MESSAGE(node::CreatePartitionsResponse);
}  // namespace penstock::wire
