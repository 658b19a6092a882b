#include "sim/link.h"

#include "../link_contract.h"
#include "../stream_contract.h"

namespace penstock::tests {

namespace {

class SimLinkWorld final : public LinkWorld {
public:
    SimLinkWorld(const LinkLimits& limits, uint64_t seed, const sim::PathOptions& paths, sim::LinkOptions options)
        : network(clock, seed, paths) {
        options.receive_buffers = limits.receive_buffers;
        for (size_t i = 0; i < links; ++i) {
            options.host = host(i);
            all.push_back(std::make_unique<sim::Link>(network, options));
        }
    }
    io::Link& link(size_t index) override { return *all[index]; }
    std::string host(size_t index) const override { return "10.0.0." + std::to_string(1 + index); }
    bool step() override {
        if (network.step()) return true;
        clock.advance(millisecond_ns);
        return false;
    }

    sim::Clock clock;
    sim::DatagramNetwork network;
    std::vector<std::unique_ptr<sim::Link>> all;
};

INSTANTIATE_TEST_SUITE_P(Sim, LinkContract,
    testing::Values(LinkDriver{"sim", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<SimLinkWorld>(limits, 1, sim::PathOptions{}, sim::LinkOptions{});
    }}, LinkDriver{"sim_crowded", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<SimLinkWorld>(limits, 2, sim::PathOptions{.bytes_per_second = 10'000'000},
            sim::LinkOptions{.coalesced_per_million = 900'000, .shortages_per_million = 300'000});
    }}), link_driver_name);

}  // namespace

}  // namespace penstock::tests
