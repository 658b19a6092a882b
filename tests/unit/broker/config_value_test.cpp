#include "broker/config_value.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

constexpr ConfigRule boolean{ConfigType::boolean};
constexpr ConfigRule ratio{ConfigType::real, 0, 1};
constexpr ConfigRule list{ConfigType::list, 0, 0, "compact,delete"};
constexpr ConfigRule choice{ConfigType::text, 0, 0, "CreateTime,LogAppendTime"};

TEST(ConfigValue, shows_values_in_one_form) {
    for (const auto& [rule, given, shown] : std::initializer_list<std::tuple<ConfigRule, const char*, const char*>>{
             {boolean, "TRUE", "true"}, {boolean, " false\n", "false"},
             {{ConfigType::int32}, " 12 ", "12"}, {{ConfigType::int32}, "-12", "-12"}, {{ConfigType::int16}, "+5", "5"},
             {{ConfigType::int64}, "9223372036854775807", "9223372036854775807"},
             {ratio, "0.50", "0.5"}, {ratio, "1", "1.0"}, {ratio, "1e-1", "0.1"},
             {list, "compact , delete", "compact,delete"}, {list, "", ""}, {list, " ", ""},
             {choice, " CreateTime", "CreateTime"}, {{ConfigType::text}, "any thing ", "any thing"}}) {
        const auto checked = check_value(rule, given);
        ASSERT_TRUE(checked.has_value()) << given << ": " << checked.error();
        EXPECT_EQ(*checked, shown);
    }
}

TEST(ConfigValue, says_what_is_wrong) {
    for (const auto& [rule, given, why] : std::initializer_list<std::tuple<ConfigRule, const char*, const char*>>{
             {boolean, "1", "must be true or false"}, {boolean, "", "must be true or false"},
             {{ConfigType::int32}, "", "not a number"}, {{ConfigType::int32}, "+-5", "not a number"},
             {{ConfigType::int32}, "1.0", "not a number"}, {{ConfigType::int32}, "0x10", "not a number"},
             {{ConfigType::int32}, "2147483648", "must be at most 2147483647"},
             {{ConfigType::int16}, "-32769", "must be at least -32768"},
             {{ConfigType::int64}, "9223372036854775808", "not a number"},
             {{ConfigType::int64, -1}, "-2", "must be at least -1"},
             {ratio, "inf", "not a number"}, {ratio, "nan", "not a number"}, {ratio, "2", "must be at most 1"},
             {list, "delete,delete,x", "each part must be one of compact, delete"},
             {choice, "createtime", "must be one of CreateTime, LogAppendTime"}}) {
        const auto checked = check_value(rule, given);
        ASSERT_FALSE(checked.has_value()) << given;
        EXPECT_EQ(checked.error(), why);
    }
}

TEST(ConfigValue, cuts_lists_at_commas) {
    EXPECT_TRUE(read_list("").empty());
    EXPECT_EQ(read_list("a"), std::vector<std::string_view>{"a"});
    EXPECT_EQ(read_list(" a ,b,, "), (std::vector<std::string_view>{"a", "b", "", ""}));
}

}  // namespace
}  // namespace penstock::broker
