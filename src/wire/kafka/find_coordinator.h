// FindCoordinator: which broker has a group. From version 4 on it asks for several at once.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

/// What a key names.
inline constexpr int8_t coordinator_of_group = 0;
inline constexpr int8_t coordinator_of_transaction = 1;
inline constexpr int8_t coordinator_of_share_group = 2;  ///< from 6 on

struct FindCoordinatorRequest {
    static constexpr ApiKey key = ApiKey::find_coordinator;

    std::string_view coordinator_key;
    int8_t key_type = coordinator_of_group;
    Array<std::string_view> coordinator_keys;

    template <class C>
    void fields(C& c) {
        c.field(coordinator_key, versions(0, 3));
        c.field(key_type, from(1));
        c.field(coordinator_keys, from(4));
    }
};

struct FindCoordinatorResponse {
    static constexpr ApiKey key = ApiKey::find_coordinator;

    struct Coordinator {
        std::string_view key;
        int32_t node_id = -1;
        std::string_view host;
        int32_t port = -1;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;

        template <class C>
        void fields(C& c) {
            c.field(key);
            c.field(node_id);
            c.field(host);
            c.field(port);
            c.field(error_code);
            c.field(error_message);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    NullableString error_message;
    int32_t node_id = -1;
    std::string_view host;
    int32_t port = -1;
    Array<Coordinator> coordinators;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code, versions(0, 3));
        c.field(error_message, versions(1, 3));
        c.field(node_id, versions(0, 3));
        c.field(host, versions(0, 3));
        c.field(port, versions(0, 3));
        c.field(coordinators, from(4));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::FindCoordinatorRequest);
PENSTOCK_MESSAGE(kafka::FindCoordinatorResponse);
}  // namespace penstock::wire
