// JoinGroup: a member enters a generation of its group. The answer comes when all members have joined.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct JoinGroupRequest {
    static constexpr ApiKey key = ApiKey::join_group;

    struct Protocol {
        std::string_view name;
        Bytes metadata;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(metadata);
        }
    };

    std::string_view group_id;
    int32_t session_timeout_ms = 0;
    int32_t rebalance_timeout_ms = -1;  ///< -1: the session timeout
    std::string_view member_id;
    NullableString group_instance_id;
    std::string_view protocol_type;
    Array<Protocol> protocols;
    NullableString reason;  ///< for humans

    template <class C>
    void fields(C& c) {
        c.field(group_id);
        c.field(session_timeout_ms);
        c.field(rebalance_timeout_ms, from(1));
        c.field(member_id);
        c.field(group_instance_id, from(5));
        c.field(protocol_type);
        c.field(protocols);
        c.field(reason, from(8));
    }
};

struct JoinGroupResponse {
    static constexpr ApiKey key = ApiKey::join_group;

    struct Member {
        std::string_view member_id;
        NullableString group_instance_id;
        Bytes metadata;

        template <class C>
        void fields(C& c) {
            c.field(member_id);
            c.field(group_instance_id, from(5));
            c.field(metadata);
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    int32_t generation_id = -1;
    NullableString protocol_type;
    NullableString protocol_name = std::string_view();
    std::string_view leader;
    bool skip_assignment = false;
    std::string_view member_id;
    Array<Member> members;  ///< for the leader alone

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(2));
        c.field(error_code);
        c.field(generation_id);
        c.field(protocol_type, from(7));
        c.field(protocol_name, from(0), nullable_from(7));
        c.field(leader);
        c.field(skip_assignment, from(9));
        c.field(member_id);
        c.field(members);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::JoinGroupRequest);
PENSTOCK_MESSAGE(kafka::JoinGroupResponse);
}  // namespace penstock::wire
