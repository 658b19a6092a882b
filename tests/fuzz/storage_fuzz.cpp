#include "storage_fuzz.h"

#include <algorithm>
#include <vector>

#include "log/recover.h"
#include "log/store.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "storage_model.h"
#include "storage_world.h"

namespace penstock::fuzz {

namespace {

constexpr uint64_t operations_max = 20'000;
constexpr uint32_t turns_of_use = 20;
constexpr uint32_t turns_to_end_max = 50'000;
constexpr size_t logs_used_max = 16;
constexpr uint32_t append_tries_max = 1000;
constexpr uint64_t disk_limit_bytes = 6 * mib;  // of each shard: room for some segments, and soon full

std::unique_ptr<sim::Directory> make_directory() {
    sim::Directory directory({.seed = 1});
    sim::Model model;
    sim::World world(directory, model, sim::Clock{},
                     {.seed = 1, .shard_count = shard_count, .disk_limit_bytes = disk_limit_bytes});
    world.open({});
    for (int i = 0; i < 3; ++i)
        while (world.create_log({.segment_bytes = 60'000}) == nullptr) world.turn(false);
    for (uint32_t i = 0; i < 60; ++i) {
        const uint32_t size = i % 7 == 0 ? 40'000 : 300 + i;
        for (uint32_t tries = 0; tries < append_tries_max && !world.append(i % 3, size); ++tries) world.turn(false);
        world.turn(false);
    }
    return directory.crash({.mode = sim::CrashMode::none});
}

const sim::Directory& original() {
    static const std::unique_ptr<sim::Directory> directory = make_directory();
    return *directory;
}

log::SuperBlock read_newest_super() {
    const auto bytes = original().contents({io::FileKind::super, 0});
    log::SuperBlock newest, one;
    for (size_t at = 0; at < bytes.size(); at += io::block_size)
        if (log::read_super(std::span(bytes).subspan(at, io::block_size), one) && one.generation > newest.generation)
            newest = one;
    PENSTOCK_ASSERT(newest.generation > 0);
    return newest;
}

/// The stores of one life.
class Life {
public:
    explicit Life(sim::Directory& directory) : directory_(directory) {
        clock_.advance_to(directory.now());
        for (uint32_t i = 0; i < shard_count; ++i) disks_.push_back(std::make_unique<sim::Disk>(directory));
    }

    bool open() {
        auto opened = log::open_directory(*disks_[0], {.shard_count = shard_count, .journal_bytes = mib});
        clock_.advance_to(directory_.now());
        if (!opened) {
            PENSTOCK_ASSERT(!opened.error().detail.empty());
            return false;
        }
        for (uint32_t i = 0; i < shard_count; ++i) {
            const log::StoreOptions options{.shard = i, .shard_count = shard_count, .cache_bytes = mib,
                                            .pool_bytes = mib, .disk_limit_bytes = disk_limit_bytes};
            stores_.push_back(
                std::make_unique<log::Store>(options, std::move(opened->shards[i]), *disks_[i], clock_.time()));
        }
        return true;
    }

    void use() {
        for (uint32_t i = 0; i < turns_of_use; ++i) {
            for (const auto& store : stores_) {
                auto logs = store->logs();
                logs.resize(std::min(logs.size(), logs_used_max));
                for (log::Log* log : logs) use(*store, *log, i);
            }
            turn();
        }
    }

    void end() {
        for (const auto& store : stores_) store->begin_stop();
        for (uint32_t i = 0; i < turns_to_end_max; ++i) {
            turn();
            if (std::ranges::all_of(stores_, [](const auto& store) { return store->drained(); })) return;
        }
        PENSTOCK_ASSERT(!"a life without end");
    }

private:
    void use(log::Store& store, log::Log& log, uint32_t round) {
        const int64_t start = log.start_offset().value, end = log.end_offset().value;
        const int64_t from = start + (end - start) / turns_of_use * round;
        slices_.clear();
        (void)store.read(log, {.from = Offset(from), .limit = log.durable_offset(), .bytes_max = 100'000,
                               .at_least_one = true, .waiter = 1}, slices_);
        for (const log::Slice& slice : slices_) store.release(slice);
        log::TimestampMatch match;
        const log::SearchRequest request{log.start_offset(), log.durable_offset(), 2};
        (void)store.find_timestamp(log, clock_.time().wall_ms - round, request, match);
        (void)store.find_max_timestamp(log, request, match);
        sim::make_batch(batch_, round, 100 + round * 50, 1, clock_.time().wall_ms, random_);
        log::ProducerBatch found;
        batch_.batch.producer = {.producer_id = round % 3, .epoch = 1,
                                 .first_sequence = static_cast<int32_t>(round / 3),
                                 .timestamp = clock_.time().wall_ms};
        (void)store.check_producer(log, batch_.batch.producer, found);
        (void)store.append(log, batch_.batch, clock_.time());
    }

    void turn() {
        clock_.advance_to(directory_.next_completion());
        clock_.advance(microsecond_ns);
        directory_.step(clock_.now());
        for (const auto& store : stores_) {
            store->on_turn(clock_.time());
            store->submit(clock_.time());
        }
        if (directory_.in_flight() > 0) return;
        // Nothing under way: on to the next timer.
        for (const auto& store : stores_) clock_.advance_to(std::min(store->next_deadline(), clock_.now() + second_ns));
    }

    sim::Directory& directory_;
    sim::Clock clock_;
    Random random_{1};
    std::vector<std::unique_ptr<sim::Disk>> disks_;
    std::vector<std::unique_ptr<log::Store>> stores_;
    std::vector<log::Slice> slices_;
    sim::MadeBatch batch_;
};

}  // namespace

std::unique_ptr<sim::Directory> copy_directory() { return original().crash({.mode = sim::CrashMode::all}); }

const log::SuperBlock& super_block() {
    static const log::SuperBlock super = read_newest_super();
    return super;
}

const log::Generation& generation() {
    static const log::Generation value = log::make_generation(super_block().generation, super_block().storage_id);
    return value;
}

void overwrite(sim::Directory& directory, io::FileId file, uint64_t offset, std::span<const std::byte> bytes) {
    auto contents = directory.contents(file);
    contents.resize(std::max<size_t>(contents.size(), offset + bytes.size()));
    std::ranges::copy(bytes, contents.begin() + static_cast<std::ptrdiff_t>(offset));
    directory.replace(file, contents);
}

void open_and_use(sim::Directory& directory) {
    directory.set_operations_max(operations_max);
    Life life(directory);
    if (!life.open()) return;
    life.use();
    life.end();
}

}  // namespace penstock::fuzz
