// DeleteRecords: the records of partitions below an offset go.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

/// An offset that stands for the high watermark: everything that is visible goes.
inline constexpr int64_t delete_all_records = -1;

struct DeleteRecordsRequest {
    static constexpr ApiKey key = ApiKey::delete_records;

    struct Partition {
        int32_t partition_index = 0;
        int64_t offset = 0;   ///< the first that stays

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(offset);
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

    Array<Topic> topics;
    int32_t timeout_ms = 0;

    template <class C>
    void fields(C& c) {
        c.field(topics);
        c.field(timeout_ms);
    }
};

struct DeleteRecordsResponse {
    static constexpr ApiKey key = ApiKey::delete_records;

    struct Partition {
        int32_t partition_index = 0;
        int64_t low_watermark = -1;   ///< the first offset that is left
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(low_watermark);
            c.field(error_code);
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
        c.field(throttle_time_ms);
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DeleteRecordsRequest);
PENSTOCK_MESSAGE(kafka::DeleteRecordsResponse);
}  // namespace penstock::wire
