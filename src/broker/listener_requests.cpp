// The life of a request: taken for a frame, started, resumed, answered, recycled.
#include <algorithm>

#include "base/assert.h"
#include "broker/listener.h"
#include "limits.h"
#include "wire/kafka/api.h"
#include "wire/node/api.h"

namespace penstock::broker {

/// Nodes find some when clients do not: what these wait for may be what those bring.
bool Listener::room_for_request(const Connection& connection) const {
    if (connection.node) return requests_in_use_ < limits::requests_per_shard + limits::node_requests_per_shard;
    return requests_in_use_ < limits::requests_per_shard && arena_bytes_ < limits::arena_bytes_per_shard;
}

Request& Listener::take_request() {
    Request* request = idle_requests_.pop_front();
    if (request == nullptr) request = all_requests_.emplace_back(std::make_unique<Request>()).get();
    ++requests_in_use_;
    return *request;
}

/// The connection's ready frame becomes a request, and runs.
void Listener::start(Connection& connection) {
    Request& request = take_request();
    ++counters_.requests;
    ++started_this_turn_;
    const bool of_node = connection.node && connection.frames.ready().api_key() >= wire::node::first_key;
    connection.frames.take(request.frame);
    request.memory = &memory_of(connection);
    request.connection = &connection;
    request.stage = RequestStage::running;
    wire::Reader reader(request.frame.fragments, request.arena);
    const std::span<const wire::Api> apis = of_node ? std::span<const wire::Api>(wire::node::node_apis)
                                                    : std::span<const wire::Api>(wire::kafka::apis);
    const wire::HeaderStatus status = wire::decode_request_header(reader, apis, request.header);
    connection.add(request);
    request.handler = find_handler(request.header.key);
    const bool newer_api_versions =
        status == wire::HeaderStatus::unsupported_version && request.handler != nullptr &&
        request.handler->key == static_cast<int16_t>(wire::kafka::ApiKey::api_versions);
    if ((status != wire::HeaderStatus::ok && !newer_api_versions) || request.handler == nullptr) {
        // Kafka, too, has no answer to these: a client that speaks past us must not take silence for one.
        ++counters_.requests_unknown;
        return Serving::close(request);
    }
    request.handler->start(request, reader, *this);
    count_arena(request);
    PENSTOCK_ASSERT(request.stage != RequestStage::running || request.open_calls > 0);
    if (connection.peer_ended()) hurry(request);
}

/// Produces are let finish: they are on their way to the disk.
void Listener::hurry(Request& request) {
    if (request.header.key == 0 || !request.set()) return;
    timers_.set(request, std::min(request.deadline(), time.now + limits::ended_wait_ns));
}

void Listener::on_answered(Call& call) {
    Request& request = *call.request;
    PENSTOCK_ASSERT(call.asks > 0);
    if (--call.asks > 0) return;
    PENSTOCK_ASSERT(request.open_calls > 0);
    --request.open_calls;
    if (request.stage == RequestStage::finishing) {
        if (request.open_calls == 0) recycle(request);
        return;
    }
    request.handler->resume(request, call, *this);
    if (request.stage == RequestStage::running) PENSTOCK_ASSERT(request.open_calls > 0);
}

void Listener::finish(Request& request, Result<std::span<const Fragment>> response) {
    PENSTOCK_ASSERT(request.stage == RequestStage::running && request.open_calls == 0);
    timers_.cancel(request);
    FrameAssembler::release(request.frame, *request.memory);
    memory_freed_ = true;
    if (response) {
        request.response = *response;
    } else {
        ++counters_.requests_refused;
        request.closes = true;
        if (request.connection != nullptr) request.connection->end_when_drained();
    }
    request.stage = RequestStage::answered;
    count_arena(request);
    if (request.connection == nullptr) return end(request);
    work_on(*request.connection);
}

/// The client is gone. What was asked of others ends first; nobody hears of it.
void Listener::abandon(Request& request) {
    request.connection = nullptr;
    if (request.stage == RequestStage::answered) return end(request);
    request.timed_out = true;
    cancel_calls(request);
}

/// Over for the client: lent slices go back, and when they have, the request.
void Listener::end(Request& request) {
    request.stage = RequestStage::finishing;
    request.connection = nullptr;
    for (FetchCall* call : request.fetch_calls)
        if (!call->slices.empty()) release_slices(request, *call);
    if (request.open_calls == 0) recycle(request);
}

void Listener::recycle(Request& request) {
    for (FetchCall* call : request.fetch_calls) {
        PENSTOCK_ASSERT(call->slices.empty());
        call->request = nullptr;
        call->parts = {};
        idle_fetch_calls_.push_back(call);
    }
    request.fetch_calls.clear();
    request.topics_call.reset();
    request.replica_state_call.reset();
    request.group_calls.clear();
    request.calls.clear();
    if (request.calls.capacity() > 1024) request.calls.shrink_to_fit();
    request.response = {};
    request.fragments_handed = 0;
    request.offset_in_fragment = 0;
    request.sends_open = 0;
    request.timed_out = request.closes = false;
    request.state = nullptr;
    request.handler = nullptr;
    request.header = {};
    request.stage = RequestStage::idle;
    arena_bytes_ -= request.arena_counted;
    request.arena_counted = 0;
    request.arena.reset();
    PENSTOCK_ASSERT(requests_in_use_ > 0);
    --requests_in_use_;
    memory_freed_ = true;
    idle_requests_.push_front(request);
}

void Listener::count_arena(Request& request) {
    if (request.stage == RequestStage::idle) return;
    arena_bytes_ += request.arena.held() - request.arena_counted;
    request.arena_counted = request.arena.held();
}

}  // namespace penstock::broker
