// CreateTopics: one result for each topic; a name given twice has one result, invalid_request.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct CreateTopicsRequest {
    static constexpr ApiKey key = ApiKey::create_topics;

    struct Assignment {
        int32_t partition_index = 0;
        Array<int32_t> broker_ids;

        template <class C>
        void fields(C& c) {
            c.field(partition_index);
            c.field(broker_ids);
        }
    };

    struct Config {
        std::string_view name;
        NullableString value;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(value);
        }
    };

    struct Topic {
        std::string_view name;
        int32_t num_partitions = -1;      ///< -1: the broker's default (from 4 on), or assignments say
        int16_t replication_factor = -1;  ///< the same
        Array<Assignment> assignments;
        Array<Config> configs;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(num_partitions);
            c.field(replication_factor);
            c.field(assignments);
            c.field(configs);
        }
    };

    Array<Topic> topics;
    int32_t timeout_ms = 60'000;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(topics);
        c.field(timeout_ms);
        c.field(validate_only, from(1));
    }
};

struct CreateTopicsResponse {
    static constexpr ApiKey key = ApiKey::create_topics;

    struct Config {
        std::string_view name;
        NullableString value;
        bool read_only = false;
        int8_t config_source = -1;
        bool is_sensitive = false;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(value);
            c.field(read_only);
            c.field(config_source);
            c.field(is_sensitive);
        }
    };

    struct Topic {
        std::string_view name;
        Uuid topic_id;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;
        ErrorCode topic_config_error_code = ErrorCode::none;  ///< why configs are missing
        int32_t num_partitions = -1;
        int16_t replication_factor = -1;
        Nullable<Array<Config>> configs = Array<Config>();

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(topic_id, from(7));
            c.field(error_code);
            c.field(error_message, from(1));
            c.field(num_partitions, from(5));
            c.field(replication_factor, from(5));
            c.field(configs, from(5));
        }
        template <class C>
        void tags(C& c) {
            c.tag(0, topic_config_error_code, from(5), ErrorCode::none);
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
PENSTOCK_MESSAGE(kafka::CreateTopicsRequest);
PENSTOCK_MESSAGE(kafka::CreateTopicsResponse);
}  // namespace penstock::wire
