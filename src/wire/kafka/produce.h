// Produce: one record batch per partition.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"
#include "wire/kafka/node_endpoint.h"

namespace penstock::wire::kafka {

struct ProduceRequest {
    static constexpr ApiKey key = ApiKey::produce;

    struct Partition {
        int32_t index = 0;
        Records records;  ///< null decodes as empty: neither is a batch

        template <class C>
        void fields(C& c) {
            c.field(index);
            c.field(records);
        }
    };

    struct Topic {
        std::string_view name;  ///< up to 12
        Uuid topic_id;          ///< from 13 on
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 12));
            c.field(topic_id, from(13));
            c.field(partitions);
        }
    };

    NullableString transactional_id;
    int16_t acks = 0;  ///< -1: all in-sync replicas; 0: no response at all; 1: the leader
    int32_t timeout_ms = 0;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(transactional_id, from(3));
        c.field(acks);
        c.field(timeout_ms);
        c.field(topics);
    }
};

struct ProduceResponse {
    static constexpr ApiKey key = ApiKey::produce;

    struct RecordError {
        int32_t batch_index = 0;
        NullableString message;

        template <class C>
        void fields(C& c) {
            c.field(batch_index);
            c.field(message);
        }
    };

    struct Partition {
        int32_t index = 0;
        ErrorCode error_code = ErrorCode::none;
        int64_t base_offset = -1;
        int64_t log_append_time_ms = -1;
        int64_t log_start_offset = -1;
        Array<RecordError> record_errors;
        NullableString error_message;
        LeaderIdAndEpoch current_leader;  ///< beside not_leader_or_follower

        template <class C>
        void fields(C& c) {
            c.field(index);
            c.field(error_code);
            c.field(base_offset);
            c.field(log_append_time_ms, from(2));
            c.field(log_start_offset, from(5));
            c.field(record_errors, from(8));
            c.field(error_message, from(8));
        }
        template <class C>
        void tags(C& c) {
            c.tag(0, current_leader, from(10));
        }
    };

    struct Topic {
        std::string_view name;
        Uuid topic_id;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 12));
            c.field(topic_id, from(13));
            c.field(partitions);
        }
    };

    Array<Topic> topics;
    int32_t throttle_time_ms = 0;
    Array<NodeEndpoint> node_endpoints;

    template <class C>
    void fields(C& c) {
        c.field(topics);
        c.field(throttle_time_ms, from(1));
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, node_endpoints, from(10));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ProduceRequest);
PENSTOCK_MESSAGE(kafka::ProduceResponse);
}  // namespace penstock::wire
