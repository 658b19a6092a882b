// OffsetDelete: committed offsets of topics that no member of the group subscribes to.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct OffsetDeleteRequest {
    static constexpr ApiKey key = ApiKey::offset_delete;

    struct Partition {
        int32_t partition_index = 0;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
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

    std::string_view group_id;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(topics);
    }
};

struct OffsetDeleteResponse {
    static constexpr ApiKey key = ApiKey::offset_delete;

    struct Partition {
        int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
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

    ErrorCode error_code = ErrorCode::none;
    int32_t throttle_time_ms = 0;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(error_code);
        c.field(throttle_time_ms);
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::OffsetDeleteRequest);
PENSTOCK_MESSAGE(kafka::OffsetDeleteResponse);
}  // namespace penstock::wire
