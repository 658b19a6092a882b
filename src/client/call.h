// One administrative request, tried again until it is done, refused for good, or out of time.
//
// A Member of its cluster for as long as it lives: whoever made it turns the cluster until done(). Typed<> has the
// request and the answer; Call has the way there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "client/cluster.h"

namespace penstock::client {

enum class Target : uint8_t { any, broker, controller, coordinator };

struct CallOptions {
    Target target = Target::any;
    int32_t broker = -1;            ///< Target::broker
    std::string group;              ///< Target::coordinator: whose
    Nanos deadline;
    bool repeatable = true;         ///< false: a lost answer is PENSTOCK_UNKNOWN
};

class Call : public Member, protected Requester {
public:
    Call(Cluster& cluster, CallOptions options);
    ~Call() override;

    bool done() const { return done_; }
    /// Why it was not done; code PENSTOCK_OK if it was.
    const Failure& failure() const { return failure_; }

    void step(const Time& time) override;
    Nanos next_deadline() const override;

protected:
    virtual ApiKey key() const = 0;
    virtual Outcome<uint64_t> ask(Connection& connection, Requester& requester, int16_t version, Nanos deadline) = 0;
    /// The answer's error, with what it says about it.
    virtual Failure take(const Answer& answer) = 0;

private:
    Connection* target();
    void on_answer(uint64_t ask, const Answer& answer, Nanos now) override;
    void on_lost(uint64_t ask, const Failure& why, Nanos now) override;
    void on_found(const Answer& answer);
    void finish(Failure failure);
    void pause(Nanos now);

    Cluster& cluster_;
    const CallOptions options_;
    bool done_ = false, asking_ = false, finding_ = false;
    Failure failure_, last_;
    int32_t coordinator_ = -1;
    Nanos not_before_;
    int64_t backoff_ns_ = 0;
};

/// `error_of(response)` gives a Failure; one that is transient is tried again.
template <class Request, class Response, class ErrorOf>
class Typed final : public Call {
public:
    Typed(Cluster& cluster, CallOptions options, const Request& request, ErrorOf error_of)
        : Call(cluster, std::move(options)), request_(request), error_of_(error_of) {}

    const Response& response() const { return response_; }

private:
    ApiKey key() const override { return Request::key; }
    Outcome<uint64_t> ask(Connection& connection, Requester& requester, int16_t version, Nanos deadline) override {
        return connection.ask(requester, request_, version, {.deadline = deadline});
    }
    Failure take(const Answer& answer) override {
        answer_ = answer;
        arena_ = std::make_unique<Arena>(answer_arena_bytes_max);
        response_ = {};
        if (!answer_.decode(*arena_, response_)) return {PENSTOCK_MALFORMED, "the broker's answer makes no sense"};
        return error_of_(response_);
    }

    static constexpr size_t answer_arena_bytes_max = 64 * mib;

    const Request& request_;   ///< the caller's, with all that it points to
    ErrorOf error_of_;
    Answer answer_;
    std::unique_ptr<Arena> arena_;
    Response response_;
};

}  // namespace penstock::client
