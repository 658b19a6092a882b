// Heartbeat: a member is alive, and learns of a rebalance.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct HeartbeatRequest {
    static constexpr ApiKey key = ApiKey::heartbeat;

    std::string_view group_id;
    int32_t generation_id = 0;
    std::string_view member_id;
    NullableString group_instance_id;

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(generation_id);
        c.field(member_id);
        c.field(group_instance_id, from(3));
    }
};

struct HeartbeatResponse {
    static constexpr ApiKey key = ApiKey::heartbeat;

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::HeartbeatRequest);
PENSTOCK_MESSAGE(kafka::HeartbeatResponse);
}  // namespace penstock::wire
