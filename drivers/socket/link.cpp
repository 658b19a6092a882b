#include "socket/link.h"

#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "socket/clock.h"
#include "socket/endpoint.h"
#include "socket/socket.h"

namespace penstock::socket {

namespace {

constexpr size_t received_messages_max = 16;  // of one recvmmsg
constexpr int calls_max = 64;        // of one receive(): datagrams that are dropped here do not fill it
constexpr size_t resolved_max = 16;

}  // namespace

/// What one recvmmsg fills.
struct Link::Batch {
    struct alignas(cmsghdr) Control {
        std::byte bytes[CMSG_SPACE(sizeof(int))] = {};
    };

    mmsghdr headers[received_messages_max] = {};
    sockaddr_in6 names[received_messages_max] = {};
    Control controls[received_messages_max];
    iovec rows[received_messages_max] = {};
    uint32_t buffers[received_messages_max] = {};
};

Opened<std::unique_ptr<Link>> Link::create(Poller& poller, const LinkOptions& options) {
    return std::unique_ptr<Link>(new Link(poller, options));
}

Link::Link(Poller& poller, const LinkOptions& options)
    : poller_(poller), options_(options), client_(poller.attach(*this)), sender_(options.segmentation),
      buffers_(options.receive_buffers, options.receive_buffer_bytes), batch_(std::make_unique<Batch>()) {}

Link::~Link() {
    if (socket_.descriptor >= 0) {
        poller_.remove(socket_.descriptor);
        ::close(socket_.descriptor);
    }
    poller_.detach(client_);
}

Result<uint16_t> Link::open(const io::Address& address) {
    PENSTOCK_ASSERT(socket_.descriptor < 0);
    auto made = open_datagram_socket(address, options_.socket);
    if (!made) return std::unexpected(made.error());
    if (auto added = poller_.add(made->descriptor, client_, 0, EPOLLIN); !added) {
        ::close(made->descriptor);
        return std::unexpected(added.error());
    }
    waiting_for_ = EPOLLIN;
    socket_ = *made;
    sender_.open(socket_.descriptor, socket_.family);
    return local_port(socket_.descriptor);
}

Result<io::Endpoint> Link::resolve(const io::Address& address) {
    auto found = socket::resolve(address, false, resolved_max);
    if (!found) return std::unexpected(found.error());
    for (const SocketAddress& one : *found) {
        const io::Endpoint endpoint = endpoint_of(&one.storage, one.size);
        if (is_ipv4(endpoint) ? socket_.ipv4 : socket_.ipv6) return endpoint;
    }
    return fail(Errc::not_found);
}

uint32_t Link::datagram_bytes_max(const io::Endpoint& to) {
    return routes_.datagram_bytes_max(to, monotonic_now());
}

void Link::wait_for(uint32_t events) {
    if (events == waiting_for_) return;
    poller_.change(socket_.descriptor, client_, 0, events);
    waiting_for_ = events;
}

void Link::on_ready(uint64_t, uint32_t events) {
    if ((events & EPOLLOUT) != 0) wait_for(waiting_for_ & ~EPOLLOUT);  // it woke the shard: that was all
    // An error is received as datagrams are.
    if ((events & (EPOLLIN | EPOLLERR)) != 0) readable_ = true;
}

// Sending.

size_t Link::send(std::span<const io::OutgoingBurst> bursts) {
    const size_t taken = sender_.send(bursts);
    if (taken < bursts.size()) wait_for(waiting_for_ | EPOLLOUT);
    return taken;
}

// Receiving.

size_t Link::receive(std::span<io::IncomingBurst> out) {
    size_t n = 0;
    for (int calls = 0; calls < calls_max && readable_ && n < out.size(); ++calls) {
        const size_t count = std::min({batch_next_, out.size() - n, size_t{buffers_.free()}});
        if (count == 0) {
            // Until buffers come back nobody needs to be woken.
            ++counters_.buffer_shortages;
            readable_ = false;
            wait_for(waiting_for_ & ~EPOLLIN);
            break;
        }
        const int received = receive_batch(count);
        const int os_error = received < 0 ? errno : 0;
        for (size_t i = 0; i < count; ++i) {
            const bool kept = received > 0 && i < static_cast<size_t>(received) && take(i, out[n]);
            if (kept) ++n;
            else buffers_.give_back(batch_->buffers[i]);
        }
        if (os_error == EINTR) continue;
        if (os_error != 0 && os_error != EAGAIN && os_error != EWOULDBLOCK) ++counters_.failures;
        // Fewer than could be, or the one that was expected: that was all. If it was not, the kernel says so again. To
        // look for a second one costs nearly as much as the first.
        const size_t useful = received > 0 ? static_cast<size_t>(received) : 0;
        if (useful < count || count == 1) readable_ = false;
        if (useful == batch_next_) batch_next_ = std::min(batch_next_ * 2, received_messages_max);
        else if (useful < count) batch_next_ = std::max(useful, size_t{1});
    }
    return n;
}

int Link::receive_batch(size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const uint32_t buffer = buffers_.take();
        batch_->buffers[i] = buffer;
        batch_->rows[i] = {buffers_.data(buffer), buffers_.bytes()};
        batch_->headers[i] = {.msg_hdr = {.msg_name = &batch_->names[i],
                                          .msg_namelen = sizeof batch_->names[i],
                                          .msg_iov = &batch_->rows[i],
                                          .msg_iovlen = 1,
                                          .msg_control = batch_->controls[i].bytes,
                                          .msg_controllen = sizeof(Batch::Control)}};
    }
    ++counters_.calls;
    return ::recvmmsg(socket_.descriptor, batch_->headers, static_cast<unsigned>(count), MSG_DONTWAIT, nullptr);
}

/// False if what is in there is dropped.
bool Link::take(size_t message, io::IncomingBurst& burst) {
    msghdr& header = batch_->headers[message].msg_hdr;
    const uint32_t payload = batch_->headers[message].msg_len;
    const bool truncated = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    if (payload == 0 || truncated) {
        ++(truncated ? counters_.truncated : counters_.empty);
        return false;
    }
    const uint32_t index = batch_->buffers[message];
    burst = {.from = endpoint_of(header.msg_name, header.msg_namelen), .datagram_bytes = payload,
             .data = buffers_.data(index), .size = payload, .index = index};
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
        if (one->cmsg_level != IPPROTO_UDP || one->cmsg_type != UDP_GRO) continue;
        int segment = 0;
        std::memcpy(&segment, CMSG_DATA(one), sizeof segment);
        if (segment > 0) burst.datagram_bytes = std::min(payload, static_cast<uint32_t>(segment));
    }
    ++counters_.bursts;
    counters_.datagrams += (payload - 1) / burst.datagram_bytes + 1;
    counters_.bytes += payload;
    return true;
}

void Link::release(const io::IncomingBurst& burst) {
    buffers_.give_back(burst.index);
    wait_for(waiting_for_ | EPOLLIN);
}

double Link::free_buffer_share() const { return buffers_.free_share(); }

uint64_t Link::dropped_by_kernel() const {
    return socket_.descriptor < 0 ? 0 : dropped_datagrams(socket_.descriptor);
}

}  // namespace penstock::socket
