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
            pool.step_done(step->maker, true, Errc::io, now_);
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

TEST_F(FilePoolTest, a_larger_file_is_better_than_waiting) {
    FilePool pool(options(), {{io::FileKind::pool_16m, 1}}, {});
    EXPECT_EQ(class_of_kind(pool.take(0)->kind), 2);
    EXPECT_FALSE(pool.take(0).has_value());
}

TEST_F(FilePoolTest, one_file_is_made_at_a_time_until_somebody_waits) {
    FilePool pool(options(), {}, {});
    auto first = pool.next_step(now_);
    ASSERT_TRUE(first);
    EXPECT_FALSE(pool.next_step(now_));
    EXPECT_EQ(pool.next_deadline(), never);
    EXPECT_FALSE(pool.take(1));
    EXPECT_EQ(pool.next_deadline(), Nanos{0});
    for (uint32_t i = 1; i < FilePool::makers_max; ++i) {
        auto step = pool.next_step(now_);
        ASSERT_TRUE(step);
        EXPECT_EQ(step->maker, i);
        EXPECT_EQ(step->file.kind, io::FileKind::pool_4m);
    }
    EXPECT_FALSE(pool.next_step(now_));
    EXPECT_FALSE(pool.idle());
    pool.step_done(2, true, Errc::io, now_);
    EXPECT_EQ(pool.next_step(now_)->maker, 2u);
}

TEST_F(FilePoolTest, somebody_who_waits_ends_the_pause_between_writes) {
    FilePool::Options slow = options();
    slow.bytes_per_s = mib;
    FilePool pool(slow, {}, {});
    pool.note_load(now_ + 60 * second_ns);
    ASSERT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::create);
    pool.step_done(0, true, Errc::io, now_);
    ASSERT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::write);
    pool.step_done(0, true, Errc::io, now_);
    EXPECT_FALSE(pool.next_step(now_));
    EXPECT_EQ(pool.next_deadline(), now_ + second_ns);
    EXPECT_FALSE(pool.take(0));
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::flush);
}

TEST_F(FilePoolTest, the_refill_keeps_its_rate_under_load_while_nobody_waits) {
    FilePool::Options slow = options();
    slow.bytes_per_s = 10 * mib;
    FilePool idle(slow, {}, {});
    run(idle);
    EXPECT_EQ(now_, Nanos{0}) << "at full speed";

    FilePool pool(slow, {}, {});
    pool.note_load(now_ + 60 * second_ns);
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
    pool.step_done(0, true, Errc::io, now_);
    ASSERT_EQ(pool.next_step(now_)->maker, 0u);
    pool.step_done(0, false, Errc::disk_full, now_);
    EXPECT_TRUE(pool.disk_full());
    EXPECT_FALSE(pool.next_step(now_).has_value()) << "not at once again";
    now_ = now_ + second_ns;
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::remove) << "what was half made goes";
    pool.step_done(0, true, Errc::io, now_);
    run(pool, 20);
    EXPECT_FALSE(pool.disk_full());
    EXPECT_TRUE(pool.take(0).has_value());
}

TEST_F(FilePoolTest, a_smaller_file_is_made_where_the_disk_has_no_room_for_a_large_one) {
    FilePool pool(options(), {}, {});
    EXPECT_FALSE(pool.take(2));
    EXPECT_EQ(pool.next_step(now_)->file.kind, io::FileKind::pool_16m);
    pool.step_done(0, true, Errc::io, now_);
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::write);
    pool.step_done(0, false, Errc::disk_full, now_);
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::remove) << "at once: it holds the room";
    pool.step_done(0, true, Errc::io, now_);
    EXPECT_EQ(pool.next_step(now_)->file.kind, io::FileKind::pool_4m);
    pool.step_done(0, false, Errc::disk_full, now_);
    EXPECT_FALSE(pool.disk_full());
    run(pool, 3);
    EXPECT_EQ(pool.take(2)->kind, io::FileKind::pool_1m);
}

TEST_F(FilePoolTest, a_refused_refill_waits_before_it_tries_again) {
    FilePool pool(options(), {}, {});
    run(pool, 8 * 3 + 2 * 6);
    ASSERT_EQ(pool.next_step(now_)->file.kind, io::FileKind::pool_16m);
    pool.step_done(0, false, Errc::disk_full, now_);
    EXPECT_FALSE(pool.next_step(now_));
    EXPECT_GT(pool.next_deadline(), now_);
    run(pool);
    EXPECT_FALSE(pool.disk_full());
    EXPECT_EQ(class_of_kind(pool.take(2)->kind), 2);
}

TEST_F(FilePoolTest, a_smaller_file_is_made_where_the_limit_leaves_no_room_for_a_large_one) {
    FilePool::Options tight = options();
    tight.ready_bytes = 0;
    tight.limit_bytes = 6 * mib;
    FilePool pool(tight, {}, {});
    EXPECT_FALSE(pool.take(2));
    run(pool, 6);
    EXPECT_EQ(pool.take(2)->kind, io::FileKind::pool_4m);
    EXPECT_FALSE(pool.take(2));
    run(pool, 3);
    EXPECT_EQ(pool.take(2)->kind, io::FileKind::pool_1m);
    EXPECT_FALSE(pool.disk_full());
}

TEST_F(FilePoolTest, makes_way_for_a_checkpoint_that_finds_no_space) {
    FilePool pool(options(), {}, {});
    run(pool);
    const uint64_t ready = pool.ready_count();
    pool.yield();
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::remove);
    EXPECT_EQ(pool.ready_count(), ready - 1);
    pool.step_done(0, true, Errc::io, now_);
    EXPECT_FALSE(pool.next_step(now_)) << "what came free is not for files";
    EXPECT_EQ(pool.next_deadline(), never);
    pool.resume();
    EXPECT_EQ(pool.next_step(now_)->kind, FilePool::StepKind::create);
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
