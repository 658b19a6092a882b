// ListGroups: the groups of one broker.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct ListGroupsRequest {
    static constexpr ApiKey key = ApiKey::list_groups;

    Array<std::string_view> states_filter;  ///< empty: all
    Array<std::string_view> types_filter;  ///< the same

    template <class C>
    void fields(C& c) {
        c.field(states_filter, from(4));
        c.field(types_filter, from(5));
    }
};

struct ListGroupsResponse {
    static constexpr ApiKey key = ApiKey::list_groups;

    struct Group {
        std::string_view group_id;
        std::string_view protocol_type;
        std::string_view group_state;
        std::string_view group_type;

        template <class C>
        void fields(C& c) {
            c.field(group_id);
            c.field(protocol_type);
            c.field(group_state, from(4));
            c.field(group_type, from(5));
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Array<Group> groups;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(error_code);
        c.field(groups);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::ListGroupsRequest);
PENSTOCK_MESSAGE(kafka::ListGroupsResponse);
}  // namespace penstock::wire
