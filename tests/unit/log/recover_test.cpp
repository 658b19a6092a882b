#include "log/recover.h"

#include "store_fixture.h"

namespace penstock::log {
namespace {

class RecoverTest : public StoreFixture {};

TEST_F(RecoverTest, a_journaled_batch_does_not_wipe_its_direct_neighbour) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 100, 'a');
    settle(log);
    append(log, 300'000, 'b');
    settle(log);
    append(log, 200, 'c');
    settle(log);
    crash({sim::CrashMode::none});
    open();
    Log& again = *store_->find(key_of(1));
    ASSERT_EQ(again.end_offset(), Offset(3));
    expect_batch(again, 0, 100, 'a');
    expect_batch(again, 1, 300'000, 'b');
    expect_batch(again, 2, 200, 'c');
    stop();
}

/// It has its size, and nothing of it is on the medium: the next crash would leave a file that is too short.
TEST_F(RecoverTest, a_spare_file_that_was_being_made_is_durable_before_it_is_used) {
    open();
    stop();
    const io::FileId half_made{io::FileKind::pool_1m, 1'000};
    const std::vector<std::byte> zeros(mib);
    const io::MutableFragment all{const_cast<std::byte*>(zeros.data()), static_cast<uint32_t>(zeros.size())};
    const io::DiskOp steps[] = {{.kind = io::DiskOpKind::create, .file = half_made},
                                {.kind = io::DiskOpKind::write, .file = half_made, .fragments = {&all, 1}}};
    for (const io::DiskOp& step : steps) {
        disk_->submit({&step, 1});
        io::DiskCompletion done;
        while (disk_->poll({&done, 1}) == 0) disk_->wait();
        ASSERT_TRUE(done.ok);
    }
    ASSERT_TRUE(try_open().has_value());
    for (const sim::CrashChoice& choice : directory_->crash_choices(100, 1)) {
        const auto left = directory_->crash(choice);
        for (const io::FileEntry& entry : left->files()) {
            EXPECT_TRUE(entry.file != half_made || entry.size == mib) << entry.size;
        }
    }
}

}  // namespace
}  // namespace penstock::log
