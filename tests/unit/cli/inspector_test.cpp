#include "cli/inspector.h"

#include <gtest/gtest.h>

#include <cstring>

#include "log/recover.h"
#include "log/store.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "wire/records.h"

namespace penstock::cli {
namespace {

/// A store on a simulated disk with two logs of real batches.
class InspectorTest : public testing::Test {
protected:
    void SetUp() override {
        disk_ = std::make_unique<sim::Disk>(directory_);
        log::OpenOptions options;
        options.journal_bytes = 8 * mib;
        options.random_high = 7;
        auto opened = log::open_directory(*disk_, options);
        ASSERT_TRUE(opened) << opened.error().detail;
        log::StoreOptions store_options;
        store_options.pool_bytes = 24 * mib;
        store_ = std::make_unique<log::Store>(store_options, std::move(opened->shards[0]), *disk_, time_);
        for (uint8_t n = 1; n <= 2; ++n) {
            log::LogKey key;
            key.topic_id.bytes[15] = n;
            auto created = store_->create(key, {}, time_);
            ASSERT_TRUE(created);
            for (int i = 0; i < 40; ++i) append(**created, 20'000);
        }
    }

    void turn() {
        time_.now += millisecond_ns;
        store_->on_turn(time_);
        store_->submit(time_);
        if (disk_->in_flight() > 0) disk_->wait();
    }

    void append(log::Log& log, size_t value_bytes) {
        const std::string value(value_bytes, 'v');
        builder_.add(1000, {}, std::as_bytes(std::span(value)));
        builder_.add(1000, {}, std::as_bytes(std::span(value)));
        std::vector<std::byte> bytes;
        ASSERT_TRUE(builder_.finish(wire::Codec::none, bytes));
        log::BatchToAppend batch;
        std::memcpy(batch.header, bytes.data(), sizeof batch.header);
        const Fragment body{.data = bytes.data() + sizeof batch.header,
                            .size = static_cast<uint32_t>(bytes.size() - sizeof batch.header)};
        batch.body = {&body, 1};
        batch.last_offset_delta = 1;
        batch.max_timestamp = 1000;
        batch.producer = {.producer_id = 9, .epoch = 1, .first_sequence = static_cast<int32_t>(log.end_offset().value),
                          .timestamp = time_.wall_ms};
        auto appended = store_->append(log, batch, time_);
        for (int i = 0; i < 1000 && !appended; ++i) {
            turn();
            appended = store_->append(log, batch, time_);
        }
        ASSERT_TRUE(appended) << to_string(appended.error().code);
        turn();
    }

    void stop() {
        store_->begin_stop();
        for (int i = 0; i < 10'000 && !store_->drained(); ++i) turn();
        ASSERT_TRUE(store_->drained());
        store_.reset();
    }
    void TearDown() override {
        if (store_) stop();
    }

    void flip_bit(io::FileId file, size_t at) {
        auto bytes = directory_.contents(file);
        ASSERT_LT(at, bytes.size());
        bytes[at] ^= std::byte{1};
        directory_.replace(file, bytes);
    }

    /// Through a disk of its own, as another process.
    InspectReport look(const InspectOptions& options = {}) {
        sim::Disk disk(directory_);
        return inspect(disk, options);
    }

    sim::Directory directory_{sim::DirectoryOptions{}};
    std::unique_ptr<sim::Disk> disk_;
    std::unique_ptr<log::Store> store_;
    wire::BatchBuilder builder_;
    Time time_{Nanos(second_ns), 1'700'000'000'000};
};

TEST_F(InspectorTest, GoodDataIsGood) {
    for (int i = 0; i < 100; ++i) turn();
    for (const bool stopped : {false, true}) {
        SCOPED_TRACE(stopped);
        if (stopped) stop();
        uint64_t seen = 0;
        const auto report = look({.only = {}, .on_batch = [&](const log::LogKey&, io::FileId,
                                                              const wire::BatchHeader& h) {
            EXPECT_EQ(h.record_count, 2);
            ++seen;
        }});
        EXPECT_EQ(report.damage_count, 0u) << (report.damage.empty() ? "" : report.damage.front());
        ASSERT_EQ(report.logs.size(), 2u);
        for (const InspectedLog& l : report.logs) {
            EXPECT_EQ(l.end_offset, 80);
            EXPECT_EQ(l.records, 80u);
            EXPECT_EQ(l.batches, 40u);
            ASSERT_EQ(l.producers.size(), 1u);
            ASSERT_NE(l.producers.find(9), nullptr);
            EXPECT_EQ(l.producers.find(9)->last().last_sequence(), 79);
        }
        EXPECT_EQ(seen, 80u);
        ASSERT_EQ(report.shards.size(), 1u);
        EXPECT_GT(report.shards[0].commits, 0u);
    }
}

TEST_F(InspectorTest, FindsAFlippedBitInEveryFileOfTheLog) {
    stop();
    const auto files = disk_->list();
    ASSERT_TRUE(files);
    uint64_t damaged_files = 0, files_of_logs = 0;
    for (const InspectedLog& l : look().logs) files_of_logs += l.files;
    for (const io::FileEntry& entry : *files) {
        if (!log::is_pool(entry.file.kind)) continue;
        constexpr uint64_t at = io::block_size + 5000;
        flip_bit(entry.file, at);
        const auto report = look();
        flip_bit(entry.file, at);  // and back
        if (report.damage_count > 0) ++damaged_files;
    }
    EXPECT_EQ(damaged_files, files_of_logs);  // the other files hold no log
    EXPECT_EQ(look().damage_count, 0u);
}

TEST_F(InspectorTest, ReportsDamageOfTheSuperblock) {
    stop();
    flip_bit({io::FileKind::super, 0}, 20);
    const auto report = look();
    EXPECT_EQ(report.damage_count, 1u);
    EXPECT_EQ(report.logs.size(), 2u);  // the other copies still say where everything is
}

TEST_F(InspectorTest, AnEmptyDirectoryIsNoDataDirectory) {
    sim::Directory empty{sim::DirectoryOptions{}};
    sim::Disk disk(empty);
    const auto report = inspect(disk, {});
    EXPECT_EQ(report.damage_count, 1u);
    EXPECT_FALSE(report.super);
}

}  // namespace
}  // namespace penstock::cli
