#include "log/store.h"

#include "store_fixture.h"

namespace penstock::log {
namespace {

class StoreTest : public StoreFixture {};

TEST_F(StoreTest, appended_batches_become_durable_and_readable) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    EXPECT_EQ(append(*log, 100, 'a'), Offset(0));
    EXPECT_EQ(append(*log, 70'000, 'b'), Offset(1));
    EXPECT_EQ(log->durable_offset(), Offset(0));
    settle(*log);
    std::string bytes = read(*log, Offset(1));
    ASSERT_EQ(bytes.size(), 70'000 + batch_header_size);
    EXPECT_EQ(load_be<int64_t>(reinterpret_cast<const std::byte*>(bytes.data())), 1);
    EXPECT_EQ(bytes.back(), 'b');
    stop();
}

TEST_F(StoreTest, a_clean_stop_keeps_everything) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 300; ++i) append(*log, 5'000, static_cast<char>('a' + i % 26));
    settle(*log);
    stop();
    open();
    log = store_->find(key_of(1));
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->end_offset(), Offset(300));
    for (int i = 0; i < 300; i += 7) EXPECT_EQ(read(*log, Offset(i))[200], static_cast<char>('a' + i % 26));
    EXPECT_EQ(append(*log, 10, 'z'), Offset(300));
    settle(*log);
    EXPECT_EQ(read(*log, Offset(300)).back(), 'z');
    stop();
}

TEST_F(StoreTest, a_log_can_begin_above_zero) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_, Offset(500));
    EXPECT_EQ(log->start_offset(), Offset(500));
    EXPECT_EQ(log->durable_start(), Offset(500));
    EXPECT_EQ(log->durable_offset(), Offset(500));
    turns(20);
    for (int64_t end = 500; end < 503; ++end) {
        crash({sim::CrashMode::none});
        open();
        log = store_->find(key_of(1));
        ASSERT_NE(log, nullptr);
        EXPECT_EQ(log->start_offset(), Offset(500));
        EXPECT_EQ(log->end_offset(), Offset(end));
        for (int64_t i = 500; i < end; ++i) expect_batch(*log, i, 100, 'a');
        EXPECT_EQ(append(*log, 100, 'a'), Offset(end));
        settle(*log);
    }
    std::vector<Slice> slices;
    EXPECT_EQ(store_->read(*log, {Offset(499), Offset(503), 1, true, 1}, slices), ReadStatus::out_of_range);
    stop();
}

TEST_F(StoreTest, a_log_begun_anew_comes_back_or_the_one_before_it_or_none) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    append(*log, 3000, 'o');
    settle(*log);
    ASSERT_TRUE(store_->remove(*log));
    log = *store_->create(key_of(1), {}, time_, Offset(70));
    EXPECT_EQ(append(*log, 3000, 'n'), Offset(70));
    store_->submit(time_);
    std::vector<int> found(3);
    for (int i = 0; i < 50; ++i) {
        for (const sim::CrashChoice& choice : directory_->crash_choices(4, 1)) {
            auto left = directory_->crash(choice);
            sim::Disk disk(*left);
            auto opened = open_directory(disk, open_options_);
            ASSERT_TRUE(opened.has_value()) << opened.error().detail;
            Store store(store_options_, std::move(opened->shards[0]), disk, time_);
            const Log* back = store.find(key_of(1));
            if (back == nullptr) {
                ++found[0];
            } else if (back->start_offset() == Offset(0)) {
                EXPECT_EQ(back->end_offset(), Offset(1));
                ++found[1];
            } else {
                EXPECT_EQ(back->start_offset(), Offset(70));
                ++found[2];
            }
        }
        turn();
    }
    EXPECT_GT(found[1], 0);
    EXPECT_GT(found[2], 0);
    settle(*log);
    expect_batch(*log, 70, 3000, 'n');
    stop();
}

}  // namespace
}  // namespace penstock::log
