// Rot: bits flip in any block of any file between two lives. The second one must refuse to start and say why, answer
// `corrupt` for what is damaged, or serve every acknowledged record as it was: never other bytes, never silently fewer.
// Every other time there is a replica: then it must start and serve, or refuse to start.
//
//   storage_rot [--from SEED] [--seeds COUNT] [--verbose]
#include <algorithm>
#include <cstdio>

#include "base/random.h"
#include "trail.h"
#include "storage_world.h"

namespace penstock::sim {

namespace {

struct Totals {
    uint64_t blocks = 0, refused = 0, corrupt = 0, repaired = 0, harmless = 0;
} totals;

bool all_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// One life on a directory of which one block has rotted. The model is a copy.
void live_with_rot(Directory& directory, Model model, const Snapshot& bounds, const Clock& clock, uint64_t seed) {
    Random random(seed);
    World world(directory, model, clock,
                {.seed = seed, .shard_count = static_cast<uint32_t>(random.between(1, 3)), .rot = true,
                 .replica = random.chance(1, 2)});
    ++totals.blocks;
    if (!world.open(bounds)) {
        ++totals.refused;
        return;
    }
    world.verify_all();
    // Appending must not bless a rotten tail with a checksum of its own.
    for (size_t i = 0; i < model.logs.size(); ++i)
        for (int tries = 0; tries < 20 && !world.append(i, 200); ++tries) world.turn(false);
    world.rest();
    world.verify_all();
    world.end();
    const WorldCounters counters = world.counters();
    ++(counters.corrupt > 0 ? totals.corrupt : counters.repaired > 0 ? totals.repaired : totals.harmless);
}

void rot_everything(uint64_t seed, const StorageArguments&) {
    Random random(mix64(seed));
    Directory directory({.seed = random.next()});
    Model model;
    WorldOptions options{.seed = random.next(), .shard_count = static_cast<uint32_t>(random.between(1, 3)),
                         .journal_bytes = mib, .disk_limit_bytes = 12 * mib, .logs_max = 4,
                         .batch_bytes_max = 40'000};
    World world(directory, model, Clock{}, options);
    world.open(Snapshot{});
    world.work(60);
    world.rest();
    // Long enough for the journal to vouch for everything that was acknowledged: what no later commit vouches for
    // cannot be told from a write that the crash tore.
    world.idle(100 * millisecond_ns);
    world.rest();
    Snapshot bounds = world.bounds();
    const Clock clock = world.clock();
    if (seed % 2 == 0) bounds = world.stop();
    const auto still = directory.crash({.mode = CrashMode::all});
    world.end();

    for (const io::FileEntry& file : still->files()) {
        const std::vector<std::byte> contents = still->contents(file.file);
        const uint64_t blocks = contents.size() / io::block_size;
        for (uint64_t block = 0; block < blocks; ++block) {
            const std::span bytes = std::span(contents).subspan(block * io::block_size, io::block_size);
            if (all_zero(bytes) && !random.chance(1, 100)) continue;
            const auto rotten = still->crash({.mode = CrashMode::all});
            const uint64_t rot_seed = random.next();
            trail().note = to_text(file.file) + " block " + std::to_string(block);
            if (!rotten->rot(file.file, block, rot_seed)) continue;
            live_with_rot(*rotten, model, bounds, clock, random.next());
        }
    }
}

}  // namespace

}  // namespace penstock::sim

int main(int argc, char** argv) {
    using penstock::sim::totals;
    const int code = penstock::sim::run_seeds("storage_rot", 24, argc, argv, penstock::sim::rot_everything);
    std::printf("%lu blocks rotted: %lu starts refused, %lu times reads said corrupt, %lu repaired, %lu without harm\n",
                totals.blocks, totals.refused, totals.corrupt, totals.repaired, totals.harmless);
    return code;
}
