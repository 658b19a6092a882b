// A dedicated server that `doctor` has nothing to say about: tests change one thing of it and see what is said.
#pragma once

#include <algorithm>
#include <string_view>

#include "base/units.h"
#include "cli/diagnosis.h"

namespace penstock::cli {

inline NetworkFacts good_network() {
    return {.name = "ens1", .interface = "ens1", .pci_address = "0000:3b:00.0", .physical = true, .driver = "ice",
            .up = true, .carrier = true, .mtu = 9000, .speed_mbit = 25'000, .numa_node = 0, .iommu_group = 17,
            .receive_queues = 8, .send_queues = 8,
            .offloads = {.send_checksum = true, .segmentation = true, .udp_segmentation = true,
                         .receive_offload = true}};
}

inline DoctorFacts good_machine() {
    using namespace std::chrono_literals;
    DoctorFacts facts;
    facts.machine = {
        .kernel = {.release = "6.1.0-28-amd64", .virtual_machine = false, .open_files_max = 1'048'576},
        .cpu = {.online = {{0, 1, 2, 3, 4, 5, 6, 7}}, .usable = {{0, 1, 2, 3, 4, 5, 6, 7}},
                .isolated = {{2, 3, 4, 5, 6, 7}}, .tickless = {{2, 3, 4, 5, 6, 7}}, .smt = false,
                .governors = {"performance"}},
        .clock = {.source = "tsc", .available = {"tsc", "hpet"}, .synchronised = true, .read_ns = 25},
        .memory = {.total_bytes = 64 * gib, .available_bytes = 60 * gib, .locked_bytes_max = UINT64_MAX,
                   .huge_pages = {{2 * mib, 1024, 1000}, {gib, 0, 0}},
                   .nodes = {{.id = 0, .cores = {0, 1, 2, 3, 4, 5, 6, 7}, .huge_free_bytes = 2000 * mib}}},
        .iommu = {.groups = 40, .vfio_pci = true, .vfio_without_iommu = false},
        .uring_disabled = 0};
    facts.networks = {good_network()};
    facts.disk = {.path = "/data/broker", .exists = true, .total_bytes = 1024 * gib, .free_bytes = 900 * gib,
                  .latency = WriteLatency{.writes = 400, .p50 = 20us, .p99 = 60us, .max = 90us}};
    facts.block = BlockFacts{.device = "nvme0n1", .parts = {"nvme0n1"}, .models = {"MZQL2"}, .rotational = false,
                             .volatile_cache = false, .fua = false, .logical_block_bytes = 512,
                             .physical_block_bytes = 4096, .scheduler = "none", .numa_node = 0};
    facts.mount = MountFacts{.mount_point = "/data", .type = "ext4", .options = "rw,noatime"};
    return facts;
}

/// The one finding of this name; a fault without a text if there is none.
inline Finding finding_of(const DoctorFacts& facts, std::string_view subject, std::string_view check) {
    const std::vector<Finding> all = diagnose(facts);
    const auto found = std::ranges::find_if(
        all, [&](const Finding& finding) { return finding.subject == subject && finding.check == check; });
    return found == all.end() ? Finding{.level = Level::fault, .subject = {}, .device = {}, .check = {}, .what = {},
                                        .why = {}, .mend = {}}
                              : *found;
}

}  // namespace penstock::cli
