// The streams of the transport past the kernel: the contract of all streams, through two ports.
#include "worlds.h"

namespace penstock::tests {
namespace {

std::unique_ptr<StreamWorld> over_rings(const StreamLimits& limits) {
    return std::make_unique<dpdk::DpdkNativeWorld>(std::make_unique<dpdk::Wire>(2, dpdk::PortOptions{.mtu = 9000}),
                                                   limits);
}

INSTANTIATE_TEST_SUITE_P(Native, StreamContract, testing::Values(StreamDriver{"native_dpdk", over_rings, true}),
                         stream_driver_name);

}  // namespace
}  // namespace penstock::tests
