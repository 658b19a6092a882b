#include "broker/handler.h"

#include "base/assert.h"

namespace penstock::broker {

void Serving::ask(Request& request, Call& call, Ask what) {
    if (call.asks == 0) ++request.open_calls;
    exchange().ask(call, what);
    if (call.asks == 0) --request.open_calls;
}

void Serving::start_call(Request& request, Call& call, uint32_t owner) {
    PENSTOCK_ASSERT(call.asks == 0);
    if (call.request == nullptr) request.calls.push_back(&call);
    call.request = &request;
    call.home = options.shard;
    call.owner = owner;
    call.cancelled = false;
    ask(request, call, Ask::start);
}

void Serving::start_topics_call(Request& request, std::unique_ptr<TopicsCall> call, int32_t timeout_ms) {
    call->deadline = time.now + timeout_ms * millisecond_ns;
    request.topics_call = std::move(call);
    start_call(request, *request.topics_call, 0);
    set_deadline(request, request.topics_call->deadline);
}

void Serving::cancel_calls(Request& request) {
    for (Call* call : request.calls) {
        if (call->asks == 0 || call->cancelled) continue;
        call->cancelled = true;
        ask(request, *call, Ask::cancel);
    }
}

FetchCall& Serving::take_fetch_call(Request& request) {
    if (idle_fetch_calls_.empty())
        idle_fetch_calls_.push_back(all_fetch_calls_.emplace_back(std::make_unique<FetchCall>()).get());
    FetchCall* call = idle_fetch_calls_.back();
    idle_fetch_calls_.pop_back();
    request.fetch_calls.push_back(call);
    return *call;
}

void Serving::release_slices(Request& request, FetchCall& call) {
    PENSTOCK_ASSERT(call.asks == 0 && call.request == &request);
    ask(request, call, Ask::release);
}

void Serving::close(Request& request) { finish(request, fail(Errc::malformed)); }

}  // namespace penstock::broker
