#include "socket/poller.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <thread>
#include <vector>

#include "socket/clock.h"

namespace penstock::socket {
namespace {

class Client final : public PollerClient {
public:
    struct Word {
        uint64_t data;
        uint32_t events;
        friend bool operator==(const Word&, const Word&) = default;
    };
    void flush(Nanos now) override { flushed_at = now, ++flushes; }
    void on_ready(uint64_t data, uint32_t events) override { heard.push_back({data, events}); }
    Nanos due() const override { return due_at; }

    std::vector<Word> heard;
    Nanos flushed_at{}, due_at = never;
    int flushes = 0;
};

class PollerTest : public testing::Test {
protected:
    PollerTest() : poller_(*Poller::create()), id_(poller_->attach(client_)) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    }
    ~PollerTest() override {
        for (const int end : ends_) ::close(end);
        poller_->detach(id_);
    }
    bool descriptor_readable(int64_t wait_ms) {
        pollfd one{.fd = poller_->descriptor(), .events = POLLIN};
        return ::poll(&one, 1, static_cast<int>(wait_ms)) == 1;
    }
    void write_byte() { ASSERT_EQ(::send(ends_[1], "x", 1, 0), 1); }

    std::unique_ptr<Poller> poller_;
    Client client_;
    uint8_t id_;
    int ends_[2] = {-1, -1};
};

using Heard = std::vector<Client::Word>;
constexpr uint64_t large_data = (uint64_t{1} << 56) - 1;

TEST_F(PollerTest, tells_a_client_of_its_socket) {
    ASSERT_TRUE(poller_->add(ends_[0], id_, large_data, EPOLLIN).has_value());
    EXPECT_FALSE(descriptor_readable(0));
    write_byte();
    EXPECT_TRUE(descriptor_readable(10'000));
    EXPECT_TRUE(poller_->poll(Nanos{7}, never));
    EXPECT_EQ(client_.heard, (Heard{{large_data, EPOLLIN}}));
    EXPECT_EQ(client_.flushed_at, Nanos{7});
    poller_->change(ends_[0], id_, 5, EPOLLIN | EPOLLOUT);
    EXPECT_TRUE(poller_->poll(Nanos{8}, Nanos{8}));
    EXPECT_EQ(client_.heard.back(), (Client::Word{5, EPOLLIN | EPOLLOUT}));
    poller_->remove(ends_[0]);
    EXPECT_FALSE(poller_->poll(Nanos{9}, Nanos{9}));
    EXPECT_EQ(client_.heard.size(), 2u);
    EXPECT_EQ(poller_->add(-1, id_, 0, EPOLLIN).error(), (Error{Errc::io, EBADF}));
}

TEST_F(PollerTest, clients_hear_of_their_own_sockets) {
    Client other;
    const uint8_t id = poller_->attach(other);
    ASSERT_TRUE(poller_->add(ends_[0], id, 1, EPOLLIN).has_value());
    write_byte();
    EXPECT_TRUE(poller_->poll(Nanos{}, never));
    EXPECT_TRUE(client_.heard.empty());
    EXPECT_EQ(other.heard, (Heard{{1, EPOLLIN}}));
    poller_->remove(ends_[0]);
    poller_->detach(id);
}

TEST_F(PollerTest, waits_as_long_as_it_is_told) {
    const Nanos start = monotonic_now();
    EXPECT_FALSE(poller_->poll(start, start));
    EXPECT_FALSE(poller_->poll(start, start - second_ns));
    EXPECT_FALSE(poller_->poll(start, start + 5 * millisecond_ns));
    EXPECT_GE(monotonic_now() - start, 5 * millisecond_ns);
    EXPECT_EQ(poller_->counters().waits, 3u);
}

TEST_F(PollerTest, a_client_that_is_due_ends_the_wait) {
    const Nanos start = monotonic_now();
    client_.due_at = Nanos{};
    EXPECT_FALSE(poller_->poll(start, never)) << "it has something already";
    client_.due_at = start + 3 * millisecond_ns;
    EXPECT_FALSE(poller_->poll(start, never));
    EXPECT_GE(monotonic_now() - start, 3 * millisecond_ns);
    EXPECT_EQ(client_.flushes, 2);
}

TEST_F(PollerTest, the_descriptor_becomes_readable_when_its_time_comes) {
    const Nanos start = monotonic_now();
    poller_->arm(start + 20 * millisecond_ns);
    EXPECT_FALSE(descriptor_readable(0));
    EXPECT_TRUE(descriptor_readable(10'000));
    EXPECT_GE(monotonic_now() - start, 20 * millisecond_ns);
    EXPECT_TRUE(poller_->poll(monotonic_now(), Nanos{}));
    EXPECT_FALSE(descriptor_readable(0)) << "it was told";
    EXPECT_FALSE(poller_->poll(monotonic_now(), Nanos{}));
    poller_->arm(start + 20 * millisecond_ns);
    EXPECT_TRUE(descriptor_readable(10'000)) << "a time that has been comes at once, also the same again";
    EXPECT_TRUE(poller_->poll(monotonic_now(), never));
    EXPECT_TRUE(client_.heard.empty());
}

TEST_F(PollerTest, the_timer_costs_a_call_only_when_it_changes) {
    const Nanos later = monotonic_now() + 60 * second_ns;
    poller_->arm(never);
    EXPECT_EQ(poller_->counters().armings, 0u);
    poller_->arm(later);
    poller_->arm(later);
    EXPECT_EQ(poller_->counters().armings, 1u);
    poller_->arm(Nanos{-5});
    EXPECT_TRUE(descriptor_readable(10'000));
    poller_->arm(Nanos{});
    EXPECT_EQ(poller_->counters().armings, 2u);
    poller_->arm(never);
    EXPECT_EQ(poller_->counters().armings, 3u);
    EXPECT_FALSE(descriptor_readable(0)) << "disarmed, though its time had come";
    client_.due_at = Nanos{};
    poller_->arm(never);
    EXPECT_TRUE(descriptor_readable(10'000)) << "for a client that is due";
}

TEST_F(PollerTest, more_sockets_than_one_call_tells_all_get_their_turn) {
    constexpr size_t count = 100;
    std::vector<int> sockets;
    for (size_t i = 0; i < count; ++i) {
        sockets.push_back(::dup(ends_[0]));
        ASSERT_TRUE(poller_->add(sockets.back(), id_, i, EPOLLIN).has_value());
    }
    write_byte();
    std::vector<bool> seen(count);
    for (int i = 0; i < 10; ++i) {
        poller_->poll(Nanos{}, Nanos{});
        for (const Client::Word& word : client_.heard) seen[word.data] = true;
    }
    EXPECT_EQ(std::ranges::count(seen, true), static_cast<ptrdiff_t>(count));
    for (const int socket : sockets) {
        poller_->remove(socket);
        ::close(socket);
    }
}

TEST_F(PollerTest, a_signal_ends_the_wait) {
    struct sigaction action{}, before{};
    action.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
    std::atomic<bool> over = false;
    // Again and again, since the first may come before the wait.
    std::jthread sender([&, waiter = ::pthread_self()] {
        while (!over) {
            ::pthread_kill(waiter, SIGUSR1);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    EXPECT_FALSE(poller_->poll(Nanos{}, never));
    EXPECT_FALSE(poller_->poll(monotonic_now(), monotonic_now() + 60 * second_ns));
    over = true;
    sender.join();
    EXPECT_TRUE(client_.heard.empty());
    ::sigaction(SIGUSR1, &before, nullptr);
}

/// From here on this process is in a container whose guard does not know waits in nanoseconds.
bool forbid_fine_waits() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_F(PollerTest, does_without_waits_in_nanoseconds) {
    constexpr int good = 0, bad = 1, no_filter = 2;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!forbid_fine_waits()) ::_exit(no_filter);
        bool ok = true;
        for (int i = 0; i < 2; ++i) {
            const Nanos start = monotonic_now();
            ok = ok && !poller_->poll(start, start + 1'500'000) && monotonic_now() - start >= 1'500'000;
        }
        ::_exit(ok ? good : bad);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == no_filter) GTEST_SKIP() << "this kernel takes no filter";
    EXPECT_EQ(WEXITSTATUS(status), good);
}

}  // namespace
}  // namespace penstock::socket
