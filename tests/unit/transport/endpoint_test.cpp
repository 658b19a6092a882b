#include "transport/endpoint.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "transport/world.h"

namespace penstock::transport {
namespace {

/// An application that keeps what it is told.
struct Application {
    explicit Application(Node& of) : node(of) {}

    void poll() {
        while (const auto event = node.endpoint->next_event()) {
            const EndpointEventKind kind = event->kind;
            if (kind == EndpointEventKind::connected || kind == EndpointEventKind::accepted) {
                open.push_back(event->connection);
            } else if (event->event.kind == EventKind::closed) {
                closed.push_back({event->connection, event->event.code});
            } else if (event->event.kind == EventKind::readable) {
                read(event->connection, event->event.stream);
            } else {
                others.push_back(event->event);
            }
        }
    }
    void read(ConnectionId id, uint32_t stream) {
        Connection* connection = node.endpoint->find(id);
        if (connection == nullptr) return;
        while (const auto slice = connection->read(stream)) {
            texts[stream].append(reinterpret_cast<const char*>(slice->bytes.data()), slice->bytes.size());
            node.endpoint->release(slice->buffer);
        }
    }
    bool push(ConnectionId id, uint32_t stream, std::string_view text, uint64_t token = 0) {
        const Fragment fragment{std::as_bytes(std::span(text)).data(), static_cast<uint32_t>(text.size())};
        Connection* connection = node.endpoint->find(id);
        return connection != nullptr && connection->push(stream, {&fragment, 1}, token);
    }

    Node& node;
    std::vector<ConnectionId> open;
    std::vector<std::pair<ConnectionId, CloseCode>> closed;
    std::vector<Event> others;
    std::map<uint32_t, std::string> texts;
};

class EndpointTest : public testing::Test {
protected:
    void start(const EndpointOptions& opener = {}, const EndpointOptions& acceptor = {}) {
        client_.emplace(world_.add(opener));
        server_.emplace(world_.add_acceptor(acceptor));
        world_.after_turn = [this] {
            client_->poll();
            server_->poll();
        };
    }
    ConnectionId connect(bool with_proof = false) {
        const ConnectionId id =
            client_->node.endpoint->connect(world_.address(server_->node), with_proof, world_.clock.now());
        world_.run_until([&] { return !client_->open.empty() || !client_->closed.empty(); });
        return id;
    }

    World world_;
    std::optional<Application> client_, server_;
};

TEST_F(EndpointTest, carries_a_request_and_its_answer) {
    start();
    const ConnectionId id = connect();
    ASSERT_EQ(client_->open, (std::vector{id}));
    const auto stream = client_->node.endpoint->find(id)->open_stream();
    ASSERT_EQ(stream, 0u);
    EXPECT_TRUE(client_->push(id, 0, "hello", 7));
    ASSERT_TRUE(world_.run_until([&] { return server_->texts[0] == "hello"; }, second_ns));
    ASSERT_EQ(server_->open.size(), 1u);
    EXPECT_TRUE(server_->push(server_->open[0], 0, "welcome", 8));
    ASSERT_TRUE(world_.run_until([&] { return client_->texts[0] == "welcome"; }, second_ns));
    ASSERT_TRUE(world_.run_until([&] { return !server_->others.empty() && server_->others.back().token == 8; }));
    EXPECT_EQ(client_->others[0].kind, EventKind::pushed);
    EXPECT_EQ(client_->others[0].token, 7u);
    EXPECT_EQ(server_->node.endpoint->counters().accepted, 1u);
}

TEST_F(EndpointTest, a_large_message_arrives_whole) {
    start();
    const ConnectionId id = connect();
    client_->node.endpoint->find(id)->open_stream();
    std::string text(20'000'000, '\0');
    Random random(5);
    for (char& letter : text) letter = static_cast<char>(random.next());
    EXPECT_TRUE(client_->push(id, 0, text, 1));
    client_->node.endpoint->find(id)->end(0);
    ASSERT_TRUE(world_.run_until([&] { return server_->texts[0].size() == text.size(); }, 30 * second_ns));
    EXPECT_TRUE(server_->texts[0] == text);
}

TEST_F(EndpointTest, without_anybody_there_the_opener_gives_up) {
    start();
    world_.network.set_blackout(true);
    connect();
    ASSERT_EQ(client_->closed.size(), 1u);
    EXPECT_EQ(client_->closed[0].second, CloseCode::unreachable);
    world_.settle();
    EXPECT_EQ(client_->node.endpoint->connections(), 0u);
}

TEST_F(EndpointTest, an_idle_connection_is_kept_alive) {
    start();
    connect();
    const uint64_t before = world_.network.counters().sent;
    world_.run_for(100 * second_ns);
    EXPECT_TRUE(client_->closed.empty());
    EXPECT_TRUE(server_->closed.empty());
    const uint64_t sent = world_.network.counters().sent - before;
    EXPECT_GE(sent, 18u);
    EXPECT_LE(sent, 24u);   // a ping and its acknowledgement each ten seconds, and what belongs to the beginning
}

TEST_F(EndpointTest, a_peer_that_vanished_is_given_up) {
    start();
    connect();
    world_.run_for(10 * millisecond_ns);
    client_->push(client_->open[0], *client_->node.endpoint->find(client_->open[0])->open_stream(), "lost");
    world_.network.set_blackout(true);
    world_.run_for(31 * second_ns);
    ASSERT_EQ(client_->closed.size(), 1u);
    EXPECT_EQ(client_->closed[0].second, CloseCode::unreachable);
    ASSERT_EQ(server_->closed.size(), 1u);
    EXPECT_EQ(server_->closed[0].second, CloseCode::idle);
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
}

TEST_F(EndpointTest, closing_reaches_the_peer) {
    start();
    const ConnectionId id = connect();
    world_.run_for(10 * millisecond_ns);
    client_->node.endpoint->find(id)->close(CloseCode::shutting_down);
    ASSERT_TRUE(world_.run_until([&] { return !server_->closed.empty(); }, second_ns));
    EXPECT_EQ(server_->closed[0].second, CloseCode::shutting_down);
    EXPECT_EQ(client_->node.endpoint->connections(), 0u);
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
}

TEST_F(EndpointTest, one_that_lost_its_memory_says_so) {
    start();
    const ConnectionId id = connect();
    server_.reset();
    world_.after_turn = [this] { client_->poll(); };
    EndpointOptions options;
    options.accepts = true;
    options.seed = seed_of(99);
    world_.nodes[1]->endpoint = std::make_unique<Endpoint>(world_.nodes[1]->link, options);
    client_->node.endpoint->find(id)->open_stream();
    client_->push(id, 0, "anybody?");
    ASSERT_TRUE(world_.run_until([&] { return !client_->closed.empty(); }, second_ns));
    EXPECT_EQ(client_->closed[0].second, CloseCode::unreachable);
    EXPECT_GE(world_.nodes[1]->endpoint->counters().resets_sent, 1u);
}

TEST_F(EndpointTest, whoever_knows_the_secret_is_proven) {
    EndpointOptions options;
    options.secret.assign(20, std::byte{'s'});
    start(options, options);
    const ConnectionId id = connect(true);
    ASSERT_EQ(client_->open.size(), 1u);
    EXPECT_TRUE(client_->node.endpoint->proven(id));
    world_.run_until([&] { return !server_->open.empty(); });
    EXPECT_TRUE(server_->node.endpoint->proven(server_->open[0]));
}

TEST_F(EndpointTest, whoever_does_not_is_refused) {
    EndpointOptions opener, acceptor;
    opener.secret.assign(20, std::byte{'s'});
    acceptor.secret.assign(20, std::byte{'t'});
    start(opener, acceptor);
    connect(true);
    ASSERT_EQ(client_->closed.size(), 1u);
    EXPECT_EQ(client_->closed[0].second, CloseCode::not_proven);
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
}

TEST_F(EndpointTest, without_a_proof_nobody_is_proven) {
    EndpointOptions options;
    options.secret.assign(20, std::byte{'s'});
    start(options, options);
    const ConnectionId id = connect(false);
    EXPECT_FALSE(client_->node.endpoint->proven(id));
    world_.run_until([&] { return !server_->open.empty(); });
    EXPECT_FALSE(server_->node.endpoint->proven(server_->open[0]));
}

TEST_F(EndpointTest, more_than_it_may_have_are_refused) {
    EndpointOptions acceptor;
    acceptor.connections_max = 0;
    start({}, acceptor);
    connect();
    ASSERT_EQ(client_->closed.size(), 1u);
    EXPECT_EQ(client_->closed[0].second, CloseCode::no_room);
}

TEST_F(EndpointTest, spoofed_hellos_cost_no_memory) {
    start();
    std::array<std::byte, hello_bytes> packet;
    for (uint64_t i = 0; i < 1000; ++i) {
        put(packet, Hello{.opener = ConnectionId(i)});
        io::Endpoint from = world_.address(client_->node);
        from.port = static_cast<uint16_t>(1000 + i);
        world_.network.inject(from, world_.address(server_->node), packet);
        world_.settle();
    }
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
    EXPECT_EQ(server_->node.endpoint->counters().cookies_sent, 1000u);
    // One that brings somebody else's cookie gets another.
    Hello stolen{.opener = ConnectionId(7)};
    stolen.cookie = make_cookie({}, world_.address(client_->node), stolen, world_.clock.now());
    put(packet, stolen);
    world_.network.inject(world_.address(client_->node), world_.address(server_->node), packet);
    world_.settle();
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
    EXPECT_EQ(server_->node.endpoint->counters().cookies_sent, 1001u);
}

TEST_F(EndpointTest, another_version_is_told_which_there_are) {
    start();
    std::array<std::byte, hello_bytes> packet;
    put(packet, Hello{.version = 9, .opener = ConnectionId(5)});
    const uint64_t before = world_.network.counters().sent;
    world_.network.inject(world_.address(client_->node), world_.address(server_->node), packet);
    world_.settle();
    EXPECT_EQ(world_.network.counters().sent, before + 1);
    EXPECT_EQ(server_->node.endpoint->connections(), 0u);
}

TEST_F(EndpointTest, noise_changes_nothing) {
    start();
    const ConnectionId id = connect();
    client_->node.endpoint->find(id)->open_stream();
    Random random(3);
    for (int i = 0; i < 5000; ++i) {
        std::vector<std::byte> noise(random.below(100) + 1);
        random.fill(noise);
        if (random.chance(1, 2)) noise[0] = std::byte{0xD0};
        if (random.chance(1, 2) && noise.size() >= 4) put_checksum(noise);
        world_.network.inject(world_.address(client_->node), world_.address(server_->node), noise);
        world_.settle();
    }
    EXPECT_TRUE(client_->push(id, 0, "still here"));
    EXPECT_TRUE(world_.run_until([&] { return server_->texts[0] == "still here"; }, second_ns));
    EXPECT_LE(server_->node.endpoint->counters().resets_sent, 100u);
}

}  // namespace
}  // namespace penstock::transport
