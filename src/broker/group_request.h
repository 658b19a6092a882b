// What the handlers of consumer groups have in common: the internal topic is made when it is first needed, calls go to
// where groups live, and what comes back is told in codes that clients of groups know.
#pragma once

#include <memory>

#include "broker/group_call.h"
#include "broker/handler.h"

namespace penstock::broker {

/// True: the internal topic is being made, and the handler is resumed when it is, or could not be. At most once for
/// each request. Where it is missing after that, find_group() says what a client should hear.
bool make_offsets_topic(Request& request, Serving& serving);

/// The topic as it is to be made: also for a Metadata request that asks for it by name.
NewTopic new_offsets_topic(const BrokerOptions& options);

/// Kept until the request ends.
template <class C>
C& new_group_call(Request& request) {
    auto call = std::make_unique<C>();
    C& made = *call;
    request.group_calls.push_back(std::move(call));
    return made;
}

/// Asks the shard that has the group; or sets call.error, when there is none or the request has no time left.
void start_group_call(Request& request, Serving& serving, GroupCall& call, std::string_view group_id);

/// What a client hears of an error: those of the log below become those of a coordinator, as in Kafka.
ErrorCode group_error(ErrorCode error);

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// A handler in two steps. call() makes calls, or none; false: it has closed the connection, before any call.
/// answer() runs when no call is open and the client is still there. `State` has a member `asked` to decode into.
template <class State, bool (*call)(Request&, Serving&), void (*answer)(Request&, Serving&)>
struct GroupSteps {
    static void start(Request& request, wire::Reader& reader, Serving& serving) {
        State& state = request.arena.make_array<State>(1).front();
        request.state = &state;
        if (!decode_body(request, serving, reader, state.asked)) return;
        if (!make_offsets_topic(request, serving)) run(request, serving);
    }
    static void resume(Request& request, Call& answered, Serving& serving) {
        if (answered.kind == CallKind::topics) return run(request, serving);
        if (request.open_calls == 0) finish(request, serving);
    }

private:
    static void run(Request& request, Serving& serving) {
        serving.set_deadline(request, serving.time.now + limits::group_call_ns);
        if (call(request, serving) && request.open_calls == 0) finish(request, serving);
    }
    static void finish(Request& request, Serving& serving) {
        if (request.connection == nullptr) serving.respond_nothing(request);
        else answer(request, serving);
    }
};

}  // namespace penstock::broker
