#include "socket/stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "socket/connection.h"

namespace penstock::socket {

namespace {

constexpr size_t send_vectors_max = 1024;        ///< UIO_MAXIOV
constexpr uint64_t send_bytes_enough = 1 * mib;  ///< of one sendmsg
constexpr int sends_in_turn_max = 16;            ///< of one connection, so that the others get theirs
constexpr uint32_t index_mask = (1u << 24) - 1;

}  // namespace

Opened<std::unique_ptr<Streams>> Streams::create(Poller& poller, const StreamOptions& options) {
    PENSTOCK_ASSERT(options.connections_max > 0 && options.connections_max <= index_mask);
    return std::unique_ptr<Streams>(new Streams(poller, options));
}

Streams::Streams(Poller& poller, const StreamOptions& options)
    : poller_(poller), options_(options), client_(poller.attach(*this)),
      buffers_(options.receive_buffers, options.receive_buffer_bytes), events_(64) {}

Streams::~Streams() {
    stop_listening();
    for (const auto& connection : connections_) close_descriptor(*connection);
    poller_.detach(client_);
}

void Streams::flush(Nanos now) {
    now_ = now;
    // What does not get all out in this turn marks itself again.
    std::swap(sending_, sending_now_);
    for (const uint32_t index : sending_now_) {
        Connection& connection = *connections_[index];
        connection.in_sending_row = false;
        if (connection.state == ConnectionState::open) send_some(connection);
    }
    sending_now_.clear();
}

Nanos Streams::due() const {
    const bool reads = readable_head_ < readable_.size() && !buffers_.none_free();
    if (events_count_ > 0 || reads || !sending_.empty()) return Nanos{};
    return acceptable_ ? rest_until_ : never;
}

void Streams::on_ready(uint64_t data, uint32_t events) {
    if (data == listener_data) {
        acceptable_ = listener_ >= 0;
        return;
    }
    Connection& connection = *connections_[data];
    if (connection.state == ConnectionState::connecting) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
        on_connect_ready(connection);
    }
    if (connection.state != ConnectionState::open) return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.end_near = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        connection.readable = true;
        read_if_wanted(connection);
    }
    if (connection.no_room && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        connection.no_room = false;
        send_some(connection);
    }
}

Connection* Streams::find(io::ConnectionId id) const {
    const auto index = static_cast<size_t>(id.value & index_mask);
    if (index >= connections_.size() || connections_[index]->id != id) return nullptr;
    Connection* connection = connections_[index].get();
    const bool alive = connection->state == ConnectionState::connecting || connection->state == ConnectionState::open;
    return alive ? connection : nullptr;
}

// Receiving.

void Streams::read_if_wanted(Connection& connection) {
    if (connection.state != ConnectionState::open || !connection.readable || connection.paused ||
        connection.peer_ended || std::exchange(connection.in_readable_row, true)) {
        return;
    }
    readable_.push_back(connection.index);
}

void Streams::pause(io::ConnectionId id) {
    if (Connection* connection = find(id)) connection->paused = true;
}

void Streams::resume(io::ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    connection->paused = false;
    read_if_wanted(*connection);
}

/// A read of each connection in its turn, until there is no more room in `out`, no buffer, or nothing to read.
size_t Streams::receive(std::span<io::StreamEvent> out) {
    size_t n = 0;
    while (n < out.size() && readable_head_ < readable_.size()) {
        Connection& connection = *connections_[readable_[readable_head_]];
        const bool wanted = connection.state == ConnectionState::open && !connection.paused;
        if (wanted && buffers_.none_free()) {
            ++counters_.buffer_shortages;
            break;
        }
        connection.in_readable_row = false;
        ++readable_head_;
        if (wanted && receive_once(connection, out[n])) ++n;
        read_if_wanted(connection);
    }
    if (readable_head_ > readable_.size() / 2) {
        readable_.erase(readable_.begin(), readable_.begin() + static_cast<ptrdiff_t>(readable_head_));
        readable_head_ = 0;
    }
    return n;
}

/// True if it made an event of what it found.
bool Streams::receive_once(Connection& connection, io::StreamEvent& event) {
    const uint32_t index = buffers_.take();
    const ssize_t result = ::recv(connection.descriptor, buffers_.data(index), buffers_.bytes(), MSG_DONTWAIT);
    if (result > 0) {
        const auto size = static_cast<uint32_t>(result);
        ++counters_.receives;
        counters_.received_bytes += size;
        // All there was; what comes later the kernel tells again.
        if (size < buffers_.bytes() && !connection.end_near) connection.readable = false;
        event = {.kind = io::StreamEventKind::received, .connection = connection.id,
                 .buffer = {.data = buffers_.data(index), .size = size, .index = index}};
        return true;
    }
    const int os_error = result < 0 ? errno : 0;
    buffers_.give_back(index);
    if (result == 0) {
        connection.peer_ended = true;
        event = {.kind = io::StreamEventKind::ended, .connection = connection.id};
        return true;
    }
    if (os_error == EAGAIN || os_error == EWOULDBLOCK) connection.readable = false;
    else if (os_error != EINTR) end(connection, os_error);
    return false;
}

void Streams::release(const io::ReceiveBuffer& buffer) { buffers_.give_back(buffer.index); }

double Streams::free_buffer_share() const { return buffers_.free_share(); }

// Sending.

Result<void> Streams::send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token) {
    Connection* connection = find(id);
    if (connection == nullptr) return fail(Errc::not_found);
    if (connection->sends.full()) return fail(Errc::would_block);
    connection->sends.push(fragments, token);
    mark_sending(*connection);
    return {};
}

void Streams::mark_sending(Connection& connection) {
    if (connection.state != ConnectionState::open || connection.no_room) return;
    if (!std::exchange(connection.in_sending_row, true)) sending_.push_back(connection.index);
}

void Streams::send_some(Connection& connection) {
    report_sent(connection);  // sends without bytes
    for (int i = 0; i < sends_in_turn_max && !connection.sends.empty(); ++i) {
        const std::span<iovec> front = connection.sends.front(send_vectors_max, send_bytes_enough);
        msghdr message{};
        message.msg_iov = front.data();
        message.msg_iovlen = front.size();
        const ssize_t result = ::sendmsg(connection.descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (result < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) return end(connection, errno);
            ++counters_.send_shortages;
            connection.no_room = true;
            return;
        }
        ++counters_.sends;
        counters_.sent_bytes += static_cast<uint64_t>(result);
        connection.sends.consume(static_cast<uint64_t>(result));
        report_sent(connection);
    }
    if (!connection.sends.empty()) mark_sending(connection);
}

void Streams::report_sent(Connection& connection) {
    for (uint64_t token = 0; connection.sends.take_finished(token);) {
        push_event({.kind = io::StreamEventKind::sent, .connection = connection.index, .token = token});
    }
}

// Ending.

void Streams::close(io::ConnectionId id) {
    if (Connection* connection = find(id)) end(*connection, 0);
}

void Streams::end(Connection& connection, int32_t os_error) {
    close_descriptor(connection);
    connection.state = ConnectionState::ended;
    connection.error.os_error = os_error;
    push_event({.kind = io::StreamEventKind::closed, .connection = connection.index});
}

void Streams::close_descriptor(Connection& connection) {
    if (connection.descriptor < 0) return;
    poller_.remove(connection.descriptor);
    ::close(std::exchange(connection.descriptor, -1));
}

// Events.

void Streams::push_event(const QueuedEvent& event) {
    if (events_count_ == events_.size()) {
        // Bounded by what each connection may have queued.
        std::rotate(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(events_head_), events_.end());
        events_head_ = 0;
        events_.resize(events_.size() * 2);
    }
    events_[(events_head_ + events_count_++) & (events_.size() - 1)] = event;
}

size_t Streams::poll(std::span<io::StreamEvent> out) {
    if (acceptable_ && now_ >= rest_until_) accept_some();
    size_t n = take_events(out);
    n += receive(out.subspan(n));
    return n + take_events(out.subspan(n));  // what went wrong in receive()
}

size_t Streams::take_events(std::span<io::StreamEvent> out) {
    size_t n = 0;
    for (; n < out.size() && events_count_ > 0; ++n) {
        const QueuedEvent queued = events_[events_head_];
        events_head_ = (events_head_ + 1) & (events_.size() - 1);
        --events_count_;
        Connection& connection = *connections_[queued.connection];
        io::StreamEvent& event = out[n];
        event = {.kind = queued.kind, .connection = connection.id, .token = queued.token};
        if (queued.kind == io::StreamEventKind::accepted) std::copy_n(connection.peer, sizeof event.peer, event.peer);
        if (queued.kind != io::StreamEventKind::closed) continue;
        event.error = connection.error;
        // Its memory stays for the next one in this slot.
        connection.state = ConnectionState::free;
        connection.readable = connection.end_near = connection.paused = false;
        connection.peer_ended = connection.no_room = false;
        connection.sends.clear();
        connection.error = {Errc::io, 0};
        free_.push_back(connection.index);
        --connections_in_use_;
    }
    return n;
}

}  // namespace penstock::socket
