// DescribeTopicPartitions: topics and their partitions in order of name, in pages.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

/// The first partition that is not on the page.
struct TopicPartitionsCursor {
    std::string_view topic_name;
    int32_t partition_index = 0;

    template <class C>
    void fields(C& c) {
        c.field(topic_name);
        c.field(partition_index);
    }
};

struct DescribeTopicPartitionsRequest {
    static constexpr ApiKey key = ApiKey::describe_topic_partitions;

    struct Topic {
        std::string_view name;

        template <class C>
        void fields(C& c) {
            c.field(name);
        }
    };

    Array<Topic> topics;   ///< empty: all
    int32_t response_partition_limit = 2000;
    Nullable<TopicPartitionsCursor> cursor;

    template <class C>
    void fields(C& c) {
        c.field(topics);
        c.field(response_partition_limit);
        c.field(cursor);
    }
};

struct DescribeTopicPartitionsResponse {
    static constexpr ApiKey key = ApiKey::describe_topic_partitions;

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        int32_t partition_index = 0;
        int32_t leader_id = -1;
        int32_t leader_epoch = -1;
        Array<int32_t> replica_nodes;
        Array<int32_t> isr_nodes;
        Nullable<Array<int32_t>> eligible_leader_replicas;
        Nullable<Array<int32_t>> last_known_elr;
        Array<int32_t> offline_replicas;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(partition_index);
            c.field(leader_id);
            c.field(leader_epoch);
            c.field(replica_nodes);
            c.field(isr_nodes);
            c.field(eligible_leader_replicas);
            c.field(last_known_elr);
            c.field(offline_replicas);
        }
    };

    struct Topic {
        ErrorCode error_code = ErrorCode::none;
        NullableString name;
        Uuid topic_id;
        bool is_internal = false;
        Array<Partition> partitions;
        int32_t topic_authorized_operations = INT32_MIN;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(name);
            c.field(topic_id);
            c.field(is_internal);
            c.field(partitions);
            c.field(topic_authorized_operations);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Topic> topics;
    Nullable<TopicPartitionsCursor> next_cursor;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(topics);
        c.field(next_cursor);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DescribeTopicPartitionsRequest);
PENSTOCK_MESSAGE(kafka::DescribeTopicPartitionsResponse);
}  // namespace penstock::wire
