#include "cluster_faults.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "cluster_disks.h"
#include "trail.h"

namespace penstock::sim {

const std::array<ClusterFaults::Kind, 16> ClusterFaults::kinds = {{
    {&ClusterFaults::change_weather, 2 * second_ns},
    {&ClusterFaults::cut_pair, 3 * second_ns},
    {&ClusterFaults::isolate, 10 * second_ns},
    {&ClusterFaults::split, 10 * second_ns},
    {&ClusterFaults::crash_broker, 4 * second_ns},
    {&ClusterFaults::stop_broker, 15 * second_ns},
    {&ClusterFaults::pause_broker, 5 * second_ns},
    {&ClusterFaults::stall_disk, 3 * second_ns},
    {&ClusterFaults::fail_disk, 20 * second_ns},
    {&ClusterFaults::fill_disk, 20 * second_ns},
    {&ClusterFaults::swap_disk, 20 * second_ns},
    {&ClusterFaults::jump_clock, 10 * second_ns},
    {&ClusterFaults::kill_coordinator, 8 * second_ns},
    {&ClusterFaults::stall_coordinator, 8 * second_ns},
    {&ClusterFaults::kill_client, 10 * second_ns},
    {&ClusterFaults::join_late, 10 * second_ns},
}};

ClusterFaults::ClusterFaults(ClusterWorld& world, ClusterModel& model, std::vector<ClusterClient*> clients,
                             uint64_t seed)
    : world_(world), model_(model), clients_(std::move(clients)), random_(seed),
      rots_(mix64(seed) % world.brokers.size()) {
    for (size_t i = 0; i < kinds.size(); ++i) {
        if (random_.chance(2, 5)) continue;
        pauses_[i] = kinds[i].pause_ns * static_cast<int64_t>(random_.between(1, 8)) / 3;
        next_[i] = world.clock.now() + static_cast<int64_t>(random_.below(static_cast<uint64_t>(2 * pauses_[i])));
    }
    world_.inhabitants.push_back(this);
}

ClusterFaults::~ClusterFaults() { std::erase(world_.inhabitants, this); }

Nanos ClusterFaults::next_deadline() const {
    if (healed_) return never;
    Nanos next = ends_.empty() ? never : ends_.begin()->first;
    for (size_t i = 0; i < kinds.size(); ++i)
        if (pauses_[i] > 0) next = std::min(next, next_[i]);
    return next;
}

bool ClusterFaults::turn(const Time& time) {
    while (!ends_.empty() && ends_.begin()->first <= time.now) {
        const auto node = ends_.extract(ends_.begin());
        node.mapped()();
    }
    for (size_t i = 0; i < kinds.size(); ++i) {
        if (pauses_[i] == 0 || next_[i] > time.now) continue;
        next_[i] = time.now + static_cast<int64_t>(random_.below(static_cast<uint64_t>(2 * pauses_[i])));
        (this->*kinds[i].begin)();
    }
    return true;
}

void ClusterFaults::heal() {
    world_.history.note("everything heals");
    healed_ = true;
    while (!ends_.empty()) {
        const auto node = ends_.extract(ends_.begin());
        node.mapped()();
    }
    world_.network.set_options({});
    world_.datagrams.set_paths({});
    // In part of the runs everybody starts anew; in the others nobody does who is up, and must be well without it.
    const bool all_anew = random_.chance(1, 2);
    for (Broker& broker : world_.brokers) {
        broker.directory->clear_faults();
        broker.directory->set_capacity(0);
        broker.paused_until = Nanos(0);
        const bool waits_for_disk = broker.put_away && world_.options.replicas == 1;
        if (broker.process && (all_anew || waits_for_disk)) crash(broker, 0);
        if (waits_for_disk) world_.swap_disk(broker);
        if (!broker.process && !world_.start(broker)) fail_run(broker.host + " cannot start on its healthy disk");
    }
    for (auto& seat : world_.coordinators) seat.paused_until = Nanos(0);
    for (ClusterClient* client : clients_)
        if (!client->up()) client->start();
}

// --- What they are made of -------------------------------------------------------------------------------------------

int64_t ClusterFaults::duration(int64_t low, int64_t high) {
    const auto orders = static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(high / low)));
    const uint64_t most = static_cast<uint64_t>(low) << random_.below(orders);
    return std::min(high, low + static_cast<int64_t>(random_.below(most)));
}

void ClusterFaults::after(int64_t ns, std::function<void()> then) {
    ends_.emplace(world_.clock.now() + ns, std::move(then));
}

std::string ClusterFaults::any_host() {
    const std::vector<std::string> hosts = world_.hosts();
    return hosts[random_.below(hosts.size())];
}

CrashChoice ClusterFaults::any_choice() {
    switch (random_.below(4)) {
        case 0: return {.mode = CrashMode::none};
        case 1: return {.mode = CrashMode::all};   // as kill -9 leaves it
        default: return {.mode = CrashMode::random, .bits = random_.next()};
    }
}

/// Memory topics may lose something whenever a broker ends other than by its own will, or its disk fails.
void ClusterFaults::crash(Broker& broker, int64_t down_ns) {
    model_.memory_lost();
    world_.crash(broker, any_choice());
    ++counters_.crashes;
    if (!healed_) start_later(broker, down_ns);
}

void ClusterFaults::start_later(Broker& broker, int64_t ns) {
    after(ns, [&] {
        if (broker.process || world_.start(broker)) return;
        // A disk that is full or broken: again, once that is over.
        if (!healed_) start_later(broker, second_ns);
    });
}

void ClusterFaults::cut(const std::string& from, const std::string& to, int64_t ns) {
    if (from == to) return;
    ++counters_.cuts;
    const std::pair pair(from, to);
    cuts_.emplace(pair, true);
    world_.cut(from, to, true);
    after(ns, [this, pair] {
        cuts_.erase(cuts_.find(pair));
        if (!cuts_.contains(pair)) world_.cut(pair.first, pair.second, false);
    });
}

// --- The kinds -------------------------------------------------------------------------------------------------------

void ClusterFaults::change_weather() {
    PathOptions path;
    NetworkOptions tcp;
    if (random_.chance(2, 3)) {
        path.delay_ns_min = duration(10 * microsecond_ns, 20 * millisecond_ns);
        path.delay_ns_max = path.delay_ns_min + duration(10 * microsecond_ns, 20 * millisecond_ns);
        path.lost_per_million = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(150'000)) : 0;
        path.losses_in_a_row_max = static_cast<uint32_t>(random_.between(1, 10));
        path.reordered_per_million = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(150'000)) : 0;
        path.repeated_per_million = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(100'000)) : 0;
        path.damaged_per_million = random_.chance(1, 3) ? static_cast<uint32_t>(random_.below(20'000)) : 0;
        tcp.delay_ns_min = path.delay_ns_min;
        tcp.delay_ns_max = path.delay_ns_max;
        tcp.resets_per_million_pieces = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(50'000)) : 0;
    }
    world_.history.note("the weather changes: " + std::to_string(path.lost_per_million) + " lost per million, " +
                        std::to_string(tcp.resets_per_million_pieces) + " resets");
    world_.datagrams.set_paths(path);
    world_.network.set_options(tcp);
}

void ClusterFaults::cut_pair() {
    const std::string from = any_host(), to = any_host();
    const int64_t ns = duration(20 * millisecond_ns, 10 * second_ns);
    cut(from, to, ns);
    if (random_.chance(1, 2)) cut(to, from, ns);
}

void ClusterFaults::isolate() {
    const std::string host = any_host();
    const int64_t ns = duration(50 * millisecond_ns, 10 * second_ns);
    const uint64_t ways = random_.between(1, 3);   // in, out, both
    for (const std::string& other : world_.hosts()) {
        if ((ways & 1) != 0) cut(other, host, ns);
        if ((ways & 2) != 0) cut(host, other, ns);
    }
}

/// Into two parts, each of which may have brokers, a coordinator and clients: what an old leader and a new one each do
/// for theirs must be one history afterwards.
void ClusterFaults::split() {
    ++counters_.splits;
    const int64_t ns = duration(200 * millisecond_ns, 10 * second_ns);
    const bool both_ways = random_.chance(3, 4);
    std::vector<std::string> parts[2];
    for (const std::string& host : world_.hosts()) parts[random_.below(2)].push_back(host);
    for (const std::string& one : parts[0]) {
        for (const std::string& other : parts[1]) {
            cut(one, other, ns);
            if (both_ways) cut(other, one, ns);
        }
    }
}

void ClusterFaults::crash_broker() {
    Broker& broker = any_broker();
    if (!broker.process) return;
    crash(broker, duration(5 * millisecond_ns, 8 * second_ns));
    if (random_.chance(1, 8)) crash_all();
}

/// The whole room.
void ClusterFaults::crash_all() {
    for (Broker& broker : world_.brokers)
        if (broker.process) crash(broker, duration(5 * millisecond_ns, 8 * second_ns));
}

void ClusterFaults::crash_all_but(const Broker& spared, int64_t down_ns) {
    for (Broker& broker : world_.brokers)
        if (&broker != &spared && broker.process) crash(broker, down_ns);
}

/// A replica is down for long enough to leave the in-sync sets. It is taken into them again while the coordinator is
/// slow to say so, hears no leader meanwhile, and then they all die.
void ClusterFaults::join_late() {
    Broker& joins = any_broker();
    if (!joins.process) return;
    const int64_t down_ns = duration(second_ns, 4 * second_ns);
    crash(joins, down_ns);
    after(down_ns, [this, &joins] { hold_as_it_joins(joins); });
}

void ClusterFaults::hold_as_it_joins(Broker& joins) {
    if (healed_) return;
    if (!joins.process || !joins.process->serving())
        return after(millisecond_ns, [this, &joins] { hold_as_it_joins(joins); });
    const int64_t slow_ns = duration(100 * millisecond_ns, 2 * second_ns);
    hold_store(slow_ns);
    after(static_cast<int64_t>(random_.below(static_cast<uint64_t>(slow_ns))), [this, &joins, slow_ns] {
        for (const Broker& other : world_.brokers)
            if (&other != &joins) cut(other.host, joins.host, slow_ns + second_ns);
    });
    after(slow_ns + duration(millisecond_ns, 100 * millisecond_ns),
          [this, &joins] { crash_all_but(joins, duration(second_ns, 4 * second_ns)); });
}

void ClusterFaults::stop_broker() {
    Broker& broker = any_broker();
    if (!broker.process || broker.process->stopping()) return;
    ++counters_.stops;
    world_.stop(broker);
    // Whoever waits for it has patience for a while.
    after(duration(second_ns, 10 * second_ns), [this, &broker] {
        if (broker.process && broker.process->stopping()) return crash(broker, millisecond_ns);
        if (broker.process) return;
        rot(broker);
        start_later(broker, millisecond_ns);
    });
}

void ClusterFaults::rot(Broker& broker) {
    const bool swapped =
        std::ranges::any_of(world_.brokers, [](const Broker& any) { return any.put_away != nullptr; });
    const bool may_rot = world_.options.replicas > 1 && &broker == &world_.brokers[rots_] && !swapped;
    if (!may_rot || random_.chance(1, 2) || !world_.others_in_sync(broker)) return;
    // Who is in sync may lack the newest records, which were promised to nobody; should it leave the set, they are.
    if (!is_whole(*broker.directory) || !others_have_all(world_, broker)) return;
    const uint64_t before = broker.rotted;
    world_.rot_disk(broker, random_);
    counters_.blocks_rotted += broker.rotted - before;
}

void ClusterFaults::pause_broker() {
    Broker& broker = any_broker();
    if (!broker.process) return;
    ++counters_.pauses;
    broker.paused_until = world_.clock.now() + duration(10 * millisecond_ns, 5 * second_ns);
    world_.history.note(broker.host + " is paused");
}

void ClusterFaults::stall_disk() {
    Broker& broker = any_broker();
    ++counters_.disks_stalled;
    const int64_t ns = duration(5 * millisecond_ns, 3 * second_ns);
    broker.directory->stall_until(broker.directory->now() + ns);
    world_.history.note("the disk of " + broker.host + " stalls");
    // What waits for it is asked again, on new connections.
    if (random_.chance(1, 2)) {
        NetworkOptions tcp;
        tcp.resets_per_million_pieces = 200'000;
        world_.network.set_options(tcp);
        after(ns, [this] { world_.network.set_options({}); });
    }
    // It often comes together: the machine is in trouble.
    if (broker.process && random_.chance(1, 2))
        after(static_cast<int64_t>(random_.below(static_cast<uint64_t>(ns))), [this, &broker] {
            if (broker.process) crash(broker, duration(5 * millisecond_ns, 2 * second_ns));
        });
}

void ClusterFaults::fail_disk() {
    Broker& broker = any_broker();
    if (!broker.process) return;
    ++counters_.disks_failed;
    Fault fault{.kinds = fault_kind(io::DiskOpKind::write_durable) | fault_kind(io::DiskOpKind::write),
                .skip = random_.below(50), .count = random_.between(1, 3)};
    if (random_.chance(1, 4)) fault.kinds = fault_kind(io::DiskOpKind::read);
    if (random_.chance(1, 4)) fault.kinds = ~0u;
    broker.directory->inject(fault);
    model_.memory_lost();
    world_.history.note("the disk of " + broker.host + " fails");
    after(duration(second_ns, 5 * second_ns), [this, &broker] {
        broker.directory->clear_faults();
        if (broker.process) crash(broker, duration(5 * millisecond_ns, 2 * second_ns));
    });
}

void ClusterFaults::fill_disk() {
    Broker& broker = any_broker();
    ++counters_.disks_full;
    broker.directory->set_capacity(std::max<uint64_t>(broker.directory->used_bytes(), mib) + random_.below(mib));
    model_.memory_lost();
    world_.history.note("the disk of " + broker.host + " is full");
    after(duration(100 * millisecond_ns, 5 * second_ns), [this, &broker] {
        broker.directory->set_capacity(0);
        if (broker.process && random_.chance(1, 2)) crash(broker, millisecond_ns);
    });
}

/// What has rotted elsewhere may be whole on this disk alone, with all replicas in sync: no log survives both.
bool ClusterFaults::is_last_copy(const Broker& broker) const {
    const Broker& rotten = world_.brokers[rots_];
    return &rotten != &broker && rotten.rotted > 0 && !is_whole(*rotten.directory);
}

void ClusterFaults::swap_disk() {
    Broker& broker = any_broker();
    if (!broker.process || broker.put_away || is_last_copy(broker)) return;
    ++counters_.disks_swapped;
    crash(broker, duration(5 * millisecond_ns, 2 * second_ns));
    world_.swap_disk(broker);
    // It may be the first to come back, or the only one for long.
    if (random_.chance(1, 4)) crash_all();
    else if (random_.chance(1, 3)) crash_all_but(broker, duration(second_ns, 8 * second_ns));
    after(duration(second_ns, 8 * second_ns), [this, &broker] { decide_about_disk(broker); });
}

/// Where the cluster has taken the empty disk for the broker's own (others have all that was on the first), the first
/// is thrown away. Where it was refused, or is known not to be wanted, the first comes back.
void ClusterFaults::decide_about_disk(Broker& broker) {
    if (!broker.put_away) return;
    if (broker.process && broker.process->serving()) return world_.throw_away(broker);
    const bool may_be_taken = world_.options.replicas > 1 && !(broker.process && broker.process->refused());
    if (may_be_taken) {
        if (!healed_) after(second_ns, [this, &broker] { decide_about_disk(broker); });
        return;
    }
    if (broker.process) crash(broker, duration(5 * millisecond_ns, 2 * second_ns));
    world_.swap_disk(broker);
}

void ClusterFaults::jump_clock() {
    Broker& broker = any_broker();
    ++counters_.clock_jumps;
    // Within what a broker lets the clock of a producer be ahead: an hour.
    broker.wall_ms = static_cast<int64_t>(random_.below(6'000'000)) - 3'000'000;
    world_.history.note("the wall clock of " + broker.host + " jumps");
}

void ClusterFaults::kill_coordinator() {
    auto& seats = world_.coordinators;
    if (seats.size() > 1 && random_.chance(1, 2)) {
        ++counters_.coordinators_deposed;
        auto& old = world_.active();
        world_.depose(random_.chance(1, 2));
        after(duration(millisecond_ns, second_ns), [this, &old] {
            if (&old != &world_.active() && old.process) world_.step_down(old);
        });
        return;
    }
    auto& seat = seats[random_.below(seats.size())];
    if (!seat.process) return;
    ++counters_.coordinators_killed;
    const bool was_active = &seat == &world_.active();
    world_.kill(seat, random_.chance(1, 2));
    after(duration(5 * millisecond_ns, 5 * second_ns), [this, &seat] {
        if (!seat.process) world_.start(seat);
    });
    // The store notices after a while that it is gone.
    if (was_active && seats.size() > 1)
        after(duration(5 * millisecond_ns, 2 * second_ns), [this, &seat] {
            if (&seat == &world_.active() && !seat.process) world_.depose(false);
        });
}

void ClusterFaults::stall_coordinator() {
    auto& seat = world_.active();
    if (!seat.process) return;
    world_.history.note(seat.host + " stalls");
    const int64_t ns = duration(10 * millisecond_ns, 3 * second_ns);
    if (random_.chance(1, 2)) {
        seat.paused_until = world_.clock.now() + ns;
        return;
    }
    hold_store(ns);
}

/// The active coordinator's alone.
void ClusterFaults::hold_store(int64_t ns) {
    auto& seat = world_.active();
    if (!seat.process) return;
    seat.process->store().hold(true);
    after(ns, [&seat] {
        if (!seat.process) return;
        seat.process->store().hold(false);
        seat.process->wake();
    });
}

void ClusterFaults::kill_client() {
    ClusterClient& client = *clients_[random_.below(clients_.size())];
    if (!client.up()) return;
    ++counters_.clients_killed;
    client.kill();
    after(duration(5 * millisecond_ns, 3 * second_ns), [&client] {
        if (!client.up()) client.start();
    });
}

}  // namespace penstock::sim
