#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock {
namespace {

struct Red;
struct Blue;
struct Item : ListLink<Red>, ListLink<Blue> {
    explicit Item(int n) : number(n) {}
    int number;
};
using RedList = IntrusiveList<Item, Red>;
using BlueList = IntrusiveList<Item, Blue>;

std::vector<int> numbers(RedList& list) {
    std::vector<int> out;
    for (Item* item = list.front(); item != nullptr; item = list.next(*item)) out.push_back(item->number);
    return out;
}

TEST(IntrusiveList, keeps_order_and_lets_elements_leave_from_anywhere) {
    Item a(1), b(2), c(3);
    RedList list;
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
    static_cast<ListLink<Red>&>(b).unlink();
    EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_EQ(list.pop_front(), &c);
    EXPECT_EQ(list.pop_front(), nullptr);
    EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, an_element_can_be_on_lists_of_two_kinds) {
    Item a(1);
    RedList red;
    BlueList blue;
    red.push_back(a);
    blue.push_back(a);
    static_cast<ListLink<Red>&>(a).unlink();
    EXPECT_TRUE(red.empty());
    EXPECT_EQ(blue.front(), &a);
    blue.pop_front();
}

TEST(IntrusiveList, takes_another_list_behind_its_own_elements) {
    Item a(1), b(2), c(3);
    RedList list, other;
    list.take(other);
    EXPECT_TRUE(list.empty());
    list.push_back(a);
    other.push_back(b);
    other.push_back(c);
    list.take(other);
    EXPECT_TRUE(other.empty());
    EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
    while (list.pop_front() != nullptr) {}
}

}  // namespace
}  // namespace penstock
