// DescribeConfigs: one result for each resource, in order.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/config_resource.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct DescribeConfigsRequest {
    static constexpr ApiKey key = ApiKey::describe_configs;

    struct Resource {
        ConfigResourceType type = ConfigResourceType::unknown;
        std::string_view name;
        Nullable<Array<std::string_view>> keys = Array<std::string_view>();  ///< null or empty: all

        template <class C>
        void fields(C& c) {
            c.field(type);
            c.field(name);
            c.field(keys);
        }
    };

    Array<Resource> resources;
    bool include_synonyms = false;
    bool include_documentation = false;

    template <class C>
    void fields(C& c) {
        c.field(resources);
        c.field(include_synonyms, from(1));
        c.field(include_documentation, from(3));
    }
};

struct DescribeConfigsResponse {
    static constexpr ApiKey key = ApiKey::describe_configs;

    struct Synonym {
        std::string_view name;
        NullableString value;
        ConfigSource source = ConfigSource::unknown;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(value);
            c.field(source);
        }
    };

    struct Config {
        std::string_view name;
        NullableString value;
        bool read_only = false;
        ConfigSource source = ConfigSource::unknown;
        bool is_sensitive = false;
        Array<Synonym> synonyms;
        int8_t type = 0;
        NullableString documentation;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(value);
            c.field(read_only);
            c.field(source, from(1));
            c.field(is_sensitive);
            c.field(synonyms, from(1));
            c.field(type, from(3));
            c.field(documentation, from(3));
        }
    };

    struct Result {
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;
        ConfigResourceType resource_type = ConfigResourceType::unknown;
        std::string_view resource_name;
        Array<Config> configs;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(error_message);
            c.field(resource_type);
            c.field(resource_name);
            c.field(configs);
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
PENSTOCK_MESSAGE(kafka::DescribeConfigsRequest);
PENSTOCK_MESSAGE(kafka::DescribeConfigsResponse);
}  // namespace penstock::wire
