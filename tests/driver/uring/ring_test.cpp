#include "uring/ring.h"

#include <gtest/gtest.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <thread>
#include <vector>

#include "socket/clock.h"

namespace penstock::uring {
namespace {

/// Counts what comes back and starts what it is told to.
class Probe final : public RingClient {
public:
    explicit Probe(Ring& ring) : ring_(ring), client_(ring.attach(*this)) {}
    ~Probe() override { ring_.detach(client_); }
    void on_submit() override { ++submits; }
    void on_complete(uint64_t data, int32_t result, uint32_t) override {
        seen.push_back(data);
        results.push_back(result);
    }
    bool has_events() const override { return events; }
    void start(uint64_t data) { io_uring_prep_nop(ring_.next_sqe(client_, data)); }

    std::vector<uint64_t> seen;
    std::vector<int32_t> results;
    int submits = 0;
    bool events = false;

private:
    Ring& ring_;
    uint8_t client_;
};

TEST(Ring, hands_completions_to_whoever_asked) {
    auto ring = *Ring::create();
    Probe one(*ring), two(*ring);
    one.start(1);
    two.start(2);
    one.start((uint64_t{1} << 56) - 1);
    ring->submit_and_reap();
    EXPECT_EQ(one.seen, (std::vector<uint64_t>{1, (uint64_t{1} << 56) - 1}));
    EXPECT_EQ(two.seen, (std::vector<uint64_t>{2}));
    EXPECT_EQ(one.submits, 1);
}

TEST(Ring, submits_by_itself_when_its_queue_is_full) {
    auto ring = *Ring::create({.submission_entries = 4, .completion_entries = 8});
    Probe probe(*ring);
    for (uint64_t i = 0; i < 100; ++i) probe.start(i);
    // More than the completion queue holds: the kernel keeps the rest for us.
    for (int turn = 0; turn < 100 && probe.seen.size() < 100; ++turn) ring->submit_and_reap();
    ASSERT_EQ(probe.seen.size(), 100u);
    for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(probe.seen[i], i);
}

TEST(Ring, a_turn_without_work_makes_no_system_call) {
    auto ring = *Ring::create();
    Probe probe(*ring);
    ring->submit_and_reap();
    const uint64_t before = ring->counters().enters;
    for (int i = 0; i < 100; ++i) ring->submit_and_reap();
    EXPECT_EQ(ring->counters().enters, before);
}

TEST(Ring, sleeps_until_the_deadline) {
    auto ring = *Ring::create();
    const Nanos before = socket::monotonic_now();
    ring->wait_until(before + 5 * millisecond_ns);
    EXPECT_GE(socket::monotonic_now() - before, 5 * millisecond_ns);
    EXPECT_EQ(ring->counters().sleeps, 1u);
    ring->wait_until(before);
    EXPECT_EQ(ring->counters().sleeps, 1u) << "the past is no reason to sleep";
}

TEST(Ring, does_not_sleep_over_events_or_notices) {
    auto ring = *Ring::create();
    Probe probe(*ring);
    probe.events = true;
    ring->wait_until(never);
    probe.events = false;
    ring->waker().notify();
    ring->wait_until(never);
    EXPECT_EQ(ring->counters().sleeps, 0u);
}

TEST(Ring, belongs_to_the_thread_that_first_uses_it) {
    auto ring = *Ring::create();
    std::jthread([&] {
        Probe probe(*ring);
        probe.start(1);
        ring->submit_and_reap();
        EXPECT_EQ(probe.seen.size(), 1u);
    }).join();
}

TEST(Ring, raises_the_limit_of_descriptors) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit half = limit;
    half.rlim_cur = limit.rlim_max / 2;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &half), 0);
    auto ring = Ring::create();
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &half), 0);
    EXPECT_EQ(half.rlim_cur, half.rlim_max);
}

/// From here on this process may not set up an io_uring: what a container's seccomp profile does.
bool forbid_io_uring() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Ring, says_what_forbids_it) {
    constexpr int explained = 0, silent = 1, no_filter = 2;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!forbid_io_uring()) ::_exit(no_filter);
        const auto ring = Ring::create();
        const bool good = !ring && ring.error().error == Error{Errc::io, EPERM} &&
                          ring.error().detail.find("seccomp") != std::string::npos;
        ::_exit(good ? explained : silent);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == no_filter) GTEST_SKIP() << "this kernel takes no filter";
    EXPECT_EQ(WEXITSTATUS(status), explained);
}

}  // namespace
}  // namespace penstock::uring
