// The streams of the transport past the kernel: the contract of all streams, through two ports.
#include <chrono>

#include "../stream_contract.h"
#include "dpdk/link.h"
#include "transport/streams.h"
#include "wire.h"

namespace penstock::tests {
namespace {

Nanos now() { return Nanos(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1)); }

class NativeWorld final : public StreamWorld {
public:
    explicit NativeWorld(const StreamLimits& limits)
        : wire(2, {.mtu = 9000}),
          server_link(wire.port(0), 0, {.receive_buffers = limits.receive_buffers}),
          client_link(wire.port(1), 0, {.receive_buffers = limits.receive_buffers}),
          server_side(server_link, options(limits, 1)),
          client_side(client_link, options(limits, 2)) {}
    io::Streams& server() override { return server_side; }
    io::Streams& client() override { return client_side; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_side.end_sending(at_client); }
    void step() override {
        for (const Nanos until = now() + 200 * microsecond_ns; now() < until;) {
            server_side.turn(now());
            client_side.turn(now());
            wire.step();
        }
    }
    std::string host() const override { return dpdk::name_of(0); }
    std::string client_host() const override { return dpdk::name_of(1); }

    dpdk::Wire wire;
    dpdk::Link server_link, client_link;
    transport::Streams server_side, client_side;

private:
    static transport::StreamsOptions options(const StreamLimits& limits, uint8_t seed) {
        transport::StreamsOptions options{.connections_max = limits.connections_max};
        options.endpoint.seed[0] = std::byte{seed};
        return options;
    }
};

INSTANTIATE_TEST_SUITE_P(Native, StreamContract,
    testing::Values(StreamDriver{"native_dpdk", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<NativeWorld>(limits);
    }, true}), stream_driver_name);

}  // namespace
}  // namespace penstock::tests
