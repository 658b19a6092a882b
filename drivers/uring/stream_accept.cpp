// How connections begin: listening and connecting.
#include <liburing.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"
#include "uring/connection.h"
#include "uring/stream.h"

namespace penstock::uring {

namespace {

constexpr size_t targets_max = 4;  ///< addresses tried of one name
constexpr __kernel_timespec rest_time{0, 100 * millisecond_ns};

}  // namespace

Result<uint16_t> Streams::listen(const io::Address& address) {
    if (listener_ >= 0) return fail(Errc::exists);
    auto addresses = socket::resolve(address, true, 1);
    if (!addresses) return std::unexpected(addresses.error());
    auto socket = socket::listening_socket(addresses->front(), options_.backlog, socket::Calls::wait);
    if (!socket) return std::unexpected(socket.error());
    listener_ = *socket;
    ++listening_;
    arm_accept();
    return socket::local_port(listener_);
}

void Streams::stop_listening() {
    if (listener_ < 0) return;
    io_uring_prep_cancel64(next_sqe(Verb::cancel_accept, 0),
                           Ring::user_data(client_, data_of(Verb::accept, listening_)), 0);
    if (resting_) {
        io_uring_prep_cancel64(next_sqe(Verb::cancel_accept, 0),
                               Ring::user_data(client_, data_of(Verb::accept_again, listening_)), 0);
    }
    ::close(listener_);  // the kernel keeps the socket until the accept is cancelled
    listener_ = -1;
}

void Streams::arm_accept() {
    // Not SOCK_NONBLOCK: then the kernel would answer EAGAIN instead of waiting for us.
    io_uring_prep_multishot_accept(next_sqe(Verb::accept, listening_), listener_, nullptr, nullptr, SOCK_CLOEXEC);
}

void Streams::rest_from_accepting() {
    ++counters_.accept_failures;
    resting_ = true;
    io_uring_prep_timeout(next_sqe(Verb::accept_again, listening_), const_cast<__kernel_timespec*>(&rest_time), 0, 0);
}

void Streams::on_accepted(uint32_t listening, int32_t result, bool more) {
    const bool current = listener_ >= 0 && listening == listening_;
    Connection* connection = nullptr;
    if (result >= 0 && current) connection = take_connection();
    if (connection != nullptr) {
        connection->socket = result;
        connection->state = ConnectionState::open;
        socket::peer_text(result, connection->peer);
        ++counters_.accepted;
        push_event({.kind = io::StreamEventKind::accepted, .connection = connection->index});
        receive_if_wanted(*connection);
    } else if (result >= 0) {
        ::close(result);
        if (current) ++counters_.refused;
    }
    if (!current || more) return;
    switch (result < 0 ? -result : 0) {
        case 0:
        case EINTR:
        case EAGAIN:
        case ECONNABORTED:
        case EPROTO: arm_accept(); break;  // this one went wrong, the next may not
        default: rest_from_accepting(); break;  // out of descriptors or memory: asking at once would spin
    }
}

Connection* Streams::take_connection() {
    if (connections_in_use_ >= options_.connections_max) return nullptr;
    if (free_.empty()) {
        const auto index = static_cast<uint32_t>(connections_.size());
        connections_.push_back(std::make_unique<Connection>(index));
        free_.push_back(index);
    }
    Connection& connection = *connections_[free_.back()];
    free_.pop_back();
    ++connections_in_use_;
    connection.id = {next_generation_++ << 24 | connection.index};
    return &connection;
}

Result<io::ConnectionId> Streams::connect(const io::Address& address) {
    auto targets = socket::resolve(address, false, targets_max);
    if (!targets) return std::unexpected(targets.error());
    Connection* connection = take_connection();
    if (connection == nullptr) return fail(Errc::would_block);
    connection->state = ConnectionState::connecting;
    connection->targets = std::move(*targets);
    connection->target = 0;
    const io::ConnectionId id = connection->id;
    try_connect(*connection, ECONNREFUSED);
    finish_if_quiet(*connection);
    return id;
}

void Streams::try_connect(Connection& connection, int32_t os_error) {
    for (; connection.target < connection.targets.size(); ++connection.target) {
        const socket::SocketAddress& target = connection.targets[connection.target];
        const auto socket = socket::connecting_socket(target, socket::Calls::wait);
        if (!socket) {
            os_error = socket.error().os_error;
            continue;
        }
        connection.socket = *socket;
        io_uring_prep_connect(next_sqe(Verb::connect, connection), connection.socket,
                              reinterpret_cast<const sockaddr*>(&target.storage), target.size);
        return;
    }
    end(connection, os_error);
}

void Streams::on_connected(Connection& connection, int32_t result) {
    if (connection.state != ConnectionState::connecting) return;  // closed meanwhile
    if (result < 0) {
        ::close(connection.socket);
        connection.socket = -1;
        ++connection.target;
        try_connect(connection, -result);
        return;
    }
    connection.state = ConnectionState::open;
    push_event({.kind = io::StreamEventKind::connected, .connection = connection.index});
    receive_if_wanted(connection);
    if (!connection.sends.empty()) mark_ready_to_send(connection);
}

}  // namespace penstock::uring
