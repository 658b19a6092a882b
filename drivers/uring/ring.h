// One io_uring: carries the disk, the connections and the wake-ups of one shard.
//
// Stepped by the shard: submit_and_reap() once a turn when it spins, wait_until() when it may sleep. Both hand the
// kernel what was queued since, then completions to the clients that asked for them. Create it anywhere; the thread
// that calls one of these first is its only thread from then on, and destroys it after its clients.
//
// Invariant: a queue entry that next_sqe() returned is complete before the caller calls anything else of the ring.
// What it does not do: no retries, no policy; clients see the kernel's results as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/units.h"
#include "socket/failure.h"
#include "uring/waker.h"

struct io_uring;
struct io_uring_sqe;

namespace penstock::uring {

/// Something that has operations on a Ring.
class RingClient {
public:
    virtual ~RingClient() = default;
    /// Right before the ring submits: the place to build operations out of what was queued in the turn.
    virtual void on_submit() = 0;
    /// An operation of this client finished. `data` is what it gave to next_sqe().
    virtual void on_complete(uint64_t data, int32_t result, uint32_t flags) = 0;
    /// True if poll() would return something: then the ring does not sleep.
    virtual bool has_events() const = 0;
};

struct RingOptions {
    uint32_t submission_entries = 512;
    uint32_t completion_entries = 4096;  ///< more wait in the kernel, nothing is lost
};

struct RingCounters {
    uint64_t enters = 0;        ///< syscalls, of submit_and_reap() and wait_until()
    uint64_t submissions = 0;
    uint64_t completions = 0;
    uint64_t sleeps = 0;        ///< wait_until() calls that went to the kernel to wait
};

class Ring final {
public:
    /// Also raises the soft limit of open descriptors to the hard one. The failure says what forbids io_uring.
    static socket::Opened<std::unique_ptr<Ring>> create(const RingOptions& options = {});
    ~Ring();  ///< no client may be attached any more
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // The shard.
    /// Submits what is queued and hands out what finished. Never blocks; no syscall when there is nothing to do.
    void submit_and_reap();
    /// The same, but sleeps until something finishes, notify() is called or the deadline passes. Does not sleep
    /// when a client has events, or somebody notified since the last call of either.
    void wait_until(Nanos deadline);
    /// Thread-safe side: others wake this shard through it.
    Waker& waker() { return waker_; }
    const RingCounters& counters() const { return counters_; }

    // Clients.
    uint8_t attach(RingClient& client);
    /// The client must have nothing under way.
    void detach(uint8_t client);
    /// The next queue entry, for one of the io_uring_prep functions: `client` gets `data` (56 bits) back with its
    /// completion. Submits what is queued when the queue is full.
    io_uring_sqe* next_sqe(uint8_t client, uint64_t data);
    /// What next_sqe() sets: names an operation that is to be cancelled.
    static uint64_t user_data(uint8_t client, uint64_t data) { return uint64_t{client} << 56 | data; }
    /// For registrations (files, buffers) of clients.
    io_uring* native() { return ring_.get(); }

private:
    static constexpr uint8_t clients_max = 8;
    static constexpr uint8_t ring_itself = 0xff;

    explicit Ring(std::unique_ptr<io_uring> ring);
    void claim();
    void begin();
    bool can_sleep() const;
    void reap();
    void arm_wake_up();

    std::unique_ptr<io_uring> ring_;
    Waker waker_;
    uint64_t wake_up_count_ = 0;  ///< where the kernel reads the eventfd into
    bool wake_up_armed_ = false;
    bool claimed_ = false;
    RingClient* clients_[clients_max] = {};
    RingCounters counters_;
};

}  // namespace penstock::uring
