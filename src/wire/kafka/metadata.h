// Metadata: brokers, topics and the leaders of their partitions.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

inline constexpr int32_t operations_unknown = INT32_MIN;  ///< authorized operations that nobody asked for

struct MetadataRequest {
    static constexpr ApiKey key = ApiKey::metadata;

    struct Topic {
        Uuid topic_id;         ///< asked by id from 12 on; zero: by name
        NullableString name;

        template <class C>
        void fields(C& c) {
            c.field(topic_id, from(10));
            c.field(name, from(0), nullable_from(10));
        }
    };

    Nullable<Array<Topic>> topics;  ///< null: all. In version 0 an empty list means all too.
    bool allow_auto_topic_creation = true;
    bool include_cluster_authorized_operations = false;
    bool include_topic_authorized_operations = false;

    template <class C>
    void fields(C& c) {
        c.field(topics, from(0), nullable_from(1));
        c.field(allow_auto_topic_creation, from(4));
        c.field(include_cluster_authorized_operations, versions(8, 10));
        c.field(include_topic_authorized_operations, from(8));
    }
};

struct MetadataResponse {
    static constexpr ApiKey key = ApiKey::metadata;

    struct Broker {
        int32_t node_id = -1;
        std::string_view host;
        int32_t port = 0;
        NullableString rack;
        int32_t native_port = -1;  ///< ours: see wire/kafka/README.md

        template <class C>
        void fields(C& c) {
            c.field(node_id);
            c.field(host);
            c.field(port);
            c.field(rack, from(1));
        }
        template <class C>
        void tags(C& c) {
            c.tag(10000, native_port, from(9), -1);
        }
    };

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        int32_t partition_index = 0;
        int32_t leader_id = -1;
        int32_t leader_epoch = -1;
        Array<int32_t> replica_nodes;
        Array<int32_t> isr_nodes;
        Array<int32_t> offline_replicas;
        int32_t native_port = -1;  ///< of the leader's shard that owns it

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(partition_index);
            c.field(leader_id);
            c.field(leader_epoch, from(7));
            c.field(replica_nodes);
            c.field(isr_nodes);
            c.field(offline_replicas, from(5));
        }
        template <class C>
        void tags(C& c) {
            c.tag(10000, native_port, from(9), -1);
        }
    };

    struct Topic {
        ErrorCode error_code = ErrorCode::none;
        NullableString name = std::string_view();  ///< null from 12 on, for an unknown id
        Uuid topic_id;
        bool is_internal = false;
        Array<Partition> partitions;
        int32_t topic_authorized_operations = operations_unknown;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(name, from(0), nullable_from(12));
            c.field(topic_id, from(10));
            c.field(is_internal, from(1));
            c.field(partitions);
            c.field(topic_authorized_operations, from(8));
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Broker> brokers;
    NullableString cluster_id;
    int32_t controller_id = -1;
    Array<Topic> topics;
    int32_t cluster_authorized_operations = operations_unknown;
    ErrorCode error_code = ErrorCode::none;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(3));
        c.field(brokers);
        c.field(cluster_id, from(2));
        c.field(controller_id, from(1));
        c.field(topics);
        c.field(cluster_authorized_operations, versions(8, 10));
        c.field(error_code, from(13));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::MetadataRequest);
PENSTOCK_MESSAGE(kafka::MetadataResponse);
}  // namespace penstock::wire
