#include "transport/row.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "base/random.h"

namespace penstock::transport {
namespace {

TEST(Row, is_a_queue_with_places) {
    Random random(11);
    Row<std::string> row;
    std::deque<std::string> model;
    for (int step = 0; step < 20'000; ++step) {
        const uint64_t what = random.below(10);
        if (what < 5) {
            row.push_back(std::to_string(step));
            model.push_back(std::to_string(step));
        } else if (what < 6) {
            const size_t place = random.below(model.size() + 1);
            row.insert(place, std::to_string(-step));
            model.insert(model.begin() + static_cast<std::ptrdiff_t>(place), std::to_string(-step));
        } else {
            const size_t count = random.below(std::min<size_t>(model.size(), step % 500 == 0 ? 1000 : 3) + 1);
            row.pop_front(count);
            model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
        }
        ASSERT_EQ(row.size(), model.size());
        if (model.empty()) continue;
        ASSERT_EQ(row.front(), model.front());
        ASSERT_EQ(row.back(), model.back());
        const size_t place = random.below(model.size());
        ASSERT_EQ(row[place], model[place]);
    }
}

TEST(Row, gives_its_memory_back) {
    Row<int> row;
    for (int i = 0; i < 1000; ++i) row.push_back(i);
    row.pop_front(1000);
    row.shrink();
    EXPECT_TRUE(row.empty());
    row.push_back(7);
    EXPECT_EQ(row.front(), 7);
}

}  // namespace
}  // namespace penstock::transport
