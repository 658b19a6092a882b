#include "log/blocking.h"

#include <gtest/gtest.h>

#include "sim/directory.h"
#include "sim/disk.h"

namespace penstock::log {
namespace {

constexpr io::FileId file{io::FileKind::pool_1m, 3};

class BlockingTest : public testing::Test {
protected:
    sim::Directory directory_{sim::DirectoryOptions{}};
    sim::Disk raw_{directory_};
    BlockingDisk disk_{raw_};
};

TEST_F(BlockingTest, what_was_written_is_durable_and_read_back) {
    ASSERT_TRUE(disk_.create(file));
    ASSERT_TRUE(disk_.create(file)) << "that it exists is fine";
    Bytes out(3 * mib, std::byte{7});
    ASSERT_TRUE(disk_.write(file, 4096, out));
    auto after = directory_.crash({sim::CrashMode::none});
    EXPECT_EQ(after->contents(file).size(), 4096 + out.size());
    Bytes in(3 * mib);
    ASSERT_TRUE(disk_.read(file, 4096, in));
    EXPECT_EQ(in, out);
}

TEST_F(BlockingTest, a_read_past_the_end_is_no_success) {
    ASSERT_TRUE(disk_.create(file));
    Bytes bytes(8192);
    ASSERT_TRUE(disk_.write(file, 0, bytes));
    Bytes in(16384);
    auto read = disk_.read(file, 0, in);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST_F(BlockingTest, the_first_error_of_many_writes_is_told_once) {
    ASSERT_TRUE(disk_.create(file));
    directory_.inject({sim::fault_kind(io::DiskOpKind::write_durable), {}, 70, 1, {Errc::disk_full, 28}});
    Bytes block(4096);
    io::MutableFragment fragment{block.data(), 4096};
    for (uint64_t i = 0; i < 200; ++i) ASSERT_TRUE(disk_.queue_write(file, i * 4096, {&fragment, 1}));
    auto done = disk_.finish();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::disk_full);
    EXPECT_TRUE(disk_.finish());
    EXPECT_TRUE(disk_.flush(file));
}

}  // namespace
}  // namespace penstock::log
