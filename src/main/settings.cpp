#include "main/settings.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <span>

#include "main/command_line.h"
#include "main/settings_table.h"

namespace penstock {
namespace {

constexpr ProgramInfo broker_program{
    .name = "penstock-broker",
    .purpose = "takes records from Kafka clients, makes them durable, and serves them",
    .config = "conf/broker.toml",
};

constexpr ProgramInfo coordinator_program{
    .name = "penstock-coordinator",
    .purpose = "keeps the cluster's topics, and knows which brokers are alive",
    .config = "conf/coordinator.toml",
};

// The exit code when the program should not start.
std::optional<int> load(const ProgramInfo& program, int argc, const char* const* argv, Settings rows) {
    const auto words = std::span(argv, static_cast<size_t>(argc > 0 ? argc : 0));
    const CommandOutcome outcome = run_command_line(program, words.empty() ? words : words.subspan(1), rows);
    std::fputs(outcome.out.c_str(), stdout);
    std::fputs(outcome.err.c_str(), stderr);
    return outcome.exit_code;
}

std::string this_host() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

}  // namespace

io::Address advertised_address(const BrokerSettings& s, const std::string& device_host) {
    if (!s.kafka_advertised.host.empty()) return s.kafka_advertised;
    const std::string& listen = s.kafka_listen.host;
    if (listen != "0.0.0.0" && listen != "::") return s.kafka_listen;
    return {.host = device_host.empty() ? this_host() : device_host, .port = s.kafka_listen.port};
}

std::expected<BrokerSettings, int> load_broker_settings(int argc, const char* const* argv) {
    BrokerSettings settings;
    if (const auto code = load(broker_program, argc, argv, settings_of(settings))) return std::unexpected(*code);
    return settings;
}

std::expected<CoordinatorSettings, int> load_coordinator_settings(int argc, const char* const* argv) {
    CoordinatorSettings settings;
    if (const auto code = load(coordinator_program, argc, argv, settings_of(settings))) return std::unexpected(*code);
    return settings;
}

}  // namespace penstock
