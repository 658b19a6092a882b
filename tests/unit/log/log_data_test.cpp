#include "log/log_data.h"

#include <gtest/gtest.h>

namespace penstock::log {
namespace {

TEST(LogDataTest, a_row_is_a_queue) {
    BlockRow row;
    Block blocks[40];
    for (Block& block : blocks) row.push_back(&block);
    for (size_t i = 0; i < 39; ++i) {
        EXPECT_EQ(row.front(), &blocks[i]);
        EXPECT_EQ(row.all().size(), 40 - i);
        row.pop_front();
    }
    EXPECT_EQ(row.front(), row.back());
    row.pop_front();
    EXPECT_TRUE(row.empty());
    row.push_back(&blocks[0]);
    EXPECT_EQ(row.front(), &blocks[0]);
    EXPECT_EQ(row.size(), 1u);
}

TEST(LogDataTest, a_staged_entry_is_clean_though_its_memory_was_used_before) {
    LogData log;
    log.state.id = 9;
    log.stage(EntryType::append).pieces.resize(5);
    log.last_staged()->producers.resize(3);
    log.staged[0].payload_from = 77;
    log.staged_count = 0;
    Entry& entry = log.stage(EntryType::epoch);
    EXPECT_EQ(entry.type, EntryType::epoch);
    EXPECT_EQ(entry.log_id, 9u);
    EXPECT_EQ(entry.payload_from, 0u);
    EXPECT_TRUE(entry.pieces.empty());
    EXPECT_GE(entry.pieces.capacity(), 5u);
    EXPECT_TRUE(entry.producers.empty());
    EXPECT_GE(entry.producers.capacity(), 3u);
    EXPECT_EQ(log.last_staged(), &entry);
}

TEST(LogDataTest, only_a_flushed_partial_block_is_a_quiet_tail) {
    LogData log;
    log.state.flushed = 8192;
    EXPECT_FALSE(log.quiet_tail());
    log.state.flushed = 8200;
    EXPECT_TRUE(log.quiet_tail());
    EXPECT_EQ(log.owed_place(), UINT64_MAX);
    log.owed.push_back({4096, 2, 9000});
    EXPECT_EQ(log.owed_place(), 4096u);
}

}  // namespace
}  // namespace penstock::log
