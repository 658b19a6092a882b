// The coordinator's process in one thread: its server over a simulated network and store, with brokers' links.
#include "coordinator/server.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "broker/coordinator_link.h"
#include "limits.h"
#include "scenario/link_options.h"
#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "sim/store.h"
#include "wire/kafka/errors.h"

namespace penstock::scenario {
namespace {

const io::Address address{"coordinator", 9090, io::Road::native};

transport::StreamsOptions node_options(uint64_t seed, const std::string& secret) {
    transport::StreamsOptions options;
    store_le(options.endpoint.seed.data(), seed);
    const auto bytes = std::as_bytes(std::span(secret));
    options.endpoint.secret.assign(bytes.begin(), bytes.end());
    options.proves = options.endpoint.proven_only = !secret.empty();
    return options;
}

// What a shard does for its link.
class Broker {
public:
    Broker(sim::DatagramNetwork& network, int32_t id, const std::string& secret, Nanos now)
        : datagrams(network, {.host = "broker" + std::to_string(id)}),
          streams(datagrams, node_options(100 + static_cast<uint64_t>(id), secret)),
          link(link_options(id), now) {}

    bool turn(Nanos now) {
        bool worked = streams.turn(now);
        worked |= take_events(now);
        worked |= streams.turn(now);
        return worked;
    }
    bool take_events(Nanos now) {
        std::array<io::StreamEvent, 16> events;
        const size_t count = streams.poll(events);
        for (size_t i = 0; i < count; ++i) take(events[i], now);
        link.on_turn(now);
        bool worked = count > 0;
        if (link.poll_connect()) {
            worked = true;
            if (auto id = streams.connect(address)) connection = *id;
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

    sim::Link datagrams;
    transport::Streams streams;
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
            case io::StreamEventKind::closed: return link.on_closed(std::strerror(event.error.os_error), now);
        }
    }
};

struct World {
    explicit World(const sim::PathOptions& paths = {}, const std::string& its_secret = "what the nodes know")
        : secret(its_secret), network(clock, 5, paths) {
        start();
    }

    void start() {
        store = std::make_unique<sim::Store>(medium);
        datagrams = std::make_unique<sim::Link>(network, sim::LinkOptions{.host = "coordinator"});
        streams = std::make_unique<transport::Streams>(*datagrams, node_options(++starts, secret));
        coordinator::CoordinatorOptions options;
        options.seed = starts;
        auto state = coordinator::State::load(*store->load());
        ASSERT_TRUE(state.has_value()) << state.error();
        coordinator = std::make_unique<coordinator::Coordinator>(options, std::move(*state), clock.now());
        server = std::make_unique<coordinator::Server>(*coordinator, *streams, *store);
        ASSERT_TRUE(streams->listen(address).has_value());
    }
    void crash() {
        store->crash(0);
        server.reset();
        coordinator.reset();
        streams.reset();
        datagrams.reset();
    }
    Broker& add(int32_t id) { return add(id, secret); }
    Broker& add(int32_t id, const std::string& its_secret) {
        return *brokers.emplace_back(std::make_unique<Broker>(network, id, its_secret, clock.now()));
    }

    void run(int64_t ns) {
        const Nanos end = clock.now() + ns;
        while (clock.now() < end) {
            network.run();
            bool worked = server != nullptr && server->turn(clock.now());
            for (auto& b : brokers) worked |= b->turn(clock.now());
            if (worked) continue;
            Nanos next = std::min(end, network.next_event());
            if (server) next = std::min(next, server->next_deadline());
            for (auto& b : brokers) next = std::min({next, b->link.next_deadline(), b->streams.next_deadline()});
            clock.advance_to(std::max(next, clock.now() + microsecond_ns));
        }
    }

    const std::string secret;
    sim::Clock clock;
    sim::DatagramNetwork network;
    sim::StoreMedium medium;
    std::unique_ptr<sim::Store> store;
    std::unique_ptr<sim::Link> datagrams;
    std::unique_ptr<transport::Streams> streams;
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

TEST(Server, ABadNetworkLosesNothing) {
    World world({.reordered_per_million = 100'000, .lost_per_million = 100'000, .repeated_per_million = 100'000,
                 .damaged_per_million = 20'000});
    auto& one = world.add(1);
    auto& two = world.add(2);
    for (uint64_t i = 0; i < 20; ++i) {
        const auto wanted = topics(1, "round" + std::to_string(i) + "-");
        ASSERT_TRUE(one.link.create_topics(i, wanted, false, world.clock.now() + 10 * second_ns));
        world.run(2 * second_ns);
    }
    EXPECT_EQ(one.results.size(), 20u);
    for (auto* b : {&one, &two}) EXPECT_EQ(b->view->topics.size(), 20u);
}

// A broker that is cut off for longer than its session is fenced, and comes back by itself.
TEST(Server, ABlackoutEnds) {
    World world;
    auto& one = world.add(1);
    auto& two = world.add(2);
    world.run(100 * millisecond_ns);
    sim::PathOptions dark;
    dark.blackout = true;
    const io::Endpoint from = one.datagrams.endpoint(), to = world.datagrams->endpoint();
    world.network.set_path(from, to, dark);
    world.network.set_path(to, from, dark);
    world.run(20 * second_ns);
    EXPECT_NE(one.link.state(), broker::LinkState::registered);
    EXPECT_FALSE(two.view->alive(NodeId{1}));
    world.network.set_path(from, to, {});
    world.network.set_path(to, from, {});
    world.run(10 * second_ns);
    EXPECT_EQ(one.link.state(), broker::LinkState::registered) << one.link.reason();
    EXPECT_TRUE(two.view->alive(NodeId{1}));
}

TEST(Server, WhoDoesNotKnowTheSecretIsRefused) {
    World world;
    auto& right = world.add(1);
    auto& none = world.add(2, "");
    auto& wrong = world.add(3, "what the nodes know not");
    world.run(5 * second_ns);
    EXPECT_EQ(right.link.state(), broker::LinkState::registered);
    EXPECT_EQ(world.coordinator->state().brokers().size(), 1u);
    for (const Broker* b : {&none, &wrong}) {
        EXPECT_NE(b->link.state(), broker::LinkState::registered);
        EXPECT_EQ(b->link.reason(), std::strerror(EACCES));
    }
}

TEST(Server, ABrokerWithASecretTalksToNoCoordinatorWithout) {
    World world({}, "");
    auto& one = world.add(1, "");
    auto& careful = world.add(2, "what the nodes know");
    world.run(5 * second_ns);
    EXPECT_EQ(one.link.state(), broker::LinkState::registered);
    EXPECT_EQ(careful.link.reason(), std::strerror(EACCES));
    EXPECT_EQ(world.coordinator->state().brokers().size(), 1u);
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
    sim::Link datagrams(world.network, {.host = "stranger"});
    transport::Streams stranger(datagrams, node_options(77, world.secret));
    const auto turn = [&](int64_t ns) {
        for (const Nanos end = world.clock.now() + ns; world.clock.now() < end; world.run(100 * microsecond_ns))
            stranger.turn(world.clock.now());
    };
    Random random(3);
    for (int round = 0; round < 200; ++round) {
        auto connection = stranger.connect(address);
        ASSERT_TRUE(connection.has_value());
        std::vector<std::byte> garbage(random.between(1, 200));
        random.fill(garbage);
        if (round % 2 == 0) {  // a frame of garbage instead of a garbage stream
            garbage.resize(garbage.size() + 4);
            store_be(garbage.data(), static_cast<int32_t>(garbage.size() - 4));
        }
        const Fragment fragment{garbage.data(), static_cast<uint32_t>(garbage.size())};
        turn(millisecond_ns);
        static_cast<void>(stranger.send(*connection, std::span(&fragment, 1), 0));
        turn(2 * millisecond_ns);
        stranger.close(*connection);
        std::array<io::StreamEvent, 64> events;
        for (size_t i = 0, n = stranger.poll(events); i < n; ++i)
            if (events[i].kind == io::StreamEventKind::received) stranger.release(events[i].buffer);
        turn(millisecond_ns);
    }
    EXPECT_EQ(one.link.state(), broker::LinkState::registered);
    EXPECT_TRUE(one.view->alive(NodeId{1}));
    EXPECT_EQ(world.coordinator->state().brokers().size(), 1u);
}

// Another coordinator may be active: not a datagram leaves, nothing is written, whatever still comes in.
TEST(Server, WhoIsNotActiveAnyMoreIsSilent) {
    World world;
    auto& one = world.add(1);
    world.run(100 * millisecond_ns);
    ASSERT_EQ(one.link.state(), broker::LinkState::registered);
    world.store->hold(true);
    ASSERT_TRUE(one.link.create_topics(1, topics(1), false, world.clock.now() + 2 * second_ns));
    world.run(100 * millisecond_ns);
    const uint64_t revision = world.medium.revision;
    world.store->set_role(io::StoreRole::lost);
    world.store->hold(false);
    ASSERT_TRUE(one.link.create_topics(2, topics(1, "later"), false, world.clock.now() + 2 * second_ns));
    const std::unique_ptr<coordinator::Server> deposed = std::move(world.server);   // it has nothing to wake up for
    for (int i = 0; i < 70; ++i) {   // until its silence is noticed
        EXPECT_FALSE(deposed->turn(world.clock.now()));
        world.run(100 * millisecond_ns);
    }
    EXPECT_NE(one.link.state(), broker::LinkState::registered);
    EXPECT_EQ(one.view->topics.size(), 0u);
    EXPECT_EQ(world.medium.revision, revision);
    for (const broker::AdminResult& result : one.results)
        EXPECT_EQ(result.error, wire::kafka::ErrorCode::request_timed_out);
}

// What a coordinator does with its port until it is elected: brokers hear at once that they should try another.
TEST(Server, AStandbyRefusesAtOnce) {
    World world;
    world.streams->stop_listening();
    auto& one = world.add(1);
    world.run(60 * millisecond_ns);   // a round trip, and less than the first time-out of a handshake
    EXPECT_EQ(one.link.state(), broker::LinkState::waiting);
    EXPECT_EQ(one.link.reason(), std::strerror(ECONNREFUSED));
    ASSERT_TRUE(world.streams->listen(address).has_value());
    world.run(3 * second_ns);
    EXPECT_EQ(one.link.state(), broker::LinkState::registered) << one.link.reason();
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
