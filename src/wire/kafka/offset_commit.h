// OffsetCommit: where a group has come to. Topics are named up to version 9, and go by id from version 10 on.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct OffsetCommitRequest {
    static constexpr ApiKey key = ApiKey::offset_commit;

    struct Partition {
        int32_t partition_index = 0;
        int64_t committed_offset = -1;
        int32_t committed_leader_epoch = -1;
        NullableString committed_metadata;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(committed_offset);
            c.field(committed_leader_epoch, from(6));
            c.field(committed_metadata);
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

    std::string_view group_id;
    int32_t generation_id = -1;
    std::string_view member_id;
    NullableString group_instance_id;
    int64_t retention_time_ms = -1;  ///< of no effect, as in Kafka
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(generation_id, from(1));
        c.field(member_id, from(1));
        c.field(group_instance_id, from(7));
        c.field(retention_time_ms, versions(2, 4));
        c.field(topics);
    }
};

struct OffsetCommitResponse {
    static constexpr ApiKey key = ApiKey::offset_commit;

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
        Uuid topic_id;
        Array<Partition> partitions;

        template <class C>
        void fields(C& c) {
            c.field(name, versions(0, 9));
            c.field(topic_id, from(10));
            c.field(partitions);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(3));
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::OffsetCommitRequest);
PENSTOCK_MESSAGE(kafka::OffsetCommitResponse);
}  // namespace penstock::wire
