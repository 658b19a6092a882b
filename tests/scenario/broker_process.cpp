#include "scenario/broker_process.h"

#include <algorithm>

#include "base/assert.h"
#include "base/random.h"
#include "scenario/node_streams.h"

namespace penstock::scenario {

namespace {

/// The turns of one moment, and of a stop: far more than either takes.
constexpr uint32_t drain_rounds_max = 1'000'000;

}  // namespace

bool BrokerProcess::Seat::has_input() const {
    return disk->has_completions() || tcp->has_events() || (link && link->has_arrivals()) ||
           (node_link && node_link->has_arrivals());
}

BrokerProcess::BrokerProcess(sim::Network& network, sim::DatagramNetwork& datagrams, sim::Directory& directory,
                             const BrokerProcessOptions& options, Time time)
    : network_(network), datagrams_(datagrams), directory_(directory), options_(options), time_(time) {
    sim::Disk opener(directory);
    auto opened = log::open_directory(opener, {.shard_count = options.shards,
                                               .journal_bytes = options.journal_bytes,
                                               .random_high = mix64(options.seed),
                                               .random_low = options.seed});
    if (!opened) {
        refusal_ = opened.error().detail;
        return;
    }
    storage_id_ = opened->report.storage_id;
    mailboxes_ = std::make_unique<shard::Mailboxes>(options.shards);
    for (uint32_t number = 0; number < options.shards; ++number) open_seat(number, *opened, time);
}

void BrokerProcess::open_seat(uint32_t number, log::OpenedDirectory& opened, Time time) {
    Seat& seat = *seats_.emplace_back(std::make_unique<Seat>());
    seat.disk = std::make_unique<sim::Disk>(directory_);
    seat.tcp = std::make_unique<sim::Streams>(
        network_, sim::StreamOptions{.host = options_.host, .receive_buffers = options_.receive_buffers});
    const sim::LinkOptions link{.host = options_.host, .receive_buffers = options_.receive_buffers};
    const uint64_t seed = mix64(options_.seed + number);
    if (options_.native_port != 0) {
        const auto port = static_cast<uint16_t>(options_.native_port + number);
        seat.link = std::make_unique<sim::Link>(datagrams_, link);
        seat.native = std::make_unique<transport::Streams>(*seat.link, open_streams(seed, options_.secret));
        const auto listening = seat.native->listen({options_.host, port, io::Road::native});
        PENSTOCK_ASSERT(listening.has_value());
    }
    shard::ShardOptions shard{.broker = options_.broker, .coordinators = {}, .link = {}};
    shard.broker.shard = number;
    shard.broker.shard_count = options_.shards;
    shard.broker.listen = {options_.host, options_.kafka_port};
    shard.store = {.shard = number,
                   .shard_count = options_.shards,
                   .cache_bytes = options_.cache_bytes,
                   .pool_bytes = options_.pool_bytes,
                   .scrub_bytes_per_s = options_.scrub_bytes_per_s,
                   .scrub_delay_ns = 3 * second_ns};
    seat.node_link = std::make_unique<sim::Link>(datagrams_, link);
    seat.nodes = std::make_unique<transport::Streams>(*seat.node_link, node_streams(seed + 1, options_.secret));
    shard.broker.incarnation = options_.link.incarnation;
    if (number == 0) {
        shard.coordinators = options_.coordinators;
        shard.link = options_.link;
        shard.link->advertised_host = options_.host;
        shard.link->advertised_port = options_.kafka_port;
        shard.link->native_port = options_.native_port;
        shard.link->shard_count = options_.shards;
        shard.link->storage_id = options_.storage_id == Uuid{} ? storage_id_ : options_.storage_id;
        shard.link->clean = opened.report.clean;
    }
    const shard::Networks networks{.tcp = *seat.tcp, .native = seat.native.get(), .nodes = seat.nodes.get()};
    seat.shard = std::make_unique<shard::Shard>(shard, std::move(opened.shards[number]), *seat.disk, networks,
                                                *mailboxes_, time);
}

BrokerProcess::~BrokerProcess() {
    if (refusal_.empty() && !stopped()) {
        sever();
        drain();
    }
    for (const auto& seat : seats_) {
        for (transport::Streams* streams : {seat->native.get(), seat->nodes.get()}) {
            if (streams == nullptr) continue;
            streams->shut_down();
            streams->turn(time_.now);
        }
    }
    seats_.clear();
}

uint32_t BrokerProcess::turn(Time time) {
    time_ = time;
    uint32_t turns = 0;
    for (const auto& seat : seats_) {
        if (stage_ == Stage::stopped) break;
        if (seat->deadline > time.now && !seat->has_input()) continue;
        ++turns;
        const shard::TurnResult turned = seat->shard->turn(time);
        // A turn takes a moment, so that a shard that never finds an end does not stop the time.
        seat->deadline = turned.did_work ? time.now + microsecond_ns : turned.next_deadline;
        for (const uint32_t woken : seat->shard->to_wake())
            seats_[woken]->deadline = std::min(seats_[woken]->deadline, time.now + microsecond_ns);
    }
    if (turns > 0 && stage_ != Stage::running) go_on_stopping();
    return turns;
}

Nanos BrokerProcess::next_deadline() const {
    Nanos next = never;
    if (stage_ == Stage::stopped) return next;
    for (const auto& seat : seats_) next = std::min(next, seat->has_input() ? Nanos(0) : seat->deadline);
    return next;
}

bool BrokerProcess::scrubbed() const {
    return std::ranges::all_of(seats_, [](const auto& seat) {
        const log::StoreCounters& counters = seat->shard->store().counters();
        return counters.scrub_passes > 0 && counters.rotten == 0;
    });
}

bool BrokerProcess::refused() const {
    return !seats_.empty() && seats_.front()->shard->seat()->link().state() == broker::LinkState::refused;
}

std::string BrokerProcess::waits_for() const {
    if (seats_.empty()) return refusal_;
    const shard::Shard& first = *seats_.front()->shard;
    const broker::CoordinatorLink& link = first.seat()->link();
    if (link.state() != broker::LinkState::registered) return link.reason();
    const uint64_t revision = first.view().revision;
    return "revision " + std::to_string(revision) + (first.owner().applying() ? ", whose logs are being made" : "");
}

bool BrokerProcess::serving() const {
    return !seats_.empty() && std::ranges::all_of(seats_, [](const auto& seat) { return seat->shard->serving(); });
}

void BrokerProcess::begin_stop(Nanos now) {
    PENSTOCK_ASSERT(stage_ == Stage::running);
    stage_ = Stage::stopping_requests;
    for (const auto& seat : seats_) {
        seat->shard->begin_stop(now);
        seat->deadline = now;
    }
}

/// The next step begins when all shards have finished the one before.
void BrokerProcess::go_on_stopping() {
    const auto all = [&](auto done) {
        return std::ranges::all_of(seats_, [&](const auto& seat) { return done(*seat->shard); });
    };
    if (stage_ == Stage::stopping_requests && all([](const auto& shard) { return shard.requests_stopped(); })) {
        stage_ = Stage::stopping_stores;
        for (const auto& seat : seats_) {
            seat->shard->begin_store_stop();
            seat->deadline = time_.now;
        }
    } else if (stage_ == Stage::stopping_stores && all([](const auto& shard) { return shard.stopped(); })) {
        stage_ = Stage::stopped;
        for (const auto& seat : seats_) seat->shard.reset();
        sim::Disk closer(directory_);
        // Where that cannot be noted, the next start looks for torn ends.
        static_cast<void>(log::mark_clean(closer));
    }
}

void BrokerProcess::sever() {
    for (const auto& seat : seats_) {
        seat->tcp->sever();
        if (seat->link) seat->link->sever();
        if (seat->node_link) seat->node_link->sever();
    }
}

/// A shard cannot end with operations under way. Cut off from everybody, in a time of its own, this one comes to its
/// end without being noticed; what becomes of its directory is the caller's to say, who looked at it before.
void BrokerProcess::drain() {
    directory_.clear_faults();
    directory_.set_capacity(0);
    if (stage_ == Stage::running) begin_stop(time_.now);
    for (uint32_t round = 0; !stopped(); ++round) {
        PENSTOCK_ASSERT(round < drain_rounds_max);
        turn(time_);
        const Nanos next = std::min(next_deadline(), directory_.next_completion());
        if (next != never) time_.now = std::max(next, time_.now + microsecond_ns);
        directory_.step(time_.now);
    }
}

}  // namespace penstock::scenario
