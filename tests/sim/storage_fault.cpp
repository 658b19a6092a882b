// A disk that refuses: errors of any operation while working and while opening, a disk that fills up and is freed, and
// one that stalls. Nothing is acknowledged that is not durable, failed logs say so, and what was durable comes back.
//
//   storage_fault [--from SEED] [--seeds COUNT] [--verbose]
#include <algorithm>
#include <cstdio>

#include "base/random.h"
#include "trail.h"
#include "storage_world.h"

namespace penstock::sim {

namespace {

using io::DiskOpKind;

struct Totals {
    uint64_t errors = 0, failed_logs = 0, openings = 0, refused_openings = 0, full = 0, stalls = 0;
} totals;

constexpr int progress_turns_max = 5000;

/// What a restart on a healthy disk finds after any crash now.
void check_crashes(const Directory& directory, const Model& model, const Snapshot& bounds, const Clock& clock,
                   Random& random) {
    for (const CrashChoice& choice : directory.crash_choices(4, random.next())) {
        const auto left = directory.crash(choice);
        Model copy = model;
        World world(*left, copy, clock,
                    {.seed = random.next(), .shard_count = static_cast<uint32_t>(random.between(1, 3))});
        world.open(bounds);
        world.verify_all();
        world.end();
    }
}

/// The power goes now and then while a world works.
class Cutter final : public DirectoryObserver {
public:
    Cutter(const World& world, uint64_t seed) : world_(world), random_(seed) {}
    void on_submitted(const Directory& directory) override { event(directory); }
    void on_completed(const Directory& directory) override { event(directory); }

private:
    void event(const Directory& directory) {
        if (random_.chance(1, 6)) check_crashes(directory, world_.model(), world_.bounds(), world_.clock(), random_);
    }

    const World& world_;
    Random random_;
};

Fault random_fault(Random& random) {
    static constexpr uint32_t kinds[] = {~0u,
                                         fault_kind(DiskOpKind::write_durable),
                                         fault_kind(DiskOpKind::write_durable) | fault_kind(DiskOpKind::write),
                                         fault_kind(DiskOpKind::read),
                                         fault_kind(DiskOpKind::flush),
                                         fault_kind(DiskOpKind::create) | fault_kind(DiskOpKind::remove)};
    Fault fault{.kinds = kinds[random.below(std::size(kinds))], .skip = random.below(60),
                .count = random.chance(1, 3) ? 1000 : random.between(1, 3)};
    if (random.chance(1, 2)) fault.folder = static_cast<io::FileKind>(random.below(io::file_kind_count));
    return fault;
}

void errors_while_working(uint64_t seed) {
    Random random(mix64(seed) + 1);
    Directory directory({.seed = random.next()});
    Model model;
    World world(directory, model, Clock{},
                {.seed = random.next(), .shard_count = static_cast<uint32_t>(random.between(1, 3)),
                 .journal_bytes = mib, .cache_bytes = mib, .faults = true});
    world.open(Snapshot{});
    world.work(40);
    if (world.any_failed()) fail_run("a log failed before there was a fault");
    const Fault fault = random_fault(random);
    trail().note = "fault: kinds " + std::to_string(fault.kinds) + ", folder " +
                   (fault.folder ? std::to_string(static_cast<int>(*fault.folder)) : "any") + ", skip " +
                   std::to_string(fault.skip) + ", count " + std::to_string(fault.count);
    directory.inject(fault);
    Cutter cutter(world, random.next());
    directory.observe(&cutter);
    world.work(80);
    directory.observe(nullptr);
    ++totals.errors;
    totals.failed_logs += world.any_failed();
    const bool spares_logs = fault.folder == io::FileKind::checkpoint || fault.folder == io::FileKind::super;
    if (spares_logs && world.any_failed()) fail_run("a log failed although nothing of it was refused");
    check_crashes(directory, model, world.bounds(), world.clock(), random);
    directory.clear_faults();
    world.work(40);
    check_crashes(directory, model, world.bounds(), world.clock(), random);
    world.end();
}

/// The nth operation of recovery fails, for every n.
void errors_while_opening(uint64_t seed) {
    Random random(mix64(seed) + 2);
    Directory directory({.seed = random.next()});
    Model model;
    World world(directory, model, Clock{}, {.seed = random.next(), .shard_count = 2, .disk_limit_bytes = 12 * mib});
    world.open(Snapshot{});
    world.work(50);
    const Snapshot bounds = world.bounds();
    const auto left = directory.crash(directory.crash_choices(1, 1)[0]);
    Model before = model;
    world.end();
    for (uint64_t nth = 0;; ++nth) {
        trail().note = "operation " + std::to_string(nth) + " of recovery fails";
        const auto broken = left->crash({.mode = CrashMode::all});
        broken->inject({.skip = nth});
        Model copy = before;
        World second(*broken, copy, world.clock(), {.seed = seed, .shard_count = 1, .faults = true});
        const bool opened = second.open(bounds);
        const uint64_t operations = broken->operations();
        broken->clear_faults();
        ++totals.openings;
        totals.refused_openings += !opened;
        if (opened) second.end();
        // The disk is well again: a third life must find everything.
        for (const CrashChoice& choice : broken->crash_choices(3, nth)) {
            const auto healed = broken->crash(choice);
            Model third_model = before;
            World third(*healed, third_model, second.clock(), {.seed = seed, .shard_count = 2});
            third.open(bounds);
            third.verify_all();
            third.end();
        }
        if (nth > operations) break;
    }
}

bool append_somewhere(World& world, uint32_t size) {
    for (size_t i = 0; i < world.model().logs.size(); ++i)
        if (world.model().logs[i].log != nullptr && world.append(i, size)) return true;
    return false;
}

void full_disk(uint64_t seed) {
    Random random(mix64(seed) + 3);
    Directory directory({.seed = random.next()});
    Model model;
    World world(directory, model, Clock{},
                {.seed = random.next(), .shard_count = static_cast<uint32_t>(random.between(1, 2)),
                 .disk_limit_bytes = 0, .disk_may_fill = true});
    world.open(Snapshot{});
    world.work(20);
    directory.set_capacity(directory.used_bytes() + random.below(3 * mib));
    // Logs without retention fill what there is.
    ModelLog* log = nullptr;
    while ((log = world.create_log({.retention_ms = -1})) == nullptr) world.turn(false);
    const log::LogKey key = log->key;
    const auto index = [&] { return static_cast<size_t>(model.find(key) - model.logs.data()); };
    bool refused = false;
    for (int i = 0; i < 4000 && !refused; ++i) {
        const auto base = world.append(index(), 60'000);
        refused = !base && base.error().code == Errc::disk_full;
        world.turn(false);
    }
    if (!refused) fail_run("the disk is full and appends are not refused with disk_full");
    world.rest();
    if (world.any_failed()) fail_run("a full disk failed a log instead of refusing appends");
    world.verify_all();
    check_crashes(directory, model, world.bounds(), world.clock(), random);
    world.idle(2 * second_ns);
    directory.set_capacity(0);
    bool taken = false;
    for (int i = 0; i < progress_turns_max && !taken; ++i) {
        taken = world.append(index(), 60'000).has_value();
        world.idle(10 * millisecond_ns);
    }
    if (!taken) fail_run("there is space again, but appends are still refused");
    world.rest();
    world.verify_all();
    world.end();
    ++totals.full;
}

void stalled_disk(uint64_t seed) {
    Random random(mix64(seed) + 4);
    Directory directory({.seed = random.next()});
    Model model;
    World world(directory, model, Clock{}, {.seed = random.next(), .shard_count = 1});
    world.open(Snapshot{});
    world.work(20);
    while (world.create_log({.retention_ms = -1}) == nullptr) world.turn(false);
    const Nanos until = world.clock().now() + 30 * second_ns;
    directory.stall_until(until);
    // Producers go on until everything that is bounded is full.
    uint64_t taken = 0;
    for (int i = 0; i < 3000; ++i) {
        taken += append_somewhere(world, 3000);
        world.turn(true);
        if (world.clock().now() > until) break;
    }
    if (taken * 3000 > 4 * mib) fail_run("a stalled disk does not stop producers");
    check_crashes(directory, model, world.bounds(), world.clock(), random);
    directory.stall_until(world.clock().now());
    world.idle(31 * second_ns);
    world.rest();
    if (world.any_failed()) fail_run("a stall failed a log");
    bool again = false;
    for (int i = 0; i < progress_turns_max && !again; ++i) {
        again = append_somewhere(world, 3000);
        world.turn(false);
    }
    if (!again) fail_run("no append is taken after a stall");
    world.rest();
    world.verify_all();
    world.end();
    ++totals.stalls;
}

void run_faults(uint64_t seed, const StorageArguments&) {
    errors_while_working(seed);
    if (seed % 4 == 0) errors_while_opening(seed);
    trail().note.clear();
    if (seed % 4 == 1) full_disk(seed);
    if (seed % 4 == 2) stalled_disk(seed);
}

}  // namespace

}  // namespace penstock::sim

int main(int argc, char** argv) {
    using penstock::sim::totals;
    const int code = penstock::sim::run_seeds("storage_fault", 40, argc, argv, penstock::sim::run_faults);
    std::printf("%lu lives with errors (%lu with failed logs), %lu openings with an error (%lu refused), "
                "%lu full disks, %lu stalls\n",
                totals.errors, totals.failed_logs, totals.openings, totals.refused_openings, totals.full,
                totals.stalls);
    return code;
}
