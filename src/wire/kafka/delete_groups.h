// DeleteGroups: groups without members, with all that they committed.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct DeleteGroupsRequest {
    static constexpr ApiKey key = ApiKey::delete_groups;

    Array<std::string_view> group_names;

    template <class C>
    void fields(C& c) {
        c.field(group_names);
    }
};

struct DeleteGroupsResponse {
    static constexpr ApiKey key = ApiKey::delete_groups;

    struct Result {
        std::string_view group_id;
        ErrorCode error_code = ErrorCode::none;

        template <class C>
        void fields(C& c) {
            c.field(group_id);
            c.field(error_code);
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Result> results;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(results);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DeleteGroupsRequest);
PENSTOCK_MESSAGE(kafka::DeleteGroupsResponse);
}  // namespace penstock::wire
