#include "stream_contract.h"

#include <algorithm>

#include "base/random.h"
#include "base/units.h"

namespace penstock::tests {

namespace {

Fragment fragment(std::span<const std::byte> bytes) { return {bytes.data(), static_cast<uint32_t>(bytes.size())}; }

}  // namespace

// Side

Side::~Side() {
    for (auto& [id, connection] : connections_) {
        for (const io::ReceiveBuffer& buffer : connection.held) streams_.release(buffer);
        for (const io::ReceiveBuffer& buffer : connection.echo_later) streams_.release(buffer);
    }
    for (auto& [token, buffer] : echoing_) streams_.release(buffer);
}

void Side::poll() {
    io::StreamEvent events[7];  // an odd few, so that bursts are cut somewhere
    while (const size_t n = streams_.poll(events)) {
        for (const io::StreamEvent& event : std::span(events).first(n)) on_event(event);
    }
}

void Side::on_event(const io::StreamEvent& event) {
    const uint64_t id = event.connection.value;
    if (event.kind == io::StreamEventKind::accepted || event.kind == io::StreamEventKind::connected) {
        ASSERT_FALSE(connections_.contains(id)) << "an id was used twice";
        connections_[id].peer = event.peer;
        begun.push_back(event.connection);
        return;
    }
    if (event.kind == io::StreamEventKind::closed && !connections_.contains(id)) connections_[id];  // never connected
    ASSERT_TRUE(connections_.contains(id)) << "an event of a connection that never began";
    Connection& connection = connections_[id];
    ASSERT_FALSE(connection.closed) << "an event after closed";
    switch (event.kind) {
        case io::StreamEventKind::received: on_received(event.connection, connection, event.buffer); break;
        case io::StreamEventKind::sent: on_sent(event.connection, connection, event.token); break;
        case io::StreamEventKind::ended:
            EXPECT_FALSE(connection.ended) << "a stream ends once";
            connection.ended = true;
            if (!outstay) streams_.close(event.connection);
            break;
        default:
            connection.closed = true;
            connection.error = event.error;
            ++closed;
    }
}

void Side::on_received(io::ConnectionId id, Connection& connection, const io::ReceiveBuffer& buffer) {
    ASSERT_GT(buffer.size, 0u);
    EXPECT_FALSE(connection.ended) << "bytes after the end";
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < buffer.size; ++i) wrong += buffer.data[i] != pattern(connection.received + i);
    EXPECT_EQ(wrong, 0u) << "bytes that differ in " << buffer.size << " after " << connection.received;
    connection.received += buffer.size;
    if (hold) {
        connection.held.push_back(buffer);
    } else if (echo) {
        connection.echo_later.push_back(buffer);
        echo_some(id, connection);
    } else {
        streams_.release(buffer);
    }
}

void Side::echo_some(io::ConnectionId id, Connection& connection) {
    while (!connection.echo_later.empty()) {
        const io::ReceiveBuffer buffer = connection.echo_later.front();
        const Fragment one{buffer.data, buffer.size};
        if (!send(id, {&one, 1}, next_token_)) return;
        echoing_[next_token_++] = buffer;
        connection.echo_later.pop_front();
    }
}

void Side::on_sent(io::ConnectionId id, Connection& connection, uint64_t token) {
    ASSERT_FALSE(connection.tokens.empty());
    EXPECT_EQ(connection.tokens.front(), token);
    connection.tokens.pop_front();
    ++sent;
    if (auto found = echoing_.find(token); found != echoing_.end()) {
        streams_.release(found->second);
        echoing_.erase(found);
    }
    echo_some(id, connection);
}

bool Side::send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token) {
    const auto result = streams_.send(id, fragments, token);
    if (result) connections_[id.value].tokens.push_back(token);
    else EXPECT_TRUE(result.error().code == Errc::would_block || result.error().code == Errc::not_found);
    return result.has_value();
}

void Side::release_held(io::ConnectionId id) {
    for (const io::ReceiveBuffer& buffer : (*this)[id].held) streams_.release(buffer);
    (*this)[id].held.clear();
}

bool Side::is_open(io::ConnectionId id) const {
    const auto found = connections_.find(id.value);
    return found != connections_.end() && !found->second.closed;
}

bool Side::is_closed(io::ConnectionId id) const {
    const auto found = connections_.find(id.value);
    return found != connections_.end() && found->second.closed;
}

// Fixture

void StreamContract::SetUp() {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
}

void StreamContract::start(const StreamLimits& limits) {
    world_ = GetParam().make(limits);
    ASSERT_NE(world_, nullptr);
    server_ = std::make_unique<Side>(world_->server());
    client_ = std::make_unique<Side>(world_->client());
    const auto port = world_->server().listen({world_->host(), 0});
    ASSERT_TRUE(port.has_value());
    ASSERT_NE(*port, 0);
    port_ = *port;
}

void StreamContract::TearDown() {
    server_.reset();
    client_.reset();
    world_.reset();
}

void StreamContract::run_quiet(int steps) {
    for (int i = 0; i < steps; ++i) {
        server_->poll();
        client_->poll();
        world_->step();
    }
}

void StreamContract::connect(io::ConnectionId& at_client, io::ConnectionId& at_server) {
    const size_t before = server_->begun.size();
    const auto id = world_->client().connect({world_->host(), port_});
    ASSERT_TRUE(id.has_value());
    at_client = *id;
    ASSERT_TRUE(run_until([&] { return client_->is_open(at_client) && server_->begun.size() > before; }));
    at_server = server_->begun.back();
}

// The contract

TEST_P(StreamContract, connects_and_names_the_peer) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    EXPECT_TRUE((*server_)[at_server].peer.starts_with(world_->client_host() + ":")) << (*server_)[at_server].peer;
}

TEST_P(StreamContract, echoes_pieces_of_any_size) {
    start();
    server_->echo = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    Random random(1);
    std::vector<std::vector<std::byte>> messages;
    uint64_t total = 0;
    for (int i = 0; i < 300; ++i) {
        messages.push_back(pattern_bytes(total, random.below(uint64_t{1} << random.below(18)) + 1));
        total += messages.back().size();
    }
    size_t next = 0;
    ASSERT_TRUE(run_until([&] {
        while (next < messages.size()) {
            const Fragment one = fragment(messages[next]);
            if (!client_->send(at_client, {&one, 1}, next)) break;
            ++next;
        }
        return (*client_)[at_client].received == total;
    }));
    EXPECT_EQ(client_->sent, messages.size());
    EXPECT_EQ(client_->streams().free_buffer_share(), 1.0);
}

TEST_P(StreamContract, echoes_64_mib_in_one_send) {
    start();
    server_->echo = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    const std::vector<std::byte> all = pattern_bytes(0, 64 * mib);
    std::vector<Fragment> pieces;
    for (size_t at = 0; at < all.size(); at += mib) pieces.push_back({&all[at], uint32_t(mib)});
    ASSERT_TRUE(client_->send(at_client, pieces, 5));
    ASSERT_TRUE(run_until([&] { return (*client_)[at_client].received == all.size(); }));
    EXPECT_EQ(client_->sent, 1u);
}

TEST_P(StreamContract, carries_many_connections) {
    start();
    server_->echo = true;
    const std::vector<std::byte> message = pattern_bytes(0, 3000);
    constexpr size_t count = 200;
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(world_->client().connect({world_->host(), port_}).has_value());
    ASSERT_TRUE(run_until([&] { return client_->begun.size() == count; }));
    for (const io::ConnectionId id : client_->begun) {
        const Fragment one = fragment(message);
        ASSERT_TRUE(client_->send(id, {&one, 1}, id.value));
    }
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(client_->begun, [&](auto id) { return (*client_)[id].received == message.size(); });
    }));
    EXPECT_EQ(std::set(client_->begun.begin(), client_->begun.end()).size(), count);
}

TEST_P(StreamContract, sends_fragments_in_order_and_bounds_the_queue) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    const std::vector<std::byte> bytes = pattern_bytes(0, io::max_sends_queued * 100);
    uint64_t token = 0;
    for (; token < io::max_sends_queued; ++token) {
        const std::byte* at = bytes.data() + token * 100;
        const Fragment pieces[] = {{at, 1}, {at, 0}, {at + 1, 49}, {at + 50, 50}};
        ASSERT_TRUE(client_->send(at_client, pieces, token));
    }
    const auto full = world_->client().send(at_client, {}, 99);
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().code, Errc::would_block);
    ASSERT_TRUE(run_until([&] { return (*server_)[at_server].received == bytes.size() && client_->sent == token; }));
    ASSERT_TRUE(client_->send(at_client, {}, 1234)) << "a send without bytes";
    ASSERT_TRUE(run_until([&] { return client_->sent == token + 1; }));
}

TEST_P(StreamContract, stops_receiving_while_paused) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    world_->server().pause(at_server);
    run_quiet(5);
    const std::vector<std::byte> bytes = pattern_bytes(0, 32 * mib);
    const Fragment one = fragment(bytes);
    ASSERT_TRUE(client_->send(at_client, {&one, 1}, 1));
    run_quiet(200);
    const uint64_t early = (*server_)[at_server].received;
    EXPECT_LE(early, 16 * mib) << "a pause lets only a little through";
    EXPECT_EQ(client_->sent, 0u) << "the sender must feel it";
    world_->server().resume(at_server);
    world_->server().pause(at_server);
    world_->server().resume(at_server);
    ASSERT_TRUE(run_until([&] { return (*server_)[at_server].received == bytes.size(); }));
}

TEST_P(StreamContract, a_peer_that_never_reads_holds_up_its_sender) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    world_->client().pause(at_client);
    run_quiet(5);
    const std::vector<std::byte> bytes = pattern_bytes(0, 1 * mib);
    uint64_t taken = 0;
    for (int i = 0; i < 300; ++i) {
        const Fragment one = fragment(bytes);
        if (server_->send(at_server, {&one, 1}, taken)) ++taken;
        else run_quiet(1);
    }
    EXPECT_LT(taken, 200u);
    EXPECT_FALSE((*server_)[at_server].tokens.empty());
    world_->server().close(at_server);
    ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server); }));
}

TEST_P(StreamContract, close_drops_what_is_queued) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    world_->client().pause(at_client);
    run_quiet(5);
    const std::vector<std::byte> bytes = pattern_bytes(0, 1 * mib);
    for (uint64_t i = 0; i < io::max_sends_queued; ++i) {
        const Fragment one{bytes.data(), uint32_t(bytes.size())};
        ASSERT_TRUE(server_->send(at_server, {&one, 1}, i));
    }
    run_quiet(20);
    world_->server().close(at_server);
    world_->server().close(at_server);
    EXPECT_EQ(world_->server().send(at_server, {}, 7).error().code, Errc::not_found);
    ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server); }));
    EXPECT_EQ((*server_)[at_server].error.os_error, 0);
    EXPECT_FALSE((*server_)[at_server].tokens.empty());
    client_->hold = true;  // the pattern starts over with every send, but nobody compares from here on
    world_->client().close(at_client);
    ASSERT_TRUE(run_until([&] { return client_->is_closed(at_client); }));
}

TEST_P(StreamContract, tells_when_the_peer_closes) {
    start();
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    const std::vector<std::byte> bytes = pattern_bytes(0, 100'000);
    const Fragment one = fragment(bytes);
    ASSERT_TRUE(client_->send(at_client, {&one, 1}, 1));
    ASSERT_TRUE(run_until([&] { return client_->sent == 1; }));
    world_->client().close(at_client);
    ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server) && client_->is_closed(at_client); }));
    EXPECT_EQ((*server_)[at_server].received, bytes.size()) << "what was sent before the end arrives";
    EXPECT_EQ((*server_)[at_server].error.os_error, 0);
}

TEST_P(StreamContract, a_peer_that_sends_no_more_still_gets_what_is_sent) {
    start();
    server_->outstay = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    const std::vector<std::byte> request = pattern_bytes(0, 100'000), answer = pattern_bytes(0, 9 * mib);
    const Fragment asked = fragment(request), early = fragment({answer.data(), 8 * mib}),
                   late = fragment({answer.data() + 8 * mib, mib});
    ASSERT_TRUE(client_->send(at_client, {&asked, 1}, 1));
    ASSERT_TRUE(server_->send(at_server, {&early, 1}, 1));
    ASSERT_TRUE(run_until([&] { return client_->sent == 1; }));
    world_->end_sending(at_client, (*server_)[at_server].peer);
    ASSERT_TRUE(run_until([&] { return (*server_)[at_server].ended; }));
    EXPECT_EQ((*server_)[at_server].received, request.size());
    ASSERT_TRUE(run_until([&] { return server_->sent == 1; }));
    run_quiet(20);
    EXPECT_FALSE(server_->is_closed(at_server)) << "it is ours to close";
    world_->server().pause(at_server);
    world_->server().resume(at_server);
    ASSERT_TRUE(server_->send(at_server, {&late, 1}, 2)) << "an answer that took a while";
    ASSERT_TRUE(run_until([&] { return server_->sent == 2; }));
    world_->server().close(at_server);
    ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server) && client_->is_closed(at_client); }));
    EXPECT_EQ((*client_)[at_client].received, answer.size());
    EXPECT_EQ((*server_)[at_server].error.os_error, 0);
    EXPECT_EQ((*client_)[at_client].error.os_error, 0);
}

TEST_P(StreamContract, what_is_sent_to_a_peer_that_has_gone_closes) {
    start();
    server_->outstay = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    world_->client().close(at_client);
    ASSERT_TRUE(run_until([&] { return (*server_)[at_server].ended; }));
    const std::vector<std::byte> bytes = pattern_bytes(0, 1000);
    const Fragment one = fragment(bytes);
    uint64_t token = 0;
    ASSERT_TRUE(run_until([&] {
        if (!server_->is_closed(at_server)) server_->send(at_server, {&one, 1}, ++token);
        return server_->is_closed(at_server);
    }));
    EXPECT_NE((*server_)[at_server].error.os_error, 0);
}

TEST_P(StreamContract, buffers_may_come_back_after_the_end) {
    start();
    server_->hold = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    const std::vector<std::byte> bytes = pattern_bytes(0, 40'000);
    const Fragment one = fragment(bytes);
    ASSERT_TRUE(client_->send(at_client, {&one, 1}, 1));
    ASSERT_TRUE(run_until([&] { return (*server_)[at_server].received == bytes.size(); }));
    world_->client().close(at_client);
    ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server); }));
    uint64_t at = 0;
    for (const io::ReceiveBuffer& buffer : (*server_)[at_server].held) {
        for (uint32_t i = 0; i < buffer.size; ++i) ASSERT_EQ(buffer.data[i], pattern(at + i));
        at += buffer.size;
    }
    EXPECT_LT(world_->server().free_buffer_share(), 1.0);
    server_->release_held(at_server);
    EXPECT_EQ(world_->server().free_buffer_share(), 1.0);
}

TEST_P(StreamContract, goes_on_when_lent_buffers_come_back) {
    start({.receive_buffers = 8, .receive_buffer_bytes = 4096});
    server_->hold = true;
    const std::vector<std::byte> bytes = pattern_bytes(0, 100'000);
    constexpr size_t count = 5;
    for (size_t i = 0; i < count; ++i) {
        io::ConnectionId at_client, at_server;
        ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
        const Fragment one = fragment(bytes);
        ASSERT_TRUE(client_->send(at_client, {&one, 1}, 1));
    }
    const double least = GetParam().copies ? 0.5 : 0;
    ASSERT_TRUE(run_until([&] { return world_->server().free_buffer_share() <= least; }));
    run_quiet(20);
    size_t held = 0;
    for (const io::ConnectionId id : server_->begun) held += (*server_)[id].held.size();
    EXPECT_EQ(held, GetParam().copies ? held : 8u);
    ASSERT_TRUE(run_until([&] {
        for (const io::ConnectionId id : server_->begun) server_->release_held(id);
        return std::ranges::all_of(server_->begun, [&](auto id) { return (*server_)[id].received == bytes.size(); });
    }));
}

TEST_P(StreamContract, never_uses_an_id_twice) {
    start();
    std::set<io::ConnectionId> seen;
    for (int i = 0; i < 50; ++i) {
        io::ConnectionId at_client, at_server;
        ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
        EXPECT_TRUE(seen.insert(at_server).second);
        (i % 2 == 0 ? world_->client() : world_->server()).close(i % 2 == 0 ? at_client : at_server);
        ASSERT_TRUE(run_until([&] { return server_->is_closed(at_server) && client_->is_closed(at_client); }));
        world_->server().pause(at_server);  // late calls hit nobody
        world_->server().resume(at_server);
        world_->server().close(at_server);
    }
    EXPECT_EQ(server_->closed, 50u);
}

TEST_P(StreamContract, a_refused_connect_ends_closed) {
    start();
    world_->server().stop_listening();
    run_quiet(3);
    const auto id = world_->client().connect({world_->host(), port_});
    ASSERT_TRUE(id.has_value());
    ASSERT_TRUE(run_until([&] { return client_->is_closed(*id); }));
    EXPECT_NE((*client_)[*id].error.os_error, 0);
    EXPECT_TRUE(client_->begun.empty());
}

TEST_P(StreamContract, connections_outlive_the_listener) {
    start();
    server_->echo = true;
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    world_->server().stop_listening();
    run_quiet(3);
    const std::vector<std::byte> bytes = pattern_bytes(0, 1000);
    const Fragment one = fragment(bytes);
    ASSERT_TRUE(client_->send(at_client, {&one, 1}, 1));
    ASSERT_TRUE(run_until([&] { return (*client_)[at_client].received == bytes.size(); }));
    ASSERT_TRUE(world_->server().listen({world_->host(), 0}).has_value()) << "listening can begin again";
}

TEST_P(StreamContract, a_connect_may_be_closed_at_once) {
    start();
    const auto id = world_->client().connect({world_->host(), port_});
    ASSERT_TRUE(id.has_value());
    world_->client().close(*id);
    ASSERT_TRUE(run_until([&] { return client_->is_closed(*id); }));
}

TEST_P(StreamContract, sends_queued_while_connecting_go_out) {
    start();
    const auto id = world_->client().connect({world_->host(), port_});
    ASSERT_TRUE(id.has_value());
    const std::vector<std::byte> bytes = pattern_bytes(0, 5000);
    const Fragment one = fragment(bytes);
    ASSERT_TRUE(world_->client().send(*id, {&one, 1}, 1).has_value());
    // Straight to the driver: the token is noted by hand, since `connected` has not been seen yet.
    bool noted = false;
    ASSERT_TRUE(run_until([&] {
        if (!noted && client_->is_open(*id)) noted = true, (*client_)[*id].tokens.push_back(1);
        return !server_->begun.empty() && (*server_)[server_->begun[0]].received == bytes.size();
    }));
}

TEST_P(StreamContract, closes_connections_above_its_limit) {
    start({.connections_max = 3});
    for (int i = 0; i < 3; ++i) {
        io::ConnectionId at_client, at_server;
        ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
    }
    EXPECT_EQ(world_->client().connect({world_->host(), port_}).error().code, Errc::would_block);
    world_->server().close(server_->begun[0]);
    ASSERT_TRUE(run_until([&] { return server_->closed == 1 && client_->closed == 1; }));
    io::ConnectionId at_client, at_server;
    ASSERT_NO_FATAL_FAILURE(connect(at_client, at_server));
}

}  // namespace penstock::tests
