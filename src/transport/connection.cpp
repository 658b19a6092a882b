#include "transport/connection.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::transport {

namespace {

/// The wait for the next probe doubles, up to this: a path that comes back must be noticed well before the connection
/// counts as idle.
constexpr int64_t backoff_ns_max = second_ns;
constexpr uint32_t backoffs_max = 10;
/// An opener shows that it is alive so many times within the idle timeout: two may get lost.
constexpr int64_t keep_alives = 3;

}  // namespace

Connection::Connection(const ConnectionOptions& options, ReceivedBuffers& buffers, Scratch& scratch, Nanos now)
    : options_(options),
      buffers_(buffers),
      scratch_(scratch),
      congestion_(datagram_bytes_min, options.seed),
      path_mtu_(std::min(options.datagram_bytes_max, options.grants.datagram_bytes_max)),
      streams_granted_(options.opener ? options.grants.streams : options.granted.streams),
      send_limit_(options.grants.connection_credit),
      receive_limit_(options.granted.connection_credit),
      heard_at_(now),
      pinged_at_(now),
      answered_at_(now) {}

Connection::~Connection() {
    for (const auto& stream : streams_) {
        stream->unlink();
        stream->in.clear(buffers_);
    }
}

/// Where it is, or would be.
size_t Connection::place_of(uint32_t id) const {
    const auto at = std::ranges::lower_bound(streams_, id, {}, [](const auto& stream) { return stream->id; });
    return static_cast<size_t>(at - streams_.begin());
}

Stream* Connection::find(uint32_t id) const {
    const size_t place = place_of(id);
    return place < streams_.size() && streams_[place]->id == id ? streams_[place].get() : nullptr;
}

Stream& Connection::add_stream(uint32_t id) {
    PENSTOCK_ASSERT(streams_.empty() || streams_.back()->id < id);
    return *streams_.emplace_back(
        std::make_unique<Stream>(id, options_.grants.stream_credit, options_.granted.stream_credit));
}

std::optional<uint32_t> Connection::open_stream() {
    PENSTOCK_ASSERT(options_.opener);
    if (closed_ || streams_opened_ >= streams_granted_) return std::nullopt;
    Stream& stream = add_stream(streams_opened_++);
    stream.credit_due = true;   // it is the first frame of the stream, and so the peer hears of it at once
    want_to_send(stream);
    return stream.id;
}

bool Connection::push(uint32_t id, std::span<const Fragment> fragments, uint64_t token) {
    Stream* stream = find(id);
    if (closed_ || stream == nullptr || stream->was_reset || stream->out.ended()) return false;
    if (stream->out.pushes() >= io::max_sends_queued) return false;
    stream->out.push(fragments, token);
    while (const auto done = stream->out.next_done()) emit({EventKind::pushed, id, *done});   // one without bytes
    want_to_send(*stream);
    return true;
}

void Connection::end(uint32_t id) {
    Stream* stream = find(id);
    if (closed_ || stream == nullptr || stream->was_reset) return;
    stream->out.end();
    want_to_send(*stream);
}

void Connection::finish(uint32_t id) {
    end(id);
    Stream* stream = find(id);
    if (closed_ || stream == nullptr || stream->was_stopped) return;
    stream->was_stopped = true;
    stream->stop_due = stream->in.highest() > stream->in.read();   // somebody will wonder what became of it
    discard_unread(*stream);
    want_to_send(*stream);
    forget_if_over(*stream);
}

size_t Connection::pushes(uint32_t id) const {
    const Stream* stream = find(id);
    return stream == nullptr ? 0 : stream->out.pushes();
}

void Connection::cancel(uint32_t id) {
    Stream* stream = find(id);
    if (closed_ || stream == nullptr) return;
    if (!stream->was_reset && !stream->out.finished()) {
        stream->out.clear();
        stream->was_reset = stream->reset_due = true;
    }
    stream->readable_told = false;
    if (!stream->in.at_end()) stream->stop_due = true;
    stream->was_stopped = true;
    discard_unread(*stream);
    want_to_send(*stream);
    forget_if_over(*stream);
}

std::optional<ReceiveStream::Slice> Connection::read(uint32_t id) {
    Stream* stream = find(id);
    if (closed_ || stream == nullptr || stream->was_stopped) return std::nullopt;
    const auto slice = stream->in.next();
    if (slice) {
        read_bytes_ += slice->bytes.size();
        grant_read(*stream);
        return slice;
    }
    stream->readable_told = false;
    forget_if_over(*stream);
    return std::nullopt;
}

bool Connection::at_end(uint32_t id) const {
    const Stream* stream = find(id);
    return stream == nullptr || stream->in.at_end();
}

/// Nobody will read what is there; it counts as read, or the connection's credit would run out.
void Connection::discard_unread(Stream& stream) {
    while (const auto slice = stream.in.next()) {
        read_bytes_ += slice->bytes.size();
        buffers_.release(slice->buffer);
    }
    grant_read(stream);
}

void Connection::grant_read(Stream& stream) {
    if (!stream.was_stopped && stream.in.grant()) {
        stream.credit_due = true;
        want_to_send(stream);
    }
    const uint64_t window = options_.granted.connection_credit;
    if (receive_limit_ - read_bytes_ > window / 2) return;
    receive_limit_ = read_bytes_ + window;
    credit_due_ = true;
}

void Connection::want_to_send(Stream& stream) {
    if (!stream.linked() && stream.wants_to_send()) sendable_.push_back(stream);
}

void Connection::tell_readable(Stream& stream) {
    if (stream.readable_told || !stream.in.readable()) return;
    stream.readable_told = true;
    emit({EventKind::readable, stream.id});
}

void Connection::forget_if_over(Stream& stream) {
    if (stream.in.at_end()) stream.stop_due = false;
    if (!stream.is_over() || stream.readable_told || stream.has_control()) return;
    stream.unlink();
    stream.in.clear(buffers_);
    streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(place_of(stream.id)));
    ++streams_over_;
    if (options_.opener || streams_granted_ - streams_over_ > options_.granted.streams / 2) return;
    streams_granted_ = streams_over_ + options_.granted.streams;
    streams_credit_due_ = true;
}

void Connection::close(CloseCode code) {
    if (closed_) return;
    close_due_ = true;
    end_with(code);
}

void Connection::on_reset() {
    if (!closed_) end_with(CloseCode::unreachable);
}

void Connection::end_with(CloseCode code) {
    closed_ = true;
    close_code_ = code;
    for (const auto& stream : streams_) {
        stream->unlink();
        stream->in.clear(buffers_);
    }
    emit({.kind = EventKind::closed, .code = code});
}

std::optional<Event> Connection::next_event() {
    if (events_.empty()) return std::nullopt;
    const Event event = events_.front();
    events_.pop_front();
    return event;
}

int64_t Connection::idle_timeout_ns() const {
    const uint32_t ms = std::min(options_.granted.idle_timeout_ms, options_.grants.idle_timeout_ms);
    return std::max<uint32_t>(ms, 1) * millisecond_ns;
}

Nanos Connection::keep_alive_at() const {
    return options_.opener ? std::max(heard_at_, pinged_at_) + idle_timeout_ns() / keep_alives : never;
}

/// When to send something whatever the window is, since nothing was heard of what is under way: RFC 9002, section 6.2.
Nanos Connection::probe_at() const {
    if (!sent_.any_wants_answer()) return never;
    const int64_t patience = round_trip_.patience_ns() + options_.grants.acknowledgement_delay_us * microsecond_ns;
    const int64_t backoff = std::min(patience << std::min(probes_in_a_row_, backoffs_max), backoff_ns_max);
    return sent_.last_wanting_sent_at() + std::max(patience, backoff);
}

/// A peer that is heard and acknowledges nothing is as good as gone.
Nanos Connection::unanswered_until() const {
    return sent_.any_wants_answer() ? answered_at_ + idle_timeout_ns() : never;
}

Nanos Connection::next_deadline() const {
    if (closed_) return never;
    Nanos next = std::min({tell_at(), sent_.next_loss(round_trip_), probe_at(), unanswered_until(),
                           heard_at_ + idle_timeout_ns(), keep_alive_at(), mtu_probe_at()});
    if (waits_for_pace_) next = std::min(next, pacer_.ready_at(paced_bytes_));
    return next;
}

/// Says again what may have been lost. Of streams that is their first missing bytes: a receiver that has no room for
/// what comes ahead of them keeps nothing else.
void Connection::probe() {
    ++probes_in_a_row_;
    ++counters_.probes;
    probes_due_ = 2;
    ping_due_ = true;
    std::vector<SentFrame>& oldest = scratch_.outcome.lost;
    oldest.clear();
    sent_.oldest_frames(oldest);
    for (const SentFrame& frame : oldest)
        if (frame.kind != FrameKind::stream) settle_lost(frame);
    for (const auto& stream : streams_) {
        if (stream->was_reset) continue;
        stream->out.repeat_first(datagram_bytes_min);
        want_to_send(*stream);
    }
}

void Connection::on_deadline(Nanos now) {
    if (closed_) return;
    if (now >= heard_at_ + idle_timeout_ns())
        return end_with(probes_in_a_row_ > 0 ? CloseCode::unreachable : CloseCode::idle);
    if (now >= unanswered_until()) return close(CloseCode::unreachable);
    if (now >= sent_.next_loss(round_trip_)) {
        scratch_.outcome.clear();
        sent_.find_lost(round_trip_, now, scratch_.outcome);
        settle(now);
    }
    if (now >= probe_at()) probe();
    if (now >= keep_alive_at()) {
        pinged_at_ = now;
        ping_due_ = true;
    }
    if (!sent_.any_wants_answer()) sent_.shrink();
}

}  // namespace penstock::transport
