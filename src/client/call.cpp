#include "client/call.h"

#include <algorithm>

#include "client/backoff.h"
#include "limits.h"
#include "wire/kafka/find_coordinator.h"

namespace penstock::client {

using wire::kafka::ErrorCode;

namespace {


}  // namespace

Call::Call(Cluster& cluster, CallOptions options) : cluster_(cluster), options_(std::move(options)) {
    cluster_.add(*this);
    cluster_.wake();
}

Call::~Call() {
    cluster_.forget(*this);
    cluster_.remove(*this);
}

void Call::step(const Time& time) {
    if (done_) return;
    if (time.now >= options_.deadline) {
        if (asking_ && !finding_ && !options_.repeatable) return finish({PENSTOCK_UNKNOWN, "no answer came in time"});
        const Failure& why = last_.code != PENSTOCK_OK ? last_ : cluster_.failure();
        return finish({PENSTOCK_TIMED_OUT, why.detail.empty() ? "no broker could be reached" : why.detail});
    }
    if (asking_ || time.now < not_before_) return;
    Connection* connection = target();
    if (connection == nullptr) return;
    const Nanos deadline = std::min(options_.deadline, time.now + cluster_.options().request_timeout_ns);
    if (options_.target == Target::coordinator && coordinator_ < 0) {
        wire::kafka::FindCoordinatorRequest request;
        request.coordinator_key = options_.group;
        const auto version = connection->version_of(ApiKey::find_coordinator);
        if (!version) return finish(version.error());
        const auto asked = connection->ask(*this, request, *version, {.deadline = deadline});
        if (!asked) return finish(asked.error());
        asking_ = finding_ = true;
        return;
    }
    const auto version = connection->version_of(key());
    if (!version) return finish(version.error());
    const auto asked = ask(*connection, *this, *version, deadline);
    if (!asked) return finish(asked.error());
    asking_ = true;
}

Connection* Call::target() {
    if (options_.target == Target::controller) {
        Connection* controller = cluster_.controller(Purpose::control);
        if (controller == nullptr) cluster_.refresh();
        return controller;
    }
    if (options_.target == Target::broker) return cluster_.broker(options_.broker, Purpose::control);
    if (options_.target == Target::coordinator && coordinator_ >= 0) {
        return cluster_.broker(coordinator_, Purpose::control);
    }
    return cluster_.any(Purpose::control);
}

Nanos Call::next_deadline() const {
    if (done_) return never;
    // While a connection is begun, it wakes us; the pause is for the case that none can be.
    const Nanos again = asking_ ? never : std::max(not_before_, cluster_.stepped_at() + backoff_first_ns);
    return std::min(options_.deadline, again);
}

void Call::on_answer(uint64_t, const Answer& answer, Nanos now) {
    asking_ = false;
    if (finding_) {
        finding_ = false;
        pause(now);
        return on_found(answer);
    }
    Failure failure = take(answer);
    if (penstock_error_is_transient(failure.code) == 0) return finish(std::move(failure));
    last_ = std::move(failure);
    coordinator_ = -1;
    cluster_.refresh();
    pause(now);
}

void Call::on_found(const Answer& answer) {
    Arena arena(limits::client_answer_arena_bytes_max);
    wire::kafka::FindCoordinatorResponse message;
    if (!answer.decode(arena, message)) return finish({PENSTOCK_MALFORMED, "the broker's answer makes no sense"});
    if (message.error_code == ErrorCode::none) {
        coordinator_ = message.node_id;
        not_before_ = {};
        return;
    }
    last_ = {code_of(message.error_code), std::string(message.error_message.value_or(""))};
    if (penstock_error_is_transient(last_.code) == 0) finish(last_);
}

void Call::on_lost(uint64_t, const Failure& why, Nanos now) {
    asking_ = false;
    const bool may_have_happened = !finding_ && !options_.repeatable;
    finding_ = false;
    coordinator_ = -1;
    if (may_have_happened) return finish({PENSTOCK_UNKNOWN, why.detail});
    last_ = why;
    pause(now);
}

void Call::finish(Failure failure) {
    done_ = true;
    failure_ = std::move(failure);
    if (failure_.code != PENSTOCK_OK) cluster_.report(failure_);
}

void Call::pause(Nanos now) {
    backoff_ns_ = longer(backoff_ns_);
    not_before_ = now + backoff_ns_;
}

}  // namespace penstock::client
