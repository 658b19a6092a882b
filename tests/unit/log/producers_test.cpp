#include "log/producers.h"

#include <gtest/gtest.h>

#include <climits>
#include <map>

#include "base/random.h"

namespace penstock::log {
namespace {

constexpr int64_t noon = 1'700'000'000'000;

class ProducersTest : public testing::Test {
protected:
    ProducerBatch batch(int64_t id, int16_t epoch, int32_t sequence, int32_t records, int64_t timestamp = noon) {
        return {id, epoch, sequence, records - 1, end_, timestamp};
    }
    void record(int64_t id, int16_t epoch, int32_t sequence, int32_t records, int64_t timestamp = noon) {
        const ProducerBatch next = batch(id, epoch, sequence, records, timestamp);
        table_.record(next);
        end_ = next.last_offset() + 1;
    }
    ProducerVerdict check(int64_t id, int16_t epoch, int32_t sequence, int32_t records, int64_t timestamp = noon) {
        found_ = {};
        return table_.check(batch(id, epoch, sequence, records, timestamp), found_);
    }

    ProducerTable table_;
    ProducerBatch found_;
    int64_t end_ = 0;
};

TEST_F(ProducersTest, an_unknown_producer_may_begin_anywhere) {
    EXPECT_EQ(check(7, 3, 12345, 2), ProducerVerdict::next);
    EXPECT_EQ(check(0, 0, 0, 1), ProducerVerdict::next);
}

TEST_F(ProducersTest, sequences_go_on_without_gaps) {
    record(7, 0, 0, 10);
    EXPECT_EQ(check(7, 0, 10, 5), ProducerVerdict::next);
    EXPECT_EQ(check(7, 0, 11, 5), ProducerVerdict::out_of_order);
    EXPECT_EQ(check(7, 0, 9, 5), ProducerVerdict::out_of_order);
    EXPECT_EQ(check(7, 0, 0, 9), ProducerVerdict::out_of_order) << "begins alike, ends elsewhere";
    EXPECT_EQ(check(8, 0, 500, 1), ProducerVerdict::next) << "another producer";
}

TEST_F(ProducersTest, the_last_five_batches_are_known_with_their_offsets) {
    for (int32_t i = 0; i < 7; ++i) record(7, 0, 2 * i, 2);
    for (int32_t i = 2; i < 7; ++i) {
        EXPECT_EQ(check(7, 0, 2 * i, 2), ProducerVerdict::duplicate) << i;
        EXPECT_EQ(found_.base_offset, 2 * i);
        EXPECT_EQ(found_.last_offset(), 2 * i + 1);
    }
    EXPECT_EQ(check(7, 0, 2, 2), ProducerVerdict::out_of_order);
    EXPECT_EQ(check(7, 0, 14, 2), ProducerVerdict::next);
}

TEST_F(ProducersTest, sequences_wrap_behind_the_largest) {
    record(7, 0, INT32_MAX - 1, 2);
    EXPECT_EQ(table_.find(7)->last().last_sequence(), INT32_MAX);
    EXPECT_EQ(check(7, 0, 0, 1), ProducerVerdict::next);
    EXPECT_EQ(check(7, 0, 1, 1), ProducerVerdict::out_of_order);
    record(8, 0, INT32_MAX - 2, 5);  // MAX - 2, MAX - 1, MAX, 0, 1
    EXPECT_EQ(table_.find(8)->last().last_sequence(), 1);
    EXPECT_EQ(check(8, 0, 2, 1), ProducerVerdict::next);
    EXPECT_EQ(check(8, 0, INT32_MAX - 2, 5), ProducerVerdict::duplicate);
}

TEST_F(ProducersTest, a_new_epoch_begins_with_zero_and_shuts_out_the_old_one) {
    record(7, 1, 0, 4);
    EXPECT_EQ(check(7, 2, 4, 1), ProducerVerdict::out_of_order);
    EXPECT_EQ(check(7, 2, 0, 4), ProducerVerdict::next) << "not a duplicate: the epoch is another";
    record(7, 2, 0, 4);
    EXPECT_EQ(check(7, 1, 0, 4), ProducerVerdict::fenced) << "even what was appended then";
    EXPECT_EQ(check(7, 1, 4, 1), ProducerVerdict::fenced);
    EXPECT_EQ(check(7, 2, 0, 4), ProducerVerdict::duplicate);
    EXPECT_EQ(found_.base_offset, 4);
}

TEST_F(ProducersTest, who_was_idle_for_too_long_is_forgotten) {
    record(7, 1, 0, 4);
    record(8, 0, 0, 1, noon + 1);
    const int64_t late = noon + limits::producer_expiration_ms;
    EXPECT_EQ(check(7, 1, 50, 1, late - 1), ProducerVerdict::out_of_order);
    EXPECT_EQ(check(7, 1, 50, 1, late), ProducerVerdict::next);
    EXPECT_EQ(check(7, 0, 50, 1, late), ProducerVerdict::next);
    record(7, 0, 50, 1, late);
    EXPECT_EQ(table_.find(7)->count, 1u) << "what came before is of no use";
    record(9, 0, 0, 1, late + 1);
    EXPECT_EQ(table_.find(8), nullptr) << "others go when somebody appends";
    EXPECT_EQ(table_.size(), 2u);
}

TEST_F(ProducersTest, the_one_idle_longest_makes_room) {
    const auto many = static_cast<int64_t>(limits::producers_per_log);
    for (int64_t id = 0; id < many; ++id) record(id, 0, 0, 1);
    record(0, 0, 1, 1);
    record(many, 0, 0, 1);
    EXPECT_EQ(table_.size(), limits::producers_per_log);
    EXPECT_EQ(table_.find(1), nullptr);
    EXPECT_EQ(check(0, 0, 1, 1), ProducerVerdict::duplicate);
    EXPECT_EQ(check(many, 0, 0, 1), ProducerVerdict::duplicate);
}

TEST_F(ProducersTest, a_cut_takes_back_what_was_recorded_since) {
    record(7, 0, 0, 2);   // 0, 1
    record(8, 0, 0, 2);   // 2, 3
    record(7, 0, 2, 2);   // 4, 5
    record(9, 0, 0, 2);   // 6, 7
    record(7, 1, 0, 1);   // 8
    table_.truncate(6);
    EXPECT_EQ(table_.find(9), nullptr);
    EXPECT_EQ(table_.find(7)->last().epoch, 0) << "the new epoch never was";
    EXPECT_EQ(check(7, 0, 4, 1), ProducerVerdict::next);
    table_.truncate(4);
    EXPECT_EQ(check(7, 0, 2, 1), ProducerVerdict::next);
    std::vector<int64_t> order;
    table_.for_each([&](const ProducerTable::Producer& producer) { order.push_back(producer.id); });
    EXPECT_EQ(order, (std::vector<int64_t>{7, 8}));
    table_.truncate(0);
    EXPECT_EQ(table_.size(), 0u);
}

TEST_F(ProducersTest, only_what_for_each_gives_is_restored) {
    for (int32_t i = 0; i < 20; ++i) record(i % 6, 0, i / 6, 1);
    ProducerTable again;
    table_.for_each([&](const ProducerTable::Producer& producer) { EXPECT_TRUE(again.restore(producer)); });
    EXPECT_EQ(again, table_);
    again.record(batch(3, 0, 99, 1));
    EXPECT_FALSE(again == table_);
    ProducerTable::Producer producer = *table_.find(5);
    EXPECT_FALSE(again.restore(producer)) << "twice";
    producer.id = 100;
    EXPECT_FALSE(again.restore(producer)) << "out of order";
    producer.count = 0;
    EXPECT_FALSE(again.restore(producer));
    producer.count = 6;
    EXPECT_FALSE(again.restore(producer));
}

TEST_F(ProducersTest, finds_everybody_whatever_comes_and_goes) {
    Random random(3);
    std::map<int64_t, int32_t> last;  // sequence
    int64_t now = noon;
    for (int i = 0; i < 50'000; ++i) {
        const auto id = static_cast<int64_t>(random.below(300)) << random.below(40);
        if (random.chance(1, 5000)) {
            now += limits::producer_expiration_ms;
            last.clear();
        }
        const auto known = last.find(id);
        const int32_t next = known == last.end() ? 5 : known->second + 1;
        ASSERT_EQ(check(id, 0, next, 1, now), ProducerVerdict::next);
        record(id, 0, next, 1, now);
        last[id] = next;
        ASSERT_EQ(check(id, 0, next, 1, now), ProducerVerdict::duplicate);
        ASSERT_EQ(check(id, 0, next + 2, 1, now), ProducerVerdict::out_of_order);
        if (random.chance(1, 100)) {
            const int64_t who = last.begin()->first;
            if (table_.find(who) != nullptr) {
                ASSERT_EQ(table_.find(who)->last().first_sequence, last[who]);
            }
        }
    }
}

}  // namespace
}  // namespace penstock::log
