#include "client/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "client/bootstrap.h"
#include "limits.h"
#include "wire/kafka/api_versions.h"

namespace penstock::client {

namespace {

constexpr uint32_t correlation_bytes = 4;   // no answer is shorter
constexpr size_t idle_arenas_max = 8;

bool too_new(const Answer& answer) {
    const auto unsupported = static_cast<int16_t>(wire::kafka::ErrorCode::unsupported_version);
    return answer.size >= correlation_bytes + sizeof(int16_t) &&
           load_be<int16_t>(answer.bytes.get() + correlation_bytes) == unsupported;
}

}  // namespace

VersionRange own_versions(ApiKey key) {
    const wire::Api& api = wire::kafka::api_of(key);
    VersionRange range{api.first, api.last};
    const auto at_most = [&](int16_t last) { range.last = std::min(range.last, last); };
    switch (key) {
        case ApiKey::produce: range.first = std::max<int16_t>(range.first, 3); at_most(12); break;
        case ApiKey::fetch: range.first = std::max<int16_t>(range.first, 4); at_most(12); break;
        case ApiKey::offset_commit: at_most(9); break;
        case ApiKey::offset_fetch: at_most(7); break;       // from 8 on: several groups at once
        case ApiKey::find_coordinator: at_most(3); break;   // from 4 on: several keys at once
        default: break;
    }
    return range;
}

Connection::Connection(io::Streams& streams, io::ConnectionId id, io::Address address, const ClientName& name,
                       uint64_t& numbers, Nanos connect_deadline)
    : streams_(streams), id_(id), address_(std::move(address)), name_(name), numbers_(numbers),
      connect_deadline_(connect_deadline) {}

Outcome<int16_t> Connection::version_of(ApiKey key) const {
    const wire::Api& api = wire::kafka::api_of(key);
    const VersionRange own = own_versions(key);
    for (const auto& [offered_key, range] : offered_) {
        if (offered_key != api.key) continue;
        const int16_t version = std::min(own.last, range.last);
        if (version >= own.first && version >= range.first) return version;
        return refuse(PENSTOCK_UNSUPPORTED,
                      fmt::format("{} speaks {} in versions {} to {}, this library in {} to {}", show(address_),
                                  api.name, range.first, range.last, own.first, own.last));
    }
    return refuse(PENSTOCK_UNSUPPORTED, fmt::format("{} does not offer {}", show(address_), api.name));
}

// Sending.

std::unique_ptr<Arena> Connection::take_arena() {
    if (arenas_.empty()) return std::make_unique<Arena>(limits::client_request_arena_bytes_max);
    auto arena = std::move(arenas_.back());
    arenas_.pop_back();
    return arena;
}

uint64_t Connection::enqueue(Requester* requester, std::unique_ptr<Arena> arena, std::span<const Fragment> frame,
                             int16_t version, AskOptions options) {
    PENSTOCK_ASSERT(state_ == State::ready || state_ == State::negotiating);
    asks_.push_back({.number = ++numbers_, .requester = requester, .arena = std::move(arena), .frame = frame,
                     .correlation_id = next_correlation_id_++, .version = version, .options = std::move(options)});
    const uint64_t number = asks_.back().number;
    send_queued();
    return number;
}

void Connection::send_queued() {
    const auto unsent = std::find_if(asks_.begin(), asks_.end(), [](const Ask& ask) { return !ask.queued; });
    for (auto ask = unsent; ask != asks_.end(); ++ask) {
        const Result<void> queued = streams_.send(id_, ask->frame, ask->number);
        if (!queued) return;   // after the next `sent` there is room; if the connection is gone, `closed` follows
        ask->queued = true;
    }
}

void Connection::on_sent(uint64_t number, Nanos now) {
    const auto ask = std::find_if(asks_.begin(), asks_.end(), [&](const Ask& one) { return one.number == number; });
    if (ask == asks_.end()) return;
    ask->sent = true;
    if (!ask->options.answered) ask->done = true;
    deliver_done(now);
    send_queued();
}

void Connection::forget(const Requester& requester) {
    for (Ask& ask : asks_) {
        if (ask.requester == &requester) ask.requester = nullptr;
    }
}

// Receiving.

void Connection::on_event(const io::StreamEvent& event, Nanos now) {
    switch (event.kind) {
        case io::StreamEventKind::connected:
            if (state_ == State::connecting) ask_versions(own_versions(ApiKey::api_versions).last);
            break;
        case io::StreamEventKind::received:
            on_received({event.buffer.data, event.buffer.size}, now);
            streams_.release(event.buffer);
            break;
        case io::StreamEventKind::sent: on_sent(event.token, now); break;
        case io::StreamEventKind::ended:
            close({PENSTOCK_UNREACHABLE, fmt::format("{} closed the connection", show(address_))});
            break;
        case io::StreamEventKind::closed: on_closed(event.error, now); break;
        case io::StreamEventKind::accepted: break;
    }
}

void Connection::on_received(std::span<const std::byte> bytes, Nanos now) {
    while (!bytes.empty() && (state_ == State::ready || state_ == State::negotiating)) {
        if (frame_ == nullptr) {
            const size_t taken = std::min<size_t>(bytes.size(), sizeof size_bytes_ - size_filled_);
            std::memcpy(size_bytes_ + size_filled_, bytes.data(), taken);
            size_filled_ += static_cast<uint32_t>(taken);
            bytes = bytes.subspan(taken);
            if (size_filled_ == sizeof size_bytes_ && !begin_frame()) return;
            continue;
        }
        const size_t taken = std::min<size_t>(bytes.size(), frame_size_ - frame_filled_);
        std::memcpy(frame_.get() + frame_filled_, bytes.data(), taken);
        frame_filled_ += static_cast<uint32_t>(taken);
        bytes = bytes.subspan(taken);
        if (frame_filled_ == frame_size_) on_frame(now);
    }
}

bool Connection::begin_frame() {
    frame_size_ = load_be<uint32_t>(size_bytes_);
    if (frame_size_ < correlation_bytes || frame_size_ > limits::client_answer_bytes_max) {
        close({PENSTOCK_MALFORMED,
               fmt::format("{} announced an answer of {} bytes: is this a Kafka broker, without TLS?", show(address_),
                           frame_size_)});
        return false;
    }
    frame_ = std::make_shared_for_overwrite<std::byte[]>(frame_size_);
    frame_filled_ = 0;
    return true;
}

void Connection::on_frame(Nanos now) {
    const auto correlation_id = load_be<int32_t>(frame_.get());
    const auto ask = std::find_if(asks_.begin(), asks_.end(),
                                  [](const Ask& one) { return !one.done && one.options.answered; });
    if (ask == asks_.end() || !ask->queued || ask->correlation_id != correlation_id) {
        return close({PENSTOCK_MALFORMED, fmt::format("{} answered what was not asked", show(address_))});
    }
    ask->answer = {.bytes = std::move(frame_), .size = frame_size_, .version = ask->version};
    ask->done = true;
    size_filled_ = 0;
    if (state_ == State::negotiating) on_versions(ask->answer);
    deliver_done(now);
}

/// From the first on: a requester may ask again, or close the connection, from within.
void Connection::deliver_done(Nanos now) {
    while (!asks_.empty() && asks_.front().done && asks_.front().sent && state_ == State::ready) {
        Ask ask = std::move(asks_.front());
        asks_.pop_front();
        ask.arena->reset();
        if (arenas_.size() < idle_arenas_max) arenas_.push_back(std::move(ask.arena));
        if (ask.options.expected != never) {
            const int64_t late_ns = std::max<int64_t>(now - ask.options.expected, 0);
            usual_delay_ns_ += (late_ns - usual_delay_ns_) / 8;
        }
        if (ask.requester != nullptr) ask.requester->on_answer(ask.number, ask.answer, now);
    }
}

// What the broker speaks.

void Connection::ask_versions(int16_t version) {
    state_ = State::negotiating;
    asked_versions_ = version;
    wire::kafka::ApiVersionsRequest request;
    request.client_software_name = "penstock";
    request.client_software_version = name_.software_version;
    auto arena = take_arena();
    const auto frame = wire::request_frame(*arena, next_correlation_id_, name_.id, request, version);
    if (!frame) return close({PENSTOCK_INVALID, "the client id is too long"});
    enqueue(nullptr, std::move(arena), *frame, version, {});
}

void Connection::on_versions(const Answer& answer) {
    Arena arena(limits::client_request_arena_bytes_max);
    wire::kafka::ApiVersionsResponse message;
    Answer readable = answer;
    const bool refused = too_new(answer);
    if (refused) readable.version = 0;   // whatever was asked, the refusal is in version 0
    if (!readable.decode(arena, message)) {
        // Some brokers garble this one answer; version 0 is what all of them speak.
        if (refused && asked_versions_ > 0) return ask_versions(0);
        return close({PENSTOCK_MALFORMED, fmt::format("{} does not say what it speaks: is this a Kafka broker, without "
                                                      "TLS?", show(address_))});
    }
    if (refused && asked_versions_ > 0) {
        int16_t theirs = 0;
        for (const auto& row : message.api_keys) {
            if (row.api_key == static_cast<int16_t>(ApiKey::api_versions)) theirs = row.max_version;
        }
        return ask_versions(std::clamp<int16_t>(theirs, 0, static_cast<int16_t>(asked_versions_ - 1)));
    }
    if (message.error_code != wire::kafka::ErrorCode::none) {
        return close({code_of(message.error_code), fmt::format("{} refuses to say what it speaks", show(address_))});
    }
    for (const auto& row : message.api_keys) {
        offered_.emplace_back(row.api_key, VersionRange{row.min_version, row.max_version});
    }
    state_ = State::ready;
}

// The end.

void Connection::expire(Nanos now) {
    if (state_ == State::closing || state_ == State::closed || next_deadline() > now) return;
    close({PENSTOCK_TIMED_OUT, fmt::format("{} did not {} in time", show(address_),
                                           state_ == State::ready ? "answer" : "accept the connection")});
}

Nanos Connection::next_deadline() const {
    if (state_ == State::connecting || state_ == State::negotiating) return connect_deadline_;
    Nanos next = never;
    if (state_ != State::ready) return next;
    for (const Ask& ask : asks_) next = std::min(next, ask.done ? never : ask.options.deadline);
    return next;
}

Nanos Connection::expected() const {
    Nanos next = never;
    for (const Ask& ask : asks_) next = std::min(next, ask.done ? never : ask.options.expected);
    return next;
}

void Connection::close(Failure why) {
    if (state_ == State::closing || state_ == State::closed) return;
    failure_ = std::move(why);
    state_ = State::closing;
    streams_.close(id_);
}

void Connection::on_closed(const Error& error, Nanos now) {
    if (failure_.code == PENSTOCK_OK) {
        const char* reason = error.os_error != 0 ? std::strerror(error.os_error) : to_string(error.code);
        const char* what = state_ == State::connecting ? "cannot reach" : "lost the connection to";
        failure_ = {PENSTOCK_UNREACHABLE, fmt::format("{} {}: {}", what, show(address_), reason)};
    }
    state_ = State::closed;
    std::deque<Ask> lost;
    lost.swap(asks_);
    for (const Ask& ask : lost) {
        if (ask.requester != nullptr) ask.requester->on_lost(ask.number, failure_, now);
    }
}

}  // namespace penstock::client
