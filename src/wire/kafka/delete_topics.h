// DeleteTopics: by name, from version 6 on by name or id.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct DeleteTopicsRequest {
    static constexpr ApiKey key = ApiKey::delete_topics;

    struct Topic {
        NullableString name;  ///< null: by id
        Uuid topic_id;

        template <class C>
        void fields(C& c) {
            c.field(name);
            c.field(topic_id);
        }
    };

    Array<Topic> topics;                  ///< from 6 on
    Array<std::string_view> topic_names;  ///< up to 5
    int32_t timeout_ms = 0;

    template <class C>
    void fields(C& c) {
        c.field(topics, from(6));
        c.field(topic_names, versions(0, 5));
        c.field(timeout_ms);
    }
};

struct DeleteTopicsResponse {
    static constexpr ApiKey key = ApiKey::delete_topics;

    struct Topic {
        NullableString name = std::string_view();  ///< null from 6 on, for an unknown id
        Uuid topic_id;
        ErrorCode error_code = ErrorCode::none;
        NullableString error_message;

        template <class C>
        void fields(C& c) {
            c.field(name, from(0), nullable_from(6));
            c.field(topic_id, from(6));
            c.field(error_code);
            c.field(error_message, from(5));
        }
    };

    int32_t throttle_time_ms = 0;
    Array<Topic> topics;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms, from(1));
        c.field(topics);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DeleteTopicsRequest);
PENSTOCK_MESSAGE(kafka::DeleteTopicsResponse);
}  // namespace penstock::wire
