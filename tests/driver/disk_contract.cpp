#include "disk_contract.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"

namespace penstock::tests {

using io::DiskOp;
using io::DiskOpKind;
using io::FileId;
using io::FileKind;
using io::MutableFragment;

namespace {

constexpr FileId pool_file{FileKind::pool_1m, 7};

void fill(std::span<std::byte> bytes, uint64_t seed) { Random(seed).fill(bytes); }

bool all_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

void DiskContract::SetUp() {
    world_ = GetParam().make();
    if (world_ == nullptr) GTEST_SKIP() << "this machine has no place for it";
}

io::DiskCompletion DiskContract::run(DiskOpKind kind, FileId file, uint64_t offset,
                                     std::span<const MutableFragment> fragments) {
    const DiskOp op{.kind = kind, .file = file, .offset = offset, .fragments = fragments, .token = next_token_++};
    const auto done = run_all({&op, 1});
    EXPECT_TRUE(done.contains(op.token));
    return done.begin()->second;
}

io::DiskCompletion DiskContract::write(FileId file, uint64_t offset, MutableFragment fragment) {
    return run(DiskOpKind::write_durable, file, offset, {&fragment, 1});
}

io::DiskCompletion DiskContract::read(FileId file, uint64_t offset, MutableFragment fragment) {
    return run(DiskOpKind::read, file, offset, {&fragment, 1});
}

std::map<uint64_t, io::DiskCompletion> DiskContract::run_all(std::span<const DiskOp> ops) {
    std::map<uint64_t, io::DiskCompletion> done;
    size_t submitted = 0;
    while (done.size() < ops.size()) {
        submitted += disk().submit(ops.subspan(submitted));
        disk().wait();
        io::DiskCompletion some[3];
        const size_t n = disk().poll(some);
        EXPECT_GT(n, 0u) << "wait() returned and there was nothing";
        for (const io::DiskCompletion& one : std::span(some).first(n)) {
            EXPECT_TRUE(done.emplace(one.token, one).second) << "completed twice";
        }
    }
    io::DiskCompletion none[1];
    EXPECT_EQ(disk().poll(none), 0u);
    return done;
}

TEST_P(DiskContract, reads_what_was_written) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks out(5), in(5);
    fill(out.all(), 1);
    const MutableFragment pieces[] = {out.fragment(0, 1), out.fragment(1, 3), out.fragment(4, 1)};
    const auto written = run(DiskOpKind::write_durable, pool_file, 0, pieces);
    ASSERT_TRUE(written.ok);
    EXPECT_EQ(written.bytes, out.all().size());
    const MutableFragment places[] = {in.fragment(0, 4), in.fragment(4, 1)};
    const auto got = run(DiskOpKind::read, pool_file, 0, places);
    ASSERT_TRUE(got.ok);
    EXPECT_EQ(got.bytes, in.all().size());
    EXPECT_TRUE(std::ranges::equal(out.all(), in.all()));
}

TEST_P(DiskContract, writes_in_the_middle_and_flushes) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks all(8), piece(2), in(8);
    fill(all.all(), 1);
    fill(piece.all(), 2);
    ASSERT_TRUE(write(pool_file, 0, all.fragment()).ok);
    const MutableFragment one = piece.fragment();
    ASSERT_TRUE(run(DiskOpKind::write, pool_file, 3 * io::block_size, {&one, 1}).ok);
    ASSERT_TRUE(run(DiskOpKind::flush, pool_file).ok);
    std::memcpy(all.data() + 3 * io::block_size, piece.data(), 2 * io::block_size);
    ASSERT_TRUE(read(pool_file, 0, in.fragment()).ok);
    EXPECT_TRUE(std::ranges::equal(all.all(), in.all()));
}

TEST_P(DiskContract, a_read_is_short_only_at_the_end) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks out(3), in(8);
    fill(out.all(), 1);
    EXPECT_EQ(read(pool_file, 0, in.fragment()).bytes, 0u);
    ASSERT_TRUE(write(pool_file, 0, out.fragment()).ok);
    const auto got = read(pool_file, 2 * io::block_size, in.fragment());
    ASSERT_TRUE(got.ok);
    EXPECT_EQ(got.bytes, io::block_size);
    EXPECT_TRUE(std::ranges::equal(out.block(2), in.block(0)));
    const auto beyond = read(pool_file, 100 * io::block_size, in.fragment());
    EXPECT_TRUE(beyond.ok);
    EXPECT_EQ(beyond.bytes, 0u);
}

TEST_P(DiskContract, a_gap_reads_as_zeros) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks out(1), in(5);
    fill(out.all(), 1);
    ASSERT_TRUE(write(pool_file, 4 * io::block_size, out.fragment()).ok);
    ASSERT_EQ(read(pool_file, 0, in.fragment()).bytes, 5 * io::block_size);
    EXPECT_TRUE(all_zero(in.all().first(4 * io::block_size)));
    EXPECT_TRUE(std::ranges::equal(out.block(0), in.block(4)));
}

TEST_P(DiskContract, says_what_is_missing_and_what_exists) {
    Blocks block(1);
    fill(block.all(), 1);
    EXPECT_EQ(read(pool_file, 0, block.fragment()).error.code, Errc::not_found);
    EXPECT_EQ(write(pool_file, 0, block.fragment()).error.code, Errc::not_found);
    EXPECT_EQ(run(DiskOpKind::flush, pool_file).error.code, Errc::not_found);
    EXPECT_EQ(run(DiskOpKind::remove, pool_file).error.code, Errc::not_found);
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    EXPECT_EQ(run(DiskOpKind::create, pool_file).error.code, Errc::exists);
    EXPECT_TRUE(write(pool_file, 0, block.fragment()).ok) << "the failures left nothing behind";
    world_->reopen();
    EXPECT_EQ(run(DiskOpKind::create, pool_file).error.code, Errc::exists);
}

TEST_P(DiskContract, a_removed_file_is_gone_and_its_successor_empty) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks block(1);
    fill(block.all(), 1);
    ASSERT_TRUE(write(pool_file, 0, block.fragment()).ok);
    ASSERT_TRUE(run(DiskOpKind::remove, pool_file).ok);
    EXPECT_EQ(read(pool_file, 0, block.fragment()).error.code, Errc::not_found);
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    EXPECT_EQ(read(pool_file, 0, block.fragment()).bytes, 0u);
}

TEST_P(DiskContract, knows_how_much_space_there_is) {
    const auto space = disk().space();
    ASSERT_TRUE(space.has_value());
    EXPECT_GT(space->total_bytes, 0u);
    EXPECT_GT(space->usable_bytes, 0u);
    EXPECT_LE(space->usable_bytes, space->total_bytes);
}

TEST_P(DiskContract, lists_its_files) {
    EXPECT_TRUE(disk().list().value().empty());
    const std::vector<FileId> files = {{FileKind::super, 0},   {FileKind::journal, 3},
                                       {FileKind::checkpoint, 1}, {FileKind::pool_1m, 0},
                                       {FileKind::pool_4m, 4'294'967'295}, {FileKind::pool_16m, 12}};
    Blocks out(6);
    fill(out.all(), 1);
    for (size_t i = 0; i < files.size(); ++i) {
        ASSERT_TRUE(run(DiskOpKind::create, files[i]).ok);
        if (i == 0) continue;
        ASSERT_TRUE(write(files[i], 0, out.fragment(0, i)).ok);
    }
    world_->reopen();
    auto listed = disk().list().value();
    std::ranges::sort(listed, {}, &io::FileEntry::file);
    ASSERT_EQ(listed.size(), files.size());
    for (size_t i = 0; i < files.size(); ++i) {
        EXPECT_EQ(listed[i].file, files[i]);
        EXPECT_EQ(listed[i].size, i * io::block_size);
    }
}

TEST_P(DiskContract, takes_the_most_fragments) {
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks out(io::max_fragments), in(io::max_fragments);
    fill(out.all(), 1);
    std::vector<MutableFragment> pieces, places;
    for (size_t i = 0; i < io::max_fragments; ++i) {
        pieces.push_back(out.fragment(i, 1));
        places.push_back(in.fragment(io::max_fragments - 1 - i, 1));  // backwards, so that nothing can be merged
    }
    ASSERT_TRUE(run(DiskOpKind::write_durable, pool_file, 0, pieces).ok);
    ASSERT_TRUE(run(DiskOpKind::read, pool_file, 0, places).ok);
    for (size_t i = 0; i < io::max_fragments; ++i) {
        ASSERT_TRUE(std::ranges::equal(out.block(i), in.block(io::max_fragments - 1 - i)));
    }
}

TEST_P(DiskContract, completes_everything_once_though_its_queue_is_bounded) {
    constexpr size_t count = 2000;
    ASSERT_TRUE(run(DiskOpKind::create, pool_file).ok);
    Blocks out(16);
    fill(out.all(), 1);
    std::vector<MutableFragment> pieces;
    for (size_t i = 0; i < 16; ++i) pieces.push_back(out.fragment(i, 1));
    std::vector<DiskOp> ops;
    for (uint64_t i = 0; i < count; ++i) {
        ops.push_back({DiskOpKind::write, pool_file, i % 256 * io::block_size, {&pieces[i % 16], 1}, i});
    }
    EXPECT_LT(disk().submit({}), 1u);
    const auto done = run_all(ops);
    EXPECT_TRUE(std::ranges::all_of(done, [](const auto& one) { return one.second.ok; }));
    Blocks in(256);
    ASSERT_TRUE(read(pool_file, 0, in.fragment()).ok);
    for (size_t i = 0; i < 256; ++i) ASSERT_TRUE(std::ranges::equal(in.block(i), out.block(i % 16)));
}

TEST_P(DiskContract, agrees_with_a_model_over_many_files) {
    constexpr uint32_t files = 24, blocks = 16, rounds = 60, at_once = 40;
    Random random(7);
    std::map<uint32_t, std::vector<std::byte>> model;  // by file; what every byte must read as
    Blocks memory(at_once);
    for (uint32_t round = 0; round < rounds; ++round) {
        std::vector<DiskOp> ops;
        std::vector<MutableFragment> pieces(at_once);
        std::map<std::pair<uint32_t, uint64_t>, size_t> touched;  // operations of a burst must not meet
        for (size_t i = 0; i < at_once; ++i) {
            const auto number = static_cast<uint32_t>(random.below(files));
            const uint64_t at = random.below(blocks);
            if (!touched.emplace(std::pair(number, at), i).second || touched.contains({number, blocks})) continue;
            const FileId file{FileKind::pool_4m, number};
            if (!model.contains(number)) {
                // Alone with its file in this burst.
                const auto same = [&](const auto& t) { return t.first.first == number; };
                if (std::ranges::count_if(touched, same) > 1) continue;
                touched.emplace(std::pair(number, uint64_t{blocks}), i);
                ops.push_back({DiskOpKind::create, file, 0, {}, i});
                model[number];
                continue;
            }
            fill(memory.block(i), random.next());
            pieces[i] = memory.fragment(i, 1);
            auto& bytes = model[number];
            bytes.resize(std::max<size_t>(bytes.size(), (at + 1) * io::block_size));
            std::ranges::copy(memory.block(i), bytes.begin() + static_cast<ptrdiff_t>(at * io::block_size));
            ops.push_back({random.chance(1, 2) ? DiskOpKind::write : DiskOpKind::write_durable, file,
                           at * io::block_size, {&pieces[i], 1}, i});
        }
        for (const auto& [token, one] : run_all(ops)) ASSERT_TRUE(one.ok) << "round " << round;
        if (round % 20 == 10) world_->reopen();
        if (random.chance(1, 4) && !model.empty()) {
            const uint32_t number = model.begin()->first;
            ASSERT_TRUE(run(DiskOpKind::remove, {FileKind::pool_4m, number}).ok);
            model.erase(number);
        }
    }
    for (const auto& [number, bytes] : model) {
        Blocks in(blocks);
        const auto got = read({FileKind::pool_4m, number}, 0, in.fragment());
        ASSERT_TRUE(got.ok);
        ASSERT_EQ(got.bytes, bytes.size());
        EXPECT_TRUE(std::ranges::equal(bytes, in.all().first(bytes.size())));
    }
}

}  // namespace penstock::tests
