// SyncGroup: the leader says who reads what, and each member learns its part.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct SyncGroupRequest {
    static constexpr ApiKey key = ApiKey::sync_group;

    struct Assignment {
        std::string_view member_id;
        Bytes assignment;

        template <class C>
        void fields(C& c) {
            c.field(member_id);
            c.field(assignment);
        }
    };

    std::string_view group_id;
    int32_t generation_id = 0;
    std::string_view member_id;
    NullableString group_instance_id;
    NullableString protocol_type;
    NullableString protocol_name;
    Array<Assignment> assignments;  ///< the leader's

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(generation_id);
        c.field(member_id);
        c.field(group_instance_id, from(3));
        c.field(protocol_type, from(5));
        c.field(protocol_name, from(5));
        c.field(assignments);
    }
};

struct SyncGroupResponse {
    static constexpr ApiKey key = ApiKey::sync_group;

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    NullableString protocol_type;
    NullableString protocol_name;
    Nullable<Bytes> assignment = Bytes();  ///< null only from brokers that bend the rules, beside an error

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code);
        c.field(protocol_type, from(5));
        c.field(protocol_name, from(5));
        c.field(assignment);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::SyncGroupRequest);
PENSTOCK_MESSAGE(kafka::SyncGroupResponse);
}  // namespace penstock::wire
