#include "cluster_world.h"

#include <algorithm>

#include "base/assert.h"
#include "log/format.h"
#include "seeded_bug.h"
#include "trail.h"

namespace penstock::sim {

using scenario::BrokerProcess;
using scenario::BrokerProcessOptions;
using scenario::CoordinatorProcess;
using scenario::CoordinatorProcessOptions;

namespace {

constexpr int64_t moment_ns = 100;   ///< between two steps: no time without an end of them
constexpr uint16_t coordinator_port = 9090;
constexpr uint16_t kafka_port = 9092;
constexpr uint16_t native_port = 9192;
const std::string secret = "the nodes' secret";

}  // namespace

ClusterWorld::ClusterWorld(const ClusterWorldOptions& its_options, History& its_history)
    : options(its_options),
      history(its_history),
      network(clock, mix64(its_options.seed + 1)),
      datagrams(clock, mix64(its_options.seed + 2)) {
    Random random(options.seed);
    for (uint32_t i = 0; i < options.coordinators; ++i) {
        CoordinatorSeat& seat = coordinators.emplace_back();
        seat.host = "coordinator" + std::to_string(i);
        seat.clock_ns = static_cast<int64_t>(random.below(1'000'000)) * second_ns;
    }
    for (auto& seat : coordinators) start(seat);
    for (uint32_t i = 0; i < options.brokers; ++i) {
        Broker& broker = brokers.emplace_back();
        broker.id = static_cast<int32_t>(i + 1);
        broker.host = "broker" + std::to_string(broker.id);
        broker.clock_ns = static_cast<int64_t>(random.below(1'000'000)) * second_ns;
        broker.wall_ms = static_cast<int64_t>(random.below(2000)) - 1000;
        broker.directory = new_disk();
    }
    for (Broker& broker : brokers)
        if (!start(broker)) fail_run(broker.host + " cannot start on an empty disk");
}

ClusterWorld::~ClusterWorld() = default;

std::unique_ptr<Directory> ClusterWorld::new_disk() {
    return std::make_unique<Directory>(
        DirectoryOptions{.seed = next_seed(), .lies = seeded_bug == SeededBug::disk_lies});
}

// Time.

Time ClusterWorld::time_of(const Broker& broker) const {
    return {clock.now() + broker.clock_ns, clock.time().wall_ms + broker.wall_ms};
}

Nanos ClusterWorld::next_event() const {
    Nanos next = std::min(network.next_event(), datagrams.next_event());
    // In the world's time; the past is now.
    const auto consider = [&](Nanos at, int64_t ahead_ns, Nanos not_before) {
        if (at == never) return;
        next = std::min(next, std::max(at - ahead_ns, not_before));
    };
    for (const Broker& broker : brokers) {
        consider(broker.directory->next_completion(), broker.clock_ns, Nanos(0));
        if (broker.process) consider(broker.process->next_deadline(), broker.clock_ns, broker.paused_until);
    }
    for (const CoordinatorSeat& seat : coordinators)
        if (seat.process) consider(seat.process->next_deadline(), seat.clock_ns, seat.paused_until);
    for (const Inhabitant* inhabitant : inhabitants) next = std::min(next, inhabitant->next_deadline());
    return next;
}

bool ClusterWorld::step(Nanos end) {
    const Nanos next = std::max(next_event(), clock.now() + moment_ns);
    clock.advance_to(std::min(next, end));
    history.set_time(clock.now());
    if (next > end) return false;
    network.run();
    datagrams.run();
    for (Broker& broker : brokers) turn(broker);
    for (CoordinatorSeat& seat : coordinators) turn(seat);
    for (size_t i = 0; i < inhabitants.size(); ++i) {
        if (inhabitants[i]->next_deadline() > clock.now() || !inhabitants[i]->turn(clock.time())) continue;
        ++events;
        history.add(clock.now(), {100 + i});
    }
    return true;
}

void ClusterWorld::turn(Broker& broker) {
    const Time time = time_of(broker);
    broker.directory->step(time.now);
    if (!broker.process || broker.paused_until > clock.now() || broker.process->next_deadline() > time.now) return;
    const uint32_t turns = broker.process->turn(time);
    events += turns;
    history.add(clock.now(), {static_cast<uint64_t>(broker.id), turns});
    if (!broker.directory->violations().empty())
        fail_run(broker.host + " broke the disk's contract: " + broker.directory->violations().front());
    if (broker.process->stopped()) broker.process.reset();
}

void ClusterWorld::turn(CoordinatorSeat& seat) {
    if (!seat.process || seat.paused_until > clock.now()) return;
    if (!seat.process->turn(clock.now() + seat.clock_ns)) return;
    ++events;
    history.add(clock.now(), {50, seat.starts});
    if (seat.process->over()) step_down(seat);
}

void ClusterWorld::run(int64_t ns) {
    const Nanos end = clock.now() + ns;
    while (step(end)) {}
}

// Brokers.

bool ClusterWorld::start(Broker& broker) {
    PENSTOCK_ASSERT(!broker.process);
    BrokerProcessOptions process{.shards = options.shards, .broker = {}, .link = {}, .coordinators = {},
                                 .host = broker.host, .kafka_port = kafka_port, .native_port = native_port,
                                 .secret = secret, .journal_bytes = mib, .cache_bytes = 2 * mib,
                                 .pool_bytes = 2 * mib,
                                 .scrub_bytes_per_s = options.replicas > 1 ? 16 * mib : 0,
                                 .receive_buffers = 16, .seed = next_seed()};
    process.broker.node_id = NodeId(broker.id);
    process.broker.auto_create_topics = false;
    process.broker.replica_lag_max_ns = options.replica_lag_ns;
    process.broker.offsets_partitions = 4;
    process.broker.groups.initial_rebalance_delay_ms = 100;
    process.broker.seed = process.seed;
    process.link.node_id = NodeId(broker.id);
    process.link.incarnation = make_uuid(process.seed, ++broker.starts);
    process.link.seed = process.seed;
    if (seeded_bug == SeededBug::empty_disk_trusted) process.storage_id = broker.storage_id;
    for (const CoordinatorSeat& seat : coordinators)
        process.coordinators.push_back({seat.host, coordinator_port, io::Road::native});
    if (coordinators.size() > 1) {   // as main does
        process.link.answer_timeout_ns = second_ns;
        process.link.connect_timeout_ns = process.link.backoff_max_ns = 500 * millisecond_ns;
    }
    broker.process = std::make_unique<BrokerProcess>(network, datagrams, *broker.directory, process, time_of(broker));
    broker.paused_until = Nanos(0);
    history.add(clock.now(), {10, static_cast<uint64_t>(broker.id), broker.starts});
    history.note(broker.host + " starts" + (broker.process->refusal().empty() ? "" : ", and is refused: ") +
                 broker.process->refusal());
    if (broker.starts == 1) broker.storage_id = broker.process->storage_id();
    if (broker.process->refusal().empty()) return true;
    broker.process.reset();
    return false;
}

void ClusterWorld::stop(Broker& broker) {
    history.note(broker.host + " is asked to stop");
    broker.process->begin_stop(time_of(broker).now);
}

void ClusterWorld::crash(Broker& broker, const CrashChoice& choice) {
    history.note(broker.host + " crashes: " + choice.text());
    history.add(clock.now(), {11, static_cast<uint64_t>(broker.id), choice.bits});
    std::unique_ptr<Directory> left = broker.directory->crash(choice);
    broker.process.reset();
    if (!broker.directory->violations().empty())
        fail_run(broker.host + " broke the disk's contract: " + broker.directory->violations().front());
    broker.directory = std::move(left);
}

void ClusterWorld::swap_disk(Broker& broker) {
    PENSTOCK_ASSERT(!broker.process);
    history.note(broker.host + (broker.put_away ? " gets its disk back" : " gets an empty disk"));
    if (broker.put_away) {
        broker.directory = std::move(broker.put_away);
        return;
    }
    broker.put_away = std::move(broker.directory);
    broker.directory = new_disk();
}

void ClusterWorld::rot_disk(Broker& broker, Random& random) {
    PENSTOCK_ASSERT(!broker.process);
    std::vector<io::FileId> files;
    for (const io::FileEntry& file : broker.directory->files())
        if (log::is_pool(file.file.kind)) files.push_back(file.file);
    if (files.empty()) return;
    for (uint64_t tries = random.between(1, 40); tries > 0; --tries) {
        const io::FileId file = files[random.below(files.size())];
        const std::vector<std::byte> bytes = broker.directory->contents(file);
        std::vector<uint64_t> used;   // but for the first: a salvager's
        for (uint64_t block = 1; block < bytes.size() / io::block_size; ++block) {
            const auto here = std::span(bytes).subspan(block * io::block_size, io::block_size);
            if (std::ranges::any_of(here, [](std::byte b) { return b != std::byte{0}; })) used.push_back(block);
        }
        if (used.empty()) continue;
        const uint64_t block = used[random.below(used.size())];
        if (!broker.directory->rot(file, block, random.next())) continue;
        ++broker.rotted;
        history.note("block " + std::to_string(block) + " of " + log::name_of(file) + " of " + broker.host + " rots");
    }
}

void ClusterWorld::throw_away(Broker& broker) {
    history.note("the old disk of " + broker.host + " is thrown away");
    broker.put_away.reset();
}

std::string ClusterWorld::waits_for() const {
    for (const Broker& broker : brokers) {
        if (!broker.process) return broker.host + " is not there";
        if (!broker.process->serving()) return broker.host + ": " + broker.process->waits_for();
    }
    return "nobody";
}

std::string ClusterWorld::out_of_sync() const {
    for (const Broker& broker : brokers) {
        for (const auto& topic : broker.process->view().topics) {
            for (size_t index = 0; index < topic->partitions.size(); ++index) {
                const broker::PartitionView& partition = topic->partitions[index];
                if (partition.isr.size() == partition.replicas.size()) continue;
                std::string missing;
                for (const NodeId id : partition.replicas)
                    if (!partition.in_sync(id)) missing += " " + std::to_string(id.value);
                return topic->name + "-" + std::to_string(index) + " of leader " +
                       std::to_string(partition.leader.value) + " without" + missing + ", as " + broker.host +
                       " knows it";
            }
        }
    }
    return {};
}

bool ClusterWorld::others_in_sync(const Broker& broker) {
    if (!active().process || active().process->coordinator() == nullptr) return false;
    const auto& topics = active().process->coordinator()->state().topics();
    const auto complete = [&](const coordinator::Partition& partition) {
        return std::ranges::all_of(partition.replicas, [&](NodeId id) {
            return id == NodeId(broker.id) || std::ranges::find(partition.isr, id) != partition.isr.end();
        });
    };
    return !topics.empty() && std::ranges::all_of(topics, [&](const auto& topic) {
        return std::ranges::all_of(topic.second.partitions, complete);
    });
}

bool ClusterWorld::all_serving() const {
    return std::ranges::all_of(brokers, [](const Broker& broker) {
        return broker.process && broker.process->serving();
    });
}

// Coordinators.

void ClusterWorld::start(CoordinatorSeat& seat) {
    const bool is_active = &seat == &coordinators[active_];
    CoordinatorProcessOptions process{.coordinator = {}, .host = seat.host, .port = coordinator_port, .secret = secret,
                                      .role = is_active ? io::StoreRole::active : io::StoreRole::standby,
                                      .seed = next_seed()};
    process.coordinator.topic_defaults.replication_factor = options.replicas;
    process.coordinator.topic_defaults.internal_replication_factor = options.replicas;
    process.coordinator.seed = process.seed;
    ++seat.starts;
    seat.paused_until = Nanos(0);
    seat.process = std::make_unique<CoordinatorProcess>(datagrams, medium, process);
    history.note(seat.host + (is_active ? " starts" : " starts, and stands by"));
}

void ClusterWorld::kill(CoordinatorSeat& seat, bool transaction_applied) {
    history.note(seat.host + " is killed");
    Store& store = seat.process->store();
    store.crash(transaction_applied ? store.waiting() : 0);
    seat.process.reset();
}

void ClusterWorld::depose(bool transaction_applied) {
    CoordinatorSeat& old = active();
    active_ = (active_ + 1) % coordinators.size();
    history.note(old.host + " is deposed, " + active().host + " is elected");
    if (old.process) {
        Store& store = old.process->store();
        store.crash(transaction_applied ? store.waiting() : 0);
    }
    if (!active().process) return;
    active().process->store().set_role(io::StoreRole::active);
    active().process->wake();
}

void ClusterWorld::step_down(CoordinatorSeat& seat) {
    if (seat.process) seat.process->close_all(clock.now() + seat.clock_ns);
    seat.process.reset();
    start(seat);
}

// The networks.

void ClusterWorld::cut(const std::string& from, const std::string& to, bool cut) {
    history.note((cut ? "cut from " : "healed from ") + from + " to " + to);
    network.set_cut(from, to, cut);
    datagrams.set_cut(from, to, cut);
}

std::vector<std::string> ClusterWorld::hosts() const {
    std::vector<std::string> hosts = client_hosts;
    for (const Broker& broker : brokers) hosts.push_back(broker.host);
    for (const CoordinatorSeat& seat : coordinators) hosts.push_back(seat.host);
    return hosts;
}

std::vector<io::Address> ClusterWorld::addresses(io::Road road) const {
    std::vector<io::Address> all;
    for (const Broker& broker : brokers)
        all.push_back({broker.host, road == io::Road::tcp ? kafka_port : native_port, road});
    return all;
}

}  // namespace penstock::sim
