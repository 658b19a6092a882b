// InitProducerId: a fresh id for an idempotent producer, from the block that shard 0 has of the coordinator.
//
// As in Kafka a producer without a transactional id always gets a new id with epoch 0, also one that names the id and
// epoch it has: nothing is kept of such producers but in the logs that they write to.
//
// Transactions are not served. Of all codes only TRANSACTIONAL_ID_AUTHORIZATION_FAILED ends both kinds of clients at
// once and names what is at fault: Java takes every code that is not retriable as fatal, librdkafka four of them, and
// tries again for ever on the rest. And it is true: here nobody may use a transactional id.
#include "wire/kafka/init_producer_id.h"

#include "broker/handlers.h"

namespace penstock::broker::init_producer_id {

namespace {

using wire::kafka::InitProducerIdRequest;
using wire::kafka::InitProducerIdResponse;

void answer(Request& request, Serving& serving, ErrorCode error, int64_t id) {
    InitProducerIdResponse response;
    response.error_code = error;
    response.producer_id = id;
    response.producer_epoch = static_cast<int16_t>(error == ErrorCode::none ? 0 : -1);
    serving.respond(request, response);
}

ErrorCode check(const InitProducerIdRequest& asked) {
    // Both or neither.
    if ((asked.producer_id == -1) != (asked.producer_epoch == -1)) return ErrorCode::invalid_request;
    if (!asked.transactional_id) return ErrorCode::none;
    return asked.transactional_id->empty() ? ErrorCode::invalid_request
                                           : ErrorCode::transactional_id_authorization_failed;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    InitProducerIdRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    const ErrorCode error = check(asked);
    if (error != ErrorCode::none) return answer(request, serving, error, -1);
    const std::span<ProducerIdCall> calls = request.arena.make_array<ProducerIdCall>(1);
    if (calls.empty()) return serving.close(request);
    serving.start_call(request, calls.front(), 0);
    serving.set_deadline(request, serving.time.now + limits::producer_id_wait_ns);
}

void resume(Request& request, Call& call, Serving& serving) {
    const auto& id = static_cast<const ProducerIdCall&>(call);
    answer(request, serving, id.error, id.producer_id);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::init_producer_id, start, resume};

}  // namespace penstock::broker::init_producer_id
