#include "log/file_pool.h"

#include <gtest/gtest.h>

namespace penstock::log {
namespace {

class FilePoolTest : public testing::Test {
protected:
    /// Runs the refill until it rests; returns the steps.
    std::vector<FilePool::Step> run(FilePool& pool, int steps_max = 1000) {
        std::vector<FilePool::Step> steps;
        for (int i = 0; i < steps_max; ++i) {
            now_ = std::max(now_, pool.next_deadline() == never ? now_ : pool.next_deadline());
            auto step = pool.next_step(now_);
            if (!step) break;
            steps.push_back(*step);
            EXPECT_FALSE(pool.next_step(now_).has_value()) << "one at a time";
            pool.step_done(true, Errc::io, now_);
        }
        return steps;
    }
    static FilePool::Options options() {
        FilePool::Options options;
        options.ready_bytes = 32 * mib;
        options.stride = 2;
        options.first_number = 5;
        return options;
    }
    Nanos now_{0};
};

TEST_F(FilePoolTest, a_file_is_created_written_through_and_flushed_before_it_is_ready) {
    FilePool::Options one = options();
    one.ready_bytes = 0;
    FilePool pool(one, {}, {});
    EXPECT_FALSE(pool.take(0).has_value());
    auto steps = run(pool, 3);
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[0].kind, FilePool::StepKind::create);
    EXPECT_EQ(steps[0].file, (io::FileId{io::FileKind::pool_1m, 5}));
    EXPECT_EQ(steps[1].kind, FilePool::StepKind::write);
    EXPECT_EQ(steps[1].size, mib);
    EXPECT_EQ(steps[2].kind, FilePool::StepKind::flush);
    auto file = pool.take(0);
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(pool.in_use_bytes(), mib);
}

TEST_F(FilePoolTest, it_fills_to_its_target_and_rests) {
    FilePool pool(options(), {}, {});
    run(pool);
    EXPECT_EQ(pool.ready_count(), 8u + 2u + 1u);
    EXPECT_FALSE(pool.next_step(now_).has_value());
    EXPECT_EQ(pool.next_deadline(), never);
    EXPECT_EQ(class_of_kind(pool.take(2)->kind), 2);
    EXPECT_EQ(class_of_kind(pool.take(2)->kind), 1) << "a smaller one where there is no large one";
}

TEST_F(FilePoolTest, the_refill_keeps_its_rate_while_nobody_waits) {
    FilePool::Options slow = options();
    slow.bytes_per_s = 10 * mib;
    FilePool pool(slow, {}, {});
    run(pool);
    uint64_t made = 8 * mib + 2 * 4 * mib + 16 * mib;
    auto least = static_cast<int64_t>((made - mib) * static_cast<uint64_t>(second_ns) / slow.bytes_per_s);
    EXPECT_GE(now_.value, least);
}

TEST_F(FilePoolTest, files_given_back_are_ready_and_too_many_are_removed) {
    FilePool pool(options(), {}, {});
    run(pool);
    std::vector<io::FileId> taken;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 8; ++i) taken.push_back(*pool.take(0));
        run(pool);
    }
    for (io::FileId file : taken) pool.give(file);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
    auto steps = run(pool);
    EXPECT_FALSE(steps.empty());
    for (const auto& step : steps) EXPECT_EQ(step.kind, FilePool::StepKind::remove);
    EXPECT_LE(pool.ready_count(), 2u * 8 + 4 + 3);
}

TEST_F(FilePoolTest, a_full_disk_is_said_and_recovers) {
    FilePool pool(options(), {}, {});
    EXPECT_FALSE(pool.take(0).has_value());
    EXPECT_FALSE(pool.disk_full());
    ASSERT_TRUE(pool.next_step(now_));
    pool.step_done(true, Errc::io, now_);
    ASSERT_TRUE(pool.next_step(now_));
    pool.step_done(false, Errc::disk_full, now_);
    EXPECT_TRUE(pool.disk_full());
    EXPECT_FALSE(pool.next_step(now_).has_value()) << "not at once again";
    now_ = now_ + second_ns;
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::remove) << "what was half made goes";
    pool.step_done(true, Errc::io, now_);
    run(pool, 20);
    EXPECT_FALSE(pool.disk_full());
    EXPECT_TRUE(pool.take(0).has_value());
}

TEST_F(FilePoolTest, the_limit_counts_files_in_use) {
    FilePool::Options tight = options();
    tight.ready_bytes = 0;
    tight.limit_bytes = 2 * mib;
    FilePool pool(tight, {}, {});
    EXPECT_FALSE(pool.take(0));
    run(pool, 3);
    auto first = pool.take(0);
    ASSERT_TRUE(first);
    EXPECT_FALSE(pool.take(0));
    run(pool, 3);
    ASSERT_TRUE(pool.take(0));
    EXPECT_FALSE(pool.take(0));
    EXPECT_FALSE(pool.next_step(now_ + second_ns).has_value());
    EXPECT_TRUE(pool.disk_full());
    pool.give(*first);
    EXPECT_FALSE(pool.disk_full());
    EXPECT_TRUE(pool.take(0));
}

}  // namespace
}  // namespace penstock::log
