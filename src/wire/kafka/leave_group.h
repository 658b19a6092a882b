// LeaveGroup: one member goes; from version 3 on several, by member id or by instance id.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct LeaveGroupRequest {
    static constexpr ApiKey key = ApiKey::leave_group;

    struct Member {
        std::string_view member_id;
        NullableString group_instance_id;
        NullableString reason;  ///< for humans

        template <class C>
        void fields(C& c) {
            c.field(member_id);
            c.field(group_instance_id);
            c.field(reason, from(5));
        }
    };

    std::string_view group_id;
    std::string_view member_id;
    Array<Member> members;

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(member_id, versions(0, 2));
        c.field(members, from(3));
    }
};

struct LeaveGroupResponse {
    static constexpr ApiKey key = ApiKey::leave_group;

    struct Member {
        std::string_view member_id;
        NullableString group_instance_id;
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(member_id);
            c.field(group_instance_id);
            c.field(error_code);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Array<Member> members;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code);
        c.field(members, from(3));
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::LeaveGroupRequest);
PENSTOCK_MESSAGE(kafka::LeaveGroupResponse);
}  // namespace penstock::wire
