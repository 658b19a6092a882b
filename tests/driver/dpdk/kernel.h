// The kernel's side of tests: a network of their own, and its sockets.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/assert.h"
#include "dpdk/frame.h"

namespace penstock::dpdk {

inline constexpr int patience_ms = 5000;

/// A network namespace of this thread, and of those that it begins, as long as it lives. What is made there nobody else
/// sees.
class OwnNetwork {
public:
    OwnNetwork() : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
        if (home_ < 0 || ::unshare(CLONE_NEWNET) != 0) {
            missing_ = std::string("no network namespace of its own: ") + std::strerror(errno);
            return;
        }
        made_ = true;
        const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (tun < 0) missing_ = std::string("no /dev/net/tun: ") + std::strerror(errno);
        else ::close(tun);
    }
    ~OwnNetwork() {
        if (made_) PENSTOCK_ASSERT(::setns(home_, CLONE_NEWNET) == 0);
        if (home_ >= 0) ::close(home_);
    }
    OwnNetwork(const OwnNetwork&) = delete;
    OwnNetwork& operator=(const OwnNetwork&) = delete;

    bool made() const { return made_; }
    /// Why there can be no tap here; empty if there can.
    const std::string& missing() const { return missing_; }

private:
    const int home_;
    bool made_ = false;
    std::string missing_;
};

class KernelSocket {
public:
    /// SOCK_DGRAM, or SOCK_STREAM: then it listens.
    explicit KernelSocket(int type, uint16_t port) : descriptor_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        const sockaddr_in any = address({}, port);
        PENSTOCK_ASSERT(::bind(descriptor_, generic(&any), sizeof any) == 0);
        if (type == SOCK_STREAM) PENSTOCK_ASSERT(::listen(descriptor_, 10) == 0);
    }
    ~KernelSocket() { ::close(descriptor_); }
    KernelSocket(const KernelSocket&) = delete;
    KernelSocket& operator=(const KernelSocket&) = delete;

    int descriptor() const { return descriptor_; }

    /// The error, or 0.
    int send(std::span<const std::byte> bytes, Ipv4 to, uint16_t port) {
        const sockaddr_in there = address(to, port);
        const ssize_t sent = ::sendto(descriptor_, bytes.data(), bytes.size(), 0, generic(&there), sizeof there);
        return sent < 0 ? errno : 0;
    }
    /// Nothing if none comes.
    std::optional<std::vector<std::byte>> receive(int within_ms = patience_ms) {
        pollfd readable{descriptor_, POLLIN, 0};
        if (::poll(&readable, 1, within_ms) != 1) return std::nullopt;
        std::vector<std::byte> bytes(65'536);
        const ssize_t size = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
        if (size < 0) return std::nullopt;
        bytes.resize(static_cast<size_t>(size));
        return bytes;
    }

private:
    static sockaddr_in address(Ipv4 ip, uint16_t port) {
        return {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(ip.value)}};
    }
    static const sockaddr* generic(const sockaddr_in* one) { return reinterpret_cast<const sockaddr*>(one); }

    const int descriptor_;
};

}  // namespace penstock::dpdk
