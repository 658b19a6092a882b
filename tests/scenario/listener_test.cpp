#include "broker/listener.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "scenario/kafka_calls.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/metadata.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ApiVersionsRequest;
using wire::kafka::ApiVersionsResponse;
using wire::kafka::FetchResponse;
using wire::kafka::ProduceResponse;

std::vector<std::byte> frame_of(int32_t size, size_t bytes) {
    std::vector<std::byte> frame(4 + bytes);
    store_be(frame.data(), size);
    return frame;
}

/// A request header with this key and version, and nothing behind it.
std::vector<std::byte> header_of(int16_t key, int16_t version) {
    std::vector<std::byte> frame = frame_of(10, 10);
    store_be(frame.data() + 4, key);
    store_be(frame.data() + 6, version);
    store_be(frame.data() + 12, int16_t{-1});
    return frame;
}

std::vector<std::byte> bytes_of(ProduceCall& call, int16_t version) {
    Arena arena(64 * mib);
    std::vector<std::byte> bytes;
    const auto frame = wire::request_frame(arena, 1, "test", call.request, version);
    for (const Fragment& fragment : *frame)
        bytes.insert(bytes.end(), fragment.data, fragment.data + fragment.size);
    return bytes;
}

void expect_nothing_left(BrokerWorld& world) {
    world.run_until_acknowledged();
    for (const auto& shard : world.shards) {
        EXPECT_EQ(shard->listener().requests_in_use(), 0u);
        EXPECT_EQ(shard->listener().request_bytes(), 0u);
        EXPECT_EQ(shard->listener().arena_bytes(), 0u);
        EXPECT_EQ(shard->owner().lent_bytes(), 0u);
    }
}

TEST(Listener, closes_on_sizes_that_no_request_has) {
    BrokerWorld world;
    for (const int32_t size : {-1, INT32_MIN, 0, 7, 101 * 1024 * 1024, INT32_MAX}) {
        Client& client = world.connect();
        client.send_bytes(frame_of(size, 100));
        EXPECT_TRUE(client.wait_for_close(second_ns)) << size;
    }
    EXPECT_EQ(world.connect().ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0).error_code, ErrorCode::none);
    expect_nothing_left(world);
}

TEST(Listener, closes_on_unknown_keys_and_versions) {
    BrokerWorld world;
    for (const auto& [key, version] : std::vector<std::pair<int16_t, int16_t>>{
             {-1, 0}, {4, 0}, {999, 0}, {10'003, 0}, {3, 99}, {1, 3}, {1, -1}, {18, -2}, {0, 14}}) {
        Client& client = world.connect();
        client.send_bytes(header_of(key, version));
        // A version of ApiVersions that nobody has is answered all the same, newer or older.
        if (key == 18) {
            EXPECT_TRUE(client.wait_for_frame(second_ns));
        } else {
            EXPECT_TRUE(client.wait_for_close(second_ns)) << key << " " << version;
        }
    }
}

TEST(Listener, closes_on_bodies_that_end_too_early) {
    BrokerWorld world;
    for (const wire::Api& api : wire::kafka::apis) {
        if (api.key == 18) continue;
        Client& client = world.connect();
        client.send_bytes(header_of(api.key, api.last));
        EXPECT_TRUE(client.wait_for_close(second_ns)) << api.name;
    }
    expect_nothing_left(world);
}

TEST(Listener, answers_earlier_requests_before_it_closes) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    ProduceCall call("t", 0, make_batch({"x"}));
    const int32_t id = call.send(client);
    client.send_bytes(frame_of(-5, 0));
    EXPECT_EQ(only(client.receive<ProduceResponse>(id, 9)).error_code, ErrorCode::none);
    EXPECT_TRUE(client.wait_for_close(second_ns));
}

TEST(Listener, takes_frames_that_come_byte_by_byte) {
    BrokerWorldOptions options;
    options.network.piece_bytes_max = 1;
    options.network.delay_ns_max = options.network.delay_ns_min;
    BrokerWorld world(options);
    world.make_topic("t");
    Client& client = world.connect();
    for (const size_t size : {size_t{1}, size_t{3000}, size_t{20'000}}) {
        EXPECT_EQ(produce(client, "t", 0, {std::string(size, 'x')}).error_code, ErrorCode::none);
    }
    EXPECT_EQ(values_of(fetch(client, "t", 0, 0).records).size(), 3u);
    expect_nothing_left(world);
}

TEST(Listener, answers_a_thousand_pipelined_requests_in_order) {
    BrokerWorld world;
    world.make_topic("t", 4);
    Client& client = world.connect();
    std::vector<std::pair<int32_t, int>> sent;
    for (int i = 0; i < 1000; ++i) {
        if (i % 5 == 1) {
            sent.emplace_back(client.send(ApiVersionsRequest{}, 0), 1);
        } else if (i % 5 == 3) {
            sent.emplace_back(FetchCall({{"t", i % 4, 0}}, {.max_wait_ms = 1}).send(client), 3);
        } else {
            sent.emplace_back(ProduceCall("t", i % 4, make_batch({"x"})).send(client), 0);
        }
    }
    for (const auto& [id, kind] : sent) {
        if (kind == 1) {
            ASSERT_EQ(client.receive<ApiVersionsResponse>(id, 0).error_code, ErrorCode::none);
        } else if (kind == 3) {
            ASSERT_EQ(client.receive<FetchResponse>(id, 12).error_code, ErrorCode::none);
        } else {
            ASSERT_EQ(only(client.receive<ProduceResponse>(id, 9)).error_code, ErrorCode::none);
        }
    }
    expect_nothing_left(world);
}

TEST(Listener, takes_the_largest_request_and_bounds_what_half_sent_ones_hold) {
    BrokerWorldOptions options{.shards = 1, .cache_bytes = 64 * mib};
    options.broker.request_memory_bytes = 24 * mib;
    options.broker.request_bytes_max = 16 * mib;
    BrokerWorld world(options);
    world.make_topic("t", 1, {{"max.message.bytes", "12000000"}});
    // Ten clients announce 12 MiB each and send half of a MiB: one holds memory, the others wait for theirs.
    for (int i = 0; i < 10; ++i) world.connect().send_bytes(frame_of(12 * 1024 * 1024, 512 * 1024));
    world.run(2 * second_ns);
    EXPECT_LE(world.shards[0]->listener().request_bytes(), 18 * mib);
    EXPECT_GT(world.shards[0]->listener().counters().memory_waits, 0u);
    // Small requests have their own part of the memory.
    Client& small = world.connect();
    EXPECT_EQ(produce(small, "t", 0, {"x"}).error_code, ErrorCode::none);
    // An honest large request gets its turn when those that never finish are closed.
    Client& large = world.connect();
    ProduceCall honest("t", 0, make_batch({std::string(13'000'000, 'L')}));
    honest.send(large);
    EXPECT_TRUE(large.wait_for_frame(1000 * second_ns));
    large.take_frame();
    EXPECT_EQ(produce(large, "t", 0, {std::string(13'000'000, 'L')}).error_code, ErrorCode::message_too_large);
    EXPECT_EQ(produce(large, "t", 0, {std::string(10'000'000, 'L')}).error_code, ErrorCode::none);
    EXPECT_GT(world.shards[0]->listener().counters().connections_timed_out, 0u);
    world.run(1000 * second_ns);
    expect_nothing_left(world);
}

TEST(Listener, lets_everybody_through_when_all_send_more_than_fits) {
    BrokerWorldOptions options{.shards = 2, .seed = 9, .cache_bytes = 8 * mib};
    options.broker.request_memory_bytes = 8 * mib;
    options.receive_buffers = 16;
    BrokerWorld world(options);
    world.make_topic("t", 4, {{"max.message.bytes", "4000000"}});
    std::vector<std::pair<Client*, int32_t>> sent;
    for (int i = 0; i < 40; ++i) {
        Client& client = world.connect();
        for (int k = 0; k < 3; ++k) {
            ProduceCall call("t", (i + k) % 4, make_batch({std::string(1'500'000, 'x')}), {.timeout_ms = 500'000});
            sent.emplace_back(&client, call.send(client));
        }
    }
    for (auto& [client, id] : sent)
        ASSERT_EQ(only(client->receive<ProduceResponse>(id, 9)).error_code, ErrorCode::none);
    expect_nothing_left(world);
}

TEST(Listener, closes_slow_senders_and_idle_connections) {
    BrokerWorld world;
    Client& slow = world.connect();
    slow.send_bytes(frame_of(100, 10));
    Client& idle = world.connect();
    world.run(limits::frame_timeout_ns - 5 * second_ns);
    EXPECT_FALSE(slow.closed());
    world.run(20 * second_ns);
    EXPECT_TRUE(slow.closed());
    EXPECT_FALSE(idle.closed());
    world.run(limits::connection_idle_timeout_ns + second_ns);
    EXPECT_TRUE(idle.closed());
    expect_nothing_left(world);
}

TEST(Listener, keeps_a_connection_that_waits_in_a_long_poll) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const int32_t id = FetchCall({{"t", 0, 0}}, {.max_wait_ms = 250'000}).send(client);
    EXPECT_TRUE(client.wait_for_frame(400 * second_ns));
    EXPECT_EQ(client.receive<FetchResponse>(id, 12).error_code, ErrorCode::none);
}

TEST(Listener, answers_a_client_that_ended_its_side) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        BrokerWorld world({.seed = seed});
        world.make_topic("t");
        Client& client = world.connect();
        std::vector<int32_t> produced;
        for (int i = 0; i < 12; ++i) {
            ProduceCall call("t", 0, make_batch({std::string(20'000, 'x')}));
            produced.push_back(call.send(client));
        }
        const int32_t fetched = FetchCall({{"t", 0, 0}}, {.max_wait_ms = 250'000}).send(client);
        const int32_t waited = FetchCall({{"t", 0, 12}}, {.max_wait_ms = 250'000}).send(client);
        client.send_bytes(frame_of(100, 10));  // cut off
        client.end_sending();
        for (const int32_t id : produced) {
            EXPECT_EQ(only(client.receive<ProduceResponse>(id, 9)).error_code, ErrorCode::none);
        }
        const auto first = client.receive<FetchResponse>(fetched, 12);
        ASSERT_EQ(first.topics.size(), 1u);
        EXPECT_EQ(values_of(first.topics[0].partitions[0].records).size(), 12u);
        const Nanos before = world.clock.now();
        EXPECT_EQ(client.receive<FetchResponse>(waited, 12).error_code, ErrorCode::none);
        EXPECT_LT(world.clock.now() - before, 2 * second_ns) << "it does not wait for more";
        EXPECT_TRUE(client.wait_for_close(second_ns));
        expect_nothing_left(world);
    }
}

TEST(Listener, keeps_what_a_client_sent_that_is_gone) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    client.ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0);
    for (int i = 0; i < 30; ++i) ProduceCall("t", 0, make_batch({"value"}), {.acks = 0}).send(client);
    client.end_sending();
    EXPECT_TRUE(client.wait_for_close(second_ns));
    expect_nothing_left(world);
    Client& reader = world.connect();
    const auto read = reader.receive<FetchResponse>(FetchCall({{"t", 0, 0}}, {.max_wait_ms = 1000}).send(reader), 12);
    ASSERT_EQ(read.topics.size(), 1u);
    EXPECT_EQ(values_of(read.topics[0].partitions[0].records).size(), 30u);
}

TEST(Listener, stops_reading_a_client_that_does_not_read) {
    BrokerWorldOptions options{.shards = 1};
    BrokerWorld world(options);
    for (int i = 0; i < 60; ++i) world.make_topic("topic-with-a-long-name-" + std::to_string(i), 50);
    Client& client = world.connect();
    client.stop_reading();
    for (int i = 0; i < 3000; ++i) client.send(wire::kafka::MetadataRequest{}, 9);
    world.run(30 * second_ns);
    EXPECT_LT(world.shards[0]->listener().arena_bytes(), 8 * mib);
    EXPECT_LE(world.shards[0]->listener().requests_in_use(), limits::requests_per_connection);
    client.go_on_reading();
    for (int i = 0; i < 3000; ++i) {
        ASSERT_TRUE(client.wait_for_frame());
        client.take_frame();
    }
    expect_nothing_left(world);
}

TEST(Listener, refuses_connections_above_its_bound) {
    BrokerWorldOptions options{.shards = 1};
    options.broker.connections_max = 3;
    BrokerWorld world(options);
    for (int i = 0; i < 3; ++i) world.connect().ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0);
    EXPECT_TRUE(world.connect().wait_for_close(second_ns));
    world.clients.front()->close();
    world.run(second_ns);
    EXPECT_EQ(world.connect().ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0).error_code, ErrorCode::none);
}

TEST(Listener, survives_resets_and_cut_off_frames_at_any_moment) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        BrokerWorldOptions options{.shards = 3, .seed = seed};
        options.broker.default_partitions = 6;
        options.network.resets_per_million_pieces = 20'000;
        options.receive_buffers = 8;
        BrokerWorld world(options);
        Random random(seed);
        wire::kafka::MetadataRequest::Topic topic;
        topic.name = "t";
        wire::kafka::MetadataRequest makes_topic;
        makes_topic.topics = wire::Array<wire::kafka::MetadataRequest::Topic>(&topic, 1);
        while (world.shards[0]->view().topics.empty()) {
            world.connect().send(makes_topic, 9);  // its connection may be reset, too
            world.run(100 * millisecond_ns);
        }
        for (int i = 0; i < 40; ++i) {
            Client& client = world.connect();
            for (uint64_t k = random.below(6); k > 0; --k) {
                const auto partition = static_cast<int32_t>(random.below(6));
                ProduceCall call("t", partition, make_batch({std::string(random.below(300'000), 'x')}));
                std::vector<std::byte> bytes = bytes_of(call, 9);
                if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
                client.send_bytes(std::move(bytes));
                if (random.below(3) == 0) FetchCall({{"t", partition, 0}}, {.max_wait_ms = 30'000}).send(client);
            }
            world.run(static_cast<int64_t>(random.below(2 * millisecond_ns)));
            if (random.below(2) == 0) client.close();
        }
        for (auto& client : world.clients) client->close();
        world.run(5 * second_ns);
        expect_nothing_left(world);
    }
}

}  // namespace
}  // namespace penstock::scenario
