// Waits for sockets: one epoll descriptor for all clients of a thread, with a timer in it, so that an application's
// event loop can wait for this one descriptor instead.
//
// Stepped by its owner, on one thread: poll(), then what the clients hold (Streams::poll(), Link::receive()), until
// they hold nothing; then arm() and go, or poll() again and wait there. Clients register their sockets and are told
// what the kernel says of them; they read when they are asked, not here. Invariant: after arm(), descriptor() is
// readable whenever a client has something to do or to give.
// What it does not do: it runs no timers but one, and reads the clock only to sleep.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "socket/failure.h"

struct epoll_event;

namespace penstock::socket {

/// Something that has sockets in a Poller.
class PollerClient {
public:
    virtual ~PollerClient() = default;
    /// Right before the poller looks: the place to hand the kernel what was queued in the turn.
    virtual void flush(Nanos now) = 0;
    /// The kernel says `events` (EPOLLIN, ...) of the socket that was added with `data`. Nothing may be removed of
    /// other sockets in here.
    virtual void on_ready(uint64_t data, uint32_t events) = 0;
    /// When the poller must not sleep any longer though no socket is ready; no later than now (such as Nanos{}) if
    /// there is something to be taken or to flush.
    virtual Nanos due() const = 0;
};

struct PollerCounters {
    uint64_t waits = 0;     ///< system calls that look for readiness
    uint64_t armings = 0;   ///< system calls that set the timer
};

class Poller final {
public:
    static Opened<std::unique_ptr<Poller>> create();
    ~Poller();  ///< no client may be attached any more
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // The owner.
    /// For poll(2) and its like: readable when poll() has something to do. It must not be read.
    int descriptor() const { return epoll_; }
    /// Makes descriptor() readable at that time, or when a client is due if that is earlier. `never`: no timer.
    void arm(Nanos deadline);
    /// Flushes the clients.
    void flush(Nanos now);
    /// Flushes the clients, waits until a socket is ready or `until` is over (not later than now: does not wait;
    /// never: without end; nor when a client is due earlier), and tells the clients. True if a socket was ready or the
    /// timer of arm() ran out. A signal ends the wait with false.
    bool poll(Nanos now, Nanos until);
    const PollerCounters& counters() const { return counters_; }

    // Clients.
    uint8_t attach(PollerClient& client);
    /// The client must have removed its sockets.
    void detach(uint8_t client);
    /// `events` as epoll_ctl(2) takes them, `data` of at most 56 bits.
    Result<void> add(int socket, uint8_t client, uint64_t data, uint32_t events);
    void change(int socket, uint8_t client, uint64_t data, uint32_t events);
    /// Before the socket is closed: another process may have it, too.
    void remove(int socket);

private:
    static constexpr uint8_t clients_max = 8;

    Poller(int epoll, int timer) : epoll_(epoll), timer_(timer) {}
    Nanos clients_due() const;
    int wait(epoll_event* events, int count, Nanos now, Nanos until);

    int epoll_, timer_;
    Nanos armed_ = never;   ///< as the kernel knows it; a time that has come stays until poll() was told
    bool coarse_ = false;   ///< this kernel, or who guards it, only knows waits in milliseconds
    PollerClient* clients_[clients_max] = {};
    PollerCounters counters_;
};

}  // namespace penstock::socket
