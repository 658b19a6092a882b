#include "cli/table.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

TEST(Table, AlignsColumns) {
    Table table({{"TOPIC"}, {"PARTITIONS", true}, {"NOTE"}});
    EXPECT_TRUE(table.empty());
    table.add({"games", "3", "x"});
    table.add({"a-long-topic-name", "12000", ""});
    EXPECT_FALSE(table.empty());
    EXPECT_EQ(table.text(),
              "TOPIC              PARTITIONS  NOTE\n"
              "games                       3  x\n"
              "a-long-topic-name       12000  -\n");
}

TEST(Table, CountsCharactersNotBytes) {
    EXPECT_EQ(display_width("Zürich"), 6u);
    Table table({{"CITY"}, {"N", true}});
    table.add({"Zürich", "1"});
    table.add({"Bern--", "2"});
    EXPECT_EQ(table.text(), "CITY    N\nZürich  1\nBern--  2\n");
}

TEST(Table, NeverPassesControlCharactersOn) {
    Table table({{"A"}});
    table.add({"x\x1b[31m\ny"});
    EXPECT_EQ(table.text(), "A\nx?[31m?y\n");
}

}  // namespace
}  // namespace penstock::cli
