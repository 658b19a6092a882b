#include "store_fixture.h"

namespace penstock::log {
namespace {

class AppendTest : public StoreFixture {};

TEST_F(AppendTest, making_room_never_takes_the_block_that_the_append_continues) {
    open_options_.journal_bytes = mib;
    store_options_.cache_bytes = mib;
    open();
    Log& quiet = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    append(quiet, 100, 'q');
    settle(quiet);
    std::vector<Slice> own;
    ASSERT_EQ(read_slices(quiet, Offset(0), own), ReadStatus::ready);
    // The journal's ring comes round: the tail of the quiet log goes to its segment and may be evicted from now on.
    for (int i = 0; i < 300; ++i) append(busy, 20'000, 'b');
    settle(busy);
    // Readers hold all the other memory.
    std::vector<Slice> lent;
    for (int64_t at = 0; at < 300; ++at) {
        ReadStatus status = store_->read(busy, {Offset(at), busy.durable_offset(), 1, true, 1}, lent);
        if (status == ReadStatus::pending) turn(), --at;
        if (status == ReadStatus::busy) break;
    }
    store_->release(own.front());
    for (int i = 0; i < 4; ++i) (void)try_append(quiet, 60'000, 's');
    settle(quiet);
    for (const Slice& slice : lent) store_->release(slice);
    append(quiet, 30'000, 't');
    settle(quiet);
    expect_batch(quiet, 0, 100, 'q');
    expect_batch(quiet, quiet.end_offset().value - 1, 30'000, 't');
    stop();
}

TEST_F(AppendTest, a_full_ring_never_waits_for_a_log_that_waits_for_the_ring) {
    open_options_.journal_bytes = 2 * mib;
    store_options_.pool_bytes = 208 * mib;
    open();
    std::vector<Log*> logs;
    for (int i = 0; i < 50; ++i) logs.push_back(*store_->create(key_of(1, i), {}, time_));
    Log& first = *logs.front();
    ASSERT_TRUE(turn_until([&] { return store_->counters().files_ready > 50; }));
    append(first, 100, 'f');
    settle(first);
    for (int round = 0; round < 5; ++round) {
        // More than the ring holds, at once; the log whose tail lies at the ring's end comes last.
        for (size_t i = 1; i < logs.size(); ++i) (void)try_append(*logs[i], 30'000, 'x');
        (void)try_append(first, 50, 'g');
        turn();
    }
    for (Log* log : logs) settle(*log);
    append(first, 10, 'h');
    settle(first);
    stop();
}

TEST_F(AppendTest, many_small_tails_do_not_hold_the_memory_for_ever) {
    store_options_.cache_bytes = mib;
    open();
    // More logs than the cache has pages, and far too few bytes to bring the ring round.
    for (int i = 0; i < 400; ++i) {
        Log& log = **store_->create(key_of(1, i), {}, time_);
        append(log, 100, 'a');
        settle(log);
    }
    for (int i = 0; i < 400; i += 37) expect_batch(*store_->find(key_of(1, i)), 0, 100, 'a');
    stop();
}

}  // namespace
}  // namespace penstock::log
