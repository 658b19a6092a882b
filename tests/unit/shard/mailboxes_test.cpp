#include "shard/mailboxes.h"

#include <gtest/gtest.h>

#include <deque>

#include "limits.h"

namespace penstock::shard {
namespace {

using broker::AppendCall;
using broker::Ask;

class MailboxesTest : public testing::Test {
protected:
    AppendCall& call(uint32_t home, uint32_t owner) {
        AppendCall& made = calls_.emplace_back();
        made.home = home;
        made.owner = owner;
        return made;
    }
    std::deque<AppendCall> calls_;
};

TEST_F(MailboxesTest, carry_asks_and_answers_in_order) {
    Mailboxes all(3);
    Mailbox home(all, 2), owner(all, 0), other(all, 1);
    for (int i = 0; i < 10; ++i) home.ask(call(2, 0), i % 2 == 0 ? Ask::start : Ask::cancel);
    Mail mail;
    EXPECT_FALSE(other.next_ask(2, mail));
    EXPECT_FALSE(owner.next_ask(1, mail));
    for (size_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(owner.next_ask(2, mail));
        EXPECT_EQ(mail.call, &calls_[i]);
        EXPECT_EQ(mail.what, i % 2 == 0 ? Ask::start : Ask::cancel);
        owner.answer(*mail.call, mail.what);
    }
    EXPECT_FALSE(owner.next_ask(2, mail));
    for (size_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(home.next_answer(0, mail));
        EXPECT_EQ(mail.call, &calls_[i]);
    }
    EXPECT_FALSE(home.next_answer(0, mail));
}

TEST_F(MailboxesTest, keep_what_finds_no_room_in_order_at_home) {
    Mailboxes all(2);
    Mailbox home(all, 0), owner(all, 1);
    const size_t count = 3 * all.capacity();
    for (size_t i = 0; i < count; ++i) home.ask(call(0, 1), Ask::start);
    // The owner answers late: everything it holds has a place for its answer.
    std::vector<broker::Call*> seen;
    Mail mail;
    while (seen.size() < count) {
        std::vector<broker::Call*> burst;
        while (owner.next_ask(0, mail)) burst.push_back(mail.call);
        ASSERT_EQ(burst.size(), all.capacity());
        for (broker::Call* held : burst) owner.answer(*held, Ask::start);
        while (home.next_answer(1, mail)) seen.push_back(mail.call);
    }
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(seen[i], &calls_[i]);
}

TEST_F(MailboxesTest, name_each_shard_to_wake_once) {
    Mailboxes all(3);
    Mailbox home(all, 0), owner(all, 1);
    EXPECT_TRUE(home.to_wake().empty());
    home.ask(call(0, 1), Ask::start);
    home.ask(call(0, 1), Ask::start);
    home.ask(call(0, 2), Ask::start);
    const auto woken = home.to_wake();
    EXPECT_EQ(std::vector<uint32_t>(woken.begin(), woken.end()), (std::vector<uint32_t>{1, 2}));
    EXPECT_TRUE(home.to_wake().empty());
    Mail mail;
    ASSERT_TRUE(owner.next_ask(0, mail));
    owner.answer(*mail.call, mail.what);
    ASSERT_EQ(owner.to_wake().size(), 1u);
}

TEST_F(MailboxesTest, stay_within_their_memory_for_many_shards) {
    EXPECT_EQ(Mailboxes(1).capacity(), limits::calls_between_shards);
    EXPECT_EQ(Mailboxes(16).capacity(), limits::calls_between_shards);
    EXPECT_EQ(Mailboxes(48).capacity(), 256u);
}

}  // namespace
}  // namespace penstock::shard
