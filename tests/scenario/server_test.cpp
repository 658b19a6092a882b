// The coordinator's process in one thread: its server over a simulated network and store, with brokers' links.
#include "coordinator/server.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "broker/coordinator_link.h"
#include "limits.h"
#include "scenario/link_options.h"
#include "sim/clock.h"
#include "sim/store.h"
#include "sim/stream.h"

namespace penstock::scenario {
namespace {

constexpr uint16_t port = 9090;

// What a shard does for its link.
class Broker {
public:
    Broker(sim::Network& network, int32_t id, Nanos now)
        : streams(network, {.host = "broker" + std::to_string(id)}), link(link_options(id), now) {}

    bool turn(Nanos now) {
        std::array<io::StreamEvent, 16> events;
        const size_t count = streams.poll(events);
        for (size_t i = 0; i < count; ++i) take(events[i], now);
        link.on_turn(now);
        bool worked = count > 0;
        if (link.poll_connect()) {
            worked = true;
            if (auto id = streams.connect({"coordinator", port})) connection = *id;
            else link.on_closed("no address", now);
        }
        if (link.poll_close()) streams.close(connection);
        if (auto bytes = link.poll_send(); !bytes.empty()) {
            worked = true;
            const Fragment fragment{bytes.data(), static_cast<uint32_t>(bytes.size())};
            EXPECT_TRUE(streams.send(connection, std::span(&fragment, 1), 0));
        }
        if (auto changed = link.poll_view()) view = changed;
        while (auto result = link.poll_result()) results.push_back(std::move(*result));
        return worked;
    }

    sim::Streams streams;
    broker::CoordinatorLink link;
    io::ConnectionId connection;
    std::shared_ptr<const broker::ClusterView> view;
    std::vector<broker::AdminResult> results;

private:
    void take(const io::StreamEvent& event, Nanos now) {
        switch (event.kind) {
            case io::StreamEventKind::accepted: break;
            case io::StreamEventKind::connected: return link.on_connected(now);
            case io::StreamEventKind::received:
                link.on_received({event.buffer.data, event.buffer.size}, now);
                return streams.release(event.buffer);
            case io::StreamEventKind::sent: return link.on_sent();
            case io::StreamEventKind::ended: return streams.close(connection);
            case io::StreamEventKind::closed: return link.on_closed("closed", now);
        }
    }
};

struct World {
    explicit World(const sim::NetworkOptions& options = {}) : network(clock, 5, options) { start(); }

    void start() {
        store = std::make_unique<sim::Store>(medium);
        streams = std::make_unique<sim::Streams>(network, sim::StreamOptions{.host = "coordinator"});
        coordinator::CoordinatorOptions options;
        options.seed = ++starts;
        auto state = coordinator::State::load(*store->load());
        ASSERT_TRUE(state.has_value()) << state.error();
        coordinator = std::make_unique<coordinator::Coordinator>(options, std::move(*state), clock.now());
        server = std::make_unique<coordinator::Server>(*coordinator, *streams, *store);
        ASSERT_TRUE(streams->listen({"coordinator", port}).has_value());
    }
    void crash() {
        store->crash(0);
        server.reset();
        coordinator.reset();
        streams.reset();
    }
    Broker& add(int32_t id) { return *brokers.emplace_back(std::make_unique<Broker>(network, id, clock.now())); }

    void run(int64_t ns) {
        const Nanos end = clock.now() + ns;
        while (clock.now() < end) {
            network.run();
            bool worked = server != nullptr && server->turn(clock.now());
            for (auto& b : brokers) worked |= b->turn(clock.now());
            if (worked) continue;
            Nanos next = std::min(end, network.next_event());
            if (server) next = std::min(next, server->next_deadline());
            for (auto& b : brokers) next = std::min(next, b->link.next_deadline());
            clock.advance_to(std::max(next, clock.now() + microsecond_ns));
        }
    }

    sim::Clock clock;
    sim::Network network;
    sim::StoreMedium medium;
    std::unique_ptr<sim::Store> store;
    std::unique_ptr<sim::Streams> streams;
    std::unique_ptr<coordinator::Coordinator> coordinator;
    std::unique_ptr<coordinator::Server> server;
    std::vector<std::unique_ptr<Broker>> brokers;
    uint64_t starts = 0;
};

std::vector<broker::NewTopic> topics(int count, const std::string& prefix = "t") {
    std::vector<broker::NewTopic> out;
    for (int i = 0; i < count; ++i) {
        auto& topic = out.emplace_back();
        topic.name = prefix + std::to_string(i);
        topic.partitions = 10;
    }
    return out;
}

TEST(Server, CarriesEverythingBetweenBrokersAndState) {
    World world;
    auto& one = world.add(1);
    auto& two = world.add(2);
    world.run(100 * millisecond_ns);
    ASSERT_TRUE(one.link.create_topics(1, topics(500), false, world.clock.now() + second_ns));
    world.run(500 * millisecond_ns);
    ASSERT_EQ(one.results.size(), 1u);
    for (auto* b : {&one, &two}) {
        ASSERT_NE(b->view, nullptr);
        EXPECT_EQ(b->view->topics.size(), 500u);
        EXPECT_EQ(b->view->brokers.size(), 2u);
    }
    EXPECT_DOUBLE_EQ(world.streams->free_buffer_share(), 1.0);  // every lent buffer was given back
}

TEST(Server, ResetsHurtNobodyForLong) {
    World world({.resets_per_million_pieces = 20'000});
    auto& one = world.add(1);
    auto& two = world.add(2);
    for (uint64_t i = 0; i < 20; ++i) {
        const auto wanted = topics(1, "round" + std::to_string(i) + "-");
        ASSERT_TRUE(one.link.create_topics(i, wanted, false, world.clock.now() + 10 * second_ns));
        world.run(2 * second_ns);
    }
    EXPECT_EQ(one.results.size(), 20u);
    EXPECT_GT(one.link.state_changes(), 10u);
    for (auto* b : {&one, &two})
        EXPECT_NEAR(static_cast<double>(b->view->topics.size()), 20.0, 4.0);  // those whose request was lost
}

TEST(Server, ACrashAndAnotherStartLoseNothing) {
    World world;
    auto& one = world.add(1);
    world.run(100 * millisecond_ns);
    ASSERT_TRUE(one.link.create_topics(1, topics(3), false, world.clock.now() + second_ns));
    world.run(100 * millisecond_ns);
    ASSERT_EQ(one.view->topics.size(), 3u);
    const auto before = one.view;
    world.crash();
    world.run(3 * second_ns);
    EXPECT_EQ(one.view, before);
    world.start();
    world.run(5 * second_ns);
    EXPECT_EQ(one.link.state(), broker::LinkState::registered) << one.link.reason();
    EXPECT_EQ(one.view->topics.size(), 3u);
    EXPECT_EQ(one.view->topic("t0")->id, before->topic("t0")->id);
    EXPECT_EQ(one.view->topic("t0")->partitions, before->topic("t0")->partitions);
}

TEST(Server, GarbageClosesItsConnectionOnly) {
    World world;
    auto& one = world.add(1);
    world.run(100 * millisecond_ns);
    sim::Streams stranger(world.network, {.host = "stranger"});
    Random random(3);
    for (int round = 0; round < 200; ++round) {
        auto connection = stranger.connect({"coordinator", port});
        ASSERT_TRUE(connection.has_value());
        std::vector<std::byte> garbage(random.between(1, 200));
        random.fill(garbage);
        if (round % 2 == 0) {  // a frame of garbage instead of a garbage stream
            garbage.resize(garbage.size() + 4);
            store_be(garbage.data(), static_cast<int32_t>(garbage.size() - 4));
        }
        const Fragment fragment{garbage.data(), static_cast<uint32_t>(garbage.size())};
        world.run(millisecond_ns);
        static_cast<void>(stranger.send(*connection, std::span(&fragment, 1), 0));
        world.run(2 * millisecond_ns);
        stranger.close(*connection);
        std::array<io::StreamEvent, 64> events;
        for (size_t i = 0, n = stranger.poll(events); i < n; ++i)
            if (events[i].kind == io::StreamEventKind::received) stranger.release(events[i].buffer);
        world.run(millisecond_ns);
    }
    EXPECT_EQ(one.link.state(), broker::LinkState::registered);
    EXPECT_TRUE(one.view->alive(NodeId{1}));
    EXPECT_EQ(world.coordinator->state().brokers().size(), 1u);
}

TEST(Server, StopsWhenWhatItHadIsAnswered) {
    World world;
    auto& one = world.add(1);
    world.run(100 * millisecond_ns);
    world.store->hold(true);
    ASSERT_TRUE(one.link.create_topics(1, topics(1), false, world.clock.now() + 10 * second_ns));
    world.run(100 * millisecond_ns);
    world.server->begin_stop();
    EXPECT_FALSE(world.server->drained());
    world.store->hold(false);
    world.run(100 * millisecond_ns);
    EXPECT_TRUE(world.server->drained());
    EXPECT_EQ(one.results.size(), 1u);
    EXPECT_EQ(world.medium.revision, world.coordinator->state().revision());
}

}  // namespace
}  // namespace penstock::scenario
