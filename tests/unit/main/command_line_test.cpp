#include "main/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "main/settings_table.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr ProgramInfo program{.name = "penstock-broker", .purpose = "a test", .config = "conf/broker.toml"};

struct Ran {
    BrokerSettings settings;
    CommandOutcome outcome;
};

Ran run(std::vector<const char*> words) {
    Ran r;
    Settings rows = settings_of(r.settings);
    r.outcome = run_command_line(program, words, rows);
    return r;
}

class CommandLineFile : public testing::Test {
protected:
    CommandLineFile() {
        const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
        folder_ = std::filesystem::path(testing::TempDir()) / ("penstock-command-line-" + test);
        std::filesystem::create_directories(folder_);
        path_ = (folder_ / "b.toml").string();
    }
    ~CommandLineFile() override { std::filesystem::remove_all(folder_); }

    const char* write(std::string_view text) {
        std::ofstream(path_) << text;
        return path_.c_str();
    }

    std::filesystem::path folder_;
    std::string path_;
};

TEST(CommandLine, nothing_means_start_with_the_defaults) {
    const Ran r = run({});
    EXPECT_FALSE(r.outcome.exit_code);
    EXPECT_EQ(r.outcome.out + r.outcome.err, "");
    EXPECT_EQ(r.settings.kafka_listen.port, 9092);
}

TEST(CommandLine, help_lists_every_setting_and_ends_with_examples) {
    const Ran r = run({"--help"});
    EXPECT_EQ(r.outcome.exit_code, 0);
    BrokerSettings settings;
    for (const Setting& row : settings_of(settings)) EXPECT_THAT(r.outcome.out, HasSubstr(row.key));
    EXPECT_GT(r.outcome.out.find("Examples:"), r.outcome.out.find("Settings:"));
}

TEST(CommandLine, version) {
    EXPECT_THAT(run({"--version"}).outcome.out, StartsWith("penstock-broker "));
    EXPECT_EQ(run({"--version"}).outcome.exit_code, 0);
}

TEST(CommandLine, overrides) {
    const Ran r = run({"--set", "node.id=9", "--set=storage.cache_bytes=8MiB", "--set", "shards.idle=spin"});
    EXPECT_FALSE(r.outcome.exit_code);
    EXPECT_EQ(r.settings.node_id, 9);
    EXPECT_EQ(r.settings.storage_cache_bytes, 8u << 20);
    EXPECT_EQ(r.settings.shards_idle, IdleStrategy::spin);
}

TEST(CommandLine, wrong_overrides_are_refused) {
    EXPECT_EQ(run({"--set", "node.di=9"}).outcome.err,
              "penstock-broker: --set node.di=9: unknown setting \"node.di\"; did you mean \"node.id\"?\n");
    EXPECT_EQ(run({"--set", "node.id"}).outcome.err, "penstock-broker: --set node.id: write key=value\n");
    EXPECT_EQ(run({"--set", "node.id=x"}).outcome.exit_code, 2);
    EXPECT_THAT(run({"--set"}).outcome.err, StartsWith("penstock-broker: --set needs a key=value\n"));
}

TEST(CommandLine, unknown_arguments_are_guessed) {
    const Ran r = run({"--confg", "x"});
    EXPECT_EQ(r.outcome.exit_code, 2);
    EXPECT_THAT(r.outcome.err, HasSubstr("unknown argument \"--confg\"; did you mean \"--config\"?"));
    EXPECT_EQ(run({"broker.toml"}).outcome.exit_code, 2);
}

TEST_F(CommandLineFile, the_file_is_read_and_overrides_win) {
    const Ran r = run({"--config", write("node.id = 3\n[shards]\ncount = 4\n"), "--set", "node.id=5"});
    EXPECT_FALSE(r.outcome.exit_code) << r.outcome.err;
    EXPECT_EQ(r.settings.node_id, 5);
    EXPECT_EQ(r.settings.shards_count, 4u);
}

TEST_F(CommandLineFile, check_vets_and_exits) {
    EXPECT_EQ(run({"--check", "--config", write("node.id = 3\n")}).outcome.exit_code, 0);
    EXPECT_EQ(run({"--check", "--config", path_.c_str()}).outcome.out, path_ + ": ok\n");
    const Ran wrong = run({"--check", "--config", write("\nnode.id = -3\n")});
    EXPECT_EQ(wrong.outcome.exit_code, 2);
    EXPECT_THAT(wrong.outcome.err, HasSubstr(path_ + ":2: node.id: -3 is out of range: 0 to 2147483647"));
}

TEST_F(CommandLineFile, relations_between_settings_are_checked) {
    const Ran r = run({"--check", "--config", write("[limits]\nrequest_memory_bytes = \"8MiB\"\n")});
    EXPECT_EQ(r.outcome.exit_code, 2);
    EXPECT_THAT(r.outcome.err,
                HasSubstr(":2: limits.request_memory_bytes = 8MiB is below limits.request_bytes_max = 100MiB"));
}

TEST_F(CommandLineFile, files_that_cannot_be_read_are_refused) {
    EXPECT_THAT(run({"--config", path_.c_str()}).outcome.err, HasSubstr("b.toml: cannot be read: No such file"));
    const std::string folder = folder_.string();
    EXPECT_THAT(run({"--config", folder.c_str()}).outcome.err, HasSubstr("cannot be read"));
    const std::string large(size_t{1 << 20} + 1, '#');
    EXPECT_THAT(run({"--config", write(large)}).outcome.err, HasSubstr("larger than 1 MiB"));
    EXPECT_FALSE(run({"--config", write("")}).outcome.exit_code);
}

}  // namespace
}  // namespace penstock
