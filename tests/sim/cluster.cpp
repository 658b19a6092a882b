// Whole clusters that try to lose data: brokers, coordinators and clients in one thread under virtual time, each run
// from one seed. Faults come for a while; what clients see is checked against the model as they see it; then all heals,
// and the cluster must make progress and agree: every partition is led, every record is acknowledged, all readers reach
// the end, and one that reads everything finds what was promised, once and in order.
//
//   cluster                                the default run; its first seed twice: equal seeds give equal histories
//   cluster --from 1000 --seeds 500        more of them
//   cluster --from 17 --seeds 1            one again, as a failure prints it; --verbose: with a trace
//   cluster --events 1000000               longer ones: faults go on until so many turns were had
//   cluster --replicas 3                   clusters of three and four brokers that replicate
//   cluster_with_bugs --bug NAME           ends with 0 as soon as the bug is found: its teeth (seeded_bug.h). Where the
//                                          bug takes replicas there are three without being asked for

#include "cluster.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "cluster_clients.h"
#include "cluster_disks.h"
#include "cluster_faults.h"
#include "cluster_model.h"
#include "cluster_world.h"
#include "seeded_bug.h"
#include "trail.h"

namespace penstock::sim {

namespace {

constexpr uint64_t default_seeds = 12;
constexpr uint64_t default_events = 60'000;
constexpr int64_t patience_ns = 180 * second_ns;   ///< in which a healed cluster must have come to each of its ends
constexpr const char* durable_topic = "durable";
constexpr const char* memory_topic = "memory";

struct Arguments {
    uint64_t from = 1, seeds = default_seeds, events = default_events;
    uint64_t replicas = 0;   ///< 0: as many as the bug takes
    std::string_view bug;
    bool verbose = false;
    bool wrong = false;
};

struct Totals {
    uint64_t runs = 0, events = 0;
    int64_t simulated_ns = 0;
    ModelCounters model;
    FaultCounters faults;
};

/// One run.
class Run {
public:
    Run(uint64_t seed, const Arguments& arguments)
        : arguments_(arguments), random_(mix64(seed)), history_(arguments.verbose),
          world_(world_options(seed, random_, arguments.replicas), history_),
          model_(history_, world_.options.replicas > 1) {}

    uint64_t run(Totals& totals) {
        const Nanos begun = world_.clock.now();
        begin();
        {
            ClusterFaults faults(world_, model_, clients(), random_.next());
            while (world_.events < arguments_.events) world_.run(second_ns);
            faults.heal();
            note_faults(totals.faults, faults.counters());
        }
        converge();
        check();
        totals.runs += 1;
        totals.events += world_.events;
        totals.simulated_ns += world_.clock.now() - begun;
        totals.model.sent += model_.counters().sent;
        totals.model.acknowledged += model_.counters().acknowledged;
        totals.model.given_up += model_.counters().given_up;
        totals.model.read += model_.counters().read;
        totals.model.commits += model_.counters().commits;
        return history_.hash();
    }

private:
    static ClusterWorldOptions world_options(uint64_t seed, Random& random, uint64_t replicas) {
        return {.seed = mix64(seed + 1),
                .brokers = static_cast<uint32_t>(random.between(replicas, 4)),
                .shards = static_cast<uint32_t>(random.between(1, 3)),
                .coordinators = static_cast<uint32_t>(random.between(1, 2)),
                .replicas = static_cast<int16_t>(replicas),
                .replica_lag_ns = (160 * millisecond_ns) << random.below(7)};   // up to the default, about
    }

    io::Road any_road() { return random_.chance(1, 2) ? io::Road::tcp : io::Road::native; }

    void demand(bool holds, const std::string& what) {
        if (!holds) fail_run(what);
    }

    void begin() {
        demand(world_.run_until([&] { return world_.all_serving(); }, patience_ns), "the brokers never serve");
        admin_ = std::make_unique<AdminClient>(world_, model_, "admin", any_road(), random_.next());
        admin_->start();
        make_topic(durable_topic, static_cast<int32_t>(random_.between(2, 8)), false);
        make_topic(memory_topic, static_cast<int32_t>(random_.between(1, 4)), true);
        // Nothing moves there: whoever was away must join again by itself.
        demand(admin_->create_topic("idle", 3, false), "the idle topic cannot be made");
        // From a run that is about load to one in which hours are about faults.
        const int64_t pause_ns = (int64_t{4} << random_.below(12)) * millisecond_ns;
        const auto producer = [&](const std::string& name, const std::string& topic, Promise promise) {
            const ProducingClient::Options options{
                .topic = topic, .promise = promise,
                .pause_ns = pause_ns,
                .records_max = static_cast<uint32_t>(random_.between(1, 16))};
            producers_.push_back(
                std::make_unique<ProducingClient>(world_, model_, name, any_road(), random_.next(), options));
        };
        producer("producer0", durable_topic, Promise::exactly_once);
        producer("producer1", durable_topic, Promise::exactly_once);
        producer("producer2", memory_topic, Promise::exactly_once);
        const Promise others[] = {Promise::at_least_once, Promise::by_leader, Promise::nothing};
        producer("producer3", durable_topic, others[random_.below(3)]);
        for (const std::string name : {"reader0", "reader1"}) {
            const std::vector<std::string> topics = {durable_topic, memory_topic};
            readers_.push_back(
                std::make_unique<ReadingClient>(world_, model_, name, any_road(), random_.next(), topics));
        }
        for (const std::string name : {"member0", "member1"})
            members_.push_back(
                std::make_unique<GroupClient>(world_, model_, name, any_road(), random_.next(), durable_topic));
        for (ClusterClient* client : clients()) client->start();
    }

    void make_topic(const std::string& name, int32_t partitions, bool memory) {
        demand(admin_->create_topic(name, partitions, memory), "topic " + name + " cannot be made");
        for (int32_t index = 0; index < partitions; ++index) model_.add_partition(name, index, memory);
    }

    std::vector<ClusterClient*> clients() {
        std::vector<ClusterClient*> all;
        for (const auto& client : producers_) all.push_back(client.get());
        for (const auto& client : readers_) all.push_back(client.get());
        for (const auto& client : members_) all.push_back(client.get());
        return all;
    }

    static void note_faults(FaultCounters& all, const FaultCounters& these) {
        all.crashes += these.crashes;
        all.stops += these.stops;
        all.pauses += these.pauses;
        all.cuts += these.cuts;
        all.splits += these.splits;
        all.disks_swapped += these.disks_swapped;
        all.disks_failed += these.disks_failed;
        all.disks_stalled += these.disks_stalled;
        all.disks_full += these.disks_full;
        all.coordinators_killed += these.coordinators_killed;
        all.coordinators_deposed += these.coordinators_deposed;
        all.clients_killed += these.clients_killed;
        all.clock_jumps += these.clock_jumps;
        all.blocks_rotted += these.blocks_rotted;
    }

    void converge() {
        const auto refused = [](const auto& broker) {
            return broker.put_away != nullptr && broker.process->refused();
        };
        const auto decided = [&] { return world_.all_serving() || std::ranges::any_of(world_.brokers, refused); };
        while (world_.run_until(decided, patience_ns) && !world_.all_serving()) {
            auto broker = std::ranges::find_if(world_.brokers, refused);
            world_.crash(*broker, {});
            world_.swap_disk(*broker);
            demand(world_.start(*broker), broker->host + " cannot start on the disk that it had");
        }
        if (!world_.all_serving()) fail_run("a healed broker never serves: " + world_.waits_for());
        for (auto& producer : producers_) producer->rest(true);
        demand(world_.run_until([&] { return all_settled(); }, patience_ns), "records are never answered");
        if (!world_.run_until([&] { return world_.all_in_sync(); }, patience_ns))
            fail_run("a replica is never in sync: " + world_.out_of_sync());
        scrub();
        for (auto& producer : producers_) {
            const uint64_t before = producer->given_up();
            demand(world_.run_until([&] { return producer->send_to_all(); }, patience_ns),
                   producer->host() + " never learns of its topic");
            demand(world_.run_until([&] { return all_settled(); }, patience_ns), "a record is not answered");
            demand(producer->given_up() == before || producer->promise() == Promise::nothing,
                   "a record of " + producer->host() + " is given up");
        }
        for (auto& reader : readers_)
            demand(world_.run_until([&] { return at_end(*reader); }, patience_ns),
                   reader->host() + " never reaches the end");
        demand(world_.run_until([&] { return group_at_end(); }, patience_ns), "the group never reaches the end");
    }

    /// What has rotted is whole again once it was looked at while others have it.
    void scrub() {
        for (ClusterWorld::Broker& broker : world_.brokers) {
            if (broker.rotted == 0) continue;
            world_.crash(broker, {});
            demand(world_.start(broker), broker.host + " cannot start on a disk that has rotted");
            demand(world_.run_until([&] { return world_.all_serving(); }, patience_ns), "a rotten disk is not served");
            demand(world_.run_until([&] { return broker.process->scrubbed(); }, patience_ns),
                   "what has rotted at " + broker.host + " stays so");
            demand(world_.run_until([&] { return world_.all_in_sync(); }, patience_ns), "a replica is left behind");
        }
    }

    bool all_settled() const {
        return std::ranges::all_of(producers_, [](const auto& producer) { return producer->settled(); });
    }

    bool at_end(const ReadingClient& reader) const {
        for (uint32_t number = 0; number < model_.partitions(); ++number)
            if (reader.position(number) < model_.end_of(number)) return false;
        return true;
    }

    bool group_at_end() const {
        for (uint32_t number = 0; number < model_.partitions(); ++number) {
            if (model_.topic_of(number) != durable_topic) continue;
            if (model_.members_at(number) < model_.end_of(number)) return false;
        }
        return true;
    }

    /// One that was not there before reads everything; and what the group committed is still known.
    void check() {
        ReadingClient judge(world_, model_, "judge", any_road(), random_.next(), {durable_topic, memory_topic});
        judge.start();
        demand(world_.run_until([&] { return at_end(judge); }, patience_ns), "a new reader never reaches the end");
        world_.run(2 * second_ns);
        model_.check_whole("judge");
        check_replicas(world_, model_);
        const auto committed = admin_->committed();
        demand(committed.has_value(), "nobody says what the group committed");
        for (uint32_t number = 0; number < model_.partitions(); ++number) {
            const int64_t known = model_.committed(number);
            const auto at = committed->find({model_.topic_of(number), model_.index_of(number)});
            const int64_t now = at == committed->end() ? -1 : at->second;
            if (now < known)
                fail_run("the group had committed " + std::to_string(known) + " of " + model_.topic_of(number) + "-" +
                         std::to_string(model_.index_of(number)) + ", and now that is " + std::to_string(now));
        }
    }

    const Arguments& arguments_;
    Random random_;
    History history_;
    ClusterWorld world_;
    ClusterModel model_;
    std::unique_ptr<AdminClient> admin_;
    std::vector<std::unique_ptr<ProducingClient>> producers_;
    std::vector<std::unique_ptr<ReadingClient>> readers_;
    std::vector<std::unique_ptr<GroupClient>> members_;
};

Arguments parse(int argc, char** argv) {
    Arguments out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        const auto number = [&](uint64_t& to) {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
            out.wrong |= error != std::errc{} || end != value.data() + value.size();
            ++i;
        };
        if (name == "--verbose") out.verbose = true;
        else if (name == "--from") number(out.from);
        else if (name == "--seeds") number(out.seeds);
        else if (name == "--events") number(out.events);
        else if (name == "--replicas") number(out.replicas);
        else if (name == "--bug") out.bug = value, ++i;
        else out.wrong = true;
    }
    const auto bug = std::ranges::find(named_bugs, out.bug, &NamedBug::name);
    const bool hunting = bug != named_bugs.end();
    if (hunting) seeded_bug = bug->bug;
    else out.wrong |= !out.bug.empty();
    if (out.replicas == 0) out.replicas = hunting ? bug->replicas : 1;
    out.wrong |= out.replicas > 4;
    if (!out.wrong) return out;
    std::fprintf(stderr, "arguments: [--from SEED] [--seeds COUNT] [--events COUNT] [--replicas COUNT] [--bug NAME] "
                         "[--verbose]\nbugs:");
    for (const NamedBug& one : named_bugs) std::fprintf(stderr, " %s", one.name.data());
    std::fprintf(stderr, "\n");
    return out;
}

void print(const Totals& totals, double seconds) {
    const double simulated = static_cast<double>(totals.simulated_ns) / double{second_ns};
    std::printf("%lu runs, %lu events, %.0f simulated seconds in %.1f (%.0f times)\n", totals.runs, totals.events,
                simulated, seconds, simulated / seconds);
    std::printf("%lu records sent, %lu acknowledged, %lu given up; %lu read, %lu commits of offsets\n",
                totals.model.sent, totals.model.acknowledged, totals.model.given_up, totals.model.read,
                totals.model.commits);
    const FaultCounters& did = totals.faults;
    std::printf("%lu crashes, %lu stops, %lu pauses, %lu cuts, %lu splits, %lu coordinators killed, %lu deposed, %lu "
                "clients killed\ndisks: %lu swapped, %lu failed, %lu stalled, %lu full, %lu blocks rotted; %lu jumps "
                "of clocks\n",
                did.crashes, did.stops, did.pauses, did.cuts, did.splits, did.coordinators_killed,
                did.coordinators_deposed, did.clients_killed, did.disks_swapped, did.disks_failed, did.disks_stalled,
                did.disks_full, did.blocks_rotted, did.clock_jumps);
}

}  // namespace

int run_clusters(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    if (arguments.wrong) return 2;
    trail().mode = "cluster";
    const auto add_option = [](const std::string& option) {
        trail().options += (trail().options.empty() ? "" : " ") + option;
    };
    if (arguments.events != default_events) add_option("--events " + std::to_string(arguments.events));
    if (arguments.replicas != 1) add_option("--replicas " + std::to_string(arguments.replicas));
    const bool hunting = trail().hunting = seeded_bug != SeededBug::none;
    if (hunting) {
        trail().mode = "cluster_with_bugs";
        add_option("--bug " + std::string(arguments.bug));
    }
    install_abort_report();
    const auto begun = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    };
    Totals totals;
    for (uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
        trail().seed = seed;
        const uint64_t hash = Run(seed, arguments).run(totals);
        if (seed == arguments.from && arguments.seeds > 1 && !hunting && Run(seed, arguments).run(totals) != hash)
            fail_run("the same seed gave another history");
        if (!arguments.verbose) continue;
        std::printf("seed %lu done: %016lx, %.1f s\n", seed, hash, seconds());
        std::fflush(stdout);
    }
    print(totals, seconds());
    if (hunting) std::fprintf(stderr, "%s was not found\n", std::string(arguments.bug).c_str());
    return hunting ? 1 : 0;
}

}  // namespace penstock::sim
