#include "uring/stream.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "uring/connection.h"

namespace penstock::uring {

namespace {

constexpr size_t send_vectors_max = 1024;     ///< UIO_MAXIOV
constexpr uint64_t send_bytes_enough = 1 * mib;  ///< of one sendmsg: what it carries is pinned until all of it is gone
constexpr uint32_t index_mask = (1u << 24) - 1;

}  // namespace

socket::Opened<std::unique_ptr<Streams>> Streams::create(Ring& ring, const StreamOptions& options) {
    PENSTOCK_ASSERT(options.connections_max > 0 && options.connections_max <= index_mask);
    std::unique_ptr<Streams> streams(new Streams(ring, options));
    // The place in the ring is unique among its clients, so it names the buffer group as well.
    auto pool = ReceivePool::create(ring, streams->client_, options.receive_buffers, options.receive_buffer_bytes);
    if (!pool) return std::unexpected(pool.error());
    streams->pool_ = std::move(*pool);
    return streams;
}

Streams::Streams(Ring& ring, const StreamOptions& options)
    : ring_(ring), options_(options), client_(ring.attach(*this)), events_(64) {}

Streams::~Streams() {
    stop_listening();
    for (const auto& connection : connections_) {
        if (connection->state != ConnectionState::free) close(connection->id);
    }
    io::StreamEvent dropped[16];
    for (;;) {
        while (const size_t n = poll(dropped)) {
            for (const io::StreamEvent& event : std::span(dropped).first(n)) {
                if (event.kind == io::StreamEventKind::received) release(event.buffer);
            }
        }
        if (under_way_ == 0) break;
        ring_.wait_until(never);
    }
    ring_.detach(client_);
}

io_uring_sqe* Streams::next_sqe(Verb verb, uint32_t index) {
    ++under_way_;
    return ring_.next_sqe(client_, data_of(verb, index));
}

io_uring_sqe* Streams::next_sqe(Verb verb, Connection& connection) {
    ++connection.under_way;
    return next_sqe(verb, connection.index);
}

void Streams::on_submit() {
    wake_starved();
    // In place: a send without bytes finishes here and marks nothing, so the list does not grow meanwhile.
    for (const uint32_t index : ready_to_send_) {
        Connection& connection = *connections_[index];
        connection.ready_to_send = false;
        if (connection.state == ConnectionState::open && !connection.send_under_way) start_send(connection);
    }
    ready_to_send_.clear();
}

void Streams::on_complete(uint64_t data, int32_t result, uint32_t flags) {
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    PENSTOCK_ASSERT(under_way_ > 0);
    if (!more) --under_way_;
    const auto index = static_cast<uint32_t>(data);
    const auto verb = static_cast<Verb>(data >> 32);
    switch (verb) {
        case Verb::accept: return on_accepted(index, result, more);
        case Verb::cancel_accept: return;
        case Verb::accept_again:
            resting_ = false;
            if (listener_ >= 0 && index == listening_) arm_accept();
            return;
        default: break;
    }
    Connection& connection = *connections_[index];
    PENSTOCK_ASSERT(connection.under_way > 0);
    if (!more) --connection.under_way;
    switch (verb) {
        case Verb::connect: on_connected(connection, result); break;
        case Verb::receive: on_received(connection, result, flags); break;
        case Verb::cancel_receive: connection.cancel_under_way = false; break;
        case Verb::send: on_sent(connection, result); break;
        default: break;  // cancel_all: what it cancelled says so itself
    }
    finish_if_quiet(connection);
}

Connection* Streams::find(io::ConnectionId id) const {
    const auto index = static_cast<size_t>(id.value & index_mask);
    if (index >= connections_.size() || connections_[index]->id != id) return nullptr;
    Connection* connection = connections_[index].get();
    const bool alive = connection->state == ConnectionState::connecting || connection->state == ConnectionState::open;
    return alive ? connection : nullptr;
}

// Receiving.

void Streams::receive_if_wanted(Connection& connection) {
    if (connection.state != ConnectionState::open || connection.receive_armed || connection.paused ||
        connection.starved || connection.peer_ended) {
        return;
    }
    io_uring_sqe* sqe = next_sqe(Verb::receive, connection);
    io_uring_prep_recv_multishot(sqe, connection.socket, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = pool_->group();
    connection.receive_armed = true;
}

void Streams::cancel_receive(Connection& connection) {
    if (!connection.receive_armed || connection.cancel_under_way) return;
    const uint64_t receive = Ring::user_data(client_, data_of(Verb::receive, connection.index));
    io_uring_prep_cancel64(next_sqe(Verb::cancel_receive, connection), receive, 0);
    connection.cancel_under_way = true;
}

void Streams::pause(io::ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->paused) return;
    connection->paused = true;
    connection->starved = false;
    cancel_receive(*connection);
}

void Streams::resume(io::ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr || !connection->paused) return;
    connection->paused = false;
    receive_if_wanted(*connection);  // if the cancel is still under way, its receive is armed again when it ends
}

void Streams::on_received(Connection& connection, int32_t result, uint32_t flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) connection.receive_armed = false;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        const uint32_t index = flags >> IORING_CQE_BUFFER_SHIFT;
        const io::ReceiveBuffer buffer = pool_->lend(index, result > 0 ? static_cast<uint32_t>(result) : 0);
        if (result > 0 && connection.state == ConnectionState::open) {
            ++counters_.receives;
            counters_.received_bytes += buffer.size;
            push_event({.kind = io::StreamEventKind::received, .connection = connection.index, .buffer = buffer});
        } else {
            pool_->give_back(index);
        }
    }
    if (connection.state != ConnectionState::open) return;
    if (result == 0) {
        connection.peer_ended = true;
        push_event({.kind = io::StreamEventKind::ended, .connection = connection.index});
    } else if (result == -ENOBUFS) {
        ++counters_.buffer_shortages;
        if (!connection.paused) {
            connection.starved = true;
            if (!std::exchange(connection.in_starved_row, true)) starved_.push_back(connection.index);
        }
    } else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN) {
        end(connection, -result);
    }
    if (connection.paused) cancel_receive(connection);  // the first cancel came while this receive was being served
    receive_if_wanted(connection);
}

void Streams::wake_starved() {
    // No more at once than there are buffers: the others would come back empty-handed.
    for (uint32_t left = pool_->free(); left > 0 && starved_head_ < starved_.size(); ++starved_head_) {
        Connection& connection = *connections_[starved_[starved_head_]];
        connection.in_starved_row = false;
        if (!std::exchange(connection.starved, false)) continue;
        receive_if_wanted(connection);
        --left;
    }
    if (starved_head_ > starved_.size() / 2) {
        starved_.erase(starved_.begin(), starved_.begin() + static_cast<ptrdiff_t>(starved_head_));
        starved_head_ = 0;
    }
}

void Streams::release(const io::ReceiveBuffer& buffer) { pool_->give_back(buffer.index); }

double Streams::free_buffer_share() const { return static_cast<double>(pool_->free()) / pool_->count(); }

// Sending.

Result<void> Streams::send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token) {
    Connection* connection = find(id);
    if (connection == nullptr) return fail(Errc::not_found);
    if (connection->sends.full()) return fail(Errc::would_block);
    connection->sends.push(fragments, token);
    mark_ready_to_send(*connection);
    return {};
}

void Streams::mark_ready_to_send(Connection& connection) {
    if (!std::exchange(connection.ready_to_send, true)) ready_to_send_.push_back(connection.index);
}

void Streams::start_send(Connection& connection) {
    report_sent(connection);  // sends without bytes
    const std::span<const iovec> front = connection.sends.front(send_vectors_max, send_bytes_enough);
    if (front.empty()) return;
    // A copy of its own, since what is sent next may move the queue before the kernel has looked.
    connection.vectors.assign(front.begin(), front.end());
    connection.message = {};
    connection.message.msg_iov = connection.vectors.data();
    connection.message.msg_iovlen = connection.vectors.size();
    io_uring_prep_sendmsg(next_sqe(Verb::send, connection), connection.socket, &connection.message,
                          MSG_NOSIGNAL | MSG_WAITALL);
    connection.send_under_way = true;
    ++counters_.sends;
}

void Streams::on_sent(Connection& connection, int32_t result) {
    connection.send_under_way = false;
    if (connection.state != ConnectionState::open) return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        end(connection, -result);
        return;
    }
    if (result > 0) {
        counters_.sent_bytes += static_cast<uint64_t>(result);
        connection.sends.consume(static_cast<uint64_t>(result));
        report_sent(connection);
    }
    if (!connection.sends.empty()) mark_ready_to_send(connection);
}

void Streams::report_sent(Connection& connection) {
    for (uint64_t token = 0; connection.sends.take_finished(token);) {
        push_event({.kind = io::StreamEventKind::sent, .connection = connection.index, .token = token});
    }
}

// Ending.

void Streams::close(io::ConnectionId id) {
    if (Connection* connection = find(id)) {
        connection->closed_by_caller = true;
        end(*connection, 0);
        finish_if_quiet(*connection);
    }
}

void Streams::end(Connection& connection, int32_t os_error) {
    if (connection.state >= ConnectionState::ending) return;
    connection.state = ConnectionState::ending;
    connection.starved = false;
    connection.error.os_error = os_error;
    if (connection.under_way > 0) {
        // Ends what the cancel might miss: an operation that is being served in this moment.
        ::shutdown(connection.socket, SHUT_RDWR);
        io_uring_prep_cancel_fd(next_sqe(Verb::cancel_all, connection), connection.socket, IORING_ASYNC_CANCEL_ALL);
    }
}

void Streams::finish_if_quiet(Connection& connection) {
    if (connection.state != ConnectionState::ending || connection.under_way > 0) return;
    if (connection.socket >= 0) ::close(connection.socket);
    connection.socket = -1;
    connection.state = ConnectionState::ended;
    push_event({.kind = io::StreamEventKind::closed, .connection = connection.index});
}

// Events.

void Streams::push_event(const QueuedEvent& event) {
    if (events_count_ == events_.size()) {
        // Bounded by the receive buffers and by what each connection may have queued.
        std::rotate(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(events_head_), events_.end());
        events_head_ = 0;
        events_.resize(events_.size() * 2);
    }
    events_[(events_head_ + events_count_++) & (events_.size() - 1)] = event;
}

size_t Streams::poll(std::span<io::StreamEvent> out) {
    size_t n = 0;
    while (n < out.size() && events_count_ > 0) {
        const QueuedEvent queued = events_[events_head_];
        events_head_ = (events_head_ + 1) & (events_.size() - 1);
        --events_count_;
        Connection& connection = *connections_[queued.connection];
        if (queued.kind == io::StreamEventKind::received && connection.closed_by_caller) {
            pool_->give_back(queued.buffer.index);
            continue;
        }
        if (queued.kind == io::StreamEventKind::ended && connection.closed_by_caller) continue;
        io::StreamEvent& event = out[n++];
        event = {.kind = queued.kind, .connection = connection.id, .buffer = queued.buffer, .token = queued.token};
        if (queued.kind == io::StreamEventKind::accepted) std::copy_n(connection.peer, sizeof event.peer, event.peer);
        if (queued.kind != io::StreamEventKind::closed) continue;
        event.error = connection.error;
        // Its memory stays for the next one in this slot.
        connection.state = ConnectionState::free;
        connection.paused = connection.starved = connection.peer_ended = connection.closed_by_caller = false;
        connection.sends.clear();
        connection.error = {Errc::io, 0};
        free_.push_back(connection.index);
        --connections_in_use_;
    }
    return n;
}

}  // namespace penstock::uring
