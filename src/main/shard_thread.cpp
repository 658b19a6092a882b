#include "main/shard_thread.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include <spdlog/spdlog.h>

#include "base/assert.h"
#include "dpdk/split_link.h"
#include "main/setting.h"
#include "socket/clock.h"
#include "uring/disk.h"

namespace penstock {

namespace {

/// How long `backoff` spins after the last work before it blocks: longer than a durable write on a good disk, so a
/// shard that waits for its commits does not sleep in between.
constexpr int64_t backoff_spin_ns = 200 * microsecond_ns;

/// Nothing wakes a shard for what a device past the kernel brings, so it never sleeps for longer.
constexpr int64_t device_nap_ns = 50 * microsecond_ns;

void pin(uint32_t core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    const int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (error != 0) spdlog::warn("cannot pin a shard to core {}: {}", core, std::strerror(error));
}

std::string text(const Error& error) {
    std::string text = to_string(error.code);
    if (error.os_error != 0) text += std::string(": ") + std::strerror(error.os_error);
    return text;
}

std::string_view name_of(broker::LinkState state) {
    switch (state) {
        case broker::LinkState::waiting: return "waiting";
        case broker::LinkState::connecting: return "connecting";
        case broker::LinkState::registering: return "registering";
        case broker::LinkState::registered: return "registered";
        case broker::LinkState::refused: return "refused";
    }
    return "";
}

}  // namespace

ShardGroup::ShardGroup(uint32_t shard_count) : mailboxes(shard_count), wakers(shard_count), end(shard_count + 1) {}

void ShardGroup::wake(uint32_t shard) {
    if (uring::Waker* waker = wakers[shard].load(std::memory_order_acquire)) waker->notify();
}

void ShardGroup::wake_all() {
    for (uint32_t shard = 0; shard < wakers.size(); ++shard) wake(shard);
}

void ShardGroup::leave() {
    leaving = true;
    wake(0);
}

void ShardGroup::stop() {
    const bool again = stopping.exchange(true);
    PENSTOCK_ASSERT(!again);
    stopping.notify_all();
    wake_all();
    // Only now may the shards, which may have stopped long since, destroy what wake_all() uses.
    static_cast<void>(end.arrive());
}

ShardThread::ShardThread(ShardThreadOptions options, log::StoreImage image, const uring::DataDirectory& directory,
                         ShardGroup& group)
    : options_(std::move(options)),
      image_(std::move(image)),
      directory_(directory),
      group_(group),
      thread_([this] { run(); }) {
    started_.wait(false);
}

ShardThread::~ShardThread() { thread_.join(); }

void ShardThread::started(std::string failure) {
    failure_ = std::move(failure);
    started_.store(true, std::memory_order_release);
    started_.notify_all();
}

void ShardThread::run() {
    if (options_.core) pin(*options_.core);
    std::string failure = run_shard();
    if (failure.empty()) return;
    // Others may be up: they stop as a group, and this one has nothing to stop.
    started(std::move(failure));
    group_.stopping.wait(false);
    group_.requests_stopped.fetch_add(1);
    group_.stores_stopped.fetch_add(1);
    group_.wake_all();
    group_.end.arrive_and_wait();
}

/// Everything that lives on the ring lives in this frame. Returns why it could not start.
std::string ShardThread::run_shard() {
    auto ring = uring::Ring::create();
    if (!ring) return ring.error().detail;
    auto disk = uring::Disk::create(**ring, directory_);
    if (!disk) return disk.error().detail;
    auto streams = uring::Streams::create(**ring, options_.streams);
    if (!streams) return streams.error().detail;
    if (options_.shard.broker.listen.port == 0) {
        const Result<uint16_t> port = (*streams)->listen(options_.shard.broker.listen);
        if (!port) return "cannot listen on " + options_.shard.broker.listen.host + ": " + text(port.error());
        options_.shard.broker.listen.port = *port;
        options_.shard.listening = true;
        if (options_.shard.link && options_.shard.link->advertised_port == 0)
            options_.shard.link->advertised_port = *port;
    }
    std::unique_ptr<io::Link> link, node_link;
    std::unique_ptr<transport::Streams> native, nodes;
    if (options_.native) {
        auto opened = make_native_link(**ring);
        if (!opened) return opened.error().detail;
        link = std::move(*opened);
        native = std::make_unique<transport::Streams>(*link, options_.native_streams);
        const Result<uint16_t> port = native->listen(*options_.native);
        if (!port)
            return "cannot take datagrams at " + options_.native->host + ":" + std::to_string(options_.native->port) +
                   ": " + text(port.error());
        options_.native->port = *port;
    }
    if (options_.node_streams) {
        auto opened = make_node_link(**ring);
        if (!opened) return opened.error().detail;
        node_link = std::move(*opened);
        nodes = std::make_unique<transport::Streams>(*node_link, *options_.node_streams);
    }
    const shard::Networks networks{.tcp = **streams, .native = native.get(), .nodes = nodes.get()};
    shard::Shard shard(options_.shard, std::move(image_), **disk, networks, group_.mailboxes, socket::read_time());
    group_.wakers[shard_number()].store(&(*ring)->waker(), std::memory_order_release);
    started({});
    loop(shard, **ring);
    report_turns();
    // Peers hear that we end; otherwise they would wait for their idle timeout.
    for (transport::Streams* datagrams : {native.get(), nodes.get()}) {
        if (datagrams == nullptr) continue;
        datagrams->shut_down();
        datagrams->turn(socket::monotonic_now());
    }
    group_.end.arrive_and_wait();
    return {};
}

// Of a device past the kernel each shard has two lanes: the first ones are for clients, with a queue each, and those
// behind them for what the shards themselves begin with other nodes.

socket::Opened<std::unique_ptr<io::Link>> ShardThread::make_native_link(uring::Ring& ring) const {
    if (options_.device != nullptr) return options_.device->make_link(static_cast<uint16_t>(shard_number()));
    return uring::Link::create(ring, options_.link);
}

/// Not every node need be on the device's network.
socket::Opened<std::unique_ptr<io::Link>> ShardThread::make_node_link(uring::Ring& ring) const {
    auto by_kernel = uring::Link::create(ring);
    if (!by_kernel || options_.device == nullptr) return by_kernel;
    const uint32_t lane = options_.shard.broker.shard_count + shard_number();
    return std::make_unique<dpdk::SplitLink>(*options_.device, options_.device->make_link(static_cast<uint16_t>(lane)),
                                             std::move(*by_kernel));
}

void ShardThread::loop(shard::Shard& shard, uring::Ring& ring) {
    while (true) {
        const Time time = socket::read_time();
        const shard::TurnResult turned = shard.turn(time);
        if (turned.did_work) turns_ns_.record(static_cast<uint64_t>(socket::monotonic_now() - time.now));
        for (const uint32_t peer : shard.to_wake()) group_.wake(peer);
        report(shard, time.now);
        take_leave_steps(shard);
        if (take_stop_steps(shard, time.now)) return;
        idle(ring, turned, time.now);
    }
}

/// Submits what the turn queued and reaps what has finished; sleeps where the strategy says so.
void ShardThread::idle(uring::Ring& ring, const shard::TurnResult& turned, Nanos now) {
    if (turned.did_work) last_work_ = now;
    const bool sleeps = options_.idle == IdleStrategy::block ? !turned.did_work
                        : options_.idle == IdleStrategy::backoff ? now - last_work_ > backoff_spin_ns
                                                                 : false;
    if (!sleeps) return ring.submit_and_reap();
    ring.wait_until(options_.device == nullptr ? turned.next_deadline
                                               : std::min(turned.next_deadline, now + device_nap_ns));
}

/// Of shard 0, which alone can ask.
void ShardThread::take_leave_steps(shard::Shard& shard) {
    if (leave_ended_ || stop_seen_ || shard.seat() == nullptr) return;
    if (!group_.leaving.load(std::memory_order_acquire)) return;
    switch (shard.hand_over()) {
        case shard::HandOver::under_way:
            if (leave_seen_) return;
            leave_seen_ = true;
            spdlog::info("waiting until other brokers lead the {} partitions that this one leads",
                         shard.partitions_led());
            return shard.want_to_stop();
        case shard::HandOver::done:
            if (const size_t led = shard.partitions_led(); led > 0)
                spdlog::warn("{} partitions have no other replica that could lead: clients wait for this broker", led);
            else spdlog::info("other brokers lead everything now");
            break;
        case shard::HandOver::nobody: spdlog::info("not waiting: no other broker is alive to take over"); break;
        case shard::HandOver::no_coordinator:
            spdlog::warn("not waiting: no coordinator can be reached that would let others take over");
            break;
    }
    leave_ended_ = true;
    group_.may_stop.store(true, std::memory_order_release);
    group_.may_stop.notify_all();
}

/// True when this shard has stopped.
bool ShardThread::take_stop_steps(shard::Shard& shard, Nanos now) {
    if (!stop_seen_) {
        if (!group_.stopping.load(std::memory_order_acquire)) return false;
        stop_seen_ = true;
        shard.begin_stop(now);
    }
    const uint32_t all = group_.mailboxes.shard_count();
    if (!requests_stopped_ && shard.requests_stopped()) {
        requests_stopped_ = true;
        group_.requests_stopped.fetch_add(1);
        group_.wake_all();
    }
    if (!store_stop_begun_ && requests_stopped_ && group_.requests_stopped.load() == all) {
        store_stop_begun_ = true;
        shard.begin_store_stop();
        group_.wake(shard_number());
    }
    if (!store_stop_begun_ || !shard.stopped()) return false;
    group_.stores_stopped.fetch_add(1);
    return true;
}

void ShardThread::report(const shard::Shard& shard, Nanos now) {
    if (shard.listen_error() && !group_.failed.exchange(true)) {
        const io::Address& listen = options_.shard.broker.listen;
        spdlog::error("cannot listen on {}:{}: {}", listen.host, listen.port, text(*shard.listen_error()));
        ::kill(::getpid(), SIGTERM);
    }
    if (now >= rot_report_at_) report_rot(shard.store().counters(), now);
    if (shard.seat() == nullptr) return;
    const broker::CoordinatorLink& link = shard.seat()->link();
    // When we stop, the link ends because we end it.
    if (!stop_seen_ && link.state_changes() != link_changes_reported_) {
        link_changes_reported_ = link.state_changes();
        report_link(*shard.seat());
    }
    if (!serving_reported_ && shard.serving() && shard.view().revision > 0) {
        serving_reported_ = true;
        const io::Address& listen = options_.shard.broker.listen;
        spdlog::info("serving Kafka clients on {}:{}: {} topics, cluster {}", listen.host, listen.port,
                     shard.view().topics.size(), shard.view().cluster_id.text());
    }
}

/// Said as it is found, but not more often than anybody reads.
void ShardThread::report_rot(const log::StoreCounters& counters, Nanos now) {
    constexpr int64_t apart_ns = 10 * second_ns;
    rot_report_at_ = now + second_ns;
    if (counters.corrupt_ranges == rot_reported_ && counters.repaired + counters.not_repaired == repairs_reported_)
        return;
    rot_report_at_ = now + apart_ns;
    rot_reported_ = counters.corrupt_ranges;
    repairs_reported_ = counters.repaired + counters.not_repaired;
    spdlog::warn("shard {}: bytes on disk have rotted: {} reads failed their checksum; {} repairs succeeded, {} failed",
                 shard_number(), counters.corrupt_ranges, counters.repaired, counters.not_repaired);
}

void ShardThread::report_turns() const {
    const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
    spdlog::info("shard {}: {} turns with work, half of them within {:.1f} us, 99 % within {:.1f} us, the longest "
                 "{:.1f} us", shard_number(), turns_ns_.count(), us(turns_ns_.percentile(50)),
                 us(turns_ns_.percentile(99)), us(turns_ns_.max()));
}

void ShardThread::report_link(const shard::ClusterSeat& seat) {
    constexpr size_t reported_max = 64;
    const broker::CoordinatorLink& link = seat.link();
    const io::Address& at = seat.coordinator();
    switch (link.state()) {
        case broker::LinkState::registered:
            spdlog::info("registered with the coordinator at {}:{}", at.host, at.port);
            refusals_reported_.clear();
            break;
        case broker::LinkState::refused:
        case broker::LinkState::waiting:
            // It tries again every few seconds, several in turn: the same reason of the same one is said once.
            if (refusals_reported_.size() == reported_max) refusals_reported_.clear();
            if (!refusals_reported_.insert(address_text(at) + link.reason()).second) break;
            spdlog::warn("coordinator {}:{}: {}: {}; trying again", at.host, at.port, name_of(link.state()),
                         link.reason());
            break;
        case broker::LinkState::connecting:
        case broker::LinkState::registering: break;
    }
}

}  // namespace penstock
