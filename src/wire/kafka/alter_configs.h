// AlterConfigs: the configs of a resource become those that are named. One result for each resource, in order.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/config_resource.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct AlterConfigsRequest {
    static constexpr ApiKey key = ApiKey::alter_configs;

    struct Config {
        std::string_view name;
        NullableString value;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(value);
        }
    };

    struct Resource {
        ConfigResourceType type = ConfigResourceType::unknown;
        std::string_view name;
        Array<Config> configs;

        template <class C>
        void fields(C& c) {
            c.field(type);
            c.field(name);
            c.field(configs);
        }
    };

    Array<Resource> resources;
    bool validate_only = false;

    template <class C>
    void fields(C& c) {
        c.field(resources);
        c.field(validate_only);
    }
};

/// Of IncrementalAlterConfigs, too.
template <ApiKey answered>
struct AlteredConfigsResponse {
    static constexpr ApiKey key = answered;

    struct Result {
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;
        ConfigResourceType resource_type = ConfigResourceType::unknown;
        std::string_view resource_name;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(error_message);
            c.field(resource_type);
            c.field(resource_name);
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

using AlterConfigsResponse = AlteredConfigsResponse<ApiKey::alter_configs>;

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::AlterConfigsRequest);
PENSTOCK_MESSAGE(kafka::AlterConfigsResponse);
}  // namespace penstock::wire
