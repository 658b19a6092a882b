#include "dpdk/exception_path.h"

#include <poll.h>
#include <pthread.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "dpdk/mbuf.h"

namespace penstock::dpdk {

namespace {

constexpr int look_for_room_ms = 1;

/// What the kernel sends at most: with the tag of a network within ours.
uint32_t frame_bytes_max(uint32_t mtu) { return mtu + 14 + vlan_tag_bytes; }

void free_all(rte_ring* ring) {
    void* frame = nullptr;
    while (ring != nullptr && rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
}

void add(std::atomic<uint64_t>& counter, uint64_t more) { counter.fetch_add(more, std::memory_order_relaxed); }

}  // namespace

Opened<std::unique_ptr<ExceptionPath>> ExceptionPath::open(const ExceptionPathOptions& options) {
    std::unique_ptr<ExceptionPath> path(new ExceptionPath(options));
    if (auto started = path->start(); !started) return std::unexpected(started.error());
    return path;
}

Opened<void> ExceptionPath::start() {
    auto tap = Tap::open(options_.tap);
    if (!tap) return std::unexpected(tap.error());
    tap_ = std::move(*tap);
    eventfd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (eventfd_ < 0) return std::unexpected(failure_of("no descriptor for " + options_.tap.name, errno));
    // They wait, are sent, or one is spare. One byte more than a frame has, to see what is too large.
    const uint32_t frames = frames_max + options_.frames_sent + 1;
    const uint32_t room = RTE_PKTMBUF_HEADROOM + frame_bytes_max(options_.tap.mtu) + 1;
    pool_ = rte_pktmbuf_pool_create((options_.prefix + "kernel").c_str(), frames, 0, 0, static_cast<uint16_t>(room),
                                    SOCKET_ID_ANY);
    const auto ring = [&](const char* name, unsigned flags) {
        return rte_ring_create((options_.prefix + name).c_str(), frames_max, SOCKET_ID_ANY, flags | RING_F_EXACT_SZ);
    };
    to_kernel_ = ring("to-kernel", RING_F_SC_DEQ);
    from_kernel_ = ring("from-kernel", RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (pool_ == nullptr || to_kernel_ == nullptr || from_kernel_ == nullptr) {
        return std::unexpected(failure_of("no memory for " + std::to_string(frames) + " frames of " +
            std::to_string(room) + " bytes of the device " + options_.tap.name + "; give DPDK more", rte_errno));
    }
    // Signals are the program's, and not for this thread to take.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return {};
}

ExceptionPath::~ExceptionPath() {
    if (thread_.joinable()) {
        stopping_.store(true, std::memory_order_release);
        wake();
        thread_.join();
    }
    rte_pktmbuf_free(spare_);
    for (rte_ring* ring : {to_kernel_, from_kernel_}) {
        free_all(ring);
        rte_ring_free(ring);
    }
    rte_mempool_free(pool_);
    if (eventfd_ >= 0) ::close(eventfd_);
}

ExceptionPathCounters ExceptionPath::counters() const {
    return {.to_kernel = frames_to_kernel_.load(std::memory_order_relaxed),
            .from_kernel = frames_from_kernel_.load(std::memory_order_relaxed),
            .dropped = dropped_.load(std::memory_order_relaxed)};
}

// The lanes' threads.

/// No wake-up is lost: here the frame is put into the ring and then the flag read, in sleep() the flag is set and then
/// the ring read. Between the two each has a fence, and those of all threads have one order: whoever passes it second
/// sees what the other one did before. So the sleeper sees the frame, or we see that it sleeps. The plain look before
/// the exchange leaves the line to the others as long as nobody sleeps.
bool ExceptionPath::to_kernel(rte_mbuf* frame) {
    PENSTOCK_ASSERT(frame->nb_segs == 1);
    if (rte_ring_enqueue(to_kernel_, frame) != 0) {
        rte_pktmbuf_free(frame);
        add(dropped_, 1);
        return false;
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleeps_.load(std::memory_order_relaxed) && sleeps_.exchange(false, std::memory_order_relaxed)) wake();
    return true;
}

size_t ExceptionPath::from_kernel(std::span<rte_mbuf*> out) {
    void** places = reinterpret_cast<void**>(out.data());
    return rte_ring_dequeue_burst(from_kernel_, places, static_cast<unsigned>(out.size()), nullptr);
}

// The thread.

void ExceptionPath::run() {
    while (!stopping_.load(std::memory_order_acquire)) {
        const size_t moved = write_to_tap() + read_from_tap();
        if (moved == 0) sleep();
    }
}

void ExceptionPath::wake() {
    const uint64_t one = 1;
    while (::write(eventfd_, &one, sizeof one) < 0 && errno == EINTR) {}   // full: it does not sleep
}

void ExceptionPath::sleep() {
    sleeps_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (rte_ring_empty(to_kernel_) == 1) {
        // Who takes what the kernel sent does not wake us: then we look again soon. A tap that is gone is always ready.
        const bool reads = has_room_ && !tap_gone_;
        pollfd ready[] = {{eventfd_, POLLIN, 0}, {reads ? tap_->descriptor() : -1, POLLIN, 0}};
        ::poll(ready, std::size(ready), has_room_ ? -1 : look_for_room_ms);
        tap_gone_ = tap_gone_ || (ready[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    }
    sleeps_.store(false, std::memory_order_relaxed);
    // Somebody who saw us asleep may write only after this, and wake us once for nothing.
    uint64_t count = 0;
    while (::read(eventfd_, &count, sizeof count) < 0 && errno == EINTR) {}
}

/// Returns how many frames left the ring.
size_t ExceptionPath::write_to_tap() {
    rte_mbuf* frames[burst_max];
    const unsigned n = rte_ring_dequeue_burst(to_kernel_, reinterpret_cast<void**>(frames), burst_max, nullptr);
    uint64_t taken = 0;
    for (rte_mbuf* frame : std::span(frames).first(n)) {
        std::span<std::byte> bytes = bytes_of(frame);
        if (is_tagged(bytes)) bytes = take_off_tag(bytes);
        // NONE: the device vouches for the bytes, whose checksum nobody filled in. The kernel cannot know.
        if ((frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE) fill_in_checksum(bytes);
        if (tap_->write(bytes)) ++taken;
    }
    rte_pktmbuf_free_bulk(frames, n);
    add(frames_to_kernel_, taken);
    add(dropped_, n - taken);
    return n;
}

/// Returns how many frames left the tap. What there is no room for stays in it.
size_t ExceptionPath::read_from_tap() {
    const size_t room = std::min<size_t>(rte_ring_free_count(from_kernel_), burst_max);
    has_room_ = room > 0;
    size_t n = 0;
    for (; n < room; ++n) {
        if (spare_ == nullptr) spare_ = rte_pktmbuf_alloc(pool_);
        has_room_ = spare_ != nullptr;
        if (!has_room_) break;
        const size_t size = tap_->read({data_of(spare_), rte_pktmbuf_tailroom(spare_)});
        if (size == 0) break;
        if (size > frame_bytes_max(options_.tap.mtu)) {   // somebody gave the device a larger MTU than the port has
            add(dropped_, 1);
            continue;
        }
        set_size(spare_, static_cast<uint32_t>(size));
        if (options_.vlan != 0) {
            rte_pktmbuf_prepend(spare_, vlan_tag_bytes);
            put_on_tag(bytes_of(spare_), options_.vlan);
        }
        rte_ring_enqueue(from_kernel_, spare_);
        spare_ = nullptr;
        add(frames_from_kernel_, 1);
    }
    return n;
}

}  // namespace penstock::dpdk
