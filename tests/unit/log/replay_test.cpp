#include "log/replay.h"

#include "store_fixture.h"

namespace penstock::log {
namespace {

class ReplayTest : public StoreFixture {
protected:
    void fill() {
        open();
        Log& log = **store_->create(key_of(1), {}, time_);
        for (int i = 0; i < 6; ++i) {
            append(log, 2000, static_cast<char>('a' + i));
            settle(log);
        }
        turns(20);  // the note that vouches for the last one
        crash({sim::CrashMode::none});
    }
    std::expected<ShardReplay, OpenFailure> replay() {
        sim::Disk disk(*directory_);
        BlockingDisk blocking(disk);
        FileSizes files;
        for (const io::FileEntry& entry : directory_->files()) files[entry.file] = entry.size;
        SuperBlock super;
        super.generation = 1;
        super.storage_id = report_.storage_id;
        super.journal_bytes = open_options_.journal_bytes;
        super.shard_count = 1;
        return replay_shard(blocking, files, super, 0);
    }
    /// Blocks of the journal where commits of this generation start.
    std::vector<uint64_t> commits() {
        auto ring = directory_->contents(journal_file_of(0, 1));
        Generation generation = make_generation(1, report_.storage_id);
        std::vector<uint64_t> blocks;
        CommitHeader header;
        for (uint64_t at = 0; at < ring.size(); at += io::block_size) {
            if (open_commit(std::span<const std::byte>(ring).subspan(at), generation, header)) {
                blocks.push_back(at / io::block_size);
            }
        }
        return blocks;
    }
};

TEST_F(ReplayTest, the_journal_alone_restores_a_log) {
    fill();
    auto replayed = replay();
    ASSERT_TRUE(replayed.has_value()) << replayed.error().detail;
    ASSERT_EQ(replayed->logs.size(), 1u);
    const RecoveredLog& log = replayed->logs.begin()->second;
    EXPECT_EQ(log.state.end_offset, 6);
    uint64_t restored = 0;
    for (const Overlay& overlay : log.overlays) restored += overlay.bytes.size();
    EXPECT_EQ(restored, log.state.end);
    EXPECT_EQ(replayed->commits_cut, 0u);
}

TEST_F(ReplayTest, rot_in_any_commit_that_was_durable_is_refused) {
    fill();
    auto blocks = commits();
    ASSERT_GT(blocks.size(), 6u);
    auto whole = directory_->contents(journal_file_of(0, 1));
    for (size_t i = 0; i + 1 < blocks.size(); ++i) {
        ASSERT_TRUE(directory_->rot(journal_file_of(0, 1), blocks[i], i));
        auto replayed = replay();
        ASSERT_FALSE(replayed.has_value()) << "commit " << i;
        EXPECT_EQ(replayed.error().error.code, Errc::corrupt);
        EXPECT_NE(replayed.error().detail.find("durable but is unreadable"), std::string::npos);
        directory_->replace(journal_file_of(0, 1), whole);
    }
    EXPECT_TRUE(replay().has_value());
}

TEST_F(ReplayTest, the_last_commit_is_cut_when_it_is_torn) {
    fill();
    uint64_t last = commits().back();
    ASSERT_TRUE(directory_->rot(journal_file_of(0, 1), last, 1));
    auto replayed = replay();
    ASSERT_TRUE(replayed.has_value()) << replayed.error().detail;
    EXPECT_EQ(replayed->logs.begin()->second.state.end_offset, 6) << "it was only the note";
}

TEST_F(ReplayTest, a_missing_journal_and_a_missing_checkpoint_are_named) {
    fill();
    auto journal = directory_->contents(journal_file_of(0, 1));
    directory_->replace(journal_file_of(0, 1), std::span<const std::byte>(journal).first(8192));
    auto replayed = replay();
    ASSERT_FALSE(replayed.has_value());
    EXPECT_NE(replayed.error().detail.find("journal/1 is missing or too short"), std::string::npos);
    directory_->replace(journal_file_of(0, 1), journal);
    ASSERT_TRUE(directory_->rot(checkpoint_file(0, 1, 0), 0, 1));
    replayed = replay();
    ASSERT_FALSE(replayed.has_value());
    EXPECT_NE(replayed.error().detail.find("no checkpoint of generation 1"), std::string::npos);
}

}  // namespace
}  // namespace penstock::log
