#include "sdk/edge.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "limits.h"
#include "socket/clock.h"

namespace penstock::sdk {

namespace {

client::Failure system_failure(const char* what, int os_error) {
    return {PENSTOCK_SYSTEM, fmt::format("{}: {}", what, std::strerror(os_error))};
}

bool fill_random(std::span<std::byte> out) {
    return ::getrandom(out.data(), out.size(), 0) == static_cast<ssize_t>(out.size());
}

}  // namespace

client::Outcome<std::unique_ptr<Edge>> Edge::create(client::Bootstrap bootstrap, client::ClusterOptions options,
                                                    std::unique_ptr<io::Link> own_link) {
    auto edge = std::unique_ptr<Edge>(new Edge);
    if (!fill_random(std::as_writable_bytes(std::span(&options.seed, 1)))) {
        return std::unexpected(system_failure("getrandom", errno));
    }
    auto poller = socket::Poller::create();
    if (!poller) return client::refuse(PENSTOCK_SYSTEM, poller.error().detail);
    edge->poller_ = std::move(*poller);
    io::Streams* streams = nullptr;
    if (bootstrap.road == io::Road::tcp) {
        auto tcp = socket::Streams::create(*edge->poller_, {.connections_max = limits::client_connections_max});
        if (!tcp) return client::refuse(PENSTOCK_SYSTEM, tcp.error().detail);
        edge->tcp_ = std::move(*tcp);
        streams = edge->tcp_.get();
    } else {
        edge->past_kernel_ = own_link != nullptr;
        edge->link_ = std::move(own_link);
        if (!edge->past_kernel_) {
            auto link = socket::Link::create(*edge->poller_);
            if (!link) return client::refuse(PENSTOCK_SYSTEM, link.error().detail);
            edge->link_ = std::move(*link);
        }
        transport::StreamsOptions native{.connections_max = limits::client_connections_max};
        if (!fill_random(native.endpoint.seed)) return std::unexpected(system_failure("getrandom", errno));
        edge->native_ = std::make_unique<transport::Streams>(*edge->link_, native);
        streams = edge->native_.get();
    }
    edge->cluster_ = std::make_unique<client::Cluster>(*streams, std::move(bootstrap), options);
    return edge;
}

Edge::~Edge() {
    cluster_.reset();
    if (native_) {
        native_->shut_down();
        native_->turn(socket::monotonic_now());
    }
    if (poller_) hand_over();
}

Nanos Edge::now() { return socket::monotonic_now(); }

int64_t Edge::wall_ms() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);   // a tick of 4 ms at worst, at a tenth of the cost
    return wall.tv_sec * 1000 + wall.tv_nsec / millisecond_ns;
}

Nanos Edge::end_of(int timeout_ms) { return timeout_ms < 0 ? never : now() + timeout_ms * millisecond_ns; }

int Edge::remaining(Nanos end) {
    if (end == never) return -1;
    const int64_t left = end - now();
    return left <= 0 ? 0 : static_cast<int>(std::min<int64_t>((left + millisecond_ns - 1) / millisecond_ns, INT32_MAX));
}

bool Edge::turn() {
    const Time time = socket::read_time();
    bool worked = native_ && native_->turn(time.now);
    worked |= cluster_->turn(time);
    if (native_) native_->turn(time.now);
    return worked;
}

Nanos Edge::next_deadline() const {
    return std::min(cluster_->next_deadline(), native_ ? native_->next_deadline() : never);
}

/// What the turn queued goes to the kernel now.
void Edge::hand_over() { poller_->flush(now()); }

/// It never sleeps, and makes no system calls.
bool Edge::spin(Nanos end) {
    bool worked = turn();
    while (!worked && now() < end) worked = turn();
    return worked;
}

void Edge::arm() {
    constexpr int64_t nap_ns = 50 * microsecond_ns;
    poller_->arm(past_kernel_ ? std::min(next_deadline(), now() + nap_ns) : next_deadline());
}

bool Edge::poll(int timeout_ms) {
    const Nanos end = end_of(timeout_ms);
    if (past_kernel_) {
        const bool worked = spin(end);
        if (watched_) arm();
        return worked;
    }
    bool worked = turn();
    while (!worked) {
        const Nanos before = now();
        const Nanos until = std::min(end, next_deadline());
        const bool ready = poller_->poll(before, until);   // once at least, also for who does not wait
        if (!ready && before >= end) break;
        worked = turn();
        if (!ready && !worked && now() < until) break;   // a signal: the application wants to know
    }
    hand_over();
    if (watched_) arm();
    return worked;
}

int Edge::descriptor() {
    if (!watched_) arm();
    watched_ = true;
    return poller_->descriptor();
}

}  // namespace penstock::sdk
