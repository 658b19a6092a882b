#include "log/inspect.h"

#include "store_fixture.h"
#include "wire/batch.h"

namespace penstock::log {
namespace {

class InspectTest : public StoreFixture {
protected:
    /// A batch that is whole in Kafka's eyes too, as far as checksums go.
    void append_real(Log& log, size_t size, char fill) {
        TestBatch batch(size, fill);
        wire::BatchHeader header;
        header.length = static_cast<int32_t>(batch_header_size - 12 + size);
        header.record_count = 1;
        header.base_timestamp = header.max_timestamp = 1000;
        wire::write_batch_header(batch.batch.header, header);
        header.crc = wire::batch_crc(batch.batch.header, batch.batch.body);
        wire::write_batch_header(batch.batch.header, header);
        ASSERT_TRUE(turn_until([&] { return store_->append(log, batch.batch, time_).has_value(); }));
    }
    void fill() {
        open();
        Log& log = **store_->create(key_of(1), {}, time_);
        Log& small = **store_->create(key_of(2), {}, time_);
        for (int i = 0; i < 60; ++i) append_real(log, 50'000, static_cast<char>('a' + i % 26));
        for (int i = 0; i < 10; ++i) append_real(small, 100, 's');
        settle(log);
        settle(small);
    }
    DirectoryReport inspect(bool verify = true) {
        disk_ = std::make_unique<sim::Disk>(*directory_);
        auto before = directory_->operations();
        auto report = inspect_directory(*disk_, {verify});
        EXPECT_TRUE(report.has_value());
        EXPECT_GT(directory_->operations(), before);
        return report ? *report : DirectoryReport{};
    }
};

TEST_F(InspectTest, a_stopped_directory_is_whole) {
    fill();
    stop();
    DirectoryReport report = inspect();
    EXPECT_TRUE(report.openable);
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
    EXPECT_EQ(report.current.shard_count, 1u);
    EXPECT_EQ(report.supers.size(), 4u);
    EXPECT_FALSE(report.frames.empty());
    ASSERT_EQ(report.logs.size(), 2u);
    EXPECT_EQ(report.logs[0].state.end_offset, 60);
    EXPECT_EQ(report.logs[0].batches, 60u);
    EXPECT_EQ(report.logs[1].batches, 10u);
    EXPECT_EQ(report.logs[1].journal_bytes, 0u);
    EXPECT_FALSE(report.free_files.empty());
}

TEST_F(InspectTest, after_a_crash_the_journal_counts) {
    fill();
    crash({sim::CrashMode::none});
    DirectoryReport report = inspect();
    EXPECT_TRUE(report.openable);
    ASSERT_EQ(report.logs.size(), 2u);
    EXPECT_EQ(report.logs[0].batches, 60u);
    EXPECT_EQ(report.logs[1].batches, 10u);
    EXPECT_GT(report.logs[1].journal_bytes, 0u);
    EXPECT_EQ(report.logs[0].ranges_damaged, 0u);
    ASSERT_EQ(report.journals.size(), 1u);
    bool needed = false;
    for (const CommitRow& commit : report.journals[0]) needed |= commit.fate == CommitFate::needed;
    EXPECT_TRUE(needed);
}

TEST_F(InspectTest, rot_in_the_data_is_found_where_it_is) {
    fill();
    stop();
    io::FileId file = inspect(false).logs[0].state.files[0].file;
    ASSERT_TRUE(directory_->rot(file, 30, 5));
    EXPECT_TRUE(inspect(false).findings.empty());
    DirectoryReport report = inspect();
    EXPECT_TRUE(report.openable);
    EXPECT_EQ(report.logs[0].ranges_damaged, 1u);
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(report.findings[0].file, file);
    EXPECT_TRUE(report.findings[0].damage);
    EXPECT_LE(report.findings[0].offset, 30u * io::block_size);
}

TEST_F(InspectTest, rot_in_a_needed_commit_makes_it_unopenable) {
    fill();
    crash({sim::CrashMode::none});
    CommitRow victim;
    DirectoryReport whole = inspect();
    for (const CommitRow& commit : whole.journals[0]) {
        if (commit.fate == CommitFate::needed && victim.header.sequence == 0) victim = commit;
    }
    io::FileId journal = journal_file_of(0, 1);
    ASSERT_TRUE(directory_->rot(journal, victim.offset / io::block_size, 3));
    DirectoryReport report = inspect();
    EXPECT_FALSE(report.openable);
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(report.findings[0].file, journal);
}

TEST_F(InspectTest, a_damaged_superblock_copy_is_named) {
    fill();
    stop();
    ASSERT_TRUE(directory_->rot({io::FileKind::super, 0}, 2, 1));
    DirectoryReport report = inspect();
    EXPECT_TRUE(report.openable);
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].offset, 2u * io::block_size);
}

TEST_F(InspectTest, no_directory_is_said_so) {
    DirectoryReport report;
    disk_ = std::make_unique<sim::Disk>(*directory_);
    auto found = inspect_directory(*disk_, {});
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->openable);
    EXPECT_EQ(found->findings.size(), 1u);
}

TEST_F(InspectTest, a_file_gives_back_its_batches_behind_damage) {
    fill();
    stop();
    io::FileId file = inspect(false).logs[0].state.files[0].file;
    auto whole = inspect_file(*disk_, file);
    ASSERT_TRUE(whole.has_value());
    EXPECT_TRUE(whole->header_valid);
    EXPECT_EQ(whole->header.key, key_of(1));
    ASSERT_GT(whole->batches.size(), 10u);
    EXPECT_EQ(whole->batches[3].base_offset, 3);
    EXPECT_EQ(whole->batches[3].size, 50'000 + batch_header_size);
    uint64_t hurt = (whole->batches[2].offset + 20'000) / io::block_size;
    ASSERT_TRUE(directory_->rot(file, hurt, 9));
    auto torn = inspect_file(*disk_, file);
    ASSERT_TRUE(torn.has_value());
    EXPECT_EQ(torn->batches.size() + 1, whole->batches.size());
    EXPECT_GE(torn->bytes_skipped, whole->bytes_skipped + 50'000);
}

TEST_F(InspectTest, what_a_follower_did_stands_in_the_journal) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_, Offset(30));
    TestBatch batch(100, 'r');
    store_be<int64_t>(batch.batch.header, 40);
    ASSERT_TRUE(turn_until([&] { return store_->append_replica(log, batch.batch, time_).has_value(); }));
    settle(log);
    ASSERT_TRUE(store_->truncate(log, Offset(35)));
    ASSERT_TRUE(turn_until([&] { return !store_->truncating(log); }));
    crash({sim::CrashMode::none});
    const DirectoryReport report = inspect(false);
    EXPECT_TRUE(report.openable);
    std::vector<EntryType> types;
    for (const CommitRow& commit : report.journals[0]) {
        for (const EntryRow& entry : commit.entries) {
            if (entry.type == EntryType::attach) continue;
            types.push_back(entry.type);
            if (entry.type == EntryType::skip) {
                EXPECT_EQ(entry.offset_to, 40);
            } else {
                EXPECT_EQ(entry.offset, entry.type == EntryType::epoch || entry.type == EntryType::append ? 40 : 30)
                    << types.size();
            }
        }
    }
    const std::vector<EntryType> expected{EntryType::create_at, EntryType::skip, EntryType::epoch,
                                          EntryType::append, EntryType::cut};
    EXPECT_EQ(types, expected);
}

}  // namespace
}  // namespace penstock::log
