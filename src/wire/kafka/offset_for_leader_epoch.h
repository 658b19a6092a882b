// OffsetForLeaderEpoch: where an epoch ends in a partition, for clients that look for records that a leader cut off.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct OffsetForLeaderEpochRequest {
    static constexpr ApiKey key = ApiKey::offset_for_leader_epoch;

    struct Partition {
        int32_t partition = 0;
        int32_t current_leader_epoch = -1;  ///< what the client thinks; -1: not to be checked
        int32_t leader_epoch = 0;           ///< the one whose end is asked for

        template <class C>
        void fields(C& c) {
            c.field(partition);
            c.field(current_leader_epoch);
            c.field(leader_epoch);
        }
    };

    struct Topic {
        std::string_view topic;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(topic);
            c.field(partitions);
        }
    };

    int32_t replica_id = -2;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(replica_id, from(3));
        c.field(topics);
    }
};

struct OffsetForLeaderEpochResponse {
    static constexpr ApiKey key = ApiKey::offset_for_leader_epoch;

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        int32_t partition = 0;
        int32_t leader_epoch = -1;
        int64_t end_offset = -1;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(partition);
            c.field(leader_epoch);
            c.field(end_offset);
        }
    };

    struct Topic {
        std::string_view topic;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(topic);
            c.field(partitions);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::OffsetForLeaderEpochRequest);
PENSTOCK_MESSAGE(kafka::OffsetForLeaderEpochResponse);
}  // namespace penstock::wire
