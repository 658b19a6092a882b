#include "socket/datagram_sender.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "socket/endpoint.h"

namespace penstock::socket {

namespace {

constexpr size_t sent_messages_max = 64;
constexpr size_t vectors_max = 1024;
static_assert(sent_messages_max >= io::burst_datagrams_max, "a burst fits in the batch as datagrams");
static_assert(vectors_max >= io::burst_fragments_max + io::burst_datagrams_max, "each datagram may cut a fragment");

void write_segment(std::byte* segment, uint32_t datagram_bytes) {
    const cmsghdr header{.cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
    const auto size = static_cast<uint16_t>(datagram_bytes);
    std::memcpy(segment, &header, sizeof header);
    std::memcpy(segment + CMSG_LEN(0), &size, sizeof size);
}

}  // namespace

/// What one sendmmsg takes: whole bursts, each as one message or as one for each datagram.
struct DatagramSender::Batch {
    /// The size of the datagrams that a message is cut into, as the kernel wants to be told.
    struct alignas(cmsghdr) Segment {
        std::byte bytes[CMSG_SPACE(sizeof(uint16_t))] = {};
    };

    size_t bursts = 0, messages = 0, vectors = 0;
    mmsghdr headers[sent_messages_max] = {};
    uint32_t burst_of[sent_messages_max] = {};     ///< among those of the batch
    uint32_t datagrams_of[sent_messages_max] = {};
    Segment segments[sent_messages_max];
    SocketName names[sent_messages_max];           ///< by burst
    iovec rows[vectors_max] = {};
};

DatagramSender::DatagramSender(bool segmentation)
    : segmentation_(segmentation), batch_(std::make_unique<Batch>()) {}

DatagramSender::~DatagramSender() = default;

void DatagramSender::open(int socket, sa_family_t family) {
    PENSTOCK_ASSERT(socket_ < 0 && socket >= 0);
    socket_ = socket;
    family_ = family;
}

size_t DatagramSender::send(std::span<const io::OutgoingBurst> bursts) {
    PENSTOCK_ASSERT(socket_ >= 0);
    size_t taken = 0;
    no_room_ = false;
    // Each round takes a burst at least, or finds no room, or begins to doubt segmentation: once for a burst.
    while (taken < bursts.size() && !no_room_) {
        fill(bursts.subspan(taken));
        taken += transmit();
    }
    counters_.bursts += taken;
    return taken;
}

void DatagramSender::fill(std::span<const io::OutgoingBurst> bursts) {
    batch_->bursts = batch_->messages = batch_->vectors = 0;
    for (const io::OutgoingBurst& burst : bursts) {
        if (!append(burst)) break;
        ++batch_->bursts;
    }
    PENSTOCK_ASSERT(batch_->bursts > 0);
}

/// False if the batch has no room for it.
bool DatagramSender::append(const io::OutgoingBurst& burst) {
    const uint64_t size = total_size(burst.fragments);
    PENSTOCK_ASSERT(burst.fragments.size() <= io::burst_fragments_max);
    PENSTOCK_ASSERT(size > 0 && size <= io::burst_bytes_max && burst.datagram_bytes > 0);
    const uint64_t datagrams = (size - 1) / burst.datagram_bytes + 1;
    PENSTOCK_ASSERT(datagrams <= io::burst_datagrams_max);
    const bool whole = segmentation_ || datagrams == 1;
    const uint64_t messages = whole ? 1 : datagrams;
    if (batch_->messages + messages > sent_messages_max ||
        batch_->vectors + burst.fragments.size() + messages > vectors_max) {
        return false;
    }
    batch_->names[batch_->bursts] = socket_name(burst.to, family_);
    auto left = static_cast<uint32_t>(size);  // of the burst
    uint32_t message_left = 0;
    for (const Fragment& fragment : burst.fragments) {
        for (uint32_t at = 0; at < fragment.size;) {
            if (message_left == 0) {
                message_left = whole ? left : std::min(left, burst.datagram_bytes);
                begin_message(burst.datagram_bytes, message_left);
            }
            const uint32_t n = std::min(message_left, fragment.size - at);
            batch_->rows[batch_->vectors++] = {const_cast<std::byte*>(fragment.data) + at, n};
            ++batch_->headers[batch_->messages - 1].msg_hdr.msg_iovlen;
            at += n;
            left -= n;
            message_left -= n;
        }
    }
    return true;
}

void DatagramSender::begin_message(uint32_t datagram_bytes, uint32_t bytes) {
    const size_t message = batch_->messages++;
    SocketName& name = batch_->names[batch_->bursts];
    msghdr& header = batch_->headers[message].msg_hdr;
    header = {.msg_name = &name.storage, .msg_namelen = name.size, .msg_iov = &batch_->rows[batch_->vectors]};
    if (bytes > datagram_bytes) {
        write_segment(batch_->segments[message].bytes, datagram_bytes);
        header.msg_control = batch_->segments[message].bytes;
        header.msg_controllen = sizeof(Batch::Segment);
    }
    batch_->burst_of[message] = static_cast<uint32_t>(batch_->bursts);
    batch_->datagrams_of[message] = (bytes - 1) / datagram_bytes + 1;
}

/// How many bursts of the batch are sent or lost.
size_t DatagramSender::transmit() {
    for (size_t at = 0; at < batch_->messages;) {
        ++counters_.calls;
        const auto count = static_cast<unsigned>(batch_->messages - at);
        const int sent = ::sendmmsg(socket_, &batch_->headers[at], count, MSG_DONTWAIT | MSG_NOSIGNAL);
        const int os_error = sent > 0 ? 0 : errno;
        if (os_error == EINTR) continue;
        if (testing_) {
            testing_ = false;
            segmentation_ = sent <= 0;
            if (sent > 0) ++counters_.segmentation_refusals;
        }
        if (sent > 0) {
            for (const size_t end = at + static_cast<size_t>(sent); at < end; ++at) {
                counters_.datagrams += batch_->datagrams_of[at];
                counters_.bytes += batch_->headers[at].msg_len;
            }
        } else if (os_error == EAGAIN || os_error == EWOULDBLOCK) {
            ++counters_.shortages;
            no_room_ = true;
            const bool begun = at > 0 && batch_->burst_of[at - 1] == batch_->burst_of[at];
            const size_t taken = batch_->burst_of[at] + (begun ? 1u : 0u);
            if (begun) lose_rest_of_burst(at);  // nobody can send the half of it again
            return taken;
        } else if (doubt_segmentation(at, os_error)) {
            return batch_->burst_of[at];
        } else {
            at = lose_rest_of_burst(at);
        }
    }
    return batch_->bursts;
}

/// A message to be cut was refused. The kernel says EIO where it cannot compute checksums for the device, and EINVAL
/// for much, too large a datagram among it: sending the same burst datagram by datagram tells which it was.
bool DatagramSender::doubt_segmentation(size_t message, int os_error) {
    if (batch_->headers[message].msg_hdr.msg_control == nullptr) return false;
    if (os_error != EIO && os_error != EINVAL) return false;
    segmentation_ = false;
    testing_ = true;
    return true;
}

/// The first message behind it.
size_t DatagramSender::lose_rest_of_burst(size_t message) {
    const uint32_t burst = batch_->burst_of[message];
    for (; message < batch_->messages && batch_->burst_of[message] == burst; ++message) {
        counters_.lost += batch_->datagrams_of[message];
    }
    return message;
}

}  // namespace penstock::socket
