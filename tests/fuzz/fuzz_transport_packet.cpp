// What anybody may send to the transport's port: the header of data packets, and frames.
//
// Input: a packet without its checksum, or a row of frames, whatever kind its first byte names. What is understood
// must encode to the bytes that it was read from, and numbers must be those that a peer could mean.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "transport/frame.h"
#include "transport/packet.h"

namespace {

using namespace penstock;
using namespace penstock::transport;

using Input = std::span<const std::byte>;

void write_again(FrameWriter& out, const Frame& frame) {
    switch (frame.kind) {
        case FrameKind::padding: PENSTOCK_ASSERT(false); break;   // it ends the row
        case FrameKind::ping: out.ping(); break;
        case FrameKind::acknowledgement: {
            std::vector<NumberRange> ranges;
            RangeReader reader(frame);
            uint64_t above = UINT64_MAX;
            while (const auto range = reader.next()) {
                PENSTOCK_ASSERT(range->first <= range->last && range->last < above);
                above = range->first;
                ranges.push_back(*range);
            }
            PENSTOCK_ASSERT(!ranges.empty() && ranges.size() <= ranges_max && ranges.front().last == frame.number);
            out.acknowledgement(ranges, frame.delay_us);
            break;
        }
        case FrameKind::stream:
            PENSTOCK_ASSERT(frame.end || !frame.bytes.empty());
            PENSTOCK_ASSERT(frame.number + frame.bytes.size() >= frame.number);
            out.stream(frame.stream, frame.number, static_cast<uint16_t>(frame.bytes.size()), frame.end);
            break;
        case FrameKind::stream_credit: out.stream_credit(frame.stream, frame.number); break;
        case FrameKind::connection_credit: out.connection_credit(frame.number); break;
        case FrameKind::streams_credit: out.streams_credit(static_cast<uint32_t>(frame.number)); break;
        case FrameKind::stream_reset: out.stream_reset(frame.stream, frame.number, frame.code); break;
        case FrameKind::stream_stop: out.stream_stop(frame.stream, frame.code); break;
        case FrameKind::close: out.close(frame.code); break;
    }
}

void check_frames(Input row) {
    FrameReader reader(row);
    size_t at = 0;
    while (const auto frame = reader.next()) {
        std::vector<std::byte> again(row.size() - at);
        FrameWriter writer(again);
        write_again(writer, *frame);
        PENSTOCK_ASSERT(std::equal(again.begin(), again.begin() + static_cast<std::ptrdiff_t>(writer.size()),
                                   row.begin() + static_cast<std::ptrdiff_t>(at)));
        at += writer.size();
        if (frame->kind != FrameKind::stream) continue;
        PENSTOCK_ASSERT(frame->bytes.empty() || frame->bytes.data() == row.data() + at);
        at += frame->bytes.size();
    }
    const bool padded = at < row.size() && row[at] == std::byte{0};
    PENSTOCK_ASSERT(reader.malformed() || padded || at == row.size());
    PENSTOCK_ASSERT(!reader.next());
}

void check_packet(Input bytes) {
    std::vector<std::byte> packet(bytes.begin(), bytes.end());
    packet.resize(packet.size() + checksum_bytes);
    put_checksum(packet);
    PENSTOCK_ASSERT(checksum_fits(packet));
    const auto kind = kind_of(packet);
    if (!kind || *kind != PacketKind::data) return;
    const auto header = parse_data_header(packet);
    if (!header) return;
    std::byte again[data_header_bytes];
    put_data_header(again, *header);
    PENSTOCK_ASSERT(std::equal(again, again + data_header_bytes, packet.begin()));
    const Input frames = frames_of(packet);
    PENSTOCK_ASSERT(frames.size() + data_header_bytes + checksum_bytes == packet.size());
    check_frames(frames);
    for (const uint64_t expected : {uint64_t{0}, uint64_t{header->number_low}, header->to.value >> 1}) {
        const uint64_t number = complete_number(header->number_low, expected);
        PENSTOCK_ASSERT(static_cast<uint32_t>(number) == header->number_low);
        const uint64_t distance = number > expected ? number - expected : expected - number;
        PENSTOCK_ASSERT(distance <= uint64_t{1} << 31 || expected < uint64_t{1} << 31);
    }
    packet.back() ^= std::byte{1};
    PENSTOCK_ASSERT(!checksum_fits(packet));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Input input = std::as_bytes(std::span(data, size));
    check_packet(input);
    check_frames(input);
    return 0;
}
