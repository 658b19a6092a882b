// IncrementalAlterConfigs: changes the configs that are named, and no others. One result for each resource, in order.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/alter_configs.h"
#include "wire/kafka/api.h"
#include "wire/kafka/config_resource.h"

namespace penstock::wire::kafka {

enum class AlterOperation : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct IncrementalAlterConfigsRequest {
    static constexpr ApiKey key = ApiKey::incremental_alter_configs;

    struct Config {
        std::string_view name;
        AlterOperation operation = AlterOperation::set;  ///< any number may come in
        NullableString value;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(operation);
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

using IncrementalAlterConfigsResponse = AlteredConfigsResponse<ApiKey::incremental_alter_configs>;

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::IncrementalAlterConfigsRequest);
PENSTOCK_MESSAGE(kafka::IncrementalAlterConfigsResponse);
}  // namespace penstock::wire
