// The plug-in's side: DPDK's environment, a port and its links, behind the two functions that it exports.
#include <dlfcn.h>

#include <filesystem>

#include "dpdk/endpoint.h"
#include "dpdk/environment.h"
#include "dpdk/link.h"
#include "dpdk/plugin.h"
#include "dpdk/xdp_program.h"

extern "C" {

const char* penstock_dpdk_version();
void penstock_dpdk_open(const penstock::dpdk::DevicePlan& plan,
                        penstock::dpdk::Opened<std::unique_ptr<penstock::dpdk::Device>>& opened);

}

namespace penstock::dpdk {

namespace {

class PortDevice final : public Device {
public:
    PortDevice(std::unique_ptr<Environment> environment, std::unique_ptr<XdpProgram> program,
               std::unique_ptr<Port> port, const LinkOptions& link)
        : environment_(std::move(environment)), program_(std::move(program)), port_(std::move(port)), link_(link) {}

    std::unique_ptr<io::Link> make_link(uint16_t lane) override {
        introduce_thread();
        return std::make_unique<Link>(*port_, lane, link_);
    }
    bool reaches(const io::Endpoint& to) const override {
        const auto ip = ipv4_of(to);
        return ip && port_->neighbours().next_hop(*ip).has_value();
    }

private:
    std::unique_ptr<Environment> environment_;
    std::unique_ptr<XdpProgram> program_;   ///< on an interface that the kernel keeps
    std::unique_ptr<Port> port_;
    const LinkOptions link_;
};

/// Where the compiled xdp/our_ports.c is: a folder below the plug-in, of one name where that was built, and of another
/// where it is installed.
std::string object_path() {
    Dl_info own{};
    if (::dladdr(reinterpret_cast<void*>(&penstock_dpdk_version), &own) == 0) return "our_ports.o";
    const std::filesystem::path folder = std::filesystem::path(own.dli_fname).parent_path();
    const std::filesystem::path built = folder / "xdp" / "our_ports.o";
    std::error_code none;
    return std::filesystem::exists(built, none) ? built : folder / "penstock" / "our_ports.o";
}

/// Takes the interface, and makes of the plan's virtual device one that knows how.
Opened<std::unique_ptr<XdpProgram>> keep_interface(DevicePlan& plan) {
    const PortOptions& port = plan.port;
    auto program = XdpProgram::make(object_path(), {.address = port.subnet.own, .vlan = port.vlan,
                                                    .first_port = port.first_free_port,
                                                    .last_port = port.last_free_port});
    if (!program) return program;
    const auto taken = (*program)->take(port.kernel_interface, port.queues);
    if (!taken) return std::unexpected(taken.error());
    plan.virtual_device += "," + *taken;
    return program;
}

Opened<std::unique_ptr<Device>> open(DevicePlan plan) {
    std::unique_ptr<XdpProgram> program;
    if (!plan.port.kernel_interface.empty()) {
        auto kept = keep_interface(plan);
        if (!kept) return std::unexpected(kept.error());
        program = std::move(*kept);
    }
    if (!plan.virtual_device.empty()) plan.arguments.insert(plan.arguments.end(), {"--vdev", plan.virtual_device});
    auto environment = Environment::start(plan.arguments);
    if (!environment) return std::unexpected(environment.error());
    auto port = Port::open(plan.name, plan.port);
    if (!port) {
        Failure failure = port.error();
        // It knows more of it: why a virtual device could not be made, say, which is then missing.
        if (const std::string why = (*environment)->complaint(); !why.empty()) failure.detail += " (" + why + ")";
        return std::unexpected(std::move(failure));
    }
    (*environment)->let_speak();
    return std::make_unique<PortDevice>(std::move(*environment), std::move(program), std::move(*port), plan.link);
}

}  // namespace
}  // namespace penstock::dpdk

extern "C" {

const char* penstock_dpdk_version() { return PENSTOCK_VERSION; }

void penstock_dpdk_open(const penstock::dpdk::DevicePlan& plan,
                        penstock::dpdk::Opened<std::unique_ptr<penstock::dpdk::Device>>& opened) {
    opened = penstock::dpdk::open(plan);
}

}
