// penstock doctor
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/doctor_report.h"
#include "cli/network_probe.h"
#include "cli/options.h"

namespace penstock::cli {

namespace {

constexpr const char* broker_directory = "/var/lib/penstock/broker";  // data.directory's default
constexpr size_t devices_max = 64;

struct DoctorCommand {
    std::string data;
    std::vector<std::string> devices;
};

/// The broker's own, where it is; else where we are.
std::string default_directory() {
    std::error_code error;
    return std::filesystem::is_directory(broker_directory, error) ? broker_directory : ".";
}

Outcome<std::vector<NetworkFacts>> find_networks(const FactReader& reader, const std::vector<std::string>& devices) {
    std::vector<NetworkFacts> networks;
    for (const std::string& name : devices) {
        auto network = find_network_device(reader, name);
        if (!network) return std::unexpected(network.error());
        ask_interface(*network);
        networks.push_back(std::move(*network));
    }
    if (!devices.empty()) return networks;
    for (NetworkFacts& network : read_interfaces(reader)) {
        if (network.up != true || networks.size() == devices_max) continue;
        ask_interface(network);
        // Bridges, tunnels and bonds stand on other interfaces; a veth is a container's or a laboratory's cable.
        if (network.physical || network.driver == "veth") networks.push_back(std::move(network));
    }
    return networks;
}

Outcome<int> examine_machine(Context& context, const DoctorCommand& command) {
    const FactReader reader;
    auto networks = find_networks(reader, command.devices);
    if (!networks) return std::unexpected(networks.error());
    DoctorFacts facts{.machine = read_machine_facts(reader), .uring = probe_uring(), .networks = std::move(*networks),
                      .disk = probe_disk(command.data.empty() ? default_directory() : command.data), .block = {},
                      .mount = {}};
    ask_clock(facts.machine.clock);
    if (facts.disk.exists) {
        facts.block = read_block_device(reader, facts.disk.major, facts.disk.minor);
        facts.mount = find_mount(reader.text("/proc/self/mountinfo").value_or(""), facts.disk.path);
    }
    const std::vector<Finding> findings = diagnose(facts);
    context.out.write(context.globals.json ? doctor_json(facts, findings) : doctor_text(findings));
    return exit_code_of(worst(findings));
}

}  // namespace

void add_doctor(CLI::App& app, Selected& selected) {
    auto command = std::make_shared<DoctorCommand>();
    CLI::App* noun = app.add_subcommand("doctor", "Look at this machine as a broker would use it; no broker is needed");
    noun->add_option("--data", command->data, "The data directory to try out")
        ->type_name("DIR")
        ->default_str(fmt::format("{}, or the current one where that is missing", broker_directory));
    noun->add_option("--device", command->devices,
                     "A network device, by interface or PCI address; may be repeated (default: all that are up)")
        ->type_name("NAME")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    add_examples(*noun,
                 "  penstock doctor --data /var/lib/penstock/broker\n"
                 "  penstock doctor --device eth0 --device 0000:3b:00.0\n"
                 "  penstock doctor --json | jq '.sections[].findings[] | select(.level != \"ok\")'\n"
                 "\nTimes durable writes into a file of 1 MiB, for two seconds at most, and removes it. Commands that\n"
                 "mend something are for root; limits are those of the shell that asks.\n"
                 "\nExit codes: 0 nothing wrong, advice perhaps; 1 warnings; 2 faults: a broker cannot start here,\n"
                 "or cannot keep what it acknowledges.");
    noun->callback([command, &selected] {
        selected = [command](Context& context) { return examine_machine(context, *command); };
    });
}

}  // namespace penstock::cli
