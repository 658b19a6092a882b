// ListConfigResources: what there is that may have configs. Version 0 knows client metrics alone.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/config_resource.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct ListConfigResourcesRequest {
    static constexpr ApiKey key = ApiKey::list_config_resources;

    Array<ConfigResourceType> types;   ///< empty: all

    template <class C>
    void fields(C& c) {
        c.field(types, from(1));
    }
};

struct ListConfigResourcesResponse {
    static constexpr ApiKey key = ApiKey::list_config_resources;

    struct Resource {
        std::string_view name;
        ConfigResourceType type = ConfigResourceType::client_metrics;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(type, from(1));
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Array<Resource> resources;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code);
        c.field(resources);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ListConfigResourcesRequest);
PENSTOCK_MESSAGE(kafka::ListConfigResourcesResponse);
}  // namespace penstock::wire
