#include "uring/link.h"

#include "../link_contract.h"
#include "../stream_contract.h"
#include "uring/clock.h"

namespace penstock::tests {

namespace {

/// All links on one ring, so that one wait covers them.
class UringLinkWorld final : public LinkWorld {
public:
    UringLinkWorld(const LinkLimits& limits, std::string host, uring::LinkOptions options = {})
        : host_(std::move(host)), ring(*uring::Ring::create()) {
        options.receive_buffers = limits.receive_buffers;
        for (auto& one : all) one = *uring::Link::create(*ring, options);
    }
    io::Link& link(size_t index) override { return *all[index]; }
    std::string host(size_t) const override { return host_; }
    bool step() override {
        ring->wait_until(uring::monotonic_now() + 2 * millisecond_ns);
        return false;
    }

private:
    std::string host_;

public:
    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<uring::Link> all[links];
};

// A small socket buffer, so that a test can fill it.
constexpr uring::DatagramSocketOptions small_sockets{.receive_bytes = 256 * 1024, .send_bytes = 256 * 1024};

INSTANTIATE_TEST_SUITE_P(Drivers, LinkContract,
    testing::Values(LinkDriver{"uring_ipv4", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<UringLinkWorld>(limits, "127.0.0.1", uring::LinkOptions{.socket = small_sockets});
    }}, LinkDriver{"uring_ipv6", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<UringLinkWorld>(limits, "::1", uring::LinkOptions{.socket = small_sockets});
    }}, LinkDriver{"uring_without_segmentation", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<UringLinkWorld>(
            limits, "127.0.0.1", uring::LinkOptions{.socket = small_sockets, .segmentation = false});
    }}), link_driver_name);

}  // namespace

}  // namespace penstock::tests
