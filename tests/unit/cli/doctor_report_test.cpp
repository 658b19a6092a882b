#include "cli/doctor_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "contains.h"
#include "good_machine.h"

namespace penstock::cli {
namespace {

TEST(DoctorReport, GroupsLinesBySubject) {
    const std::string text = doctor_text({
        {.level = Level::ok, .subject = "kernel", .device = {}, .check = "release", .what = "Linux 6.1", .why = "w",
         .mend = "m"},
        {.level = Level::fault, .subject = "kernel", .device = {}, .check = "b", .what = "bad\x1b", .why = "because",
         .mend = "mend it"},
        {.level = Level::warning, .subject = "network", .device = "eth0", .check = "c", .what = "slow", .why = "cost",
         .mend = {}},
        {.level = Level::advice, .subject = "network", .device = "eth1", .check = "c", .what = "small", .why = {},
         .mend = {}}});
    EXPECT_EQ(text,
              "kernel\n"
              "  ok       Linux 6.1\n"
              "  fault    bad?\n"
              "           why:  because\n"
              "           mend: mend it\n"
              "\n"
              "network eth0\n"
              "  warning  slow\n"
              "           why:  cost\n"
              "\n"
              "network eth1\n"
              "  advice   small\n"
              "\n"
              "Verdict: 1 fault, 1 warning, 1 piece of advice. A broker cannot start here, or cannot keep what it "
              "acknowledges.\n");
}

TEST(DoctorReport, LongReasonsStandInAColumnAndCommandsOnALine) {
    std::string words, command;
    for (int i = 0; i < 40; ++i) words += "word ";
    for (int i = 0; i < 40; ++i) command += "command ";
    const std::string text = doctor_text({{.level = Level::advice, .subject = "cpu", .device = {}, .check = "c",
                                           .what = "w", .why = words + std::string(200, 'x'), .mend = command}});
    EXPECT_TRUE(contains(text, "word\n                 word")) << text;
    EXPECT_TRUE(contains(text, std::string(200, 'x'))) << "a word is never broken";
    EXPECT_TRUE(contains(text, command));
}

TEST(DoctorReport, TheVerdictFollowsTheWorst) {
    DoctorFacts facts = good_machine();
    EXPECT_TRUE(contains(doctor_text(diagnose(facts)),
                         "Verdict: 0 faults, 0 warnings, 0 pieces of advice. A broker can run here.\n"));
    facts.machine.clock.synchronised = false;
    EXPECT_TRUE(contains(doctor_text(diagnose(facts)), "1 warning, 0 pieces of advice. A broker runs here, with"));
}

TEST(DoctorReport, JsonNamesEverySectionAndItsFacts) {
    const DoctorFacts facts = good_machine();
    const auto json = nlohmann::json::parse(doctor_json(facts, diagnose(facts)));
    EXPECT_EQ(json["verdict"], "ok");
    EXPECT_EQ(json["exit_code"], 0);
    EXPECT_EQ(json["data_directory"], "/data/broker");
    ASSERT_EQ(json["sections"].size(), std::size(subjects));
    for (size_t i = 0; i < std::size(subjects); ++i) {
        const auto& section = json["sections"][i];
        EXPECT_EQ(section["subject"], subjects[i]);
        EXPECT_FALSE(section["facts"].empty());
        ASSERT_FALSE(section["findings"].empty());
        for (const char* name : {"check", "level", "what", "why", "mend"}) {
            EXPECT_TRUE(section["findings"][0].contains(name)) << name;
        }
    }
    EXPECT_EQ(json["sections"][6]["facts"]["devices"][0]["mtu"], 9000);
    EXPECT_EQ(json["sections"][6]["findings"][0]["device"], "ens1");
    EXPECT_EQ(json["sections"][7]["facts"]["write_latency_us"]["p99"], 60.0);
    EXPECT_EQ(json["sections"][7]["facts"]["device"]["name"], "nvme0n1");
}

TEST(DoctorReport, JsonHasNullsForTheUnknownAndStandsBytesThatAreNoText) {
    DoctorFacts facts;
    facts.disk.path = "/data/\xff\xfe";
    facts.networks = {NetworkFacts{.name = "\xc3(", .interface = "\xc3("}};
    const auto json = nlohmann::json::parse(doctor_json(facts, diagnose(facts)));
    EXPECT_EQ(json["verdict"], "fault");
    EXPECT_EQ(json["exit_code"], 2);
    EXPECT_TRUE(json["sections"][0]["facts"]["release"].is_null());
    EXPECT_TRUE(json["sections"][7]["facts"]["direct"].is_null());
    EXPECT_TRUE(json["sections"][7]["facts"]["device"].is_null());
}

}  // namespace
}  // namespace penstock::cli
