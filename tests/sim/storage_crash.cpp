// The crash suite of the storage engine. For histories made from seeds: the power goes at disk events, with many of the
// legal outcomes for what was in flight; what a restart finds is opened, with another number of shards, and compared
// with everything that was acknowledged. Some of those lives then go on working and crash again, some crash while they
// recover.
//
//   storage_crash                                 the default run
//   storage_crash --from 1000 --seeds 500         more histories
//   storage_crash --from 17 --seeds 1 --path 31:front/2/5,4:none     one crash again, as a failure prints it
#include <algorithm>
#include <cstdio>

#include "base/random.h"
#include "trail.h"
#include "storage_world.h"

namespace penstock::sim {

namespace {

constexpr size_t depth_max = 3;

struct Totals {
    uint64_t histories = 0, events = 0, recoveries = 0, lives_continued = 0, recoveries_cut = 0, clean_starts = 0;
    WorldCounters counters;
};

struct Plan {
    uint32_t turns = 0;          ///< of work after opening
    uint64_t cut_odds = 1;       ///< cuts at one event in so many
    size_t choices = 0;          ///< tried at each cut
    bool cut_opening = false;    ///< also cuts while recovery runs
    bool compact = false;        ///< most logs are compacted
    bool followers = false;      ///< all logs are followers', and cut often
};

/// One life, and from its observer all the lives that begin in crashes of it.
class Explorer final : public DirectoryObserver {
public:
    Explorer(Totals& totals, const StorageArguments& arguments, size_t depth, const Plan& plan, uint64_t seed)
        : totals_(totals), arguments_(arguments), depth_(depth), plan_(plan), seed_(seed), random_(mix64(seed)) {}

    /// Opens `directory` and goes on as planned.
    void run(Directory& directory, Model model, const Snapshot& bounds, const Clock& clock) {
        WorldOptions options{.seed = seed_, .shard_count = static_cast<uint32_t>(random_.between(1, 3))};
        if (random_.chance(1, 3)) options.cache_bytes = mib;
        if (random_.chance(1, 4)) options.logs_max = 20;
        if (random_.chance(1, 4)) options.batch_bytes_max = 2000;  // everything through the journal, which wraps
        if (plan_.compact) options.compact_odds = 1;
        if (plan_.followers) options.follower_odds = 1;
        World world(directory, model, clock, options);
        world_ = &world;
        if (plan_.cut_opening) directory.observe(this);
        world.open(bounds);
        directory.observe(this);
        if (plan_.turns > 0) world.work(plan_.turns);
        directory.observe(nullptr);
        world.verify_all();
        if (random_.chance(1, depth_ == 0 ? 1 : 20)) {
            if (depth_ == 0) directory.observe(this);
            const Snapshot last = world.stop();
            directory.observe(nullptr);
            restart_cleanly(directory, std::move(model), last, world.clock());
        } else {
            world.end();
        }
        totals_.counters.add(world.counters());
        world_ = nullptr;
    }

    void on_submitted(const Directory& directory) override { event(directory); }
    void on_completed(const Directory& directory) override { event(directory); }

private:
    void event(const Directory& directory) {
        const uint64_t cut = events_++;
        if (depth_ >= depth_max || plan_.choices == 0) return;
        if (!arguments_.path.empty()) {
            if (depth_ < arguments_.path.size() && arguments_.path[depth_].cut == cut)
                crash(directory, arguments_.path[depth_]);
            return;
        }
        if (depth_ == 0) ++totals_.events;
        if (mix64(seed_ ^ cut) % plan_.cut_odds != 0) return;
        for (const CrashChoice& choice : directory.crash_choices(plan_.choices, mix64(seed_ + cut)))
            crash(directory, {cut, choice});
    }

    void crash(const Directory& directory, const CrashStep& step) {
        trail().steps.push_back(step);
        ++totals_.recoveries;
        const uint64_t seed = mix64(mix64(seed_ + step.cut) + mix64(step.choice.bits + step.choice.item * 31 +
                                                                    static_cast<uint64_t>(step.choice.mode)));
        Plan plan;
        if (depth_ + 1 < depth_max) {
            if (seed % 64 == 0) {
                plan = {.turns = 40, .cut_odds = 4, .choices = 2, .cut_opening = false};
                ++totals_.lives_continued;
            } else if (seed % 64 == 1) {
                plan = {.turns = 0, .cut_odds = 2, .choices = 3, .cut_opening = true};
                ++totals_.recoveries_cut;
            }
        }
        const auto left = directory.crash(step.choice);
        Explorer child(totals_, arguments_, depth_ + 1, plan, seed);
        child.run(*left, world_->model(), world_->bounds(), world_->clock());
        trail().steps.pop_back();
    }

    void restart_cleanly(Directory& directory, Model model, const Snapshot& bounds, const Clock& clock) {
        WorldOptions options{.seed = mix64(seed_), .shard_count = static_cast<uint32_t>(random_.between(1, 3))};
        World world(directory, model, clock, options);
        world.open(bounds);
        ++totals_.clean_starts;
        if (!world.report().clean) fail_run("a graceful stop was not recognised");
        world.verify_all();
        world.end();
    }

    Totals& totals_;
    const StorageArguments& arguments_;
    size_t depth_;
    Plan plan_;
    uint64_t seed_;
    Random random_;
    World* world_ = nullptr;
    uint64_t events_ = 0;
};

Totals totals;

void run_history(uint64_t seed, const StorageArguments& arguments) {
    Directory directory({.seed = mix64(seed)});
    // Mostly a sample of events and outcomes; some short lives with every event, some long ones that come round the
    // ring, some with little but logs that are compacted, and some with followers' logs, which are cut now and then.
    Plan plan{.turns = 120, .cut_odds = 3, .choices = 4, .cut_opening = true};
    if (seed % 8 == 3) plan = {.turns = 30, .cut_odds = 1, .choices = 10, .cut_opening = true};
    if (seed % 8 == 5) plan = {.turns = 1500, .cut_odds = 60, .choices = 6, .cut_opening = false};
    if (seed % 8 == 1) plan = {.turns = 200, .cut_odds = 3, .choices = 8, .cut_opening = false, .followers = true};
    if (seed % 8 == 6) plan = {.turns = 800, .cut_odds = 20, .choices = 6, .cut_opening = false, .followers = true};
    if (seed % 8 == 7) plan = {.turns = 300, .cut_odds = 4, .choices = 6, .cut_opening = false, .compact = true};
    Explorer explorer(totals, arguments, 0, plan, seed);
    explorer.run(directory, Model{}, Snapshot{}, Clock{});
    ++totals.histories;
    if (arguments.verbose) std::printf("%lu events, %lu crashes; ", totals.events, totals.recoveries);
}

void print_totals() {
    const WorldCounters& did = totals.counters;
    std::printf("%lu histories, %lu disk events, %lu crashes recovered (%lu lived on, %lu were cut again while "
                "recovering), %lu clean restarts\n",
                totals.histories, totals.events, totals.recoveries, totals.lives_continued, totals.recoveries_cut,
                totals.clean_starts);
    std::printf("%lu turns, %lu appends, %lu refused, %lu commits of %lu MiB, %lu checkpoints, %lu reads (%lu pending, "
                "%lu busy, %lu cold), %lu creates, %lu removes, %lu log starts moved, %lu files freed, "
                "%lu deletes, %lu compactions, %lu duplicates known, %lu producers compared\n"
                "%lu truncations ended (in crashes %lu came back cut, %lu not), %lu holes, %lu logs begun anew\n",
                did.turns, did.appends, did.refusals, did.commits, did.commit_bytes >> 20, did.checkpoints, did.reads,
                did.reads_pending, did.reads_busy, did.cold_reads, did.creates, did.removes, did.starts_moved,
                did.files_freed, did.deletes, did.compactions, did.duplicates, did.producers_checked, did.cuts,
                did.cuts_recovered, did.uncut_recovered, did.holes, did.recreates);
}

}  // namespace

}  // namespace penstock::sim

int main(int argc, char** argv) {
    const int code = penstock::sim::run_seeds("storage_crash", 8, argc, argv, penstock::sim::run_history);
    penstock::sim::print_totals();
    return code;
}
