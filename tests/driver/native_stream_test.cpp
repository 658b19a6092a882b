// The streams of the transport keep the contract of all streams, over a calm network and over a bad one.
#include "transport/streams.h"

#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "native_options.h"
#include "stream_contract.h"

namespace penstock::tests {
namespace {

class NativeWorld final : public StreamWorld {
public:
    NativeWorld(const StreamLimits& limits, const sim::PathOptions& paths)
        : network(clock, 1, paths),
          server_link(network, link_options(limits, "10.0.0.1")),
          client_link(network, link_options(limits, "10.0.0.1")),
          server_side(server_link, native_options(limits, 1)),
          client_side(client_link, native_options(limits, 2)) {}
    io::Streams& server() override { return server_side; }
    io::Streams& client() override { return client_side; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_side.end_sending(at_client); }
    void step() override {
        server_side.turn(clock.now());   // what was asked for since is sent before time passes
        client_side.turn(clock.now());
        const Nanos next = std::min({network.next_event(), server_side.next_deadline(), client_side.next_deadline(),
                                     clock.now() + millisecond_ns});
        clock.advance_to(std::max(next, clock.now() + 1));
        network.run();
        server_side.turn(clock.now());
        client_side.turn(clock.now());
    }
    std::string host() const override { return "10.0.0.1"; }

    sim::Clock clock;
    sim::DatagramNetwork network;
    sim::Link server_link, client_link;
    transport::Streams server_side, client_side;

private:
    static sim::LinkOptions link_options(const StreamLimits& limits, const std::string& host) {
        return {.host = host, .receive_buffers = limits.receive_buffers};
    }
};

INSTANTIATE_TEST_SUITE_P(Native, StreamContract,
    testing::Values(StreamDriver{"native", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<NativeWorld>(limits, sim::PathOptions{});
    }, true}, StreamDriver{"native_lossy", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<NativeWorld>(limits, sim::PathOptions{
            .reordered_per_million = 50'000, .lost_per_million = 50'000, .repeated_per_million = 20'000,
            .damaged_per_million = 10'000});
    }, true}), stream_driver_name);

}  // namespace
}  // namespace penstock::tests
