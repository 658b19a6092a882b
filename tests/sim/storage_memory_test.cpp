// The memory of a store stays within its options: under producers that outrun the disk, under readers that never give
// back what they were lent, and over a long steady life.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "counted_heap.h"
#include "log/recover.h"
#include "log/store.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "storage_model.h"

namespace penstock::sim {

namespace {

constexpr uint64_t cache_bytes = 4 * mib;
constexpr uint64_t journal_bytes = 4 * mib;
/// Beside the cache: commits under way, the zeros that new files are written with, checkpoint frames, tables.
constexpr int64_t slack_bytes = 8 * mib;

/// The simulator's own memory is not the store's.
class UncountedDisk final : public io::Disk {
public:
    explicit UncountedDisk(Directory& directory) : disk_(directory) {}
    size_t submit(std::span<const io::DiskOp> ops) override {
        const CountHeap off(false);
        return disk_.submit(ops);
    }
    size_t poll(std::span<io::DiskCompletion> out) override {
        const CountHeap off(false);
        return disk_.poll(out);
    }
    void wait() override {
        const CountHeap off(false);
        disk_.wait();
    }
    Result<std::vector<io::FileEntry>> list() override { return disk_.list(); }
    Result<io::DiskSpace> space() override { return disk_.space(); }

private:
    sim::Disk disk_;
};

struct StorageMemory : ::testing::Test {
    Directory directory{{.seed = 5}};
    UncountedDisk disk{directory};
    Clock clock;
    Random random{7};
    std::unique_ptr<log::Store> store;
    std::vector<log::Log*> logs;
    MadeBatch batch;
    int64_t bytes_max = 0;
    uint64_t taken = 0, refused = 0;

    void open(size_t log_count) {
        directory.step(clock.now());
        auto opened = log::open_directory(disk, {.journal_bytes = journal_bytes});
        ASSERT_TRUE(opened) << opened.error().detail;
        clock.advance_to(directory.now());
        {
            const CountHeap on;
            store = std::make_unique<log::Store>(
                log::StoreOptions{.cache_bytes = cache_bytes, .pool_bytes = 8 * mib, .disk_limit_bytes = 300 * mib},
                std::move(opened->shards[0]), disk, clock.time());
        }
        const log::LogConfig config{.segment_bytes = 256 * kib,
                                    .retention_bytes = 2 * static_cast<int64_t>(mib), .retention_ms = -1};
        for (size_t turns = 0; logs.size() < log_count; ++turns) {
            ASSERT_LT(turns, 10 * log_count);
            const CountHeap on;
            const auto made = store->create({make_uuid(mix64(logs.size()), 1), 0}, config, clock.time());
            if (made) logs.push_back(*made);
            else turn(10);
        }
    }

    /// The disk finishes `operations`, then the store has its turn. Nothing else of the store runs outside here.
    void turn(int operations) {
        for (int i = 0; i < operations && directory.in_flight() > 0; ++i) directory.complete_one();
        clock.advance_to(directory.now());
        clock.advance(microsecond_ns);
        if (directory.in_flight() == 0) clock.advance_to(std::min(store->next_deadline(), clock.now() + second_ns));
        const CountHeap on;
        store->on_turn(clock.time());
        store->submit(clock.time());
        bytes_max = std::max(bytes_max, counted_heap().bytes);
    }

    bool append(log::Log& log, uint32_t size) {
        make_batch(batch, ++taken, size, 1, clock.time().wall_ms, random);
        const CountHeap on;
        const bool ok = store->append(log, batch.batch, clock.time()).has_value();
        refused += !ok;
        return ok;
    }

    log::ReadStatus read(log::Log& log, Offset from, std::vector<log::Slice>& out) {
        const CountHeap on;
        return store->read(log, {.from = from, .limit = log.durable_offset(), .bytes_max = 100'000,
                                 .at_least_one = true, .waiter = 1}, out);
    }

    void settle() {
        for (int i = 0; i < 100'000; ++i) {
            turn(100);
            if (std::ranges::all_of(logs, [](auto* log) { return log->durable_offset() == log->end_offset(); })) return;
        }
        FAIL() << "what was appended never becomes durable";
    }

    void stop() {
        store->begin_stop();
        for (int i = 0; i < 100'000 && !store->drained(); ++i) turn(100);
        ASSERT_TRUE(store->drained());
        EXPECT_TRUE(directory.violations().empty()) << directory.violations()[0];
        store.reset();
    }

    void expect_bounded() { EXPECT_LE(bytes_max, static_cast<int64_t>(cache_bytes) + slack_bytes); }
};

TEST_F(StorageMemory, producers_that_outrun_the_disk_are_refused) {
    open(30);
    for (int i = 0; i < 3000; ++i) {
        for (int k = 0; k < 40; ++k)
            append(*logs[random.below(logs.size())], static_cast<uint32_t>(random.between(100, 20'000)));
        turn(1);
    }
    EXPECT_GT(refused, 10'000u);
    expect_bounded();
    settle();
    bool appended = false;
    for (int i = 0; i < 1000 && !appended; ++i) {
        turn(20);
        appended = append(*logs[0], 1000);
    }
    EXPECT_TRUE(appended);
    settle();
    stop();
}

TEST_F(StorageMemory, many_small_logs_do_not_hold_the_cache_for_ever) {
    open(2000);  // each with a tail of its own: twice what the cache takes
    uint64_t appended = 0;
    for (int i = 0; i < 400 && appended < 20'000; ++i) {
        for (log::Log* log : logs) appended += append(*log, 200);
        turn(100);
    }
    EXPECT_GE(appended, 20'000u);
    expect_bounded();
    settle();
    stop();
}

TEST_F(StorageMemory, readers_that_keep_what_they_were_lent_are_told_to_wait) {
    open(4);
    for (int i = 0; i < 4000; ++i) {
        append(*logs[random.below(logs.size())], static_cast<uint32_t>(random.between(1000, 30'000)));
        turn(20);
    }
    settle();
    std::vector<log::Slice> lent;
    uint64_t busy = 0;
    for (int i = 0; i < 3000; ++i) {
        log::Log& log = *logs[random.below(logs.size())];
        const int64_t start = log.start_offset().value;
        const auto readable = static_cast<uint64_t>(log.durable_offset() - log.start_offset());
        if (readable == 0) continue;
        const Offset from(start + static_cast<int64_t>(random.below(readable)));
        busy += read(log, from, lent) == log::ReadStatus::busy;
        turn(20);
    }
    EXPECT_GT(busy, 100u);
    expect_bounded();
    {
        const CountHeap on;
        for (const log::Slice& slice : lent) store->release(slice);
    }
    lent.clear();
    bool ready = false, appended = false;
    for (int i = 0; i < 1000 && !(ready && appended); ++i) {
        ready = ready || (read(*logs[0], logs[0]->start_offset(), lent) == log::ReadStatus::ready && !lent.empty());
        appended = appended || append(*logs[0], 1000);
        turn(20);
    }
    EXPECT_TRUE(ready);
    EXPECT_TRUE(appended);
    for (const log::Slice& slice : lent) store->release(slice);
    settle();
    stop();
}

TEST_F(StorageMemory, a_steady_life_does_not_grow) {
    open(10);
    int64_t bytes_early = 0;
    for (int i = 0; i < 12'000; ++i) {
        for (int k = 0; k < 3; ++k) append(*logs[random.below(logs.size())], 5000);
        turn(10);
        if (i == 6000) bytes_early = counted_heap().bytes;
    }
    // Retention holds the logs at a size, so nothing that is kept for each record may be left to grow.
    EXPECT_LE(counted_heap().bytes, bytes_early + 256 * static_cast<int64_t>(kib));
    EXPECT_GT(store->counters().files_freed, 0u);
    expect_bounded();
    settle();
    stop();
}

}  // namespace

}  // namespace penstock::sim
