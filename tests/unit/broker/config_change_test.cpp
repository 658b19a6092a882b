#include "broker/config_change.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

using wire::kafka::AlterOperation;
using enum AlterOperation;
using Entries = std::vector<ConfigEntry>;

Entries changed(const Entries& current, const std::vector<ConfigOperation>& operations, bool replaces = false) {
    const auto outcome = changed_configs(current, {operations, replaces});
    EXPECT_TRUE(outcome.has_value()) << outcome.error();
    return outcome.value_or(Entries{{"refused", ""}});
}

std::string refusal(const Entries& current, const std::vector<ConfigOperation>& operations) {
    const auto outcome = changed_configs(current, {operations, false});
    return outcome ? "taken" : outcome.error();
}

TEST(ConfigChange, sets_and_removes) {
    const Entries current{{"retention.ms", "1"}, {"segment.ms", "2"}};
    EXPECT_EQ(changed(current, {}), current);
    EXPECT_EQ(changed(current, {{"retention.ms", set, "3"}, {"flush.ms", set, "4"}}),
              (Entries{{"flush.ms", "4"}, {"retention.ms", "3"}, {"segment.ms", "2"}}));
    EXPECT_EQ(changed(current, {{"retention.ms", remove, {}}, {"no.such", remove, "x"}}),
              (Entries{{"segment.ms", "2"}}));
}

TEST(ConfigChange, replaces_all) {
    const Entries current{{"retention.ms", "1"}, {"segment.ms", "2"}};
    EXPECT_EQ(changed(current, {{"retention.ms", set, "3"}}, true), (Entries{{"retention.ms", "3"}}));
    EXPECT_EQ(changed(current, {}, true), Entries{});
}

TEST(ConfigChange, changes_lists_from_the_value_or_the_default) {
    const auto policy = [](const char* value) { return Entries{{"cleanup.policy", value}}; };
    EXPECT_EQ(changed({}, {{"cleanup.policy", append, "compact"}}), policy("delete,compact"));
    EXPECT_EQ(changed({}, {{"cleanup.policy", append, "delete"}}), policy("delete"));
    EXPECT_EQ(changed(policy("compact"), {{"cleanup.policy", append, "delete,compact"}}), policy("compact,delete"));
    EXPECT_EQ(changed(policy("compact, delete"), {{"cleanup.policy", subtract, "compact"}}), policy("delete"));
    EXPECT_EQ(changed({}, {{"cleanup.policy", subtract, "compact,delete"}}), policy(""));
    EXPECT_EQ(changed(policy("delete"), {{"cleanup.policy", append, ""}}), policy("delete"));
}

TEST(ConfigChange, refuses_an_outcome_that_is_not_allowed) {
    EXPECT_EQ(refusal({}, {{"no.such", set, "1"}}), "Unknown topic config name: no.such");
    EXPECT_EQ(refusal({}, {{"no.such", append, "1"}}), "Unknown topic config name: no.such");
    EXPECT_NE(refusal({}, {{"retention.ms", subtract, "1"}}).find("is no list"), std::string::npos);
    EXPECT_NE(refusal({}, {{"cleanup.policy", append, "shred"}}).find("must be one of"), std::string::npos);
    // Also what was there before: it would have to be mended first, or with the change.
    const Entries old{{"gone.name", "1"}};
    EXPECT_EQ(refusal(old, {{"retention.ms", set, "1"}}), "Unknown topic config name: gone.name");
    EXPECT_EQ(refusal(old, {{"gone.name", remove, {}}}), "taken");
    const Entries lag{{"max.compaction.lag.ms", "5"}};
    EXPECT_NE(refusal(lag, {{"min.compaction.lag.ms", set, "6"}}), "taken");
}

}  // namespace
}  // namespace penstock::broker
