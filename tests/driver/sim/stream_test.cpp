#include "sim/stream.h"

#include "../stream_contract.h"
#include "base/crc32c.h"

namespace penstock::tests {

namespace {

class SimWorld final : public StreamWorld {
public:
    explicit SimWorld(const StreamLimits& limits, uint64_t seed = 1, const sim::NetworkOptions& options = {})
        : network(clock, seed, options),
          server_side(network, options_of(limits)), client_side(network, options_of(limits)) {}
    io::Streams& server() override { return server_side; }
    io::Streams& client() override { return client_side; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_side.end_sending(at_client); }
    void step() override {
        if (!network.step()) clock.advance(millisecond_ns);
    }

    sim::Clock clock;
    sim::Network network;
    sim::Streams server_side, client_side;

private:
    static sim::StreamOptions options_of(const StreamLimits& limits) {
        return {.connections_max = limits.connections_max, .receive_buffers = limits.receive_buffers,
                .receive_buffer_bytes = limits.receive_buffer_bytes};
    }
};

INSTANTIATE_TEST_SUITE_P(Sim, StreamContract,
    testing::Values(StreamDriver{"sim", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<SimWorld>(limits);
    }}, StreamDriver{"sim_slow", [](const StreamLimits& limits) -> std::unique_ptr<StreamWorld> {
        return std::make_unique<SimWorld>(limits, 2, sim::NetworkOptions{
            .delay_ns_min = 10 * millisecond_ns, .delay_ns_max = 500 * millisecond_ns, .window_bytes = 1 * mib});
    }}), stream_driver_name);

/// Sends half a megabyte over one connection and sums up every event with its time.
uint32_t trace_of_streams(uint64_t seed) {
    SimWorld world({}, seed);
    const uint16_t port = world.server_side.listen({"", 0}).value();
    const io::ConnectionId id = world.client_side.connect({"127.0.0.1", port}).value();
    const std::vector<std::byte> bytes = pattern_bytes(0, 500'000);
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    EXPECT_TRUE(world.client_side.send(id, {&one, 1}, 1).has_value());
    uint32_t trace = 0;
    const auto note = [&](uint64_t value) { trace = crc32c(trace, std::as_bytes(std::span(&value, 1))); };
    for (uint64_t received = 0; received < bytes.size();) {
        EXPECT_TRUE(world.network.step());
        for (io::StreamEvent event; world.server_side.poll({&event, 1}) == 1;) {
            note(static_cast<uint64_t>(event.kind));
            note(event.buffer.size);
            note(static_cast<uint64_t>(world.clock.now().value));
            received += event.buffer.size;
            if (event.kind == io::StreamEventKind::received) world.server_side.release(event.buffer);
        }
    }
    return trace;
}

TEST(SimStreams, replays_a_seed_and_varies_with_it) {
    EXPECT_EQ(trace_of_streams(1), trace_of_streams(1));
    EXPECT_NE(trace_of_streams(1), trace_of_streams(2));
}

TEST(SimStreams, bytes_take_their_time) {
    SimWorld world({}, 1, {.delay_ns_min = 3 * millisecond_ns, .delay_ns_max = 3 * millisecond_ns});
    const uint16_t port = world.server_side.listen({"", 0}).value();
    const Nanos start = world.clock.now();
    ASSERT_TRUE(world.client_side.connect({"127.0.0.1", port}).has_value());
    EXPECT_EQ(world.network.next_event(), start + 3 * millisecond_ns);
    world.clock.advance(2 * millisecond_ns);
    world.network.run();
    io::StreamEvent event;
    EXPECT_EQ(world.server_side.poll({&event, 1}), 0u);
    world.clock.advance(1 * millisecond_ns);
    world.network.run();
    EXPECT_EQ(world.server_side.poll({&event, 1}), 1u);
    EXPECT_EQ(world.network.next_event(), never);
}

TEST(SimStreams, resets_reach_both_ends) {
    SimWorld world({}, 1, {.resets_per_million_pieces = 1'000'000});
    Side server(world.server_side), client(world.client_side);
    const uint16_t port = world.server_side.listen({"", 0}).value();
    const io::ConnectionId id = world.client_side.connect({"127.0.0.1", port}).value();
    for (int i = 0; i < 100 && !(server.closed == 1 && client.closed == 1); ++i) {
        world.step();
        server.poll();
        client.poll();
        if (client.is_open(id) && client.sent == 0) {
            const std::byte byte{};
            const Fragment one{&byte, 1};
            client.send(id, {&one, 1}, 1);
        }
    }
    ASSERT_TRUE(client.is_closed(id));
    EXPECT_EQ(client[id].error.os_error, ECONNRESET);
    EXPECT_EQ(server.closed, 1u);
}

TEST(SimStreams, a_node_that_dies_resets_its_peers) {
    SimWorld world({});
    auto node = std::make_unique<sim::Streams>(world.network, sim::StreamOptions{.host = "node"});
    Side client(world.client_side);
    const uint16_t port = node->listen({"", 9092}).value();
    EXPECT_EQ(port, 9092);
    const io::ConnectionId id = world.client_side.connect({"node", port}).value();
    while (!client.is_open(id)) world.step(), client.poll();
    node.reset();
    while (!client.is_closed(id)) world.step(), client.poll();
    EXPECT_EQ(client[id].error.os_error, ECONNRESET);
}

TEST(SimStreams, a_severed_node_is_reset_and_alone) {
    SimWorld world({});
    sim::Streams node(world.network, {.host = "node"});
    Side client(world.client_side), server(node);
    const uint16_t port = node.listen({"", 9092}).value();
    const io::ConnectionId id = world.client_side.connect({"node", port}).value();
    while (!client.is_open(id)) world.step(), client.poll();
    node.sever();
    while (!client.is_closed(id)) world.step(), client.poll();
    EXPECT_EQ(client[id].error.os_error, ECONNRESET);
    EXPECT_TRUE(node.has_events());
    server.poll();
    EXPECT_EQ(server.closed, 1u);
    EXPECT_FALSE(node.connect({"node", port}).has_value());
    sim::Streams successor(world.network, {.host = "node"});
    EXPECT_EQ(successor.listen({"", 9092}).value(), 9092);
}

TEST(SimStreams, what_is_sent_over_a_cut_waits_for_its_end) {
    SimWorld world({});
    sim::Streams node(world.network, {.host = "node"});
    Side client(world.client_side), server(node);
    const uint16_t port = node.listen({"", 9092}).value();
    const auto step_for = [&](int64_t ns) {
        for (const Nanos end = world.clock.now() + ns; world.clock.now() < end;)
            world.step(), client.poll(), server.poll();
    };
    world.network.set_cut("node", "127.0.0.1", true);
    const io::ConnectionId id = world.client_side.connect({"node", port}).value();
    step_for(second_ns);
    EXPECT_FALSE(client.is_open(id));
    world.network.set_cut("node", "127.0.0.1", false);
    step_for(second_ns);
    ASSERT_TRUE(client.is_open(id));
    world.network.set_cut("127.0.0.1", "node", true);
    const std::vector<std::byte> bytes = pattern_bytes(0, 10);
    const Fragment one{bytes.data(), 10};
    client.send(id, {&one, 1}, 1);
    step_for(second_ns);
    EXPECT_EQ(client.sent, 0u);
    world.network.set_cut("127.0.0.1", "node", false);
    step_for(second_ns);
    EXPECT_EQ(client.sent, 1u);
}

TEST(SimStreams, a_buffer_that_went_back_holds_nonsense) {
    SimWorld world({});
    const uint16_t port = world.server_side.listen({"", 0}).value();
    const io::ConnectionId id = world.client_side.connect({"127.0.0.1", port}).value();
    const std::byte byte{7};
    const Fragment one{&byte, 1};
    ASSERT_TRUE(world.client_side.send(id, {&one, 1}, 1).has_value());
    io::StreamEvent event;
    while (event.kind != io::StreamEventKind::received) {
        if (world.server_side.poll({&event, 1}) == 0) world.step();
    }
    EXPECT_EQ(event.buffer.data[0], byte);
    world.server_side.release(event.buffer);
    EXPECT_NE(event.buffer.data[0], byte);
}

}  // namespace
}  // namespace penstock::tests
