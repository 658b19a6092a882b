// ListPartitionReassignments: partitions whose replicas are on their way to other brokers.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct ListPartitionReassignmentsRequest {
    static constexpr ApiKey key = ApiKey::list_partition_reassignments;

    struct Topic {
        std::string_view name;
        Array<int32_t> partition_indexes;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(partition_indexes);
        }
    };

    int32_t timeout_ms = 60'000;
    Nullable<Array<Topic>> topics;   ///< null: all

    template <class C>
    void fields(C& c) {
        c.field(timeout_ms);
        c.field(topics);
    }
};

struct ListPartitionReassignmentsResponse {
    static constexpr ApiKey key = ApiKey::list_partition_reassignments;

    struct Partition {
        int32_t partition_index = 0;
        Array<int32_t> replicas;
        Array<int32_t> adding_replicas;
        Array<int32_t> removing_replicas;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(replicas);
            c.field(adding_replicas);
            c.field(removing_replicas);
        }
    };

    struct Topic {
        std::string_view name;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(partitions);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    NullableString error_message;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code);
        c.field(error_message);
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ListPartitionReassignmentsRequest);
PENSTOCK_MESSAGE(kafka::ListPartitionReassignmentsResponse);
}  // namespace penstock::wire
