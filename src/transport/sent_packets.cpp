#include "transport/sent_packets.h"

#include "base/assert.h"
#include "transport/packet.h"

namespace penstock::transport {

void SentPackets::Outcome::clear() {
    acknowledged.clear();
    lost.clear();
    acknowledged_bytes = lost_bytes = lost_packets = lost_large = 0;
    large_arrived = false;
    probe_arrived = probe_lost = std::nullopt;
    round_trip_ns = std::nullopt;
    rate = {};
    lost_span_ns = 0;
}

void SentPackets::sent(const SentPacket& packet, std::span<const SentFrame> frames, Nanos now) {
    // After a pause the path has delivered all: what is measured begins anew.
    if (bytes_under_way_ == 0) first_sent_at_ = delivered_at_ = now;
    if (packets_.empty()) {
        oldest_under_way_ = base_;
        if (!packet.wants_answer) {   // nobody will hear of it: it needs a number, and no record
            ++base_;
            return;
        }
    }
    Packet record{.sent_at = now, .bytes = packet.bytes, .frames = static_cast<uint16_t>(frames.size()),
                  .first_frame = frames_base_ + frames_.size(), .wants_answer = packet.wants_answer,
                  .is_probe = packet.is_probe, .sender_limited = delivered_ < limited_until_, .delivered = delivered_,
                  .delivered_at = delivered_at_, .first_sent_at = first_sent_at_};
    if (packet.wants_answer) {
        bytes_under_way_ += packet.bytes;
        ++answers_wanted_;
        last_wanting_at_ = now;
    } else {
        record.fate = Fate::acknowledged;   // it goes with its neighbours
        ++unanswerable_;
    }
    packets_.push_back(record);
    for (const SentFrame& frame : frames) frames_.push_back(frame);
}

bool SentPackets::acknowledged(const Frame& acknowledgement, const RoundTrip& round_trip, Nanos now, Outcome& out) {
    const uint64_t largest = acknowledgement.number;
    if (largest >= next_number()) return false;
    if (largest >= base_) {
        const Packet& newest = packet(largest);
        if (newest.fate == Fate::under_way && largest >= largest_acknowledged_.value_or(0))
            out.round_trip_ns = now - newest.sent_at;
    }
    largest_acknowledged_ = std::max(largest, largest_acknowledged_.value_or(0));
    RangeReader ranges(acknowledgement);
    while (const auto range = ranges.next()) {
        if (range->last < base_) break;
        for (uint64_t number = range->last + 1; number-- > std::max(range->first, base_);) {
            if (packet(number).fate == Fate::lost)
                threshold_ = std::clamp(*largest_acknowledged_ - number + 1, threshold_, threshold_max);
            acknowledge(packet(number), now, out);
        }
    }
    if (out.rate.interval_ns > 0) out.rate.bytes = delivered_ - out.rate.delivered_before;
    find_lost(round_trip, now, out);
    return true;
}

void SentPackets::acknowledge(Packet& packet, Nanos now, Outcome& out) {
    if (packet.fate == Fate::acknowledged) return;
    const bool was_lost = packet.fate == Fate::lost;
    leave(packet, Fate::acknowledged);
    add_frames(packet, out.acknowledged);
    delivered_ += packet.bytes;
    delivered_at_ = now;
    out.acknowledged_bytes += packet.bytes;
    if (packet.is_probe) out.probe_arrived = packet.bytes;
    else out.large_arrived |= packet.bytes > datagram_bytes_min;
    if (!was_lost) measure(packet, now, out);
}

void SentPackets::measure(const Packet& packet, Nanos now, Outcome& out) {
    DeliveryRate& rate = out.rate;
    if (rate.interval_ns > 0 && packet.delivered <= rate.delivered_before) return;
    rate.delivered_before = packet.delivered;
    rate.sender_limited = packet.sender_limited;
    // Sending may have been slower than the path, and acknowledgements may have come in a bunch: the longer is true.
    rate.interval_ns = std::max<int64_t>({packet.sent_at - packet.first_sent_at, now - packet.delivered_at, 1});
    first_sent_at_ = packet.sent_at;
}

void SentPackets::find_lost(const RoundTrip& round_trip, Nanos now, Outcome& out) {
    if (!largest_acknowledged_) return;
    const int64_t patience = patience_ns(round_trip);
    Nanos first_lost_at = never;
    uint64_t number = std::max(oldest_under_way_, base_);
    bool in_a_row = true;
    for (; number < next_number() && number <= *largest_acknowledged_; ++number) {
        Packet& candidate = packet(number);
        if (candidate.fate == Fate::acknowledged && candidate.wants_answer) {
            in_a_row = false;
            continue;
        }
        if (candidate.fate != Fate::under_way) continue;
        if (*largest_acknowledged_ - number < threshold_ && candidate.sent_at + patience > now) break;
        if (!in_a_row || first_lost_at == never) first_lost_at = candidate.sent_at;
        in_a_row = true;
        lose(candidate, out);
        out.lost_span_ns = std::max(out.lost_span_ns, candidate.sent_at - first_lost_at);
    }
    oldest_under_way_ = number;
    retire();
}

void SentPackets::lose(Packet& packet, Outcome& out) {
    leave(packet, Fate::lost);
    if (packet.is_probe) {
        out.probe_lost = packet.bytes;
        return;
    }
    add_frames(packet, out.lost);
    out.lost_bytes += packet.bytes;
    ++out.lost_packets;
    out.lost_large += packet.bytes > datagram_bytes_min;
}

void SentPackets::leave(Packet& packet, Fate fate) {
    if (packet.fate == Fate::under_way) {
        PENSTOCK_ASSERT(bytes_under_way_ >= packet.bytes && answers_wanted_ > 0);
        bytes_under_way_ -= packet.bytes;
        --answers_wanted_;
    }
    packet.fate = fate;
}

void SentPackets::add_frames(const Packet& packet, std::vector<SentFrame>& into) const {
    for (uint64_t i = 0; i < packet.frames; ++i) into.push_back(frames_[packet.first_frame + i - frames_base_]);
}

void SentPackets::oldest_frames(std::vector<SentFrame>& out) const {
    for (uint64_t number = std::max(oldest_under_way_, base_); number < next_number(); ++number) {
        if (packet(number).fate != Fate::under_way) continue;
        add_frames(packet(number), out);
        return;
    }
}

Nanos SentPackets::next_loss(const RoundTrip& round_trip) const {
    if (!largest_acknowledged_) return never;
    for (uint64_t number = std::max(oldest_under_way_, base_);
         number < next_number() && number <= *largest_acknowledged_; ++number)
        if (packet(number).fate == Fate::under_way) return packet(number).sent_at + patience_ns(round_trip);
    return never;
}

int64_t SentPackets::patience_ns(const RoundTrip& round_trip) const {
    const int64_t longest = std::max(round_trip.smoothed_ns(), round_trip.latest_ns());
    return std::max(longest + longest / 8, RoundTrip::granularity_ns);
}

/// What is over leaves at the start of the row; the lost stay for a while in case they arrive after all.
void SentPackets::retire() {
    const bool idle = answers_wanted_ == 0;
    size_t packets = 0, frames = 0;
    while (packets < packets_.size()) {
        const Packet& oldest = packets_[packets];
        if (oldest.fate == Fate::under_way) break;
        const bool known = oldest.fate == Fate::lost && !idle;
        if (known && base_ + packets + lost_kept > largest_acknowledged_.value_or(0)) break;
        frames += oldest.frames;
        unanswerable_ -= oldest.wants_answer ? 0 : 1;
        ++packets;
    }
    if (packets == 0) return;
    packets_.pop_front(packets);
    frames_.pop_front(frames);
    base_ += packets;
    frames_base_ += frames;
}

void SentPackets::shrink() {
    retire();
    if (!packets_.empty()) return;
    packets_.shrink();
    frames_.shrink();
}

}  // namespace penstock::transport
