#include "main/settings_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "main/settings_table.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Read {
    BrokerSettings settings;
    std::vector<std::string> problems;
};

Read read(std::string_view text, std::string_view path = "conf/b.toml") {
    Read r;
    Settings rows = settings_of(r.settings);
    r.problems = read_settings(text, path, rows);
    return r;
}

TEST(SettingsFile, reads_tables_dotted_keys_units_and_plain_numbers) {
    const Read r = read(R"(
node.id = 7
[kafka]
listen = "127.0.0.1:0"
[shards]
idle = "block"
pin_cores = false
[storage]
cache_bytes = "16MiB"
pool_bytes = 33554432
[topics]
default_retention_ms = "2h"
default_retention_bytes = -1
)");
    EXPECT_THAT(r.problems, IsEmpty());
    EXPECT_EQ(r.settings.node_id, 7);
    EXPECT_EQ(r.settings.kafka_listen.port, 0);
    EXPECT_EQ(r.settings.shards_idle, IdleStrategy::block);
    EXPECT_FALSE(r.settings.shards_pin_cores);
    EXPECT_EQ(r.settings.storage_cache_bytes, 16u << 20);
    EXPECT_EQ(r.settings.storage_pool_bytes, 32u << 20);
    EXPECT_EQ(r.settings.topics_default_retention_ms, 7'200'000);
}

TEST(SettingsFile, wrong_keys_are_refused_with_line_and_guess) {
    EXPECT_THAT(read("[storage]\ncache_byte = 1\n", "b.toml").problems,
                ElementsAre("b.toml:2: unknown setting \"storage.cache_byte\"; did you mean \"storage.cache_bytes\"?"));
    EXPECT_THAT(read("cache_bytes = 1\n").problems,
                ElementsAre("conf/b.toml:1: unknown setting \"cache_bytes\"; did you mean \"storage.cache_bytes\"?"));
    EXPECT_THAT(read("[kakfa]\nlisten = \"a:1\"\n").problems,
                ElementsAre("conf/b.toml:1: unknown setting \"kakfa\"; --help lists them all"));
    EXPECT_THAT(read("[zookeeper]\n").problems,
                ElementsAre("conf/b.toml:1: unknown setting \"zookeeper\"; --help lists them all"));
}

TEST(SettingsFile, wrong_types_and_values_are_refused_with_line_and_reason) {
    EXPECT_THAT(read("[shards]\n\ncount = \"2\"\n").problems,
                ElementsAre("conf/b.toml:3: shards.count: expected a whole number, 0 to 256; write it without quotes"));
    EXPECT_THAT(read("[shards]\ncount = 2.5\n").problems,
                ElementsAre("conf/b.toml:2: shards.count: expected a whole number, 0 to 256"));
    EXPECT_THAT(read("[shards]\nidle = \"blok\"\n", "b.toml").problems,
                ElementsAre("b.toml:2: shards.idle: \"blok\" is not one of spin, backoff, block; "
                            "did you mean \"block\"?"));
    EXPECT_THAT(read("[shards]\npin_cores = 1\n").problems,
                ElementsAre("conf/b.toml:2: shards.pin_cores: expected true or false, not a number"));
    EXPECT_THAT(read("[storage]\ncache_bytes = 17\n").problems,
                ElementsAre("conf/b.toml:2: storage.cache_bytes: 17 is out of range: 4MiB to 4TiB"));
    EXPECT_THAT(read("[kafka]\nlisten = [1]\n").problems,
                ElementsAre("conf/b.toml:2: kafka.listen: expected an address \"host:port\""));
    EXPECT_THAT(read("[kafka.listen]\nport = 1\n").problems,
                ElementsAre("conf/b.toml:1: kafka.listen: expected an address \"host:port\""));
}

TEST(SettingsFile, all_problems_are_reported) {
    EXPECT_EQ(read("[shards]\ncount = -5\nidle = 1\nidel = 2\n").problems.size(), 3u);
}

TEST(SettingsFile, broken_toml_is_refused_with_its_line) {
    const Read r = read("[kafka]\nlisten = \n");
    ASSERT_EQ(r.problems.size(), 1u);
    EXPECT_THAT(r.problems[0], testing::StartsWith("conf/b.toml:2: "));
    EXPECT_THAT(read("\n[=]\n").problems, ElementsAre(testing::StartsWith("conf/b.toml:2: ")));
}

TEST(SettingsFile, relative_paths_count_from_the_folder_of_the_file) {
    EXPECT_EQ(read("data.directory = \"../data\"\n", "conf/dev/b.toml").settings.data_directory, "conf/data");
    EXPECT_EQ(read("data.directory = \"../data\"\n", "/etc/penstock/b.toml").settings.data_directory, "/etc/data");
    EXPECT_EQ(read("data.directory = \"/data\"\n", "conf/b.toml").settings.data_directory, "/data");
    EXPECT_EQ(read("data.directory = \"data\"\n", "b.toml").settings.data_directory, "data");
}

TEST(SettingsFile, a_documented_file_reads_back_as_the_same_settings) {
    BrokerSettings settings;
    Settings rows = settings_of(settings);
    settings.data_directory = "/odd \"name\"\\\n";
    settings.kafka_listen = {.host = "::1", .port = 5};
    settings.topics_default_retention_bytes = 123456789;
    settings.shards_idle = IdleStrategy::spin;
    settings.broker_rack = "12";
    const std::string text = document("penstock-broker", rows);
    Read r = read(text);
    EXPECT_THAT(r.problems, IsEmpty());
    EXPECT_EQ(document("penstock-broker", settings_of(r.settings)), text);
    EXPECT_EQ(r.settings.data_directory, settings.data_directory);
    EXPECT_EQ(r.settings.broker_rack, "12");
}

TEST(SettingsFile, places_are_remembered) {
    BrokerSettings settings;
    Settings rows = settings_of(settings);
    EXPECT_THAT(read_settings("\n\nnode.id = 2\n", "x.toml", rows), IsEmpty());
    EXPECT_EQ(rows[0].place, "x.toml:3");
    EXPECT_EQ(rows[1].place, "default");
}

}  // namespace
}  // namespace penstock
