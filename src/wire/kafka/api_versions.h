// ApiVersions: the first thing that a client asks, and the only request that is answered whatever its version.
//
// To a version above ours the answer is a body of version 0 with unsupported_version and one row, ApiVersions itself.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct ApiVersionsRequest {
    static constexpr ApiKey key = ApiKey::api_versions;

    std::string_view client_software_name;
    std::string_view client_software_version;

    template <class C>
    void fields(C& c) {
        c.field(client_software_name, from(3));
        c.field(client_software_version, from(3));
    }
};

struct ApiVersionsResponse {
    static constexpr ApiKey key = ApiKey::api_versions;

    struct Row {
        int16_t api_key = 0;
        int16_t min_version = 0;
        int16_t max_version = 0;

        template <class C>
        void fields(C& c) {
            c.field(api_key);
            c.field(min_version);
            c.field(max_version);
        }
    };

    /// None with min_version 0 may go to a request below 4: Java of that time throws.
    struct SupportedFeature {
        std::string_view name;
        int16_t min_version = 0;
        int16_t max_version = 0;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(min_version);
            c.field(max_version);
        }
    };

    struct FinalizedFeature {
        std::string_view name;
        int16_t max_version_level = 0;
        int16_t min_version_level = 0;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(max_version_level);
            c.field(min_version_level);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    Array<Row> api_keys;
    int32_t throttle_time_ms = 0;
    Array<SupportedFeature> supported_features;
    int64_t finalized_features_epoch = -1;
    Array<FinalizedFeature> finalized_features;
    bool zk_migration_ready = false;

    template <class C>
    void fields(C& c) {
        c.field(error_code);
        c.field(api_keys);
        c.field(throttle_time_ms, from(1));
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, supported_features, from(3));
        c.tag(1, finalized_features_epoch, from(3), -1);
        c.tag(2, finalized_features, from(3));
        c.tag(3, zk_migration_ready, from(3));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ApiVersionsRequest);
PENSTOCK_MESSAGE(kafka::ApiVersionsResponse);
}  // namespace penstock::wire
