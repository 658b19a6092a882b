// InitProducerId: an id and an epoch for an idempotent producer. The transaction's fields are read and refused.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

struct InitProducerIdRequest {
    static constexpr ApiKey key = ApiKey::init_producer_id;

    NullableString transactional_id;  ///< null: idempotent only
    int32_t transaction_timeout_ms = 0;
    int64_t producer_id = -1;         ///< what the producer has, with its epoch
    int16_t producer_epoch = -1;

    template <class C>
    void fields(C& c) {
        c.field(transactional_id);
        c.field(transaction_timeout_ms);
        c.field(producer_id, from(3));
        c.field(producer_epoch, from(3));
    }
};

struct InitProducerIdResponse {
    static constexpr ApiKey key = ApiKey::init_producer_id;

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    int64_t producer_id = -1;
    int16_t producer_epoch = 0;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code);
        c.field(producer_id);
        c.field(producer_epoch);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::InitProducerIdRequest);
PENSTOCK_MESSAGE(kafka::InitProducerIdResponse);
}  // namespace penstock::wire
