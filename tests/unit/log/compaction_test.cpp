#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "store_fixture.h"
#include "wire/batch_filter.h"

namespace penstock::log {
namespace {

struct KeyedRecord {
    int64_t offset = 0;
    std::string key;
    std::optional<std::string> value;
    friend bool operator==(const KeyedRecord&, const KeyedRecord&) = default;
};

wire::OptionalBytes bytes(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return std::as_bytes(std::span(*text));
}
std::string text(std::span<const std::byte> data) { return {reinterpret_cast<const char*>(data.data()), data.size()}; }

class CompactionTest : public StoreFixture {
protected:
    CompactionTest() {
        config_.compact = true;
        config_.segment_bytes = mib;
        config_.retention_ms = -1;
        config_.min_cleanable_dirty_ratio = 0.01;
        store_options_.pool_bytes = 8 * mib;
    }
    Log& create() { return **store_->create(key_of(1), config_, time_); }

    struct Put {
        std::string key;
        std::optional<std::string> value;
    };
    /// One batch; it is remembered what a reader must find.
    Offset put(Log& log, const std::vector<Put>& records, wire::Codec codec = wire::Codec::none) {
        wire::BatchBuilder builder;
        for (const Put& record : records) builder.add(time_.wall_ms, bytes(record.key), bytes(record.value));
        std::vector<std::byte> made;
        EXPECT_TRUE(builder.finish(codec, made));
        BatchToAppend batch;
        std::memcpy(batch.header, made.data(), batch_header_size);
        const Fragment body{made.data() + batch_header_size, static_cast<uint32_t>(made.size() - batch_header_size)};
        batch.body = {&body, 1};
        batch.last_offset_delta = static_cast<int32_t>(records.size()) - 1;
        batch.max_timestamp = time_.wall_ms;
        for (int i = 0; i < 10'000; ++i) {
            auto offset = store_->append(log, batch, time_);
            if (!offset) {
                turn();
                continue;
            }
            for (const Put& record : records) latest_[record.key] = record.value;
            return *offset;
        }
        ADD_FAILURE() << "append never had room";
        return Offset(-1);
    }
    /// `rounds` times every key of `keys`, padded so that a round fills about `round_bytes`.
    void put_rounds(Log& log, int rounds, int keys, size_t round_bytes, wire::Codec codec = wire::Codec::none) {
        std::mt19937 random(7);
        for (int round = 0; round < rounds; ++round) {
            for (int key = 0; key < keys; key += 10) {
                std::vector<Put> records;
                for (int i = key; i < key + 10; ++i) {
                    std::string value = std::to_string(round) + ":" + std::to_string(i) + ":";
                    while (value.size() < round_bytes / static_cast<size_t>(keys)) value += std::to_string(random());
                    records.push_back({"key " + std::to_string(i), value});
                }
                put(log, records, codec);
            }
        }
        settle(log);
    }
    /// Ends the active segment, so that all of the log can be compacted.
    void roll(Log& log) {
        config_.max_compaction_lag_ms = 1;
        store_->configure(log, config_);
    }
    /// Turns until no pass finds anything to do any more.
    void compact(Log& log) {
        settle(log);
        uint64_t before = 0;
        int quiet_looks = 0;
        for (int i = 0; i < 200 && quiet_looks < 4; ++i) {
            before = store_->counters().compactions;
            time_.now += 6 * second_ns;
            turns(300);
            quiet_looks = store_->counters().compactions == before ? quiet_looks + 1 : 0;
        }
        EXPECT_EQ(quiet_looks, 4);
    }
    std::vector<KeyedRecord> read_all(Log& log) {
        std::vector<KeyedRecord> found;
        int64_t next = log.start_offset().value;
        while (next < log.durable_offset().value) {
            const std::string read_bytes = read(log, Offset(next), 300'000);
            if (read_bytes.empty()) {
                ADD_FAILURE() << "nothing at offset " << next << " of " << log.durable_offset().value;
                break;
            }
            std::span<const std::byte> rest = std::as_bytes(std::span(read_bytes));
            while (!rest.empty()) {
                const auto size = static_cast<size_t>(load_be<int32_t>(rest.data() + 8)) + 12;
                wire::BatchFilter batch;
                EXPECT_TRUE(batch.open(rest.first(size))) << "at offset " << next;
                EXPECT_GE(batch.header().last_offset().value, next);
                wire::RecordCursor cursor = batch.records();
                wire::Record record;
                while (cursor.next(record)) {
                    KeyedRecord& out = found.emplace_back();
                    out.offset = batch.header().base_offset.value + record.offset_delta;
                    if (record.key) out.key = text(*record.key);
                    if (record.value) out.value = text(*record.value);
                }
                next = batch.header().last_offset().value + 1;
                rest = rest.subspan(size);
            }
        }
        EXPECT_TRUE(std::ranges::is_sorted(found, {}, &KeyedRecord::offset));
        return found;
    }
    /// The last record of every key is there; nothing else if `only`.
    void expect_latest(Log& log, bool only) {
        std::map<std::string, std::optional<std::string>> seen;
        const std::vector<KeyedRecord> all = read_all(log);
        for (const KeyedRecord& record : all) seen[record.key] = record.value;
        EXPECT_EQ(seen.size(), latest_.size());
        EXPECT_TRUE(seen == latest_) << "a key has another last value";
        if (only) {
            EXPECT_EQ(all.size(), latest_.size()) << "records that have a later one are still there";
        }
    }

    LogConfig config_;
    std::map<std::string, std::optional<std::string>> latest_;
};

TEST_F(CompactionTest, each_key_keeps_its_last_record_and_nothing_else_is_left) {
    for (wire::Codec codec : {wire::Codec::none, wire::Codec::zstd}) {
        start_over({});
        latest_.clear();
        config_.max_compaction_lag_ms = INT64_MAX;
        open();
        Log* log = &create();
        put_rounds(*log, 10, 400, 500'000, codec);
        const uint64_t size_before = log->size_bytes();
        const Offset end = log->end_offset();
        roll(*log);
        compact(*log);
        expect_latest(*log, true);
        EXPECT_EQ(log->end_offset(), end);
        EXPECT_EQ(log->start_offset(), Offset(0));
        EXPECT_LT(log->size_bytes(), size_before / 8);

        crash();
        open();
        log = store_->find(key_of(1));
        store_->configure(*log, config_);
        expect_latest(*log, true);
        EXPECT_EQ(log->end_offset(), end);
        put(*log, {{"key 3", "newer"}});
        settle(*log);
        expect_latest(*log, false);
        compact(*log);
        expect_latest(*log, true);
        stop();
        open();
        expect_latest(*store_->find(key_of(1)), true);
        stop();
    }
}

TEST_F(CompactionTest, the_active_segment_and_what_is_too_young_stay_as_they_are) {
    config_.min_compaction_lag_ms = 3'600'000;
    open();
    Log& log = create();
    put_rounds(log, 4, 100, 500'000);
    const size_t records = read_all(log).size();
    time_.now += 60 * second_ns;
    turns(500);
    EXPECT_EQ(read_all(log).size(), records) << "too young";
    time_.wall_ms += 3'600'001;
    compact(log);
    const std::vector<KeyedRecord> left = read_all(log);
    EXPECT_LT(left.size(), records);
    EXPECT_GT(left.size(), latest_.size()) << "of the active segment nothing may be missing";
    expect_latest(log, false);
    stop();
}

TEST_F(CompactionTest, records_of_the_future_are_compacted_too) {
    open();
    Log& log = create();
    put_rounds(log, 6, 100, 500'000);
    const size_t records = read_all(log).size();
    time_.wall_ms -= 3'600'000;
    compact(log);
    EXPECT_LT(read_all(log).size(), records);
    expect_latest(log, false);
    stop();
}

TEST_F(CompactionTest, it_waits_until_the_log_is_dirty_enough) {
    config_.min_cleanable_dirty_ratio = 0.5;
    open();
    Log& log = create();
    put_rounds(log, 1, 400, 8 * mib);
    put_rounds(log, 1, 10, 10'000);
    compact(log);  // all of it is dirty the first time
    const uint64_t passes = store_->counters().compactions;
    put_rounds(log, 3, 100, 1'000'000);
    time_.now += 60 * second_ns;
    turns(2000);
    EXPECT_EQ(store_->counters().compactions, passes) << "3 of 11 MiB are dirty";
    put_rounds(log, 8, 100, 1'000'000);
    compact(log);
    expect_latest(log, false);
    stop();
}

TEST_F(CompactionTest, tombstones_stay_for_their_time_and_take_what_they_delete_with_them) {
    config_.delete_retention_ms = 1'000'000;
    open();
    Log& log = create();
    put_rounds(log, 2, 100, 500'000);
    for (int key = 0; key < 50; ++key) put(log, {{"key " + std::to_string(key), std::nullopt}});
    roll(log);
    compact(log);
    expect_latest(log, true);  // 50 tombstones among them
    time_.wall_ms += 900'000;
    put(log, {{"another", "1"}});
    compact(log);
    expect_latest(log, true);
    time_.wall_ms += 200'000;
    put(log, {{"another", "2"}});
    compact(log);
    for (int key = 0; key < 50; ++key) latest_.erase("key " + std::to_string(key));
    expect_latest(log, true);
    stop();
}

TEST_F(CompactionTest, readers_find_the_end_even_where_all_records_are_gone) {
    config_.delete_retention_ms = 0;
    open();
    Log* log = &create();
    put_rounds(*log, 1, 100, 50'000);
    for (int key = 0; key < 100; ++key) put(*log, {{"key " + std::to_string(key), std::nullopt}});
    roll(*log);
    compact(*log);
    time_.wall_ms += 1000;
    latest_.clear();
    put(*log, {{"x", std::nullopt}});
    compact(*log);
    time_.wall_ms += 1000;
    put(*log, {{"x", std::nullopt}});
    compact(*log);
    EXPECT_LE(read_all(*log).size(), 1u);
    const std::string last = read(*log, Offset(150), 1);
    ASSERT_GE(last.size(), batch_header_size) << "a batch, if an empty one, leads to the end";
    TimestampMatch match;
    const SearchRequest all{Offset(0), log->durable_offset(), 1};
    ASSERT_TRUE(turn_until([&] { return store_->find_timestamp(*log, 0, all, match) == ReadStatus::ready; }));
    EXPECT_EQ(match.base_offset, Offset(201)) << "time asks for records, which an empty batch has not";
    ASSERT_TRUE(turn_until([&] { return store_->find_max_timestamp(*log, all, match) == ReadStatus::ready; }));
    EXPECT_EQ(match.base_offset, Offset(201));
    crash();
    open();
    log = store_->find(key_of(1));
    EXPECT_EQ(log->end_offset(), Offset(202));
    EXPECT_LE(read_all(*log).size(), 1u);
    stop();
}

TEST_F(CompactionTest, more_keys_than_there_is_memory_for_take_more_passes) {
    store_options_.compaction_memory_bytes = 1024 * 24;
    open();
    Log& log = create();
    put_rounds(log, 5, 2000, 400'000);
    roll(log);
    compact(log);
    EXPECT_GE(store_->counters().compactions, 10u);
    expect_latest(log, false);
    const size_t left = read_all(log).size();
    EXPECT_LT(left, 2u * 2000u) << "what each pass saw has no older records before it";
    stop();
}

TEST_F(CompactionTest, a_reader_that_holds_the_old_bytes_keeps_them) {
    open();
    Log& log = create();
    put_rounds(log, 6, 100, 500'000);
    std::vector<Slice> slices;
    ASSERT_EQ(read_slices(log, Offset(0), slices, 400'000), ReadStatus::ready);
    std::string before;
    for (const Slice& slice : slices) before.append(reinterpret_cast<const char*>(slice.data), slice.size);
    roll(log);
    compact(log);
    put_rounds(log, 6, 100, 500'000);
    std::string after;
    for (const Slice& slice : slices) {
        after.append(reinterpret_cast<const char*>(slice.data), slice.size);
        store_->release(slice);
    }
    EXPECT_EQ(before, after);
    expect_latest(log, false);
    stop();
}

TEST_F(CompactionTest, removal_retention_and_stop_may_come_in_the_midst_of_it) {
    store_options_.compaction_bytes_per_s = mib;
    for (int when = 0; when < 120; ++when) {
        start_over({});
        config_.max_compaction_lag_ms = INT64_MAX;
        open();
        Log& log = create();
        put_rounds(log, 6, 100, 400'000);
        roll(log);
        turns(when * 20);
        switch (when % 4) {
            case 0: ASSERT_TRUE(store_->remove(log)); break;
            case 1: ASSERT_TRUE(store_->delete_before(log, Offset(log.durable_offset().value - 100))); break;
            case 2: crash(); continue;
            default: break;
        }
        if (when % 4 == 1) {
            ASSERT_TRUE(turn_until([&] { return log.durable_start() == log.start_offset(); }));
            turns(1000);
            expect_latest(log, false);
        }
        stop();
        open();
        if (Log* found = store_->find(key_of(1)); found != nullptr && when % 4 == 3) expect_latest(*found, false);
        stop();
    }
}

TEST_F(CompactionTest, records_that_cannot_be_walked_and_rot_are_left_alone) {
    open();
    Log& log = create();
    append(log, 100'000, 'x');  // no records at all
    put_rounds(log, 6, 100, 400'000);
    roll(log);
    compact(log);
    EXPECT_EQ(read(log, Offset(0), 1).size(), 100'000 + batch_header_size);
    stop();
}

}  // namespace
}  // namespace penstock::log
