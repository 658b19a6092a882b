// ElectLeaders: partitions go back to their preferred leader, or get any leader at all.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

inline constexpr int8_t election_preferred = 0;
inline constexpr int8_t election_unclean = 1;

struct ElectLeadersRequest {
    static constexpr ApiKey key = ApiKey::elect_leaders;

    struct Topic {
        std::string_view topic;
        Array<int32_t> partitions;

        template <class C>
        void fields(C& c) {
            c.field(topic);
            c.field(partitions);
        }
    };

    int8_t election_type = election_preferred;
    Nullable<Array<Topic>> topic_partitions;  ///< null: all
    int32_t timeout_ms = 60'000;

    template <class C>
    void fields(C& c) {
        c.field(election_type, from(1));
        c.field(topic_partitions);
        c.field(timeout_ms);
    }
};

struct ElectLeadersResponse {
    static constexpr ApiKey key = ApiKey::elect_leaders;

    struct Partition {
        int32_t partition_id = 0;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;

        template <class C>
        void fields(C& c) {
            c.field(partition_id);
            c.field(error_code);
            c.field(error_message);
        }
    };

    struct Topic {
        std::string_view topic;
        Array<Partition> partition_result;

        template <class C>
        void fields(C& c) {
            c.field(topic);
            c.field(partition_result);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Array<Topic> replica_election_results;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code, from(1));
        c.field(replica_election_results);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ElectLeadersRequest);
PENSTOCK_MESSAGE(kafka::ElectLeadersResponse);
}  // namespace penstock::wire
