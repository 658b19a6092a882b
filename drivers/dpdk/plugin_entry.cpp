// The plug-in's side: DPDK's environment, a port and its links, behind the two functions that it exports.
#include <rte_lcore.h>

#include "dpdk/endpoint.h"
#include "dpdk/environment.h"
#include "dpdk/link.h"
#include "dpdk/plugin.h"

namespace penstock::dpdk {

namespace {

/// A thread that DPDK knows has caches of its own before the pools that all share.
void introduce_thread() {
    struct Introduced {
        Introduced() { static_cast<void>(rte_thread_register()); }   // refused, it works without
        ~Introduced() { rte_thread_unregister(); }
    };
    thread_local const Introduced introduced;
    static_cast<void>(introduced);
}

class PortDevice final : public Device {
public:
    PortDevice(std::unique_ptr<Environment> environment, std::unique_ptr<Port> port, const DevicePlan& plan)
        : environment_(std::move(environment)), port_(std::move(port)), link_(plan.link) {}

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
    std::unique_ptr<Port> port_;
    const LinkOptions link_;
};

Opened<std::unique_ptr<Device>> open(const DevicePlan& plan) {
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
    return std::make_unique<PortDevice>(std::move(*environment), std::move(*port), plan);
}

}  // namespace
}  // namespace penstock::dpdk

extern "C" {

const char* penstock_dpdk_version();
void penstock_dpdk_open(const penstock::dpdk::DevicePlan& plan,
                        penstock::dpdk::Opened<std::unique_ptr<penstock::dpdk::Device>>& opened);

const char* penstock_dpdk_version() { return PENSTOCK_VERSION; }

void penstock_dpdk_open(const penstock::dpdk::DevicePlan& plan,
                        penstock::dpdk::Opened<std::unique_ptr<penstock::dpdk::Device>>& opened) {
    opened = penstock::dpdk::open(plan);
}

}
