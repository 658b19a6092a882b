// A broker made of a script: a thread on a loopback port that runs the test's function for each connection in turn.
//
// Connection n runs script n; further ones run the last. It stops when it is destroyed: sockets are shut down, so
// that no script waits for ever.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/client.h"
#include "wire/frame.h"

namespace penstock::cli {

struct ReceivedRequest {
    int16_t key = -1;
    int16_t version = -1;
    int32_t correlation_id = 0;
    std::vector<std::byte> frame;  ///< behind its size
};

/// The broker's end of one connection.
class Peer {
public:
    explicit Peer(int fd) : fd_(fd) {}

    /// Nothing once the client has gone.
    std::optional<ReceivedRequest> receive();
    void send(std::span<const std::byte> bytes);
    void send(std::span<const Fragment> chain);

    template <class M>
    void answer(const ReceivedRequest& request, const M& message, std::optional<int16_t> version = {}) {
        Arena arena(1 << 20);
        const auto frame = wire::response_frame(arena, request.correlation_id, message,
                                                version.value_or(request.version));
        if (frame) send(*frame);
    }

    template <class M>
    M decode(const ReceivedRequest& request, Arena& arena) {
        const Fragment whole{.data = request.frame.data(), .size = static_cast<uint32_t>(request.frame.size())};
        wire::Reader reader({&whole, 1}, arena);
        wire::RequestHeader header;
        wire::decode_request_header(reader, wire::kafka::apis, header);
        M message;
        wire::decode(reader, message, request.version);
        return message;
    }

private:
    int fd_;
};

using Script = std::function<void(Peer&)>;

class ScriptedBroker {
public:
    explicit ScriptedBroker(std::vector<Script> scripts);
    ~ScriptedBroker();

    Address address() const { return {"127.0.0.1", port_}; }
    int connections() const { return connections_; }

private:
    void serve();

    std::vector<Script> scripts_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::atomic<int> connections_ = 0;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::vector<int> sockets_;
    std::vector<std::thread> threads_;  // first the acceptor; then, under mutex_, one for each connection
};

/// Answers ApiVersions with every API in the versions of the codec, `changed` ones excepted.
void answer_versions(Peer& peer, const ReceivedRequest& request,
                     const std::vector<std::pair<ApiKey, VersionRange>>& changed = {});

/// A port on which nobody listens.
uint16_t closed_port();

}  // namespace penstock::cli
