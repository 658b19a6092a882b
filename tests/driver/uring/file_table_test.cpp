#include "uring/file_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"

namespace penstock::uring {
namespace {

constexpr io::FileId file(uint32_t number, io::FileKind kind = io::FileKind::pool_1m) { return {kind, number}; }

TEST(FileTable, the_longest_unused_file_makes_room) {
    FileTable table(3);
    const uint32_t a = table.take(file(1)).slot, b = table.take(file(2)).slot, c = table.take(file(3)).slot;
    EXPECT_EQ(table.take(file(4)).slot, FileTable::none) << "all have users";
    EXPECT_FALSE(table.drop_user(b));
    EXPECT_FALSE(table.drop_user(a));
    EXPECT_FALSE(table.drop_user(c));
    table.add_user(b);  // used again: now a is the oldest
    EXPECT_FALSE(table.drop_user(b));
    const FileTable::Taken taken = table.take(file(4));
    EXPECT_EQ(taken.slot, a);
    EXPECT_TRUE(taken.replaced);
    EXPECT_EQ(table.find(file(1)), FileTable::none);
    EXPECT_EQ(table.find(file(2)), b);
}

TEST(FileTable, kinds_have_numbers_of_their_own) {
    FileTable table(4);
    const uint32_t pool = table.take(file(1)).slot;
    const uint32_t journal = table.take(file(1, io::FileKind::journal)).slot;
    EXPECT_NE(pool, journal);
    EXPECT_EQ(table.find(file(1, io::FileKind::journal)), journal);
}

TEST(FileTable, a_forgotten_file_keeps_its_slot_until_it_is_closed) {
    FileTable table(1);
    const uint32_t slot = table.take(file(1)).slot;
    EXPECT_FALSE(table.forget(slot)) << "somebody uses it";
    EXPECT_EQ(table.find(file(1)), FileTable::none);
    EXPECT_FALSE(table.known(slot));
    EXPECT_EQ(table.take(file(1)).slot, FileTable::none);
    EXPECT_TRUE(table.drop_user(slot));
    EXPECT_EQ(table.take(file(1)).slot, FileTable::none) << "not closed yet";
    table.free(slot);
    EXPECT_EQ(table.take(file(1)).slot, slot);
    EXPECT_FALSE(table.drop_user(slot));
    EXPECT_TRUE(table.forget(slot)) << "nobody uses it";
}

TEST(FileTable, agrees_with_a_model) {
    FileTable table(20);
    Random random(3);
    std::map<uint32_t, uint32_t> users;  // of files that must be found
    for (int step = 0; step < 100'000; ++step) {
        const auto number = static_cast<uint32_t>(random.below(60)) * 1000;
        const uint32_t slot = table.find(file(number));
        if (users[number] > 0) {
            ASSERT_NE(slot, FileTable::none) << "a used file is never lost";
        }
        switch (random.below(4)) {
            case 0:
                if (slot != FileTable::none) {
                    table.add_user(slot);
                    ++users[number];
                } else if (table.take(file(number)).slot != FileTable::none) {
                    users[number] = 1;
                }
                break;
            case 1:
                if (slot == FileTable::none || users[number] > 0) break;
                ASSERT_TRUE(table.forget(slot));
                table.free(slot);
                break;
            default:
                if (users[number] == 0) break;
                --users[number];
                ASSERT_FALSE(table.drop_user(slot));
        }
    }
    std::set<uint32_t> slots;
    for (const auto& [number, count] : users) {
        const uint32_t slot = table.find(file(number));
        if (slot == FileTable::none) continue;
        EXPECT_TRUE(slots.insert(slot).second) << "two files in one slot";
    }
    EXPECT_LE(slots.size(), 20u);
}

}  // namespace
}  // namespace penstock::uring
