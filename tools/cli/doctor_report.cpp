#include "cli/doctor_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json known(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

double microseconds(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

Json cpu_json(const CpuFacts& cpu) {
    return {{"online", known(cpu.online)}, {"usable", known(cpu.usable)}, {"isolated", known(cpu.isolated)},
            {"tickless", known(cpu.tickless)}, {"smt", known(cpu.smt)}, {"governors", cpu.governors}};
}

Json memory_json(const MemoryFacts& memory) {
    Json json{{"total_bytes", known(memory.total_bytes)}, {"available_bytes", known(memory.available_bytes)},
              {"locked_bytes_max", known(memory.locked_bytes_max)}, {"huge_pages", Json::array()},
              {"numa_nodes", Json::array()}};
    for (const HugePages& pages : memory.huge_pages) {
        json["huge_pages"].push_back({{"page_bytes", pages.page_bytes}, {"total", known(pages.total)},
                                      {"free", known(pages.free)}});
    }
    for (const NumaNode& node : memory.nodes) {
        json["numa_nodes"].push_back({{"id", node.id}, {"cores", node.cores},
                                      {"huge_free_bytes", node.huge_free_bytes}});
    }
    return json;
}

Json network_json(const NetworkFacts& network) {
    const Offloads& offloads = network.offloads;
    return {{"name", printable(network.name)}, {"interface", known(network.interface)},
            {"pci_address", known(network.pci_address)}, {"driver", known(network.driver)}, {"up", known(network.up)},
            {"carrier", known(network.carrier)}, {"mtu", known(network.mtu)}, {"speed_mbit", known(network.speed_mbit)},
            {"numa_node", known(network.numa_node)}, {"iommu_group", known(network.iommu_group)},
            {"receive_queues", known(network.receive_queues)}, {"send_queues", known(network.send_queues)},
            {"queues_max", known(network.queues_max)},
            {"send_checksum", known(offloads.send_checksum)}, {"segmentation", known(offloads.segmentation)},
            {"udp_segmentation", known(offloads.udp_segmentation)},
            {"receive_offload", known(offloads.receive_offload)}};
}

Json disk_json(const DoctorFacts& facts) {
    const DiskProbe& disk = facts.disk;
    const bool tried = disk.exists && disk.os_error == 0;
    Json json{{"exists", disk.exists}, {"writable", tried},
              {"filesystem", facts.mount ? Json(facts.mount->type) : Json(nullptr)},
              {"mount_options", facts.mount ? Json(facts.mount->options) : Json(nullptr)},
              {"total_bytes", known(disk.total_bytes)}, {"free_bytes", known(disk.free_bytes)},
              {"direct", tried ? Json(disk.direct_obstacle.empty() && !disk.in_memory) : Json(nullptr)},
              {"write_latency_us", nullptr}, {"device", nullptr}};
    if (disk.latency) {
        json["write_latency_us"] = {{"writes", disk.latency->writes}, {"p50", microseconds(disk.latency->p50)},
                                    {"p99", microseconds(disk.latency->p99)},
                                    {"max", microseconds(disk.latency->max)}};
    }
    if (const auto& block = facts.block) {
        json["device"] = {{"name", block->device}, {"parts", block->parts}, {"models", block->models},
                          {"rotational", known(block->rotational)}, {"volatile_cache", known(block->volatile_cache)},
                          {"fua", known(block->fua)}, {"logical_block_bytes", known(block->logical_block_bytes)},
                          {"physical_block_bytes", known(block->physical_block_bytes)},
                          {"scheduler", known(block->scheduler)}, {"numa_node", known(block->numa_node)}};
    }
    return json;
}

Json facts_json(std::string_view subject, const DoctorFacts& facts) {
    const MachineFacts& machine = facts.machine;
    if (subject == "kernel") {
        return {{"release", known(machine.kernel.release)}, {"virtual_machine", known(machine.kernel.virtual_machine)},
                {"open_files_max", known(machine.kernel.open_files_max)}};
    }
    if (subject == "io_uring") {
        return {{"works", facts.uring.failure.empty()}, {"disabled", known(machine.uring_disabled)}};
    }
    if (subject == "cpu") return cpu_json(machine.cpu);
    if (subject == "clock") {
        return {{"source", known(machine.clock.source)}, {"available", machine.clock.available},
                {"synchronised", known(machine.clock.synchronised)}, {"read_ns", known(machine.clock.read_ns)}};
    }
    if (subject == "memory") return memory_json(machine.memory);
    if (subject == "iommu") {
        return {{"groups", known(machine.iommu.groups)}, {"vfio_pci", machine.iommu.vfio_pci},
                {"vfio_without_iommu", machine.iommu.vfio_without_iommu}};
    }
    if (subject == "disk") return disk_json(facts);
    Json devices = Json::array();
    for (const NetworkFacts& network : facts.networks) devices.push_back(network_json(network));
    return {{"devices", std::move(devices)}};
}

/// Broken at blanks, so that it stands in a column of its own.
std::string wrapped(std::string text) {
    constexpr size_t columns = 90;
    constexpr std::string_view indent = "\n                 ";
    for (size_t begin = 0; text.size() - begin > columns;) {
        const size_t blank = text.rfind(' ', begin + columns);
        if (blank == std::string::npos || blank <= begin) break;
        text.replace(blank, 1, indent);
        begin = blank + indent.size();
    }
    return text;
}

uint64_t count_of(const std::vector<Finding>& findings, Level level) {
    return static_cast<uint64_t>(std::ranges::count(findings, level, &Finding::level));
}

std::string counted(uint64_t n, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::string verdict_line(const std::vector<Finding>& findings) {
    const std::string counts = counted(count_of(findings, Level::fault), "fault", "faults") + ", " +
                               counted(count_of(findings, Level::warning), "warning", "warnings") + ", " +
                               counted(count_of(findings, Level::advice), "piece of advice", "pieces of advice");
    switch (worst(findings)) {
        case Level::fault:
            return fmt::format("Verdict: {}. A broker cannot start here, or cannot keep what it acknowledges.", counts);
        case Level::warning: return fmt::format("Verdict: {}. A broker runs here, with the losses named.", counts);
        default: return fmt::format("Verdict: {}. A broker can run here.", counts);
    }
}

}  // namespace

std::string doctor_text(const std::vector<Finding>& findings) {
    std::string text;
    std::string_view subject, device;
    for (const Finding& finding : findings) {
        if (finding.subject != subject || finding.device != device) {
            text += fmt::format("{}{}{}{}\n", text.empty() ? "" : "\n", finding.subject,
                                finding.device.empty() ? "" : " ", printable(finding.device));
            subject = finding.subject;
            device = finding.device;
        }
        text += fmt::format("  {:<8} {}\n", level_name(finding.level), printable(finding.what));
        if (finding.level == Level::ok) continue;
        if (!finding.why.empty()) text += fmt::format("           why:  {}\n", wrapped(printable(finding.why)));
        // On one line, however long: it is to be copied.
        if (!finding.mend.empty()) text += fmt::format("           mend: {}\n", printable(finding.mend));
    }
    return text + "\n" + verdict_line(findings) + "\n";
}

std::string doctor_json(const DoctorFacts& facts, const std::vector<Finding>& findings) {
    const Level level = worst(findings);
    Json json{{"verdict", level_name(level)}, {"exit_code", exit_code_of(level)},
              {"data_directory", printable(facts.disk.path)}, {"sections", Json::array()}};
    for (const std::string_view subject : subjects) {
        Json section{{"subject", subject}, {"facts", facts_json(subject, facts)}, {"findings", Json::array()}};
        for (const Finding& finding : findings) {
            if (finding.subject != subject) continue;
            Json entry{{"check", finding.check}, {"level", level_name(finding.level)}, {"what", finding.what},
                       {"why", finding.why}, {"mend", finding.mend}};
            if (!finding.device.empty()) entry["device"] = finding.device;
            section["findings"].push_back(std::move(entry));
        }
        json["sections"].push_back(std::move(section));
    }
    // Names and paths need not be UTF-8, which JSON is.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
