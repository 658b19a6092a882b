#include "main/settings_table.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock {
namespace {

template <class S>
void check_table() {
    S settings;
    std::set<std::string_view> keys;
    std::set<std::string> finished_tables;
    std::string table = "none yet";
    for (const Setting& row : settings_of(settings)) {
        EXPECT_TRUE(keys.insert(row.key).second) << row.key;
        EXPECT_FALSE(row.doc.empty()) << row.key;
        EXPECT_FALSE(row.why.empty()) << row.key;
        EXPECT_LE(row.doc.size(), 112u) << row.key;  // a comment line of the documented file
        EXPECT_LE(row.why.size(), 112u) << row.key;
        EXPECT_EQ(value_text(row), row.initial) << row.key << ": write the default as it is printed";
        const size_t dot = row.key.rfind('.');
        const std::string own(row.key.substr(0, dot == std::string_view::npos ? 0 : dot));
        if (own != table) {
            EXPECT_TRUE(finished_tables.insert(own).second) << own << ": its rows are not together";
            table = own;
        }
    }
    EXPECT_TRUE(broken_relations(settings_of(settings)).empty());
}

TEST(SettingsTable, is_complete_and_its_defaults_are_valid) {
    check_table<BrokerSettings>();
    check_table<CoordinatorSettings>();
}

}  // namespace
}  // namespace penstock
