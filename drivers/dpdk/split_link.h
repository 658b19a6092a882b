// Two links as one: whom the device reaches it sends to by the device, everybody else by the kernel. So a node that has
// a port past the kernel still finds a coordinator on its own machine, or on another network.
//
// Stepped by its thread, as the two are. A lent buffer's index carries the link that it belongs to.
#pragma once

#include <memory>
#include <vector>

#include "dpdk/device.h"
#include "io/link.h"

namespace penstock::dpdk {

class SplitLink final : public io::Link {
public:
    /// The device must outlive it.
    SplitLink(const Device& device, std::unique_ptr<io::Link> by_device, std::unique_ptr<io::Link> by_kernel)
        : device_(device), by_device_(std::move(by_device)), by_kernel_(std::move(by_kernel)) {}

    /// The device's link at that port; the kernel's at one of its own. The device's comes back.
    Result<uint16_t> open(const io::Address& address) override;
    Result<io::Endpoint> resolve(const io::Address& address) override;
    uint32_t datagram_bytes_max(const io::Endpoint& to) override;
    size_t send(std::span<const io::OutgoingBurst> bursts) override;
    size_t receive(std::span<io::IncomingBurst> out) override;
    void release(const io::IncomingBurst& burst) override;
    /// Of the link that has less.
    double free_buffer_share() const override;

private:
    static constexpr uint32_t kernel_buffer = uint32_t{1} << 31;

    io::Link& way_to(const io::Endpoint& to) const { return device_.reaches(to) ? *by_device_ : *by_kernel_; }

    const Device& device_;
    std::unique_ptr<io::Link> by_device_, by_kernel_;
    bool kernel_first_ = false;   ///< they take turns, so that neither is starved by the other
};

}  // namespace penstock::dpdk
