// OffsetFetch: where a group has come to. From version 8 on of several groups; topics go by id from version 10 on.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct OffsetFetchRequest {
    static constexpr ApiKey key = ApiKey::offset_fetch;

    struct Topic {
        std::string_view name;
        Uuid topic_id;
        Array<int32_t> partition_indexes;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 9));
            c.field(topic_id, from(10));
            c.field(partition_indexes);
        }
    };

    struct Group {
        std::string_view group_id;
        NullableString member_id;
        int32_t member_epoch = -1;
        Nullable<Array<Topic>> topics;  ///< null: all

        template <class C>
        void fields(C& c) {
            c.field(group_id);
            c.field(member_id, from(9));
            c.field(member_epoch, from(9));
            c.field(topics, from(8), nullable_from(8));
        }
    };

    std::string_view group_id;
    Nullable<Array<Topic>> topics;  ///< null: all
    Array<Group> groups;
    bool require_stable = false;

    template <class C>
    void fields(C& c) {
        c.field(group_id, versions(0, 7));
        c.field(topics, versions(0, 7), nullable_from(2));
        c.field(groups, from(8));
        c.field(require_stable, from(7));
    }
};

struct OffsetFetchResponse {
    static constexpr ApiKey key = ApiKey::offset_fetch;

    struct Partition {
        int32_t partition_index = 0;
        int64_t committed_offset = -1;
        int32_t committed_leader_epoch = -1;
        NullableString metadata = std::string_view();
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(committed_offset);
            c.field(committed_leader_epoch, from(5));
            c.field(metadata);
            c.field(error_code);
        }
    };

    struct Topic {
        std::string_view name;
        Uuid topic_id;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 9));
            c.field(topic_id, from(10));
            c.field(partitions);
        }
    };

    struct Group {
        std::string_view group_id;
        Array<Topic> topics;
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(group_id);
            c.field(topics);
            c.field(error_code);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Topic> topics;
    ErrorCode error_code = ErrorCode::none;
    Array<Group> groups;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(3));
        c.field(topics, versions(0, 7));
        c.field(error_code, versions(2, 7));
        c.field(groups, from(8));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::OffsetFetchRequest);
PENSTOCK_MESSAGE(kafka::OffsetFetchResponse);
}  // namespace penstock::wire
