#include "store_fixture.h"

namespace penstock::log {
namespace {

class ReadTest : public StoreFixture {
protected:
    ReadStatus read_now(Log& log, ReadRequest request) {
        ReadStatus status = store_->read(log, request, slices_);
        return status;
    }
    uint64_t give_back() {
        uint64_t bytes = 0;
        for (const Slice& slice : slices_) {
            bytes += slice.size;
            store_->release(slice);
        }
        slices_.clear();
        return bytes;
    }
    std::vector<Slice> slices_;
};

TEST_F(ReadTest, whole_batches_up_to_the_budget_and_the_limit) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 10; ++i) append(log, 1000 - batch_header_size, static_cast<char>('a' + i));
    settle(log);
    Offset end = log.durable_offset();
    EXPECT_EQ(read_now(log, {Offset(2), end, 3500, false, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), 3000u);
    EXPECT_EQ(read_now(log, {Offset(2), Offset(4), 9000, false, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), 2000u);
    EXPECT_EQ(read_now(log, {Offset(2), end, 10, false, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), 0u);
    EXPECT_EQ(read_now(log, {Offset(2), end, 10, true, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), 1000u);
    EXPECT_EQ(read_now(log, {end, end, 1000, true, 1}), ReadStatus::ready) << "at the end: nothing yet";
    EXPECT_EQ(give_back(), 0u);
    EXPECT_EQ(read_now(log, {end + 1, end + 1, 1000, true, 1}), ReadStatus::out_of_range);
    stop();
}

TEST_F(ReadTest, what_is_appended_is_read_up_to_the_limit) {
    open();
    LogConfig config;
    config.segment_bytes = 100'000;
    Log& log = **store_->create(key_of(1), config, time_);
    append(log, 100, 'a');
    settle(log);
    uint64_t bytes = 0;
    for (int i = 0; i < 8; ++i) {  // over the ends of segments
        append(log, 30'000, 'b', 2000 + i);
        bytes += 30'000 + batch_header_size;
    }
    EXPECT_EQ(read_now(log, {Offset(0), Offset(1), 900'000, true, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), 100 + batch_header_size);
    EXPECT_EQ(read_now(log, {Offset(1), Offset(100), 900'000, true, 1}), ReadStatus::ready);
    EXPECT_EQ(give_back(), bytes);
    TimestampMatch match;
    EXPECT_EQ(store_->find_timestamp(log, 2005, {Offset(1), Offset(9), 1}, match), ReadStatus::ready);
    EXPECT_EQ(match.base_offset, Offset(6));
    EXPECT_EQ(store_->find_timestamp(log, 2005, {Offset(1), Offset(6), 1}, match), ReadStatus::ready);
    EXPECT_EQ(match.base_offset, Offset(-1));
    EXPECT_EQ(store_->find_max_timestamp(log, {Offset(1), Offset(8), 1}, match), ReadStatus::ready);
    EXPECT_EQ(match.base_offset, Offset(7));
    EXPECT_EQ(log.durable_offset(), Offset(1));
    settle(log);
    stop();
}

TEST_F(ReadTest, a_replica_is_sent_whole_batches_that_are_not_durable_yet) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 5; ++i) append(log, 5000, static_cast<char>('a' + i));
    ASSERT_EQ(log.durable_offset(), Offset(0));
    for (bool committed : {false, true}) {
        if (committed) store_->submit(time_);
        const uint64_t batch = 5000 + batch_header_size;
        std::vector<Slice> slices;
        const auto bytes_read = [&](Offset from, uint32_t bytes_max, bool at_least_one) {
            EXPECT_EQ(store_->read(log, {from, log.end_offset(), bytes_max, at_least_one, 1}, slices),
                      ReadStatus::ready);
            uint64_t bytes = 0;
            for (const Slice& slice : slices) {
                bytes += slice.size;
                store_->release(slice);
            }
            slices.clear();
            return bytes;
        };
        EXPECT_EQ(bytes_read(Offset(1), mib, false), 4 * batch);
        EXPECT_EQ(bytes_read(Offset(1), static_cast<uint32_t>(3 * batch - 1), false), 2 * batch);
        EXPECT_EQ(bytes_read(Offset(4), 1, true), batch);
        EXPECT_EQ(bytes_read(Offset(4), 1, false), 0u);
        EXPECT_EQ(bytes_read(Offset(5), mib, true), 0u);
    }
    settle(log);
    stop();
}

TEST_F(ReadTest, across_rolled_segments_memory_and_disk_agree) {
    open();
    LogConfig config;
    config.segment_bytes = 200'000;
    Log& log = **store_->create(key_of(1), config, time_);
    for (int i = 0; i < 60; ++i) append(log, 30'000 + static_cast<size_t>(i) * 11, static_cast<char>('a' + i % 26));
    settle(log);
    for (int64_t i = 0; i < 60; ++i) {
        expect_batch(log, i, 30'000 + static_cast<size_t>(i) * 11, static_cast<char>('a' + i % 26));
    }
    std::string hot = read(log, Offset(0), 10 << 20);
    stop();
    open();
    std::string cold;
    Log& again = *store_->find(key_of(1));
    for (int64_t at = 0; at < 60;) {
        std::string part = read(again, Offset(at), 400'000);
        ASSERT_FALSE(part.empty());
        for (size_t k = 0; k < part.size(); ++at) {
            k += 12 + static_cast<size_t>(load_be<int32_t>(reinterpret_cast<const std::byte*>(part.data() + k + 8)));
        }
        cold += part;
    }
    EXPECT_EQ(hot, cold);
    stop();
}

TEST_F(ReadTest, a_timestamp_finds_the_first_batch_that_reaches_it) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 50; ++i) append(log, 40'000, 'a', 1000 + i * 10);
    settle(log);
    for (bool reopened : {false, true}) {
        Log& found = *store_->find(key_of(1));
        auto search = [&](int64_t timestamp) {
            TimestampMatch match;
            ReadStatus status = ReadStatus::pending;
            for (int i = 0; i < 100 && status == ReadStatus::pending; ++i) {
                status = store_->find_timestamp(found, timestamp, {found.start_offset(), Offset(50), 1}, match);
                if (status == ReadStatus::pending) turn();
            }
            EXPECT_EQ(status, ReadStatus::ready);
            return match;
        };
        EXPECT_EQ(search(0).base_offset, Offset(0));
        EXPECT_EQ(search(1201).base_offset, Offset(21));
        EXPECT_EQ(search(1201).max_timestamp, 1210);
        EXPECT_EQ(search(1490).base_offset, Offset(49));
        EXPECT_EQ(search(1491).base_offset, Offset(-1));
        stop();
        if (!reopened) open();
    }
}

TEST_F(ReadTest, the_highest_timestamp_finds_the_first_batch_that_has_it) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 50; ++i) append(log, 40'000, 'a', i == 20 || i == 30 ? 9000 : 1000 + i * 10);
    settle(log);
    for (bool reopened : {false, true}) {
        Log& found = *store_->find(key_of(1));
        auto search = [&](int64_t from) {
            TimestampMatch match;
            ReadStatus status = ReadStatus::pending;
            for (int i = 0; i < 100 && status == ReadStatus::pending; ++i) {
                status = store_->find_max_timestamp(found, {Offset(from), found.durable_offset(), 1}, match);
                if (status == ReadStatus::pending) turn();
            }
            EXPECT_EQ(status, ReadStatus::ready);
            return match;
        };
        EXPECT_EQ(search(0).base_offset, Offset(20));
        EXPECT_EQ(search(0).max_timestamp, 9000);
        EXPECT_EQ(search(21).base_offset, Offset(30));
        EXPECT_EQ(search(31).base_offset, Offset(49));
        EXPECT_EQ(search(31).max_timestamp, 1490);
        EXPECT_EQ(search(50).base_offset, Offset(-1));
        stop();
        if (!reopened) open();
    }
}

}  // namespace
}  // namespace penstock::log
