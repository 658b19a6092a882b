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

}  // namespace
}  // namespace penstock::log
