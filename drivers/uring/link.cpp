#include "uring/link.h"

#include <liburing.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "socket/clock.h"
#include "socket/endpoint.h"
#include "socket/socket.h"

namespace penstock::uring {

namespace {

// A receive buffer: the kernel's header, the peer's name, control data, the datagrams. The sum of the first three puts
// the datagrams at the start of a cache line.
constexpr uint32_t name_bytes = 32, control_bytes = 80;
constexpr uint32_t payload_at = sizeof(io_uring_recvmsg_out) + name_bytes + control_bytes;
static_assert(payload_at % 64 == 0 && name_bytes >= sizeof(sockaddr_in6) && control_bytes >= CMSG_SPACE(sizeof(int)));
static_assert((sizeof(io_uring_recvmsg_out) + name_bytes) % alignof(cmsghdr) == 0);

constexpr size_t resolved_max = 16;

}  // namespace

socket::Opened<std::unique_ptr<Link>> Link::create(Ring& ring, const LinkOptions& options) {
    std::unique_ptr<Link> link(new Link(ring, options));
    const uint32_t buffer_bytes = payload_at + options.receive_buffer_bytes;
    // The place in the ring is unique among its clients, so it names the buffer group as well.
    auto pool = ReceivePool::create(ring, link->client_, options.receive_buffers, buffer_bytes);
    if (!pool) return std::unexpected(pool.error());
    link->pool_ = std::move(*pool);
    return link;
}

Link::Link(Ring& ring, const LinkOptions& options)
    : ring_(ring), options_(options), client_(ring.attach(*this)), sender_(options.segmentation),
      arrived_(options.receive_buffers) {
    layout_.msg_namelen = name_bytes;
    layout_.msg_controllen = control_bytes;
}

Link::~Link() {
    closing_ = true;
    if (under_way_ > 0) {
        io_uring_prep_cancel_fd(next_sqe(Verb::cancel), socket_.descriptor, IORING_ASYNC_CANCEL_ALL);
    }
    while (under_way_ > 0) {
        arrived_count_ = 0;  // or the ring would not sleep
        ring_.wait_until(never);
    }
    if (socket_.descriptor >= 0) ::close(socket_.descriptor);
    ring_.detach(client_);
}

Result<uint16_t> Link::open(const io::Address& address) {
    PENSTOCK_ASSERT(socket_.descriptor < 0);
    auto socket = socket::open_datagram_socket(address, options_.socket);
    if (!socket) return std::unexpected(socket.error());
    socket_ = *socket;
    sender_.open(socket_.descriptor, socket_.family);
    return socket::local_port(socket_.descriptor);
}

Result<io::Endpoint> Link::resolve(const io::Address& address) {
    auto found = socket::resolve(address, false, resolved_max);
    if (!found) return std::unexpected(found.error());
    for (const socket::SocketAddress& one : *found) {
        const io::Endpoint endpoint = socket::endpoint_of(&one.storage, one.size);
        if (socket::is_ipv4(endpoint) ? socket_.ipv4 : socket_.ipv6) return endpoint;
    }
    return fail(Errc::not_found);
}

uint32_t Link::datagram_bytes_max(const io::Endpoint& to) {
    return routes_.datagram_bytes_max(to, socket::monotonic_now());
}

// Sending.

size_t Link::send(std::span<const io::OutgoingBurst> bursts) {
    const size_t taken = sender_.send(bursts);
    if (taken < bursts.size()) room_wanted_ = true;
    return taken;
}

// Receiving.

io_uring_sqe* Link::next_sqe(Verb verb) {
    ++under_way_;
    return ring_.next_sqe(client_, static_cast<uint64_t>(verb));
}

void Link::on_submit() {
    if (socket_.descriptor < 0 || closing_) return;
    if (!receiving_ && pool_->free() > 0) arm_receive();
    if (room_wanted_ && !waiting_for_room_) {
        io_uring_prep_poll_add(next_sqe(Verb::room), socket_.descriptor, POLLOUT);
        waiting_for_room_ = true;
        room_wanted_ = false;
    }
}

void Link::arm_receive() {
    io_uring_sqe* sqe = next_sqe(Verb::receive);
    io_uring_prep_recvmsg_multishot(sqe, socket_.descriptor, &layout_, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = pool_->group();
    receiving_ = true;
}

void Link::on_complete(uint64_t data, int32_t result, uint32_t flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) {
        PENSTOCK_ASSERT(under_way_ > 0);
        --under_way_;
    }
    switch (static_cast<Verb>(data)) {
        case Verb::receive: on_received(result, flags); break;
        case Verb::room: waiting_for_room_ = false; break;  // it woke the shard: that was all
        case Verb::cancel: break;
    }
}

void Link::on_received(int32_t result, uint32_t flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) receiving_ = false;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        take(flags >> IORING_CQE_BUFFER_SHIFT, result > 0 ? static_cast<uint32_t>(result) : 0);
    } else if (result == -ENOBUFS) {
        ++counters_.buffer_shortages;
    } else if (result < 0 && result != -ECANCELED) {
        ++counters_.failures;  // such as the word of a peer that nobody listens there; the next turn receives again
    }
}

/// Buffer `index` holds `size` bytes, header and all: a burst, or what is dropped here.
void Link::take(uint32_t index, uint32_t size) {
    const io::ReceiveBuffer buffer = pool_->lend(index, size);
    auto* bytes = const_cast<std::byte*>(buffer.data);
    io_uring_recvmsg_out* head = io_uring_recvmsg_validate(bytes, static_cast<int>(size), &layout_);
    const uint32_t payload = head == nullptr ? 0 : size - payload_at;
    const bool truncated = head != nullptr && (head->flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    if (payload == 0 || truncated) {
        ++(truncated ? counters_.truncated : counters_.empty);
        pool_->give_back(index);
        return;
    }
    io::IncomingBurst burst{.from = socket::endpoint_of(io_uring_recvmsg_name(head), head->namelen),
                            .datagram_bytes = payload, .data = buffer.data + payload_at, .size = payload,
                            .index = index};
    for (cmsghdr* one = io_uring_recvmsg_cmsg_firsthdr(head, &layout_); one != nullptr;
         one = io_uring_recvmsg_cmsg_nexthdr(head, &layout_, one)) {
        if (one->cmsg_level != IPPROTO_UDP || one->cmsg_type != UDP_GRO) continue;
        int segment = 0;
        std::memcpy(&segment, CMSG_DATA(one), sizeof segment);
        if (segment > 0) burst.datagram_bytes = std::min(payload, static_cast<uint32_t>(segment));
    }
    ++counters_.bursts;
    counters_.datagrams += (payload - 1) / burst.datagram_bytes + 1;
    counters_.bytes += payload;
    PENSTOCK_ASSERT(arrived_count_ < arrived_.size());
    arrived_[(arrived_head_ + arrived_count_++) & (arrived_.size() - 1)] = burst;
}

size_t Link::receive(std::span<io::IncomingBurst> out) {
    const size_t n = std::min(out.size(), arrived_count_);
    for (io::IncomingBurst& burst : out.first(n)) {
        burst = arrived_[arrived_head_];
        arrived_head_ = (arrived_head_ + 1) & (arrived_.size() - 1);
    }
    arrived_count_ -= n;
    return n;
}

void Link::release(const io::IncomingBurst& burst) { pool_->give_back(burst.index); }

double Link::free_buffer_share() const { return static_cast<double>(pool_->free()) / pool_->count(); }

uint64_t Link::dropped_by_kernel() const {
    return socket_.descriptor < 0 ? 0 : socket::dropped_datagrams(socket_.descriptor);
}

}  // namespace penstock::uring
