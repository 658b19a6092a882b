// The streams of the transport past the kernel: the contract of all streams, through two ports.
#include "../native_options.h"
#include "../stream_contract.h"
#include "dpdk/clock.h"
#include "dpdk/link.h"
#include "transport/streams.h"
#include "wire.h"

namespace penstock::tests {
namespace {

class NativeWorld final : public StreamWorld {
public:
    explicit NativeWorld(const StreamLimits& limits)
        : wire(2, {.mtu = 9000}),
          server_link(wire.port(0), 0, {.receive_buffers = limits.receive_buffers}),
          client_link(wire.port(1), 0, {.receive_buffers = limits.receive_buffers}),
          server_side(server_link, native_options(limits, 1)),
          client_side(client_link, native_options(limits, 2)) {}
    io::Streams& server() override { return server_side; }
    io::Streams& client() override { return client_side; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_side.end_sending(at_client); }
    void step() override {
        for (const Nanos until = dpdk::monotonic_now() + 200 * microsecond_ns; dpdk::monotonic_now() < until;) {
            server_side.turn(dpdk::monotonic_now());
            client_side.turn(dpdk::monotonic_now());
            wire.step();
        }
    }
    std::string host() const override { return dpdk::name_of(0); }
    std::string client_host() const override { return dpdk::name_of(1); }

    dpdk::Wire wire;
    dpdk::Link server_link, client_link;
    transport::Streams server_side, client_side;
};

INSTANTIATE_TEST_SUITE_P(Native, StreamContract,
    testing::Values(StreamDriver{"native_dpdk", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<NativeWorld>(limits);
    }, true}), stream_driver_name);

}  // namespace
}  // namespace penstock::tests
