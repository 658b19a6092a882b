#include "socket/poller.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/assert.h"

namespace penstock::socket {

namespace {

constexpr int events_max = 64;  // of one call; what is left over comes with the next
constexpr int data_bits = 56;
constexpr uint64_t data_mask = (uint64_t{1} << data_bits) - 1;
constexpr uint64_t timer_data = ~uint64_t{0};

uint64_t name_of(uint8_t client, uint64_t data) { return uint64_t{client} << data_bits | data; }

timespec to_timespec(int64_t ns) {
    return {.tv_sec = static_cast<time_t>(ns / second_ns), .tv_nsec = static_cast<long>(ns % second_ns)};
}

std::unexpected<Failure> failed(const std::string& what) {
    const int os_error = errno;
    return std::unexpected(Failure{{Errc::io, os_error}, what + ": " + std::strerror(os_error) +
                                   "; raise the limit of open files (ulimit -n) if it is that"});
}

}  // namespace

Opened<std::unique_ptr<Poller>> Poller::create() {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) return failed("cannot make an epoll descriptor");
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer < 0) {
        auto failure = failed("cannot make a timer descriptor");
        ::close(epoll);
        return failure;
    }
    std::unique_ptr<Poller> poller(new Poller(epoll, timer));
    // Told once for each time that comes: then nobody needs to read it.
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = timer_data}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) != 0) return failed("cannot wait for a timer");
    return poller;
}

Poller::~Poller() {
    for (const PollerClient* client : clients_) PENSTOCK_ASSERT(client == nullptr);
    ::close(timer_);
    ::close(epoll_);
}

// Clients.

uint8_t Poller::attach(PollerClient& client) {
    for (uint8_t i = 0; i < clients_max; ++i) {
        if (clients_[i] != nullptr) continue;
        clients_[i] = &client;
        return i;
    }
    PENSTOCK_ASSERT(false);
    return 0;
}

void Poller::detach(uint8_t client) {
    PENSTOCK_ASSERT(clients_[client] != nullptr);
    clients_[client] = nullptr;
}

Result<void> Poller::add(int socket, uint8_t client, uint64_t data, uint32_t events) {
    PENSTOCK_ASSERT(data <= data_mask);
    epoll_event event{.events = events, .data = {.u64 = name_of(client, data)}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) return fail(Errc::io, errno);
    return {};
}

void Poller::change(int socket, uint8_t client, uint64_t data, uint32_t events) {
    epoll_event event{.events = events, .data = {.u64 = name_of(client, data)}};
    PENSTOCK_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) == 0);
}

void Poller::remove(int socket) { PENSTOCK_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr) == 0); }

// The owner.

Nanos Poller::clients_due() const {
    Nanos due = never;
    for (const PollerClient* client : clients_) {
        if (client != nullptr) due = std::min(due, client->due());
    }
    return due;
}

void Poller::arm(Nanos deadline) {
    // Zero would disarm it.
    const Nanos due = std::max(std::min(deadline, clients_due()), Nanos{1});
    if (due == armed_) return;
    itimerspec setting{};
    if (due != never) setting.it_value = to_timespec(due.value);
    PENSTOCK_ASSERT(::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &setting, nullptr) == 0);
    armed_ = due;
    ++counters_.armings;
}

void Poller::flush(Nanos now) {
    for (PollerClient* client : clients_) {
        if (client != nullptr) client->flush(now);
    }
}

bool Poller::poll(Nanos now, Nanos until) {
    flush(now);
    epoll_event events[events_max];
    const int count = wait(events, events_max, now, std::min(until, clients_due()));
    if (count < 0) PENSTOCK_ASSERT(errno == EINTR);
    for (int i = 0; i < count; ++i) {
        const uint64_t name = events[i].data.u64;
        if (name == timer_data) {
            armed_ = never;  // its time has come and was told: setting it to that again must reach the kernel
            continue;
        }
        PollerClient* client = clients_[name >> data_bits];
        if (client != nullptr) client->on_ready(name & data_mask, events[i].events);
    }
    return count > 0;
}

/// As epoll_wait(2).
int Poller::wait(epoll_event* events, int count, Nanos now, Nanos until) {
    ++counters_.waits;
    if (until <= now) return ::epoll_wait(epoll_, events, count, 0);
    if (until == never) return ::epoll_wait(epoll_, events, count, -1);
    const int64_t left_ns = until - now;
    if (!coarse_) {
        const timespec left = to_timespec(left_ns);
        const int result = ::epoll_pwait2(epoll_, events, count, &left, nullptr);
        if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return result;
        coarse_ = true;  // older than 5.11, or a container that does not know the call
    }
    const int64_t left_ms = left_ns / millisecond_ns + (left_ns % millisecond_ns != 0 ? 1 : 0);
    return ::epoll_wait(epoll_, events, count, static_cast<int>(std::min<int64_t>(left_ms, INT32_MAX)));
}

}  // namespace penstock::socket
