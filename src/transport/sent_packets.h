// What has been sent and not been acknowledged: finds out what was lost, and how fast the path delivers.
//
// Stepped by its connection. A packet is under way until it is acknowledged or lost. It counts as lost when one sent a
// threshold of numbers later, or a share of a round trip later, has been acknowledged (RFC 9002, section 6.1). What was
// lost stays known for a while: if it is acknowledged after all, the path reorders, and the threshold of numbers grows
// (RFC 8985 does the same), so that a path that reorders is not taken for one that loses.
// Packets and the frames in them are two rows, given back from the start. shrink() gives back their memory as well, for
// a connection that has become idle.
// What it does not do: no timers of its own (next_loss() says when to look again), and no sending.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/units.h"
#include "transport/frame.h"
#include "transport/round_trip.h"
#include "transport/row.h"

namespace penstock::transport {

/// What of a frame must be known when its packet's fate is.
struct SentFrame {
    FrameKind kind = FrameKind::padding;
    bool end = false;
    uint16_t length = 0;
    uint32_t stream = 0;
    uint64_t offset = 0;   ///< stream: of the data
};

/// How fast the path delivered, measured from the sending of a packet to its acknowledgement (the draft of
/// delivery-rate estimation: draft-cheng-iccrg-delivery-rate-estimation).
struct DeliveryRate {
    uint64_t bytes = 0;
    int64_t interval_ns = 0;        ///< 0: nothing can be said
    bool sender_limited = false;    ///< there was nothing more to send: the path may be faster
    uint64_t delivered_before = 0;  ///< SentPackets::delivered() when the newest of the packets was sent: tells rounds
};

struct SentPacket {
    bool wants_answer = false;     ///< holds more than an acknowledgement
    bool is_probe = false;         ///< of the path's MTU: its loss says nothing of congestion
    uint32_t bytes = 0;
};

class SentPackets {
public:
    /// The number of the next packet.
    uint64_t next_number() const { return base_ + packets_.size(); }
    uint64_t bytes_under_way() const { return bytes_under_way_; }
    /// Whether an acknowledgement is to be expected.
    bool any_wants_answer() const { return answers_wanted_ > 0; }
    Nanos last_wanting_sent_at() const { return last_wanting_at_; }
    uint64_t delivered() const { return delivered_; }
    /// As many packets that want no answer were sent behind one that nobody acknowledges as there is room to remember.
    bool too_much_unanswered() const { return unanswerable_ >= unanswerable_max; }

    /// Takes the next number.
    void sent(const SentPacket& packet, std::span<const SentFrame> frames, Nanos now);
    /// There is nothing more to send, though more could be under way: until all that is has arrived, what is measured
    /// is the sender.
    void sender_is_limited() { limited_until_ = std::max<uint64_t>(delivered_ + bytes_under_way_, 1); }

    struct Outcome {
        std::vector<SentFrame> acknowledged, lost;
        uint64_t acknowledged_bytes = 0, lost_bytes = 0;
        uint64_t lost_packets = 0;            ///< without probes
        uint64_t lost_large = 0;              ///< of those, larger than every path must carry
        bool large_arrived = false;
        std::optional<uint32_t> probe_arrived, probe_lost;   ///< the size of the packet
        std::optional<int64_t> round_trip_ns; ///< measured, if the largest number is new and wanted an answer
        DeliveryRate rate;
        int64_t lost_span_ns = 0;             ///< between the sending of the first and the last lost in a row
        void clear();
    };

    /// An acknowledgement arrived. False if it names what was never sent. Adds to `out`.
    bool acknowledged(const Frame& acknowledgement, const RoundTrip& round_trip, Nanos now, Outcome& out);
    /// Finds what is lost by now. Adds to `out`.
    void find_lost(const RoundTrip& round_trip, Nanos now, Outcome& out);
    /// Frames of the oldest packet under way, to be sent once more before its fate is known. Adds to `out`.
    void oldest_frames(std::vector<SentFrame>& out) const;
    /// When the next packet may count as lost, if nothing is heard of it; `never` if none can yet.
    Nanos next_loss(const RoundTrip& round_trip) const;
    /// Gives back what an idle connection does not need. Only while nothing is under way does it do anything.
    void shrink();

private:
    enum class Fate : uint8_t { under_way, acknowledged, lost };

    struct Packet {
        Nanos sent_at;
        uint32_t bytes = 0;
        uint16_t frames = 0;         ///< from first_frame on
        uint64_t first_frame = 0;
        Fate fate = Fate::under_way;
        bool wants_answer = false, is_probe = false, sender_limited = false;
        uint64_t delivered = 0;      ///< of the connection, when this was sent, with the moments that belong to it
        Nanos delivered_at, first_sent_at;
    };

    static constexpr uint64_t threshold_min = 3, threshold_max = 256;
    /// So many numbers below the largest acknowledged, what was lost is forgotten.
    static constexpr uint64_t lost_kept = 1024;
    /// A peer that acknowledges gets further acknowledgements for about a second at 10 Gbit/s while one packet of ours
    /// is missing; one that never does makes us keep 6 MB.
    static constexpr uint64_t unanswerable_max = 64 * 1024;

    int64_t patience_ns(const RoundTrip& round_trip) const;
    Packet& packet(uint64_t number) { return packets_[number - base_]; }
    const Packet& packet(uint64_t number) const { return packets_[number - base_]; }
    void acknowledge(Packet& packet, Nanos now, Outcome& out);
    void measure(const Packet& packet, Nanos now, Outcome& out);
    void lose(Packet& packet, Outcome& out);
    void add_frames(const Packet& packet, std::vector<SentFrame>& into) const;
    void leave(Packet& packet, Fate fate);
    void retire();

    uint64_t base_ = 0;              ///< the number of packets_.front()
    Row<Packet> packets_;
    Row<SentFrame> frames_;          ///< of packets_, in order
    uint64_t frames_base_ = 0;       ///< of frames_.front(), counted from the first frame ever sent
    uint64_t bytes_under_way_ = 0;
    uint64_t answers_wanted_ = 0;
    uint64_t unanswerable_ = 0;      ///< of packets_, those that want no answer
    Nanos last_wanting_at_;
    std::optional<uint64_t> largest_acknowledged_;
    uint64_t oldest_under_way_ = 0;  ///< none below is under way
    uint64_t threshold_ = threshold_min;

    uint64_t delivered_ = 0;
    uint64_t limited_until_ = 0;     ///< of delivered_
    Nanos delivered_at_, first_sent_at_;
};

}  // namespace penstock::transport
