#include "main/settings.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

#include "main/settings_file.h"
#include "main/settings_table.h"

namespace penstock {
namespace {

std::string contents(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file.is_open()) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The files in conf/ are the manual: regenerate them with `penstock-broker --print-config > conf/broker.toml`.
TEST(Settings, shipped_files_are_what_the_programs_print) {
    BrokerSettings broker;
    EXPECT_EQ(contents(PENSTOCK_CONF_DIR "/broker.toml"), document("penstock-broker", settings_of(broker)));
    CoordinatorSettings coordinator;
    EXPECT_EQ(contents(PENSTOCK_CONF_DIR "/coordinator.toml"),
              document("penstock-coordinator", settings_of(coordinator)));
}

TEST(Settings, development_files_are_valid) {
    const std::array broker{"penstock-broker", "--config", PENSTOCK_CONF_DIR "/dev/broker.toml"};
    const auto settings = load_broker_settings(static_cast<int>(broker.size()), broker.data());
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->shards_idle, IdleStrategy::block);
    const std::array coordinator{"penstock-coordinator", "--config", PENSTOCK_CONF_DIR "/dev/coordinator.toml"};
    EXPECT_TRUE(load_coordinator_settings(static_cast<int>(coordinator.size()), coordinator.data()));
}

TEST(Settings, files_of_the_local_cluster_are_valid) {
    const std::array broker{"penstock-broker", "--config", PENSTOCK_CONF_DIR "/dev/cluster/broker.toml"};
    EXPECT_TRUE(load_broker_settings(static_cast<int>(broker.size()), broker.data()));
    const std::array coordinator{"penstock-coordinator", "--config", PENSTOCK_CONF_DIR "/dev/cluster/coordinator.toml"};
    EXPECT_TRUE(load_coordinator_settings(static_cast<int>(coordinator.size()), coordinator.data()));
}

TEST(Settings, the_advertised_address_is_never_empty) {
    const std::array by_name_argv{"penstock-broker", "--set", "kafka.listen=0.0.0.0:1234"};
    const auto by_name = load_broker_settings(by_name_argv.size(), by_name_argv.data());
    ASSERT_TRUE(by_name);
    const io::Address named = advertised_address(*by_name, "");
    EXPECT_FALSE(named.host.empty());
    EXPECT_NE(named.host, "0.0.0.0");
    EXPECT_EQ(named.port, 1234);
    EXPECT_EQ(advertised_address(*by_name, "10.0.0.1").host, "10.0.0.1") << "where a device has the datagrams";
    const std::array by_address_argv{"penstock-broker", "--set", "kafka.listen=127.0.0.1:1234"};
    const auto by_address = load_broker_settings(by_address_argv.size(), by_address_argv.data());
    ASSERT_TRUE(by_address);
    EXPECT_EQ(advertised_address(*by_address, "10.0.0.1").host, "127.0.0.1");
    const std::array chosen_argv{"penstock-broker", "--set", "kafka.advertised=a.example:1"};
    const auto chosen = load_broker_settings(chosen_argv.size(), chosen_argv.data());
    ASSERT_TRUE(chosen);
    EXPECT_EQ(advertised_address(*chosen, "10.0.0.1").host, "a.example");
}

TEST(Settings, exit_codes) {
    const std::array wrong{"penstock-coordinator", "--set", "sesion_timeout_ms=1"};
    testing::internal::CaptureStderr();
    EXPECT_EQ(load_coordinator_settings(static_cast<int>(wrong.size()), wrong.data()).error(), 2);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("did you mean \"session_timeout_ms\"?"), std::string::npos);
    const std::array check{"penstock-coordinator", "--check"};
    testing::internal::CaptureStdout();
    EXPECT_EQ(load_coordinator_settings(static_cast<int>(check.size()), check.data()).error(), 0);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "the defaults: ok\n");
}

}  // namespace
}  // namespace penstock
