#include "store_fixture.h"

namespace penstock::log {
namespace {

class MemoryTest : public StoreFixture {
protected:
    MemoryTest() { store_options_.cache_bytes = 2 * mib; }
};

TEST_F(MemoryTest, slices_that_are_not_given_back_stop_producers_and_nothing_else) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    std::vector<Slice> lent;
    bool refused = false;
    for (int i = 0; i < 300 && !refused; ++i) {
        refused = true;
        for (int k = 0; k < 30 && refused; ++k) {
            refused = !try_append(log, 20'000, static_cast<char>('a' + i % 26)).has_value();
            turn();
        }
        if (refused) break;
        settle(log);
        ASSERT_NE(read_slices(log, Offset(i), lent, 1), ReadStatus::corrupt);
    }
    EXPECT_TRUE(refused) << "memory has no bound";
    // What is lent stays as it is.
    std::string first(reinterpret_cast<const char*>(lent[0].data) + batch_header_size, 100);
    EXPECT_EQ(first, std::string(100, 'a'));
    for (const Slice& slice : lent) store_->release(slice);
    append(log, 20'000, 'z');
    settle(log);
    expect_batch(log, log.end_offset().value - 1, 20'000, 'z');
    stop();
}

TEST_F(MemoryTest, old_data_gives_way_and_comes_back_from_disk) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 400; ++i) append(log, 30'000, static_cast<char>('a' + i % 26));
    settle(log);
    for (int64_t i = 0; i < 400; i += 13) expect_batch(log, i, 30'000, static_cast<char>('a' + i % 26));
    EXPECT_GT(store_->counters().cache_misses, 0u);
    stop();
}

TEST_F(MemoryTest, a_batch_larger_than_the_cache_allows_is_refused_for_good) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    EXPECT_EQ(try_append(log, 700'000, 'x').error().code, Errc::too_large);
    append(log, 400'000, 'y');
    settle(log);
    stop();
}

TEST_F(MemoryTest, removing_a_log_leaves_lent_slices_alone) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 20'000, 'a');
    settle(log);
    std::vector<Slice> lent;
    ASSERT_EQ(read_slices(log, Offset(0), lent), ReadStatus::ready);
    ASSERT_TRUE(store_->remove(log));
    turns(20);
    Log& other = **store_->create(key_of(2), {}, time_);
    for (int i = 0; i < 200; ++i) append(other, 20'000, 'b');
    settle(other);
    std::string bytes;
    for (const Slice& slice : lent) bytes.append(reinterpret_cast<const char*>(slice.data), slice.size);
    EXPECT_EQ(bytes.substr(batch_header_size), std::string(20'000, 'a'));
    for (const Slice& slice : lent) store_->release(slice);
    stop();
}

}  // namespace
}  // namespace penstock::log
