// The packets of one burst, as they are put together: headers and frames in memory of its own, data where it lies.
//
// One for an endpoint, filled by one connection at a time and then handed to the link. All packets but the last have
// the same size, as io/link.h wants it. The checksum is made when a packet is finished, over headers and data as they
// will be on the wire.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/link.h"
#include "transport/frame.h"
#include "transport/packet.h"
#include "transport/sent_packets.h"

namespace penstock::transport {

class Burst {
public:
    Burst();

    void clear();
    bool empty() const { return packets_ == 0; }
    uint32_t packets() const { return packets_; }
    uint32_t bytes() const { return bytes_; }
    /// Whether another packet of this size may follow: the last was full, and there is room.
    bool has_room(uint32_t packet_bytes) const;

    /// Begins a packet of at most so many bytes.
    void begin(const DataHeader& header, uint32_t packet_bytes);
    /// For frames and data, the checksum aside.
    size_t room() const;
    /// Frames are written here, then taken into the packet.
    FrameWriter writer();
    void add(const FrameWriter& written, const SentFrame& frame);
    /// Of a frame that needs no record: its loss means nothing.
    void add(const FrameWriter& written);
    /// What follows a stream frame.
    void add_data(std::span<const Fragment> data);
    bool any_frame() const { return used_ > data_header_bytes; }
    bool wants_answer() const { return wants_answer_; }
    std::span<const SentFrame> frames() const { return frames_; }
    /// The packet asks for an acknowledgement at once.
    void ask_at_once();
    /// Fills the packet up with padding.
    void pad();
    /// The size of the packet, with its checksum.
    uint32_t finish();
    /// Instead of finish(): as if it had not begun.
    void drop();

    /// Copies the data, which its owners may take back before the link has room.
    void keep();
    /// For the link.
    io::OutgoingBurst outgoing(const io::Endpoint& to) const;

private:
    /// Pieces of data smaller than this are copied: a fragment of their own costs more.
    uint32_t copied_below() const { return std::max(256u, limit_ / 128); }
    static uint32_t fragments_max(uint32_t packet_bytes) { return 2 * std::min(packet_bytes / 256, 128u) + 2; }
    void add_own(size_t bytes);

    std::vector<std::byte> memory_;      ///< never grows: fragments point into it
    size_t memory_used_ = 0;
    std::vector<Fragment> fragments_;
    std::vector<std::byte> kept_;        ///< of keep(): then it is the only fragment
    std::vector<SentFrame> frames_;      ///< of the packet that is open

    uint32_t packets_ = 0, bytes_ = 0;
    uint32_t datagram_bytes_ = 0;        ///< of all but the last
    bool last_ = false;                  ///< the packet before was shorter than the others

    uint32_t limit_ = 0, used_ = 0;      ///< of the packet that is open
    size_t first_fragment_ = 0, first_memory_ = 0;
    bool wants_answer_ = false;
};

}  // namespace penstock::transport
