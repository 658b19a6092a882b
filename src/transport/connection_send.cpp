// What leaves on a connection: which packets may go now, and what goes into them.
#include <algorithm>

#include "base/assert.h"
#include "transport/connection.h"

namespace penstock::transport {

namespace {

/// Less room than this in a packet that holds something already is not worth another piece of a stream.
constexpr size_t piece_bytes_min = 64;

}  // namespace

int64_t Connection::acknowledgement_delay_ns() const {
    return options_.granted.acknowledgement_delay_us * microsecond_ns;
}

/// When acknowledgements go out by themselves. Not to a peer that acknowledges nothing: each is remembered until then.
Nanos Connection::tell_at() const {
    return sent_.too_much_unanswered() ? never : received_.due(acknowledgement_delay_ns());
}

/// What waits to be sent, as far as it matters: a burst's worth at most.
uint64_t Connection::waiting_bytes(uint64_t enough) {
    uint64_t waiting = 0;
    const uint64_t credit = send_limit_ - sent_bytes_;
    for (Stream* stream = sendable_.front(); stream != nullptr && waiting < enough; stream = sendable_.next(*stream)) {
        waiting += std::min(stream->out.new_bytes(), credit);
        if (stream->out.wants_to_repeat()) waiting += path_mtu_.bytes();
        waiting += stream_frame_bytes;   // an end, a reset or credit may be all there is to say
    }
    if (credit_due_ || streams_credit_due_ || ping_due_) waiting += connection_credit_frame_bytes;
    return std::min(waiting, enough);
}

/// A burst costs its sender about the same whatever is in it: until there is room for a good one, it waits.
bool Connection::may_send_data(Nanos now) {
    waits_for_pace_ = false;
    if (probes_due_ > 0) return true;
    const uint64_t burst = congestion_.burst_bytes();
    const uint64_t wanted = waiting_bytes(burst);
    if (wanted == 0) return false;
    const uint64_t under_way = sent_.bytes_under_way(), window = congestion_.window_bytes();
    if (under_way > 0 && under_way + std::min(wanted, burst / 4) > window) return false;
    pacer_.refill(congestion_.bytes_per_s(), burst, now);
    if (pacer_.tokens() >= static_cast<int64_t>(wanted)) return true;
    waits_for_pace_ = true;
    paced_bytes_ = wanted;
    return false;
}

bool Connection::wants_to_send(Nanos now) {
    if (closed_) return close_due_;
    return tell_at() <= now || may_send_data(now) || mtu_probe_at() <= now;
}

void Connection::fill(Burst& burst, Nanos now) {
    PENSTOCK_ASSERT(burst.empty());
    if (closed_) {
        if (close_due_) add_close(burst);
        close_due_ = false;
        return;
    }
    if (mtu_probe_at() <= now) return add_mtu_probe(burst, *path_mtu_.next_probe(now), now);
    const bool data = may_send_data(now);
    while (add_packet(burst, data, now)) {
    }
}

/// Once there is room for it; before, there is nothing to wake up for.
Nanos Connection::mtu_probe_at() const {
    return sent_.bytes_under_way() < congestion_.window_bytes() ? path_mtu_.next_probe_at() : never;
}

/// False: nothing more may go into this burst.
bool Connection::add_packet(Burst& burst, bool data, Nanos now) {
    const bool probes = probes_due_ > 0;   // after losses even the path's MTU is not sure
    const uint32_t bytes = probes ? datagram_bytes_min : path_mtu_.bytes();
    if (!burst.has_room(bytes)) return false;
    const bool allowed =
        data && (probes || burst.empty() ||
                 (pacer_.may_send() && sent_.bytes_under_way() + bytes <= congestion_.window_bytes()));
    const bool must_tell = tell_at() <= now;
    if (!allowed && !must_tell) return false;
    burst.begin({options_.peer, static_cast<uint32_t>(sent_.next_number()), false}, bytes);
    if (allowed) {
        if (received_.untold()) add_acknowledgement(burst, now);
        add_control(burst);
        add_streams(burst);
        if (probes && !burst.wants_answer()) add_ping(burst);
    } else {
        add_acknowledgement(burst, now);
    }
    if (!burst.any_frame()) {
        burst.drop();
        return false;
    }
    const bool more = !sendable_.empty();
    if (more && burst.room() < piece_bytes_min) burst.pad();
    if (probes) --probes_due_;
    // Who is held back by the window waits for the answer; who has nothing more to send does not.
    const bool held_back = sent_.bytes_under_way() + 2 * bytes > congestion_.window_bytes();
    if (burst.wants_answer() && (held_back || probes)) burst.ask_at_once();
    record(burst, false, now);
    if (!more && allowed && !held_back) sent_.sender_is_limited();
    return allowed;
}

void Connection::record(Burst& burst, bool is_probe, Nanos now) {
    const bool wants_answer = burst.wants_answer();
    const uint32_t bytes = burst.finish();
    if (!sent_.any_wants_answer()) answered_at_ = now;
    sent_.sent({.wants_answer = wants_answer, .is_probe = is_probe, .bytes = bytes}, burst.frames(), now);
    if (wants_answer) pacer_.sent(bytes);
    ++counters_.packets_sent;
    counters_.bytes_sent += bytes;
}

void Connection::add_acknowledgement(Burst& burst, Nanos now) {
    FrameWriter writer = burst.writer();
    received_.acknowledge(writer, now);
    burst.add(writer);
}

void Connection::add_ping(Burst& burst) {
    if (burst.room() < ping_frame_bytes) return;
    FrameWriter writer = burst.writer();
    writer.ping();
    burst.add(writer, {.kind = FrameKind::ping});
    ping_due_ = false;
}

void Connection::add_control(Burst& burst) {
    if (credit_due_ && burst.room() >= connection_credit_frame_bytes) {
        FrameWriter writer = burst.writer();
        writer.connection_credit(receive_limit_);
        burst.add(writer, {.kind = FrameKind::connection_credit});
        credit_due_ = false;
    }
    if (streams_credit_due_ && burst.room() >= streams_credit_frame_bytes) {
        FrameWriter writer = burst.writer();
        writer.streams_credit(streams_granted_);
        burst.add(writer, {.kind = FrameKind::streams_credit});
        streams_credit_due_ = false;
    }
    if (ping_due_) add_ping(burst);
}

void Connection::add_stream_control(Burst& burst, Stream& stream) {
    FrameWriter writer = burst.writer();
    if (stream.credit_due && writer.left() >= stream_credit_frame_bytes) {
        writer.stream_credit(stream.id, stream.in.limit());
        burst.add(writer, {.kind = FrameKind::stream_credit, .stream = stream.id});
        stream.credit_due = false;
        writer = burst.writer();
    }
    if (stream.reset_due && writer.left() >= stream_reset_frame_bytes) {
        writer.stream_reset(stream.id, stream.out.sent(), static_cast<uint32_t>(CloseCode::cancelled));
        burst.add(writer, {.kind = FrameKind::stream_reset, .stream = stream.id});
        stream.reset_due = false;
        writer = burst.writer();
    }
    if (stream.stop_due && writer.left() >= stream_stop_frame_bytes) {
        writer.stream_stop(stream.id, static_cast<uint32_t>(CloseCode::cancelled));
        burst.add(writer, {.kind = FrameKind::stream_stop, .stream = stream.id});
        stream.stop_due = false;
    }
}

/// Streams take turns, a packet each at most.
void Connection::add_streams(Burst& burst) {
    while (Stream* stream = sendable_.front()) {
        add_stream_control(burst, *stream);
        if (stream->has_control()) return;   // no room
        if (burst.room() < (burst.any_frame() ? stream_frame_bytes + piece_bytes_min : stream_frame_bytes + 1)) {
            if (!stream->out.wants_to_send()) stream->unlink();
            return;
        }
        const uint64_t before = stream->out.sent();
        const auto room = static_cast<uint32_t>(std::min<size_t>(burst.room() - stream_frame_bytes, UINT16_MAX));
        const auto chunk = stream->out.next(room, send_limit_ - sent_bytes_);
        if (chunk) {
            sent_bytes_ += stream->out.sent() - before;
            if (chunk->offset < before) counters_.bytes_repeated += chunk->length;
            FrameWriter writer = burst.writer();
            const auto length = static_cast<uint16_t>(chunk->length);
            writer.stream(stream->id, chunk->offset, length, chunk->end);
            burst.add(writer, {.kind = FrameKind::stream, .end = chunk->end, .length = length, .stream = stream->id,
                               .offset = chunk->offset});
            scratch_.fragments.clear();
            stream->out.add_fragments(*chunk, scratch_.fragments);
            burst.add_data(scratch_.fragments);
        }
        stream->unlink();
        // Without a chunk it waits for credit, which puts it here again.
        if (chunk && stream->wants_to_send()) sendable_.push_back(*stream);
        else forget_if_over(*stream);
    }
}

void Connection::add_mtu_probe(Burst& burst, uint32_t bytes, Nanos now) {
    burst.begin({options_.peer, static_cast<uint32_t>(sent_.next_number()), false}, bytes);
    add_ping(burst);
    burst.pad();
    burst.ask_at_once();
    record(burst, true, now);
}

void Connection::add_close(Burst& burst) {
    burst.begin({options_.peer, static_cast<uint32_t>(sent_.next_number()), false}, datagram_bytes_min);
    FrameWriter writer = burst.writer();
    writer.close(static_cast<uint32_t>(close_code_));
    burst.add(writer);
    burst.finish();
}

}  // namespace penstock::transport
