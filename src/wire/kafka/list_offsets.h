// ListOffsets: where a partition starts and ends, and the offset that goes with a timestamp.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

/// Timestamps that ask for a place, not for a time.
inline constexpr int64_t latest_timestamp = -1;
inline constexpr int64_t earliest_timestamp = -2;
inline constexpr int64_t max_timestamp = -3;                     ///< from 7 on
inline constexpr int64_t earliest_local_timestamp = -4;          ///< from 8 on
inline constexpr int64_t latest_tiered_timestamp = -5;           ///< from 9 on
inline constexpr int64_t earliest_pending_upload_timestamp = -6; ///< from 11 on

struct ListOffsetsRequest {
    static constexpr ApiKey key = ApiKey::list_offsets;

    struct Partition {
        int32_t partition_index = 0;
        int32_t current_leader_epoch = -1;
        int64_t timestamp = latest_timestamp;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(current_leader_epoch, from(4));
            c.field(timestamp);
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

    int32_t replica_id = -1;
    int8_t isolation_level = 0;
    Array<Topic> topics;
    int32_t timeout_ms = 0;

    template <class C>
    void fields(C& c) {
        c.field(replica_id);
        c.field(isolation_level, from(2));
        c.field(topics);
        c.field(timeout_ms, from(10));
    }
};

struct ListOffsetsResponse {
    static constexpr ApiKey key = ApiKey::list_offsets;

    struct Partition {
        int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        int64_t timestamp = -1;
        int64_t offset = -1;
        int32_t leader_epoch = -1;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(error_code);
            c.field(timestamp);
            c.field(offset);
            c.field(leader_epoch, from(4));
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
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(2));
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ListOffsetsRequest);
PENSTOCK_MESSAGE(kafka::ListOffsetsResponse);
}  // namespace penstock::wire
