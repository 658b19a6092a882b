// penstock.h: the port.
#include "sdk/port.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/assert.h"
#include "client/penstock.h"

using namespace penstock;

namespace penstock::sdk {

bool take_lane(penstock_port& port, uint16_t& lane) {
    const std::lock_guard lock(port.mutex);
    const auto free = std::ranges::find(port.lanes_taken, false);
    if (free == port.lanes_taken.end()) return false;
    *free = true;
    lane = static_cast<uint16_t>(free - port.lanes_taken.begin());
    return true;
}

void give_back_lane(penstock_port& port, uint16_t lane) {
    const std::lock_guard lock(port.mutex);
    port.lanes_taken[lane] = false;
}

}  // namespace penstock::sdk

namespace {

constexpr int32_t clients_max = 64;

std::string text_of(const char* text) { return text == nullptr ? std::string() : text; }

penstock_error refuse(const std::string& detail, penstock_error error, char* why, size_t why_bytes) {
    if (why != nullptr && why_bytes > 0) std::snprintf(why, why_bytes, "%s", detail.c_str());
    return error;
}

}  // namespace

extern "C" {

penstock_error penstock_port_open(const penstock_port_options* given, penstock_port** out, char* why,
                                  size_t why_bytes) {
    const penstock_port_options its = sdk::read_options(given, PENSTOCK_PORT_OPTIONS_INIT);
    *out = nullptr;
    if (its.mtu < 0 || its.vlan < 0 || its.vlan > UINT16_MAX || its.clients < 1 || its.clients > clients_max) {
        return refuse("mtu, vlan or clients is out of range (1 to " + std::to_string(clients_max) + " clients)",
                      PENSTOCK_INVALID, why, why_bytes);
    }
    dpdk::DeviceOptions options;
    options.device = text_of(its.device);
    options.address = text_of(its.address);
    options.gateway = text_of(its.gateway);
    options.arguments = text_of(its.arguments);
    options.memory_bytes = its.memory_bytes;
    options.huge_pages = its.huge_pages != 0;
    options.mtu = static_cast<uint32_t>(its.mtu);
    options.vlan = static_cast<uint16_t>(its.vlan);
    options.queues = options.lanes = static_cast<uint16_t>(its.clients);
    auto device = dpdk::open_device(options);
    if (!device) {
        const bool refused = device.error().error.code == Errc::refused;
        return refuse(device.error().detail, refused ? PENSTOCK_INVALID : PENSTOCK_SYSTEM, why, why_bytes);
    }
    *out = new penstock_port{.device = std::move(*device), .mutex = {},
                             .lanes_taken = std::vector<bool>(static_cast<size_t>(its.clients))};
    return PENSTOCK_OK;
}

void penstock_port_close(penstock_port* port) {
    if (port == nullptr) return;
    PENSTOCK_ASSERT(std::ranges::count(port->lanes_taken, true) == 0);
    delete port;
}

}  // extern "C"
