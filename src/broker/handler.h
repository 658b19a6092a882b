// What the handler of an API is, and what it may do.
//
// A handler is two functions. start() decodes the body and either answers or makes calls; resume() runs when all asks
// of one of its calls are answered. Both leave the request either answered or with open calls, never with neither.
// When the deadline comes, or the client goes, its calls are cancelled and it is resumed as usual, with timed_out set.
// Adding an API to the broker: one file with its handler, one line in handlers.cpp.
#pragma once

#include <memory>

#include "broker/options.h"
#include "broker/request.h"
#include "broker/topic_table.h"
#include "log/recover.h"
#include "wire/codec.h"
#include "wire/kafka/api.h"

namespace penstock::broker {

/// Carries asks to the shard that they are for. Implemented by the shard; answers come back to Listener::on_answered().
class Exchange {
public:
    virtual ~Exchange() = default;
    /// Counts the ask in call.asks; may answer a cancel or a release at once, never a start.
    virtual void ask(Call& call, Ask what) = 0;
};

/// What a handler sees of the shard that it runs on. Implemented by Listener.
class Serving {
public:
    Serving(const BrokerOptions& its_options, const TopicTable& its_topics)
        : options(its_options), topics(its_topics) {}
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    const BrokerOptions& options;
    const TopicTable& topics;
    Time time;  ///< of this turn

    /// Home of the call is this shard; `owner` serves it.
    void start_call(Request& request, Call& call, uint32_t owner);
    /// Asks shard 0 to have topics changed, for `timeout_ms` at most.
    void start_topics_call(Request& request, std::unique_ptr<TopicsCall> call, int32_t timeout_ms);
    uint32_t owner_of(const log::LogKey& key) const { return log::shard_of(key, options.shard_count); }
    /// All that are open.
    void cancel_calls(Request& request);
    void set_deadline(Request& request, Nanos deadline) { timers_.set(request, deadline); }
    /// From the pool, kept by the request until it ends.
    FetchCall& take_fetch_call(Request& request);
    /// Gives lent slices back; the call may then be started again once release is answered (resume() is told).
    void release_slices(Request& request, FetchCall& call);

    /// No call may be open. The message may point into frame, arena, views and lent slices.
    template <class M>
    void respond(Request& request, const M& message) {
        respond(request, message, request.header.version);
    }
    template <class M>
    void respond(Request& request, const M& message, int16_t version) {
        if (request.connection == nullptr) return finish(request, {});
        finish(request, wire::response_frame(request.arena, request.header.correlation_id, message, version));
    }
    /// The client expects nothing (acks=0).
    void respond_nothing(Request& request) { finish(request, std::span<const Fragment>()); }
    /// What the client sent makes no sense, or cannot be answered: the connection ends once earlier responses are sent.
    void close(Request& request);

protected:
    ~Serving() = default;
    void ask(Request& request, Call& call, Ask what);
    virtual void finish(Request& request, Result<std::span<const Fragment>> response) = 0;
    virtual Exchange& exchange() = 0;
    TimerHeap timers_;
    std::vector<std::unique_ptr<FetchCall>> all_fetch_calls_;
    std::vector<FetchCall*> idle_fetch_calls_;
};

struct Handler {
    using Start = void (*)(Request&, wire::Reader&, Serving&);
    using Resume = void (*)(Request&, Call&, Serving&);

    /// Of an API of Kafka's, or of one between nodes.
    template <class Key>
    constexpr Handler(Key its_key, Start its_start, Resume its_resume)
        : key(static_cast<int16_t>(its_key)), start(its_start), resume(its_resume) {}

    int16_t key;
    Start start;     ///< the reader stands at the body
    Resume resume;   ///< null if it makes no calls
};

/// Null for a key without a handler.
const Handler* find_handler(int16_t key);

/// Decodes the body into `message`. False: the connection is closed, there is nothing else to do.
template <class M>
bool decode_body(Request& request, Serving& serving, wire::Reader& reader, M& message) {
    if (wire::decode(reader, message, request.header.version)) return true;
    serving.close(request);
    return false;
}

}  // namespace penstock::broker
