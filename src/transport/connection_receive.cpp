// What arrives on a connection: frames, and what acknowledgements mean for what was sent.
#include <algorithm>

#include "base/assert.h"
#include "transport/connection.h"

namespace penstock::transport {

namespace {

/// So many probes' worth of silence is not congestion but a path that was gone (RFC 9002, section 7.6).
constexpr int64_t persistent_congestion = 3;

}  // namespace

void Connection::on_packet(const DataHeader& header, std::span<const std::byte> packet, uint32_t buffer, Nanos now) {
    if (closed_) return;
    heard_at_ = now;
    const uint64_t number = complete_number(header.number_low, received_.expected());
    ++counters_.packets_received;
    counters_.bytes_received += packet.size();
    if (!received_.is_new(number)) {
        ++counters_.packets_repeated;
        return;
    }
    bool kept = true, wants_answer = false;
    FrameReader frames(frames_of(packet));
    while (const auto frame = frames.next()) {
        wants_answer |= frame->kind != FrameKind::acknowledgement;
        kept &= take(*frame, buffer, now);
        if (closed_) return;
    }
    if (frames.malformed()) return close(CloseCode::protocol_violation);
    if (kept) received_.add(number, wants_answer, header.acknowledge_now, now);
}

/// False: there was no room for what it holds.
bool Connection::take(const Frame& frame, uint32_t buffer, Nanos now) {
    switch (frame.kind) {
        case FrameKind::padding:
        case FrameKind::ping: break;
        case FrameKind::acknowledgement: take_acknowledgement(frame, now); break;
        case FrameKind::stream: return take_stream(frame, buffer);
        case FrameKind::stream_credit:
            if (Stream* stream = stream_of_peer(frame.stream); stream != nullptr && stream->out.grant(frame.number))
                want_to_send(*stream);
            break;
        case FrameKind::connection_credit:
            if (frame.number <= send_limit_) break;
            send_limit_ = frame.number;
            for (const auto& stream : streams_) want_to_send(*stream);
            break;
        case FrameKind::streams_credit:
            if (!options_.opener) {
                close(CloseCode::protocol_violation);
            } else if (frame.number > streams_granted_) {
                streams_granted_ = static_cast<uint32_t>(frame.number);
                emit({EventKind::streams_granted});
            }
            break;
        case FrameKind::stream_reset: take_stream_reset(frame); break;
        case FrameKind::stream_stop: take_stream_stop(frame); break;
        case FrameKind::close: end_with(static_cast<CloseCode>(frame.code)); break;
    }
    return true;
}

/// The stream that a frame is about; the acceptor's begin with it. Null: it is over, or the connection is.
Stream* Connection::stream_of_peer(uint32_t id) {
    if (id < streams_opened_) return find(id);
    if (options_.opener) {
        close(CloseCode::protocol_violation);
        return nullptr;
    }
    if (id >= streams_granted_) {
        close(CloseCode::credit_exceeded);
        return nullptr;
    }
    while (streams_opened_ <= id) {
        add_stream(streams_opened_);
        emit({EventKind::stream_opened, streams_opened_++});
    }
    return streams_.back().get();
}

/// False: the peer sent more than it may, and the connection is closed.
bool Connection::count_received(const Stream& stream, uint64_t highest_before) {
    received_bytes_ += stream.in.highest() - highest_before;
    if (received_bytes_ <= receive_limit_) return true;
    close(CloseCode::credit_exceeded);
    return false;
}

bool Connection::take_stream(const Frame& frame, uint32_t buffer) {
    Stream* stream = stream_of_peer(frame.stream);
    if (stream == nullptr) return true;
    const uint64_t before = stream->in.highest();
    switch (stream->in.take(frame.number, frame.bytes, frame.end, buffer, buffers_)) {
        case ReceiveStream::Taken::kept: break;
        case ReceiveStream::Taken::no_room: return false;
        case ReceiveStream::Taken::beyond_credit: close(CloseCode::credit_exceeded); return true;
        case ReceiveStream::Taken::contradiction: close(CloseCode::protocol_violation); return true;
    }
    if (!count_received(*stream, before)) return true;
    if (!stream->was_stopped) {
        tell_readable(*stream);
        return true;
    }
    discard_unread(*stream);
    if (stream->in.highest() > before && !stream->in.at_end()) {
        stream->stop_due = true;
        want_to_send(*stream);
    }
    forget_if_over(*stream);
    return true;
}

void Connection::take_stream_reset(const Frame& frame) {
    Stream* stream = stream_of_peer(frame.stream);
    if (stream == nullptr || stream->in.was_reset()) return;
    const uint64_t before = stream->in.highest(), unread = frame.number - stream->in.read();
    switch (stream->in.reset(frame.number, buffers_)) {
        case ReceiveStream::Taken::kept: break;
        case ReceiveStream::Taken::beyond_credit: return close(CloseCode::credit_exceeded);
        case ReceiveStream::Taken::no_room:
        case ReceiveStream::Taken::contradiction: return close(CloseCode::protocol_violation);
    }
    if (!count_received(*stream, before)) return;
    read_bytes_ += unread;
    grant_read(*stream);
    stream->readable_told = false;
    if (!stream->was_stopped) emit({.kind = EventKind::stream_over, .stream = frame.stream, .code = code_of(frame)});
    stream->was_stopped = true;
    forget_if_over(*stream);
}

void Connection::take_stream_stop(const Frame& frame) {
    Stream* stream = stream_of_peer(frame.stream);
    if (stream == nullptr || stream->was_reset || stream->out.finished()) return;
    stream->out.clear();
    stream->was_reset = stream->reset_due = true;
    want_to_send(*stream);
    if (!stream->was_stopped) emit({.kind = EventKind::stream_over, .stream = frame.stream, .code = code_of(frame)});
}

CloseCode Connection::code_of(const Frame& frame) { return static_cast<CloseCode>(frame.code); }

void Connection::take_acknowledgement(const Frame& frame, Nanos now) {
    SentPackets::Outcome& outcome = scratch_.outcome;
    outcome.clear();
    if (!sent_.acknowledged(frame, round_trip_, now, outcome)) return close(CloseCode::protocol_violation);
    if (outcome.round_trip_ns) {
        const uint32_t delay_us = std::min(frame.delay_us, options_.grants.acknowledgement_delay_us);
        round_trip_.sample(*outcome.round_trip_ns, delay_us * microsecond_ns);
    }
    if (outcome.acknowledged_bytes > 0) {
        probes_in_a_row_ = 0;
        answered_at_ = now;
    }
    settle(now);
}

/// What became of packets becomes known to their streams and to those that learn from it.
void Connection::settle(Nanos now) {
    const SentPackets::Outcome& outcome = scratch_.outcome;
    for (const SentFrame& frame : outcome.acknowledged) settle_acknowledged(frame);
    for (const SentFrame& frame : outcome.lost) settle_lost(frame);
    counters_.packets_lost += outcome.lost_packets;
    counters_.bytes_lost += outcome.lost_bytes;
    if (outcome.probe_arrived) {
        path_mtu_.probe_arrived(*outcome.probe_arrived);
        congestion_.set_packet_bytes(path_mtu_.bytes());
    }
    if (outcome.probe_lost) path_mtu_.probe_lost(*outcome.probe_lost, now);
    if (outcome.large_arrived) {
        path_mtu_.large_arrived();
    } else if (outcome.lost_large > 0) {
        path_mtu_.large_lost(outcome.lost_large, now);
        congestion_.set_packet_bytes(path_mtu_.bytes());
    }
    if (outcome.acknowledged_bytes == 0 && outcome.lost_bytes == 0) return;
    congestion_.on_sample({.now = now,
                           .acknowledged_bytes = outcome.acknowledged_bytes,
                           .lost_bytes = outcome.lost_bytes,
                           .bytes_under_way = sent_.bytes_under_way(),
                           .delivered = sent_.delivered(),
                           .round_trip_ns = outcome.round_trip_ns,
                           .rate = outcome.rate});
    const int64_t patience = round_trip_.patience_ns() + options_.grants.acknowledgement_delay_us * microsecond_ns;
    if (outcome.lost_span_ns > persistent_congestion * patience) congestion_.on_persistent_congestion(now);
}

void Connection::settle_acknowledged(const SentFrame& frame) {
    Stream* stream = nullptr;
    switch (frame.kind) {
        case FrameKind::stream:
            stream = find(frame.stream);
            if (stream == nullptr || stream->was_reset) return;
            stream->out.acknowledged(frame.offset, frame.length, frame.end);
            while (const auto token = stream->out.next_done()) emit({EventKind::pushed, frame.stream, *token});
            if (stream->out.finished()) forget_if_over(*stream);
            return;
        case FrameKind::stream_reset:
            stream = find(frame.stream);
            if (stream == nullptr) return;
            stream->reset_arrived = true;
            return forget_if_over(*stream);
        default: return;
    }
}

/// It is to be said again, as it is by now.
void Connection::settle_lost(const SentFrame& frame) {
    switch (frame.kind) {
        case FrameKind::connection_credit: credit_due_ = true; return;
        case FrameKind::streams_credit: streams_credit_due_ = true; return;
        default: break;
    }
    Stream* stream = find(frame.stream);
    if (stream == nullptr) return;
    switch (frame.kind) {
        case FrameKind::stream:
            if (!stream->was_reset) stream->out.lost(frame.offset, frame.length, frame.end);
            break;
        case FrameKind::stream_credit: stream->credit_due = !stream->was_stopped && !stream->in.at_end(); break;
        case FrameKind::stream_reset: stream->reset_due = !stream->reset_arrived; break;
        case FrameKind::stream_stop: stream->stop_due = !stream->in.at_end(); break;
        default: return;
    }
    want_to_send(*stream);
}

}  // namespace penstock::transport
