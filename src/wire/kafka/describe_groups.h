// DescribeGroups: the state of groups, and their members.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"
#include "wire/kafka/metadata.h"

namespace penstock::wire::kafka {

struct DescribeGroupsRequest {
    static constexpr ApiKey key = ApiKey::describe_groups;

    Array<std::string_view> groups;
    bool include_authorized_operations = false;

    template <class C>
    void fields(C& c) {
        c.field(groups);
        c.field(include_authorized_operations, from(3));
    }
};

struct DescribeGroupsResponse {
    static constexpr ApiKey key = ApiKey::describe_groups;

    struct Member {
        std::string_view member_id;
        NullableString group_instance_id;
        std::string_view client_id;
        std::string_view client_host;
        Bytes member_metadata;
        Bytes member_assignment;

        template <class C>
        void fields(C& c) {
            c.field(member_id);
            c.field(group_instance_id, from(4));
            c.field(client_id);
            c.field(client_host);
            c.field(member_metadata);
            c.field(member_assignment);
        }
    };

    struct Group {
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;
        std::string_view group_id;
        std::string_view group_state;
        std::string_view protocol_type;
        std::string_view protocol_data;
        Array<Member> members;
        int32_t authorized_operations = operations_unknown;

        template <class C>
        void fields(C& c) {
            c.field(error_code);
            c.field(error_message, from(6));
            c.field(group_id);
            c.field(group_state);
            c.field(protocol_type);
            c.field(protocol_data);
            c.field(members);
            c.field(authorized_operations, from(3));
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Group> groups;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(groups);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DescribeGroupsRequest);
PENSTOCK_MESSAGE(kafka::DescribeGroupsResponse);
}  // namespace penstock::wire
