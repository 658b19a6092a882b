// DescribeLogDirs: how large partitions are on this broker's disks, and how much space those have.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct DescribeLogDirsRequest {
    static constexpr ApiKey key = ApiKey::describe_log_dirs;

    struct Topic {
        std::string_view topic;
        Array<int32_t> partitions;

        template <class C>
        void fields(C& c) {
            c.field(topic);
            c.field(partitions);
        }
    };

    Nullable<Array<Topic>> topics;   ///< null: all

    template <class C>
    void fields(C& c) {
        c.field(topics);
    }
};

struct DescribeLogDirsResponse {
    static constexpr ApiKey key = ApiKey::describe_log_dirs;

    struct Partition {
        int32_t partition_index = 0;
        int64_t partition_size = 0;
        int64_t offset_lag = 0;
        bool is_future_key = false;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(partition_size);
            c.field(offset_lag);
            c.field(is_future_key);
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

    struct Result {
        ErrorCode error_code = ErrorCode::none;
        std::string_view log_dir;
        Array<Topic> topics;
        int64_t total_bytes = -1;
        int64_t usable_bytes = -1;
        bool is_cordoned = false;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(log_dir);
            c.field(topics);
            c.field(total_bytes, from(4));
            c.field(usable_bytes, from(4));
            c.field(is_cordoned, from(5));
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Array<Result> results;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code, from(3));
        c.field(results);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DescribeLogDirsRequest);
PENSTOCK_MESSAGE(kafka::DescribeLogDirsResponse);
}  // namespace penstock::wire
