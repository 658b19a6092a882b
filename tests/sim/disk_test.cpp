#include "sim/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "disk_user.h"

namespace penstock::sim {
namespace {

using io::DiskOpKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr io::FileId file_a{io::FileKind::journal, 0};
constexpr io::FileId file_b{io::FileKind::journal, 1};

struct SimDisk : ::testing::Test {
    Directory directory{{.seed = 11}};
    Disk disk{directory};

    void submit(DiskOpKind kind, const Buffer& buffer, uint64_t block = 0, io::FileId file = file_a,
                uint64_t token = 0) {
        const io::DiskOp op{kind, file, block * io::block_size, buffer.fragments(), token};
        ASSERT_EQ(disk.submit({&op, 1}), 1u);
    }
    void finish_all() {
        while (directory.complete_one()) {}
        std::vector<io::DiskCompletion> out(100);
        disk.poll(out);
    }
};

/// First byte of each sector of the file's first block, after a crash.
std::string sectors(const Directory& directory, io::FileId file = file_a) {
    const auto bytes = directory.contents(file);
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += sector_size) out += static_cast<char>(bytes[i]);
    return out;
}

TEST_F(SimDisk, keeps_what_is_written) {
    EXPECT_TRUE(create(disk, file_a).ok);
    Buffer out(3, 'x');
    EXPECT_EQ(write(disk, file_a, 1, out).bytes, 3 * io::block_size);
    Buffer in(8);
    const auto completion = read(disk, file_a, 2, in);
    EXPECT_TRUE(completion.ok);
    EXPECT_EQ(completion.bytes, 2 * io::block_size);  // short at the end of the file
    EXPECT_EQ(in.data()[0], std::byte{'x'});
    EXPECT_EQ(in.data()[2 * io::block_size], std::byte{0});
    EXPECT_THAT(directory.violations(), IsEmpty());
}

TEST_F(SimDisk, knows_which_files_there_are) {
    Buffer buffer(1);
    EXPECT_EQ(write(disk, file_a, 0, buffer).error.code, Errc::not_found);
    EXPECT_EQ(read(disk, file_a, 0, buffer).error.code, Errc::not_found);
    EXPECT_TRUE(create(disk, file_a).ok);
    EXPECT_EQ(create(disk, file_a).error.code, Errc::exists);
    write(disk, file_a, 0, buffer);
    const auto files = disk.list();
    ASSERT_EQ(files->size(), 1u);
    EXPECT_EQ(files->at(0).file, file_a);
    EXPECT_EQ(files->at(0).size, io::block_size);
    EXPECT_TRUE(run(disk, {.kind = DiskOpKind::remove, .file = file_a}).ok);
    EXPECT_TRUE(disk.list()->empty());
}

TEST_F(SimDisk, never_written_blocks_are_garbage_but_stable) {
    create(disk, file_a);
    Buffer last(1, 'x'), in(1), again(1);
    write(disk, file_a, 4, last);
    read(disk, file_a, 2, in);
    EXPECT_FALSE(in.all(0));
    read(disk, file_a, 2, again);
    EXPECT_EQ(std::memcmp(in.data(), again.data(), io::block_size), 0);
}

TEST_F(SimDisk, plain_writes_are_durable_after_a_flush_only) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'x'));
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "");
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::all})), "xxxxxxxx");
    run(disk, {.kind = DiskOpKind::flush, .file = file_a});
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "xxxxxxxx");
    EXPECT_EQ(directory.crash_items(), 0u);
}

TEST_F(SimDisk, a_flush_covers_what_completed_before_it_was_submitted) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'x'));
    const Buffer late(1, 'y');
    const io::DiskOp ops[] = {{.kind = DiskOpKind::flush, .file = file_a},
                              {.kind = DiskOpKind::write, .file = file_a, .fragments = late.fragments()}};
    disk.submit(ops);
    finish_all();
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "xxxxxxxx");
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::all})), "yyyyyyyy");
}

TEST_F(SimDisk, durable_writes_are_durable_when_they_complete_and_not_before) {
    create(disk, file_a);
    const Buffer out(1, 'x');
    submit(DiskOpKind::write_durable, out);
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "");
    finish_all();
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "xxxxxxxx");
}

TEST_F(SimDisk, a_crash_tears_at_sectors_in_every_way) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    const Buffer out(1, 'n');
    submit(DiskOpKind::write_durable, out);
    std::set<std::string> seen;
    for (const CrashChoice& choice : directory.crash_choices(256, 1)) seen.insert(sectors(*directory.crash(choice)));
    EXPECT_EQ(seen.size(), 256u);
    EXPECT_TRUE(seen.contains("oooooooo"));
    EXPECT_TRUE(seen.contains("nononono"));
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::front, .sectors = 3})), "nnnooooo");
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::back, .sectors = 3})), "ooooonnn");
    finish_all();
}

TEST_F(SimDisk, a_torn_write_may_spoil_the_sector_that_the_power_cut_hit) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    const Buffer out(1, 'n');
    submit(DiskOpKind::write_durable, out);
    bool spoilt = false;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        const auto bytes = directory.crash({.mode = CrashMode::random, .bits = seed})->contents(file_a);
        const auto strange = std::ranges::count_if(
            bytes, [](std::byte b) { return b != std::byte{'o'} && b != std::byte{'n'}; });
        EXPECT_LE(strange, sector_size);
        spoilt |= strange > 0;
    }
    EXPECT_TRUE(spoilt);
    finish_all();
}

TEST_F(SimDisk, any_version_of_an_unflushed_sector_may_survive) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    write(disk, file_a, 0, Buffer(1, 'a'));
    write(disk, file_a, 0, Buffer(1, 'b'));
    std::set<std::string> seen;
    for (const CrashChoice& choice : directory.crash_choices(1 << 16, 1))
        seen.insert(sectors(*directory.crash(choice)));
    EXPECT_EQ(seen.size(), 6561u);  // 3^8
    EXPECT_TRUE(seen.contains("oabboaba"));
    // Something newer and durable replaces them all.
    write(disk, file_a, 0, Buffer(1, 'c'), DiskOpKind::write_durable);
    EXPECT_EQ(directory.crash_choices(100, 1).size(), 1u);
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "cccccccc");
}

TEST_F(SimDisk, writes_reorder_freely_at_a_crash) {
    create(disk, file_a);
    create(disk, file_b);
    write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    write(disk, file_b, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    const Buffer a(1, 'a'), b(1, 'b');
    submit(DiskOpKind::write_durable, a, 0, file_a);
    submit(DiskOpKind::write_durable, b, 0, file_b);
    const auto later_only = directory.crash({.mode = CrashMode::only, .item = 1});
    EXPECT_EQ(sectors(*later_only, file_a), "oooooooo");
    EXPECT_EQ(sectors(*later_only, file_b), "bbbbbbbb");
    const auto earlier_only = directory.crash({.mode = CrashMode::without, .item = 1});
    EXPECT_EQ(sectors(*earlier_only, file_a), "aaaaaaaa");
    EXPECT_EQ(sectors(*earlier_only, file_b), "oooooooo");
    finish_all();
}

TEST_F(SimDisk, choices_hold_the_extremes_when_there_are_too_many_subsets) {
    create(disk, file_a);
    const Buffer out(5, 'x');
    submit(DiskOpKind::write, out);
    submit(DiskOpKind::write, out, 10);
    std::set<std::string> texts;
    for (const CrashChoice& choice : directory.crash_choices(40, 3)) {
        texts.insert(choice.text());
        const auto parsed = CrashChoice::parse(choice.text());
        ASSERT_TRUE(parsed);
        EXPECT_EQ(directory.crash(*parsed)->contents(file_a), directory.crash(choice)->contents(file_a));
    }
    EXPECT_EQ(texts.size(), 40u);
    for (const char* wanted : {"all", "none", "only/0", "only/1", "without/0", "without/1"})
        EXPECT_TRUE(texts.contains(wanted)) << wanted;
    for (const char* wrong : {"", "every", "only", "only/", "only/x", "front/1", "all/1", "mask/1/2"})
        EXPECT_FALSE(CrashChoice::parse(wrong)) << wrong;
    finish_all();
}

TEST_F(SimDisk, a_create_in_flight_may_or_may_not_have_happened) {
    const io::DiskOp op{.kind = DiskOpKind::create, .file = file_a};
    disk.submit({&op, 1});
    EXPECT_TRUE(directory.crash({.mode = CrashMode::none})->files().empty());
    EXPECT_EQ(directory.crash({.mode = CrashMode::all})->files().size(), 1u);
    finish_all();
    EXPECT_EQ(directory.crash({.mode = CrashMode::none})->files().size(), 1u);
}

TEST_F(SimDisk, a_remove_may_be_undone_until_a_create_made_the_folder_durable) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'x'), DiskOpKind::write_durable);
    run(disk, {.kind = DiskOpKind::remove, .file = file_a});
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "xxxxxxxx");
    EXPECT_TRUE(directory.crash({.mode = CrashMode::all})->files().empty());
    create(disk, {io::FileKind::pool_1m, 0});  // another folder
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "xxxxxxxx");
    create(disk, file_b);
    EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "");
    create(disk, file_a);
    EXPECT_EQ(directory.contents(file_a).size(), 0u);
}

TEST_F(SimDisk, a_crash_leaves_the_original_alone) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'x'), DiskOpKind::write_durable);
    const auto copy = directory.crash({.mode = CrashMode::all});
    write(disk, file_a, 0, Buffer(1, 'y'), DiskOpKind::write_durable);
    Disk other(*copy);
    EXPECT_EQ(sectors(*copy), "xxxxxxxx");
    write(other, file_a, 0, Buffer(1, 'z'), DiskOpKind::write_durable);
    EXPECT_EQ(sectors(directory), "yyyyyyyy");
    EXPECT_EQ(sectors(*copy), "zzzzzzzz");
}

TEST_F(SimDisk, operations_overtake_each_other_the_same_way_for_a_seed) {
    const auto order_of = [](uint64_t seed) {
        Directory there({.seed = seed});
        Disk handle(there);
        create(handle, file_a);
        const Buffer out(1);
        for (uint64_t i = 0; i < 20; ++i) {
            const io::DiskOp op{DiskOpKind::write, file_a, i * io::block_size, out.fragments(), i};
            handle.submit({&op, 1});
        }
        std::vector<uint64_t> tokens;
        while (handle.in_flight() > 0) tokens.push_back(finish(handle).token);
        return tokens;
    };
    EXPECT_EQ(order_of(1), order_of(1));
    EXPECT_NE(order_of(1), order_of(2));
    EXPECT_FALSE(std::ranges::is_sorted(order_of(1)));
}

TEST_F(SimDisk, time_is_virtual) {
    EXPECT_EQ(directory.next_completion(), never);
    const io::DiskOp op{.kind = DiskOpKind::create, .file = file_a};
    disk.submit({&op, 1});
    const Nanos due = directory.next_completion();
    directory.step(due - 1);
    EXPECT_FALSE(disk.has_completions());
    directory.step(due);
    EXPECT_TRUE(disk.has_completions());
    EXPECT_EQ(directory.now(), due);
}

TEST_F(SimDisk, the_queue_is_bounded) {
    Directory narrow({.seed = 1, .queue_depth = 3});
    Disk handle(narrow);
    create(handle, file_a);
    const Buffer out(1);
    std::vector<io::DiskOp> ops(5, {.kind = DiskOpKind::write, .file = file_a, .fragments = out.fragments()});
    EXPECT_EQ(handle.submit(ops), 3u);
    EXPECT_EQ(handle.submit(ops), 0u);
    finish(handle);
    EXPECT_EQ(handle.submit(ops), 1u);
    while (handle.in_flight() > 0) finish(handle);
}

TEST_F(SimDisk, handles_share_a_directory_but_not_completions) {
    Disk other(directory);
    create(disk, file_a);
    const Buffer out(1, 'x');
    submit(DiskOpKind::write, out, 0, file_a, 5);
    while (directory.complete_one()) {}
    EXPECT_FALSE(other.has_completions());
    EXPECT_TRUE(disk.has_completions());
    Buffer in(1);
    EXPECT_TRUE(read(other, file_a, 0, in).ok);
    EXPECT_TRUE(in.all('x'));
}

TEST_F(SimDisk, a_killed_process_does_not_take_its_writes_back) {
    create(disk, file_a);
    {
        Disk victim(directory);
        const Buffer out(1, 'x');
        const io::DiskOp op{.kind = DiskOpKind::write, .file = file_a, .fragments = out.fragments()};
        victim.submit({&op, 1});
    }
    EXPECT_EQ(directory.in_flight(), 0u);
    EXPECT_EQ(sectors(directory), "xxxxxxxx");
}

TEST_F(SimDisk, reports_calls_that_break_the_contract) {
    create(disk, file_a);
    Buffer buffer(2, 'x');
    const io::MutableFragment askew{buffer.data() + 8, io::block_size}, odd{buffer.data(), 100};
    run(disk, {.kind = DiskOpKind::read, .file = file_a, .fragments = {&askew, 1}});
    run(disk, {.kind = DiskOpKind::read, .file = file_a, .fragments = {&odd, 1}});
    run(disk, {.kind = DiskOpKind::read, .file = file_a, .offset = 100, .fragments = buffer.fragments()});
    run(disk, {.kind = DiskOpKind::read, .file = file_a});
    EXPECT_THAT(directory.violations(),
                ElementsAre(HasSubstr("unaligned address"), HasSubstr("unaligned size"),
                            HasSubstr("unaligned offset"), HasSubstr("of nothing")));
}

TEST_F(SimDisk, reports_buffers_that_change_in_flight) {
    create(disk, file_a);
    Buffer buffer(2, 'x');
    submit(DiskOpKind::write, buffer);
    buffer.data()[5000] = std::byte{'y'};
    finish_all();
    EXPECT_THAT(directory.violations(), ElementsAre(HasSubstr("buffer changed")));
}

TEST_F(SimDisk, reports_different_writes_of_one_block_at_the_same_time) {
    create(disk, file_a);
    const Buffer x(2, 'x'), same(1, 'x'), y(1, 'y');
    submit(DiskOpKind::write, x);
    submit(DiskOpKind::write, same, 1);
    EXPECT_THAT(directory.violations(), IsEmpty());
    submit(DiskOpKind::write, y, 2);
    EXPECT_THAT(directory.violations(), IsEmpty());
    submit(DiskOpKind::write, y, 1);
    EXPECT_EQ(directory.violations().size(), 2u);  // over both
    finish_all();
}

TEST_F(SimDisk, reports_a_remove_under_a_write) {
    create(disk, file_a);
    const Buffer out(1);
    submit(DiskOpKind::write, out);
    const io::DiskOp op{.kind = DiskOpKind::remove, .file = file_a};
    disk.submit({&op, 1});
    EXPECT_THAT(directory.violations(), ElementsAre(HasSubstr("remove #3 of journal/0")));
    finish_all();
}

TEST_F(SimDisk, injected_errors_hit_the_nth_operation_of_a_kind) {
    create(disk, file_a);
    directory.inject({.kinds = fault_kind(DiskOpKind::write), .skip = 1, .count = 2, .error = {Errc::io, 5}});
    const Buffer out(1, 'x');
    Buffer in(1);
    EXPECT_TRUE(write(disk, file_a, 0, out).ok);
    EXPECT_EQ(write(disk, file_a, 1, out).error, (Error{Errc::io, 5}));
    EXPECT_TRUE(read(disk, file_a, 0, in).ok);
    EXPECT_FALSE(write(disk, file_a, 2, out).ok);
    EXPECT_TRUE(write(disk, file_a, 3, out).ok);
    directory.inject({.folder = io::FileKind::checkpoint});
    EXPECT_TRUE(read(disk, file_a, 0, in).ok);
}

TEST_F(SimDisk, a_failed_write_leaves_any_mix_of_sectors) {
    create(disk, file_a);
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
        write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
        directory.inject({});
        EXPECT_FALSE(write(disk, file_a, 0, Buffer(1, 'n'), DiskOpKind::write_durable).ok);
        seen.insert(sectors(directory));
        EXPECT_EQ(sectors(*directory.crash({.mode = CrashMode::none})), "oooooooo");
        directory.clear_faults();
    }
    EXPECT_GT(seen.size(), 10u);
}

TEST_F(SimDisk, a_full_disk_refuses_new_blocks_but_not_old_ones) {
    create(disk, file_a);
    directory.set_capacity(3 * io::block_size);
    EXPECT_TRUE(write(disk, file_a, 0, Buffer(2, 'x')).ok);
    EXPECT_EQ(write(disk, file_a, 2, Buffer(2, 'y')).error.code, Errc::disk_full);
    EXPECT_TRUE(write(disk, file_a, 0, Buffer(2, 'z')).ok);
    run(disk, {.kind = DiskOpKind::remove, .file = file_a});
    create(disk, file_b);
    EXPECT_TRUE(write(disk, file_b, 0, Buffer(3, 'x')).ok);
    EXPECT_EQ(directory.used_bytes(), 3 * io::block_size);
}

TEST_F(SimDisk, a_stall_holds_everything_back) {
    create(disk, file_a);
    const Buffer out(1);
    submit(DiskOpKind::write, out, 0);
    const Nanos until = directory.now() + second_ns;
    directory.stall_until(until);
    submit(DiskOpKind::write, out, 1);
    directory.step(until - 1);
    EXPECT_FALSE(disk.has_completions());
    directory.step(until);
    EXPECT_EQ(disk.in_flight(), 0u);
}

TEST_F(SimDisk, rot_changes_one_sector_durably) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'x'), DiskOpKind::write_durable);
    EXPECT_FALSE(directory.rot(file_a, 1, 1));
    EXPECT_FALSE(directory.rot(file_b, 0, 1));
    ASSERT_TRUE(directory.rot(file_a, 0, 1));
    const auto bytes = directory.crash({.mode = CrashMode::none})->contents(file_a);
    size_t wrong = 0;
    for (const std::byte b : bytes) wrong += b != std::byte{'x'};
    EXPECT_GE(wrong, 1u);
    EXPECT_LE(wrong, 3u);
}

TEST_F(SimDisk, a_read_beside_a_write_may_see_half_of_it) {
    create(disk, file_a);
    write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    bool mixed = false;
    for (int i = 0; i < 50 && !mixed; ++i) {
        const Buffer out(1, 'n'), in(1);
        submit(DiskOpKind::read, in);
        submit(DiskOpKind::write, out);
        finish_all();
        mixed = !in.all('n') && !in.all('o');
        write(disk, file_a, 0, Buffer(1, 'o'), DiskOpKind::write_durable);
    }
    EXPECT_TRUE(mixed);
}

TEST_F(SimDisk, operations_may_be_bounded) {
    create(disk, file_a);
    directory.set_operations_max(1);
    const Buffer out(1);
    EXPECT_TRUE(write(disk, file_a, 0, out).ok);
    EXPECT_FALSE(directory.exhausted());
    EXPECT_FALSE(write(disk, file_a, 0, out).ok);
    EXPECT_TRUE(directory.exhausted());
}

TEST_F(SimDisk, files_can_be_replaced_whole) {
    std::vector<std::byte> bytes(5000, std::byte{'q'});
    directory.replace(file_a, bytes);
    const auto contents = directory.crash({.mode = CrashMode::none})->contents(file_a);
    ASSERT_EQ(contents.size(), 2 * io::block_size);
    EXPECT_EQ(contents[4999], std::byte{'q'});
    EXPECT_EQ(contents[5000], std::byte{0});
}

}  // namespace
}  // namespace penstock::sim
