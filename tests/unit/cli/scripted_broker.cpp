#include "scripted_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "wire/kafka/api_versions.h"

namespace penstock::cli {

namespace {

int listen_on_loopback(uint16_t& port, bool listening) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PENSTOCK_ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    if (listening) PENSTOCK_ASSERT(::listen(fd, 16) == 0);
    socklen_t size = sizeof address;
    PENSTOCK_ASSERT(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

bool read_exactly(int fd, std::span<std::byte> into) {
    while (!into.empty()) {
        const ssize_t n = ::recv(fd, into.data(), into.size(), 0);
        if (n <= 0) return false;
        into = into.subspan(static_cast<size_t>(n));
    }
    return true;
}

}  // namespace

std::optional<ReceivedRequest> Peer::receive() {
    std::byte prefix[4];
    if (!read_exactly(fd_, prefix)) return {};
    ReceivedRequest request;
    request.frame.resize(load_be<uint32_t>(prefix));
    if (request.frame.size() < 8 || !read_exactly(fd_, request.frame)) return {};
    request.key = load_be<int16_t>(&request.frame[0]);
    request.version = load_be<int16_t>(&request.frame[2]);
    request.correlation_id = load_be<int32_t>(&request.frame[4]);
    return request;
}

void Peer::send(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes = bytes.subspan(static_cast<size_t>(n));
    }
}

void Peer::send(std::span<const Fragment> chain) {
    for (const Fragment& f : chain) send(f.span());
}

ScriptedBroker::ScriptedBroker(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    listener_ = listen_on_loopback(port_, true);
    threads_.emplace_back([this] { serve(); });
}

void ScriptedBroker::serve() {
    while (true) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (fd < 0 || stopping_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        const auto index = static_cast<size_t>(connections_++);
        const Script& script = scripts_[std::min(index, scripts_.size() - 1)];
        sockets_.push_back(fd);
        threads_.emplace_back([fd, &script] {
            Peer peer(fd);
            script(peer);
            ::shutdown(fd, SHUT_RDWR);
        });
    }
}

ScriptedBroker::~ScriptedBroker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    threads_.front().join();
    for (size_t i = 1; i < threads_.size(); ++i) threads_[i].join();
    for (const int fd : sockets_) ::close(fd);
    ::close(listener_);
}

void answer_versions(Peer& peer, const ReceivedRequest& request,
                     const std::vector<std::pair<ApiKey, VersionRange>>& changed) {
    std::vector<wire::kafka::ApiVersionsResponse::Row> rows;
    for (const wire::Api& api : wire::kafka::apis) {
        VersionRange range{api.first, api.last};
        for (const auto& [key, other] : changed) {
            if (static_cast<int16_t>(key) == api.key) range = other;
        }
        if (range.last >= range.first) rows.push_back({.api_key = api.key, .min_version = range.first,
                                                       .max_version = range.last});
    }
    wire::kafka::ApiVersionsResponse response;
    response.api_keys = rows;
    peer.answer(request, response);
}

uint16_t closed_port() {
    uint16_t port = 0;
    ::close(listen_on_loopback(port, false));
    return port;
}

}  // namespace penstock::cli
