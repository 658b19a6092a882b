#include "cli/socket.h"

#include <csignal>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>

namespace penstock::cli {

namespace {

constexpr size_t iovec_max = 64;

std::atomic<bool> interrupt_requested = false;
std::atomic<int> interrupt_fd = -1;

void on_signal(int) {
    const int saved = errno;
    interrupt_requested = true;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(interrupt_fd, &one, sizeof one);
    errno = saved;
}

Failure lost(const Address& peer, std::string_view what) {
    return {.message = fmt::format("{} {}", peer.text(), what), .connection_lost = true};
}

Failure cannot_reach(const Address& peer, std::string_view why) {
    return {.message = fmt::format("cannot reach {}: {}", peer.text(), why),
            .hint = "Is the broker running there? Name another one with --bootstrap HOST:PORT.",
            .connection_lost = true};
}

std::string lower_first(std::string text) {
    if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z') {
        text[0] = static_cast<char>(text[0] + ('a' - 'A'));
    }
    return text;
}

/// Connects to one resolved address; 0 or an errno.
Outcome<int> connect_to(int fd, const addrinfo& target, Deadline deadline) {
    if (::connect(fd, target.ai_addr, target.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    const auto ready = wait_for(fd, POLLOUT, deadline);
    if (!ready) return std::unexpected(ready.error());
    if (!*ready) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

}  // namespace

void Interrupt::install() {
    if (interrupt_fd >= 0) return;
    interrupt_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

bool Interrupt::requested() { return interrupt_requested; }
void Interrupt::acknowledge() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(interrupt_fd, &count, sizeof count);
    interrupt_requested = false;
}

int Interrupt::fd() { return interrupt_fd; }

Outcome<bool> wait_for_any(std::vector<pollfd>& waits, Deadline deadline) {
    waits.push_back({.fd = Interrupt::fd(), .events = POLLIN, .revents = 0});
    const auto finish = [&](Outcome<bool> result) {
        waits.pop_back();
        return result;
    };
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const auto timeout = std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max());
        const int n = ::poll(waits.data(), waits.size(), static_cast<int>(timeout));
        if (Interrupt::requested()) {
            return finish(std::unexpected(Failure{.message = "interrupted", .kind = FailureKind::interrupted}));
        }
        if (n > 0) return finish(true);
        if (n < 0 && errno != EINTR) return finish(refuse(fmt::format("poll failed: {}", std::strerror(errno))));
        if (n == 0 && left <= 0) return finish(false);
    }
}

Outcome<bool> wait_for(int fd, short events, Deadline deadline) {
    std::vector<pollfd> waits{{.fd = fd, .events = events, .revents = 0}};
    return wait_for_any(waits, deadline);
}

Socket::~Socket() { close(); }

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), peer_(std::move(other.peer_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(peer_, other.peer_);
    return *this;
}

void Socket::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Outcome<Socket> Socket::connect(const Address& address, Deadline deadline) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int resolved = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (resolved != 0) {
        Failure failure = cannot_reach(address, lower_first(::gai_strerror(resolved)));
        failure.hint = fmt::format("Check the host name '{}'.", address.host);
        return std::unexpected(std::move(failure));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    int error = EADDRNOTAVAIL;
    for (const addrinfo* target = list.get(); target != nullptr; target = target->ai_next) {
        Socket socket;
        socket.peer_ = address;
        socket.fd_ = ::socket(target->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket.fd_ < 0) {
            error = errno;
            continue;
        }
        const auto connected = connect_to(socket.fd_, *target, deadline);
        if (!connected) return std::unexpected(connected.error());
        error = *connected;
        if (error != 0) continue;
        const int on = 1;
        ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return socket;
    }
    const std::string why = error == ETIMEDOUT ? "no answer in time" : lower_first(std::strerror(error));
    return std::unexpected(cannot_reach(address, why));
}

Outcome<void> Socket::send(std::span<const Fragment> fragments, Deadline deadline) {
    size_t skip = 0;  // bytes of the first fragment that are already sent
    while (!fragments.empty()) {
        iovec parts[iovec_max];
        size_t count = 0;
        for (const Fragment& f : fragments.first(std::min(fragments.size(), iovec_max))) {
            const size_t start = count == 0 ? skip : 0;
            parts[count++] = {.iov_base = const_cast<std::byte*>(f.data + start), .iov_len = f.size - start};
        }
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = count;
        const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            const auto ready = wait_for(fd_, POLLOUT, deadline);
            if (!ready) return std::unexpected(ready.error());
            if (!*ready) return std::unexpected(lost(peer_, "did not take the request in time"));
            continue;
        }
        if (n < 0) return std::unexpected(lost(peer_, "closed the connection while a request was sent"));
        size_t sent = static_cast<size_t>(n) + skip;
        while (!fragments.empty() && sent >= fragments.front().size) {
            sent -= fragments.front().size;
            fragments = fragments.subspan(1);
        }
        skip = sent;
    }
    return {};
}

Outcome<void> Socket::receive_exactly(std::span<std::byte> into, Deadline deadline) {
    while (!into.empty()) {
        const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
        if (n > 0) {
            into = into.subspan(static_cast<size_t>(n));
        } else if (n == 0) {
            return std::unexpected(lost(peer_, "closed the connection"));
        } else if (errno == EAGAIN) {
            const auto ready = wait_for(fd_, POLLIN, deadline);
            if (!ready) return std::unexpected(ready.error());
            if (!*ready) return std::unexpected(lost(peer_, "did not answer in time"));
        } else if (errno != EINTR) {
            return std::unexpected(lost(peer_, fmt::format("lost: {}", lower_first(std::strerror(errno)))));
        }
    }
    return {};
}

Outcome<std::vector<std::byte>> Socket::receive_frame(Deadline deadline) {
    std::byte prefix[4];
    if (auto got = receive_exactly(prefix, deadline); !got) return std::unexpected(std::move(got.error()));
    const auto size = load_be<uint32_t>(prefix);
    if (size > frame_bytes_max) {
        return std::unexpected(
            lost(peer_, fmt::format("sent a frame of {} bytes, which is no Kafka answer; is this a Kafka port?",
                                    size)));
    }
    std::vector<std::byte> frame(size);
    if (auto got = receive_exactly(frame, deadline); !got) return std::unexpected(std::move(got.error()));
    return frame;
}

}  // namespace penstock::cli
