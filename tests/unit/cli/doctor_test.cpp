#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command_run.h"
#include "contains.h"
#include "fake_tree.h"

namespace penstock::cli {
namespace {

const Address nobody{"127.0.0.1", 1};  // no broker is asked

TEST(Doctor, LooksAtThisMachine) {
    const FakeTree folder;
    const RunResult run = run_command({"doctor", "--data", folder.root(), "--json"}, nobody);
    EXPECT_GE(run.code, 0) << run.failure;
    EXPECT_LE(run.code, 2);
    const auto json = nlohmann::json::parse(run.text);
    EXPECT_EQ(json["exit_code"], run.code);
    EXPECT_EQ(json["sections"].size(), 8u);
    EXPECT_TRUE(std::filesystem::is_empty(folder.root()));
}

TEST(Doctor, ADirectoryThatIsNotThereIsAFault) {
    const FakeTree folder;
    const RunResult run = run_command({"doctor", "--data", folder.root() + "/absent", "--device", "lo"}, nobody);
    EXPECT_EQ(run.code, 2);
    EXPECT_TRUE(contains(run.text, "absent does not exist"));
    EXPECT_TRUE(contains(run.text, "network lo\n")) << "asked for, it is looked at";
    EXPECT_TRUE(contains(run.text, "\nVerdict: "));
    EXPECT_TRUE(std::filesystem::is_empty(folder.root()));
}

TEST(Doctor, RefusesDevicesThatAreNotThere) {
    const RunResult run = run_command({"doctor", "--device", "no-such-device"}, nobody);
    EXPECT_EQ(run.code, -1);
    EXPECT_TRUE(contains(run.failure, "there is no network interface 'no-such-device'"));
}

}  // namespace
}  // namespace penstock::cli
