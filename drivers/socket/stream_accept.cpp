// How connections begin: listening and connecting.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "socket/connection.h"
#include "socket/stream.h"

namespace penstock::socket {

namespace {

constexpr size_t targets_max = 4;   ///< addresses tried of one name
constexpr int accepts_max = 64;     ///< in one poll()
constexpr int64_t rest_ns = 100 * millisecond_ns;
constexpr uint32_t all_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

}  // namespace

Result<uint16_t> Streams::listen(const io::Address& address) {
    if (listener_ >= 0) return fail(Errc::exists);
    auto addresses = resolve(address, true, 1);
    if (!addresses) return std::unexpected(addresses.error());
    auto made = listening_socket(addresses->front(), options_.backlog, Calls::return_at_once);
    if (!made) return std::unexpected(made.error());
    if (auto added = poller_.add(*made, client_, listener_data, EPOLLIN | EPOLLET); !added) {
        ::close(*made);
        return std::unexpected(added.error());
    }
    listener_ = *made;
    return local_port(listener_);
}

void Streams::stop_listening() {
    if (listener_ < 0) return;
    poller_.remove(listener_);
    ::close(std::exchange(listener_, -1));
    acceptable_ = false;
}

void Streams::accept_some() {
    for (int i = 0; i < accepts_max; ++i) {
        const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted < 0) {
            if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;  // the next may not go wrong
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                acceptable_ = false;
                return;
            }
            // Out of descriptors or memory: asking at once would spin.
            ++counters_.accept_failures;
            rest_until_ = now_ + rest_ns;
            return;
        }
        Connection* connection = take_connection();
        if (connection == nullptr) {
            ::close(accepted);
            ++counters_.refused;
            continue;
        }
        connection->descriptor = accepted;
        connection->state = ConnectionState::open;
        peer_text(accepted, connection->peer);
        ++counters_.accepted;
        push_event({.kind = io::StreamEventKind::accepted, .connection = connection->index});
        if (auto added = poller_.add(accepted, client_, connection->index, all_events); !added) {
            ::close(std::exchange(connection->descriptor, -1));
            end(*connection, added.error().os_error);
        }
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
    auto targets = resolve(address, false, targets_max);
    if (!targets) return std::unexpected(targets.error());
    Connection* connection = take_connection();
    if (connection == nullptr) return fail(Errc::would_block);
    connection->state = ConnectionState::connecting;
    connection->targets = std::move(*targets);
    connection->target = 0;
    try_connect(*connection, ECONNREFUSED);
    return connection->id;
}

/// Of the addresses that are left, the first that does not fail at once.
void Streams::try_connect(Connection& connection, int32_t os_error) {
    for (; connection.target < connection.targets.size(); ++connection.target) {
        const SocketAddress& target = connection.targets[connection.target];
        const auto made = connecting_socket(target, Calls::return_at_once);
        if (!made) {
            os_error = made.error().os_error;
            continue;
        }
        const auto* address = reinterpret_cast<const sockaddr*>(&target.storage);
        const int result = ::connect(*made, address, target.size);
        if (result != 0 && errno != EINPROGRESS && errno != EINTR) {
            os_error = errno;
        } else if (auto added = poller_.add(*made, client_, connection.index, all_events); !added) {
            os_error = added.error().os_error;
        } else {
            connection.descriptor = *made;
            return;
        }
        ::close(*made);
    }
    end(connection, os_error);
}

void Streams::on_connect_ready(Connection& connection) {
    int os_error = 0;
    socklen_t size = sizeof os_error;
    if (::getsockopt(connection.descriptor, SOL_SOCKET, SO_ERROR, &os_error, &size) != 0) os_error = errno;
    if (os_error != 0) {
        close_descriptor(connection);
        ++connection.target;
        try_connect(connection, os_error);
        return;
    }
    connection.state = ConnectionState::open;
    push_event({.kind = io::StreamEventKind::connected, .connection = connection.index});
    if (!connection.sends.empty()) mark_sending(connection);
}

}  // namespace penstock::socket
