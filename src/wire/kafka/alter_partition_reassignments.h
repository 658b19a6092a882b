// AlterPartitionReassignments: other brokers get the replicas of partitions, or what is under way of that ends.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct AlterPartitionReassignmentsRequest {
    static constexpr ApiKey key = ApiKey::alter_partition_reassignments;

    struct Partition {
        int32_t partition_index = 0;
        Nullable<Array<int32_t>> replicas;   ///< null: what is under way is to end

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(replicas);
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

    int32_t timeout_ms = 60'000;
    bool allow_replication_factor_change = true;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(timeout_ms);
        c.field(allow_replication_factor_change, from(1));
        c.field(topics);
    }
};

struct AlterPartitionReassignmentsResponse {
    static constexpr ApiKey key = ApiKey::alter_partition_reassignments;

    struct Partition {
        int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(error_code);
            c.field(error_message);
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
    bool allow_replication_factor_change = true;
    ErrorCode error_code = ErrorCode::none;
    NullableString error_message;
    Array<Topic> responses;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(allow_replication_factor_change, from(1));
        c.field(error_code);
        c.field(error_message);
        c.field(responses);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::AlterPartitionReassignmentsRequest);
PENSTOCK_MESSAGE(kafka::AlterPartitionReassignmentsResponse);
}  // namespace penstock::wire
