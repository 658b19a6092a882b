#include "uring/ring.h"

#include <liburing.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/assert.h"
#include "socket/clock.h"

namespace penstock::uring {

namespace {

// Best first. Deferred task work (6.1) lets completions happen only when we ask, in one batch; the flag in the ring
// says when there is any, so a spinning turn without work makes no syscall.
constexpr std::array<uint32_t, 3> set_ups = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // where it fails, the soft limit still serves
}

socket::Failure explain(int os_error) {
    socket::Failure failure{{Errc::io, os_error}, std::string("cannot set up io_uring: ") + std::strerror(os_error)};
    int disabled = 0;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    if (os_error == EPERM && disabled != 0) {
        failure.detail += "; the sysctl kernel.io_uring_disabled is " + std::to_string(disabled) +
                          ": set it to 0 (sysctl -w kernel.io_uring_disabled=0)";
    } else if (os_error == EPERM || os_error == ENOSYS) {
        failure.detail += "; this kernel or the container's seccomp profile forbids it: Linux 6.1 or newer is needed,"
                          " and the io_uring system calls must be allowed";
    } else if (os_error == ENOMEM) {
        failure.detail += "; raise the limit of locked memory (ulimit -l, LimitMEMLOCK=)";
    } else if (os_error == EMFILE || os_error == ENFILE) {
        failure.detail += "; raise the limit of open files (ulimit -n, LimitNOFILE=)";
    }
    return failure;
}

}  // namespace

socket::Opened<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
    raise_descriptor_limit();
    int result = -EINVAL;
    auto native = std::make_unique<io_uring>();
    for (uint32_t flags : set_ups) {
        io_uring_params params{};
        // Disabled until the shard's thread claims it: that makes this thread the single issuer, wherever we are now.
        params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
        params.cq_entries = options.completion_entries;
        result = io_uring_queue_init_params(options.submission_entries, native.get(), &params);
        if (result != -EINVAL) break;
    }
    if (result < 0) return std::unexpected(explain(-result));
    std::unique_ptr<Ring> ring(new Ring(std::move(native)));
    if ((ring->ring_->features & (IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_NODROP)) !=
        (IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_NODROP)) {
        return std::unexpected(explain(ENOSYS));
    }
    if (!ring->waker_.open()) return std::unexpected(explain(EMFILE));
    return ring;
}

Ring::Ring(std::unique_ptr<io_uring> ring) : ring_(std::move(ring)) {}

Ring::~Ring() {
    for (const RingClient* client : clients_) PENSTOCK_ASSERT(client == nullptr);
    io_uring_queue_exit(ring_.get());
}

uint8_t Ring::attach(RingClient& client) {
    for (uint8_t i = 0; i < clients_max; ++i) {
        if (clients_[i] != nullptr) continue;
        clients_[i] = &client;
        return i;
    }
    PENSTOCK_ASSERT(!"more clients than a ring has places");
    return 0;
}

void Ring::detach(uint8_t client) {
    PENSTOCK_ASSERT(client < clients_max && clients_[client] != nullptr);
    clients_[client] = nullptr;
}

void Ring::claim() {
    // By hand: the shared library of liburing 2.3 forgets to export io_uring_enable_rings().
    PENSTOCK_ASSERT(::syscall(SYS_io_uring_register, ring_->ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
    io_uring_register_ring_fd(ring_.get());  // saves a look-up per syscall; works without
    claimed_ = true;
}

io_uring_sqe* Ring::next_sqe(uint8_t client, uint64_t data) {
    PENSTOCK_ASSERT(data >> 56 == 0);
    io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
    // The kernel empties the queue in every submit; only memory pressure (EAGAIN) or an overflow that it wants reaped
    // first (EBUSY) can keep it full, and both pass.
    for (int attempt = 0; sqe == nullptr; ++attempt) {
        PENSTOCK_ASSERT(attempt < 1'000'000);
        if (!claimed_) claim();
        ++counters_.enters;
        io_uring_submit(ring_.get());
        sqe = io_uring_get_sqe(ring_.get());
    }
    ++counters_.submissions;
    sqe->user_data = user_data(client, data);
    return sqe;
}

void Ring::arm_wake_up() {
    io_uring_sqe* sqe = next_sqe(ring_itself, 0);
    io_uring_prep_read(sqe, waker_.eventfd(), &wake_up_count_, sizeof wake_up_count_, 0);
    wake_up_armed_ = true;
}

void Ring::begin() {
    if (!claimed_) claim();
    for (RingClient* client : clients_) {
        if (client != nullptr) client->on_submit();
    }
}

void Ring::submit_and_reap() {
    begin();
    waker_.clear();
    if (io_uring_sq_ready(ring_.get()) > 0) {
        ++counters_.enters;
        const int result = io_uring_submit_and_get_events(ring_.get());
        PENSTOCK_ASSERT(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR);
    } else if (IO_URING_READ_ONCE(*ring_->sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) {
        ++counters_.enters;
        io_uring_get_events(ring_.get());
    }
    reap();
}

bool Ring::can_sleep() const {
    for (const RingClient* client : clients_) {
        if (client != nullptr && client->has_events()) return false;
    }
    return true;
}

void Ring::wait_until(Nanos deadline) {
    begin();
    if (!wake_up_armed_) arm_wake_up();
    const int64_t left_ns = deadline == never ? INT64_MAX : deadline - socket::monotonic_now();
    if (left_ns <= 0 || !can_sleep() || !waker_.try_sleep()) {
        submit_and_reap();
        return;
    }
    // An hour at most, so that `never` fits the kernel's types; the caller comes back.
    const int64_t sleep_ns = std::min(left_ns, 3600 * second_ns);
    __kernel_timespec timeout{sleep_ns / second_ns, sleep_ns % second_ns};
    io_uring_cqe* first = nullptr;
    ++counters_.enters;
    ++counters_.sleeps;
    const int result = io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, &timeout, nullptr);
    PENSTOCK_ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY);
    waker_.clear();
    reap();
}

void Ring::reap() {
    // A snapshot: what clients start from here completes in a later turn, so the turn is bounded by the ring's size.
    uint32_t head = *ring_->cq.khead;
    const uint32_t tail = io_uring_smp_load_acquire(ring_->cq.ktail);
    const uint32_t mask = *ring_->cq.kring_mask;
    counters_.completions += tail - head;
    for (; head != tail; ++head) {
        const io_uring_cqe cqe = ring_->cq.cqes[head & mask];
        io_uring_smp_store_release(ring_->cq.khead, head + 1);
        const auto client = static_cast<uint8_t>(cqe.user_data >> 56);
        if (client == ring_itself) {
            wake_up_armed_ = false;
            continue;
        }
        PENSTOCK_ASSERT(client < clients_max && clients_[client] != nullptr);
        clients_[client]->on_complete(cqe.user_data & ((uint64_t{1} << 56) - 1), cqe.res, cqe.flags);
    }
}

}  // namespace penstock::uring
