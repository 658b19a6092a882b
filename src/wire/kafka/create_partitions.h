// CreatePartitions: more partitions for topics that exist; one result for each topic.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct CreatePartitionsRequest {
    static constexpr ApiKey key = ApiKey::create_partitions;

    struct Assignment {
        Array<int32_t> broker_ids;

        template <class C>
        void fields(C& c) {
            c.field(broker_ids);
        }
    };

    struct Topic {
        std::string_view name;
        int32_t count = 0;   ///< how many it is to have, the old ones among them
        Nullable<Array<Assignment>> assignments;  ///< of the new ones, in order; null: the cluster places them

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(count);
            c.field(assignments);
        }
    };

    Array<Topic> topics;
    int32_t timeout_ms = 0;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(topics);
        c.field(timeout_ms);
        c.field(validate_only);
    }
};

struct CreatePartitionsResponse {
    static constexpr ApiKey key = ApiKey::create_partitions;

    struct Result {
        std::string_view name;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(error_code);
            c.field(error_message);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Result> results;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(results);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::CreatePartitionsRequest);
PENSTOCK_MESSAGE(kafka::CreatePartitionsResponse);
}  // namespace penstock::wire
