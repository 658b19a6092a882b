#include "uring/disk.h"

#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "../disk_contract.h"
#include "temporary_directory.h"

namespace penstock::tests {

namespace {

class UringDiskWorld final : public DiskWorld {
public:
    UringDiskWorld(const std::string& parent, const uring::DiskOptions& options)
        : folder_(parent), options_(options), ring_(*uring::Ring::create()) {
        if (!folder_.path().empty()) open();
    }
    io::Disk& disk() override { return *disk_; }
    void reopen() override {
        disk_.reset();
        directory_.reset();
        open();
    }
    bool usable() const { return disk_ != nullptr; }
    uring::Disk& native() { return *disk_; }
    uring::DataDirectory& directory() { return *directory_; }
    uring::Ring& ring() { return *ring_; }
    const std::string& path() const { return folder_.path(); }

private:
    void open() {
        directory_ = *uring::DataDirectory::open({folder_.path() + "/data"});
        disk_ = *uring::Disk::create(*ring_, *directory_, options_);
    }

    TemporaryDirectory folder_;
    uring::DiskOptions options_;
    std::unique_ptr<uring::Ring> ring_;
    std::unique_ptr<uring::DataDirectory> directory_;
    std::unique_ptr<uring::Disk> disk_;
};

std::string scratch() { return std::filesystem::temp_directory_path(); }

constexpr uring::DiskOptions few_slots{.operations_max = 8, .files_open_max = 16};

std::unique_ptr<DiskWorld> make(const std::string& parent, const uring::DiskOptions& options = {}) {
    auto world = std::make_unique<UringDiskWorld>(parent, options);
    return world->usable() ? std::move(world) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Drivers, DiskContract,
    testing::Values(DiskDriver{"uring", [] { return make(scratch()); }},
                    DiskDriver{"uring_few_slots", [] { return make(scratch(), few_slots); }},
                    DiskDriver{"uring_tmpfs", [] { return make("/dev/shm"); }}),
    disk_driver_name);

/// Runs one operation to its end.
io::DiskCompletion run(io::Disk& disk, const io::DiskOp& op) {
    EXPECT_EQ(disk.submit({&op, 1}), 1u);
    disk.wait();
    io::DiskCompletion done;
    EXPECT_EQ(disk.poll({&done, 1}), 1u);
    return done;
}

TEST(UringDisk, serves_more_files_than_it_has_slots) {
    UringDiskWorld world(scratch(), few_slots);
    constexpr uint32_t files = 200;
    Blocks block(1);
    const io::MutableFragment piece = block.fragment();
    for (uint32_t i = 0; i < files; ++i) {
        ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::create, {io::FileKind::pool_1m, i}, 0, {}, 1}).ok);
        std::memset(block.data(), static_cast<int>(i), io::block_size);
        ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::write, {io::FileKind::pool_1m, i}, 0, {&piece, 1}, 1}).ok);
    }
    EXPECT_EQ(world.native().counters().opens, files) << "each file was opened by its create and by nothing else";
    for (uint32_t i = 0; i < files; ++i) {
        ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::read, {io::FileKind::pool_1m, i}, 0, {&piece, 1}, 1}).ok);
        ASSERT_EQ(block.data()[77], static_cast<std::byte>(i));
    }
    EXPECT_GE(world.native().counters().opens, 2 * files - 16);
}

TEST(UringDisk, a_full_device_is_disk_full_and_a_short_write_goes_on) {
    UringDiskWorld world(scratch(), {});
    const io::FileId file{io::FileKind::pool_1m, 1};
    ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::create, file, 0, {}, 1}).ok);
    // A limit of the file size cuts the transfer in the middle, as a full device does; then it fails.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 3 * io::block_size;
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    Blocks out(8);
    std::memset(out.data(), 1, 8 * io::block_size);
    const io::MutableFragment piece = out.fragment();
    const auto failed = run(world.disk(), {io::DiskOpKind::write_durable, file, 0, {&piece, 1}, 1});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_FALSE(failed.ok);
    EXPECT_EQ(failed.error, (Error{Errc::io, EFBIG}));
    EXPECT_EQ(world.native().counters().continuations, 1u);
    EXPECT_TRUE(run(world.disk(), {io::DiskOpKind::write_durable, file, 0, {&piece, 1}, 1}).ok);
}

TEST(UringDisk, remove_spares_what_is_under_way) {
    UringDiskWorld world(scratch(), {});
    const io::FileId file{io::FileKind::pool_1m, 1};
    ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::create, file, 0, {}, 1}).ok);
    Blocks out(64);
    std::memset(out.data(), 1, out.all().size());
    const io::MutableFragment piece = out.fragment();
    const io::DiskOp ops[] = {{io::DiskOpKind::write_durable, file, 0, {&piece, 1}, 1},
                              {io::DiskOpKind::remove, file, 0, {}, 2},
                              {io::DiskOpKind::create, file, 0, {}, 3}};
    ASSERT_EQ(world.disk().submit({ops, 2}), 2u);
    for (int left = 2; left > 0;) {
        world.disk().wait();
        io::DiskCompletion done;
        left -= static_cast<int>(world.disk().poll({&done, 1}));
        EXPECT_TRUE(done.ok);
    }
    EXPECT_TRUE(run(world.disk(), ops[2]).ok);
    EXPECT_EQ(world.disk().list().value()[0].size, 0u);
}

TEST(UringDisk, a_reader_for_tools_reads_and_refuses_to_write) {
    UringDiskWorld world(scratch(), {});
    const io::FileId file{io::FileKind::journal, 1};
    ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::create, file, 0, {}, 1}).ok);
    Blocks block(1);
    std::memset(block.data(), 5, io::block_size);
    const io::MutableFragment piece = block.fragment();
    ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::write_durable, file, 0, {&piece, 1}, 1}).ok);
    auto ring = *uring::Ring::create();
    auto directory = uring::DataDirectory::open({.path = world.path() + "/data", .read_only = true});
    ASSERT_TRUE(directory.has_value()) << "the lock is for writers";
    auto reader = *uring::Disk::create(*ring, **directory);
    Blocks in(1);
    const io::MutableFragment place = in.fragment();
    ASSERT_TRUE(run(*reader, {io::DiskOpKind::read, file, 0, {&place, 1}, 1}).ok);
    EXPECT_EQ(in.data()[4095], std::byte{5});
    EXPECT_EQ(run(*reader, {io::DiskOpKind::write, file, 0, {&piece, 1}, 1}).error.code, Errc::refused);
    EXPECT_EQ(run(*reader, {io::DiskOpKind::remove, file, 0, {}, 1}).error.code, Errc::refused);
}

TEST(UringDisk, its_end_waits_for_what_is_under_way) {
    UringDiskWorld world(scratch(), {});
    const io::FileId file{io::FileKind::pool_16m, 1};
    ASSERT_TRUE(run(world.disk(), {io::DiskOpKind::create, file, 0, {}, 1}).ok);
    Blocks out(256);
    std::memset(out.data(), 1, out.all().size());
    const io::MutableFragment piece = out.fragment();
    std::vector<io::DiskOp> ops;
    for (uint64_t i = 0; i < 4; ++i) ops.push_back({io::DiskOpKind::write, file, i * mib, {&piece, 1}, i});
    ASSERT_EQ(world.disk().submit(ops), ops.size());
    world.reopen();  // with the memory still alive: ASan would see a write into it afterwards
    EXPECT_EQ(world.disk().list().value()[0].size, 4 * mib);
}

}  // namespace
}  // namespace penstock::tests
