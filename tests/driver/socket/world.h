// Streams and links over one Poller, as the contracts want them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "../stream_contract.h"
#include "socket/clock.h"
#include "socket/stream.h"

namespace penstock::tests {

/// Both sides on one poller, so that one wait covers both.
class SocketWorld final : public StreamWorld {
public:
    explicit SocketWorld(const StreamLimits& limits) : poller(*socket::Poller::create()) {
        const socket::StreamOptions options{.connections_max = limits.connections_max,
                                            .receive_buffers = limits.receive_buffers,
                                            .receive_buffer_bytes = limits.receive_buffer_bytes};
        server_side = *socket::Streams::create(*poller, options);
        client_side = *socket::Streams::create(*poller, options);
    }
    io::Streams& server() override { return *server_side; }
    io::Streams& client() override { return *client_side; }
    void step() override {
        const Nanos now = socket::monotonic_now();
        poller->poll(now, now + 2 * millisecond_ns);
    }
    /// The driver does not do this, clients do: to the socket that calls itself so.
    void end_sending(io::ConnectionId, const std::string& name) override {
        const auto port = static_cast<uint16_t>(std::stoi(name.substr(name.rfind(':') + 1)));
        for (int socket = 0; socket < 1000; ++socket) {
            sockaddr_in own{};
            socklen_t size = sizeof own;
            const bool named = ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0;
            if (!named || own.sin_family != AF_INET || own.sin_port != htons(port)) continue;
            ASSERT_EQ(::shutdown(socket, SHUT_WR), 0);
            return;
        }
        FAIL() << "no socket " << name;
    }

    std::unique_ptr<socket::Poller> poller;
    std::unique_ptr<socket::Streams> server_side, client_side;
};

}  // namespace penstock::tests
