// The streams of the transport over a real network: the contract of all streams, through links of plain sockets.
#include <algorithm>

#include "../native_options.h"
#include "../stream_contract.h"
#include "socket/clock.h"
#include "socket/link.h"
#include "transport/streams.h"

namespace penstock::tests {
namespace {

class NativeWorld final : public StreamWorld {
public:
    explicit NativeWorld(const StreamLimits& limits)
        : poller(*socket::Poller::create()),
          server_link(*socket::Link::create(*poller, {.receive_buffers = limits.receive_buffers})),
          client_link(*socket::Link::create(*poller, {.receive_buffers = limits.receive_buffers})),
          server_side(*server_link, native_options(limits, 1)),
          client_side(*client_link, native_options(limits, 2)) {}
    io::Streams& server() override { return server_side; }
    io::Streams& client() override { return client_side; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_side.end_sending(at_client); }
    void step() override {
        turn();   // what was asked for since is sent before time passes
        const Nanos now = socket::monotonic_now();
        poller->poll(now, std::min({server_side.next_deadline(), client_side.next_deadline(), now + millisecond_ns}));
        turn();
    }

    std::unique_ptr<socket::Poller> poller;
    std::unique_ptr<socket::Link> server_link, client_link;
    transport::Streams server_side, client_side;

private:
    void turn() {
        server_side.turn(socket::monotonic_now());
        client_side.turn(socket::monotonic_now());
    }
};

INSTANTIATE_TEST_SUITE_P(Native, StreamContract,
    testing::Values(StreamDriver{"native_socket", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<NativeWorld>(limits);
    }, true}), stream_driver_name);

}  // namespace
}  // namespace penstock::tests
