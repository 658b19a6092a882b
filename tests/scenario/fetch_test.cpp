#include "wire/kafka/fetch.h"

#include <gtest/gtest.h>

#include "limits.h"
#include "scenario/kafka_calls.h"
#include "wire/kafka/delete_topics.h"

namespace penstock::scenario {
namespace {

using wire::kafka::FetchResponse;

std::vector<std::string> values(const FetchResponse& response, size_t topic, int64_t offset = 0) {
    return values_of(response.topics[topic].partitions[0].records, offset);
}

TEST(Fetch, is_served_in_every_version) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"a", "b"});
    for (int16_t version = 4; version <= 18; ++version) {
        const auto response = fetch(client, {{"t", 0, 0, id}}, {.version = version});
        ASSERT_EQ(response.topics.size(), 1u) << version;
        const auto& partition = response.topics[0].partitions[0];
        EXPECT_EQ(partition.error_code, ErrorCode::none) << version;
        EXPECT_EQ(partition.high_watermark, 2);
        EXPECT_EQ(partition.last_stable_offset, 2);
        EXPECT_EQ(response.session_id, 0);
        EXPECT_EQ(values(response, 0), (std::vector<std::string>{"a", "b"}));
    }
}

TEST(Fetch, waits_for_records_and_is_woken_by_them) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    for (uint32_t shard = 0; shard < 2; ++shard) {
        const int32_t partition = world.partition_of(id, 8, shard);
        Client& consumer = world.connect();
        Client& producer = world.connect();
        FetchCall call({{"t", partition, 0}}, {.max_wait_ms = 20'000});
        const int32_t asked = call.send(consumer);
        world.run(second_ns);
        EXPECT_FALSE(consumer.has_frame());
        produce(producer, "t", partition, {"woken"});
        const Nanos produced = world.clock.now();
        EXPECT_EQ(values(consumer.receive<FetchResponse>(asked, 12), 0), std::vector<std::string>{"woken"});
        EXPECT_LT(world.clock.now() - produced, 10 * millisecond_ns);
    }
}

TEST(Fetch, answers_empty_when_the_wait_is_over) {
    BrokerWorld world;
    world.make_topic("t", 8);
    Client& client = world.connect();
    for (const int32_t wait_ms : {0, 700}) {
        const Nanos asked = world.clock.now();
        std::vector<FetchTarget> all;
        for (int32_t partition = 0; partition < 8; ++partition) all.push_back({"t", partition, 0});
        const auto response = fetch(client, all, {.max_wait_ms = wait_ms});
        EXPECT_GE(world.clock.now() - asked, wait_ms * millisecond_ns);
        EXPECT_LT(world.clock.now() - asked, (wait_ms + 10) * millisecond_ns);
        ASSERT_EQ(response.topics.size(), 8u);
        for (const auto& topic : response.topics) {
            EXPECT_EQ(topic.partitions[0].error_code, ErrorCode::none);
            EXPECT_EQ(topic.partitions[0].high_watermark, 0);
            EXPECT_TRUE(topic.partitions[0].records.empty());
        }
    }
}

TEST(Fetch, counts_min_bytes_over_the_partitions_of_all_shards) {
    BrokerWorld world({.shards = 3});
    const Uuid id = world.make_topic("t", 12);
    Client& consumer = world.connect();
    Client& producer = world.connect();
    std::vector<FetchTarget> targets;
    for (uint32_t shard = 0; shard < 3; ++shard) targets.push_back({"t", world.partition_of(id, 12, shard), 0});
    FetchCall call(targets, {.max_wait_ms = 60'000, .min_bytes = 9000});
    const int32_t asked = call.send(consumer);
    const std::string value(1000, 'v');
    for (int i = 0; i < 8; ++i) {
        produce(producer, "t", targets[static_cast<size_t>(i) % 3].partition, {value});
        world.run(100 * millisecond_ns);
        ASSERT_FALSE(consumer.has_frame()) << i;
    }
    produce(producer, "t", targets[2].partition, {value});
    const Nanos produced = world.clock.now();
    const auto response = consumer.receive<FetchResponse>(asked, 12);
    EXPECT_LT(world.clock.now() - produced, 10 * millisecond_ns);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(values(response, i).size(), 3u);
}

TEST(Fetch, gives_what_there_is_when_min_bytes_are_not_reached) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    const int32_t first = world.partition_of(id, 8, 0), second = world.partition_of(id, 8, 1);
    produce(client, "t", second, {"only"});
    const auto response = fetch(client, {{"t", first, 0}, {"t", second, 0}}, {.max_wait_ms = 300, .min_bytes = 5000});
    EXPECT_TRUE(values(response, 0).empty());
    EXPECT_EQ(values(response, 1), std::vector<std::string>{"only"});
}

TEST(Fetch, begins_with_the_batch_that_holds_the_offset) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"a", "b", "c"});
    produce(client, "t", 0, {"d"});
    const auto partition = fetch(client, "t", 0, 1);
    EXPECT_EQ(values_of(partition.records), (std::vector<std::string>{"a", "b", "c", "d"}));
    EXPECT_EQ(values_of(fetch(client, "t", 0, 3).records), std::vector<std::string>{"d"});
}

TEST(Fetch, returns_the_first_batch_whole_and_shares_the_rest_in_order) {
    BrokerWorld world({.shards = 3});
    const Uuid id = world.make_topic("t", 12);
    Client& client = world.connect();
    std::vector<FetchTarget> targets;
    for (uint32_t shard = 0; shard < 3; ++shard) {
        const int32_t partition = world.partition_of(id, 12, shard);
        targets.push_back({"t", partition, 0});
        for (int i = 0; i < 4; ++i) produce(client, "t", partition, {std::string(10'000, 'v')});
    }
    // Every limit is smaller than a batch: one batch of the first partition, nothing of the others.
    auto response = fetch(client, targets, {.max_bytes = 1, .partition_max_bytes = 1});
    EXPECT_EQ(values(response, 0).size(), 1u);
    EXPECT_TRUE(values(response, 1).empty());
    EXPECT_TRUE(values(response, 2).empty());
    // The response's limit is used up in the order of the request.
    response = fetch(client, targets, {.max_bytes = 65'000, .partition_max_bytes = 1'000'000});
    EXPECT_EQ(values(response, 0).size(), 4u);
    EXPECT_EQ(values(response, 1).size(), 2u);
    EXPECT_TRUE(values(response, 2).empty());
    // An empty partition does not use up the right to a whole first batch.
    response = fetch(client, {{"t", targets[0].partition, 4}, targets[1]}, {.partition_max_bytes = 1});
    EXPECT_TRUE(values(response, 0).empty());
    EXPECT_EQ(values(response, 1).size(), 1u);
}

TEST(Fetch, reports_errors_at_once_beside_what_is_there) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    const int32_t partition = world.partition_of(id, 8, 1);
    produce(client, "t", partition, {"a"});
    const Nanos asked = world.clock.now();
    auto response = fetch(client, {{"nope", 0, 0}, {"t", 99, 0}, {"t", partition, 0}, {"t", partition, 2},
                                   {"t", partition, -1}}, {.max_wait_ms = 60'000, .min_bytes = 1'000'000});
    EXPECT_LT(world.clock.now() - asked, 100 * millisecond_ns);
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.topics[2].partitions[0].error_code, ErrorCode::none);
    EXPECT_EQ(values(response, 2), std::vector<std::string>{"a"});
    EXPECT_EQ(response.topics[3].partitions[0].error_code, ErrorCode::offset_out_of_range);
    EXPECT_EQ(response.topics[4].partitions[0].error_code, ErrorCode::offset_out_of_range);
    Uuid unknown = id;
    unknown.bytes[3] ^= 1;
    response = fetch(client, {{"", 0, 0, unknown}}, {.version = 13});
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::unknown_topic_id);
}

TEST(Fetch, checks_the_leader_epoch) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const int32_t epoch = world.shards[0]->view().topics[0]->partitions[0].leader_epoch.value;
    for (const auto& [asked, error] : {std::pair{epoch, ErrorCode::none},
                                       {epoch + 1, ErrorCode::unknown_leader_epoch},
                                       {epoch - 1, epoch > 0 ? ErrorCode::fenced_leader_epoch : ErrorCode::none}}) {
        FetchCall call({{"t", 0, 0}}, {.max_wait_ms = 1});
        call.partitions()[0].current_leader_epoch = asked;
        const auto response = client.receive<FetchResponse>(call.send(client), 12);
        EXPECT_EQ(response.topics[0].partitions[0].error_code, error) << asked;
    }
}

TEST(Fetch, tells_who_leads_to_a_client_with_an_older_epoch) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t");
    world.crash_broker(3);
    world.start_broker();
    Client& client = world.connect();
    const int32_t epoch = world.shards[0]->view().topics[0]->partitions[0].leader_epoch.value;
    ASSERT_GT(epoch, 0);
    for (int16_t version = 13; version <= 18; ++version) {
        FetchCall call({{"", 0, 0, id}}, {.version = version, .max_wait_ms = 1});
        call.partitions()[0].current_leader_epoch = epoch - 1;
        const auto response = client.receive<FetchResponse>(call.send(client), version);
        const auto& partition = response.topics[0].partitions[0];
        EXPECT_EQ(partition.error_code, ErrorCode::fenced_leader_epoch);
        EXPECT_EQ(partition.current_leader.leader_id, 1);
        EXPECT_EQ(partition.current_leader.leader_epoch, epoch);
        ASSERT_EQ(response.node_endpoints.size(), version >= 16 ? 1u : 0u);
        if (version < 16) continue;
        EXPECT_EQ(response.node_endpoints[0].node_id, 1);
        EXPECT_EQ(response.node_endpoints[0].host, world.shards[0]->view().brokers[0].host);
        EXPECT_EQ(response.node_endpoints[0].port, world.shards[0]->view().brokers[0].port);
    }
}

TEST(Fetch, declines_sessions) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    FetchCall offer({{"t", 0, 0}}, {.max_wait_ms = 1});
    offer.request.session_epoch = 0;
    const auto offered = client.receive<FetchResponse>(offer.send(client), 12);
    EXPECT_EQ(offered.session_id, 0);
    EXPECT_EQ(offered.topics.size(), 1u);
    FetchCall unknown({{"t", 0, 0}});
    unknown.request.session_id = 77;
    unknown.request.session_epoch = 3;
    EXPECT_EQ(client.receive<FetchResponse>(unknown.send(client), 12).error_code,
              ErrorCode::fetch_session_id_not_found);
    FetchCall out_of_turn({{"t", 0, 0}});
    out_of_turn.request.session_epoch = 1;
    EXPECT_EQ(client.receive<FetchResponse>(out_of_turn.send(client), 12).error_code,
              ErrorCode::invalid_fetch_session_epoch);
}

TEST(Fetch, without_partitions_is_answered_at_once) {
    BrokerWorld world;
    Client& client = world.connect();
    EXPECT_TRUE(fetch(client, {}, {.max_wait_ms = 60'000}).topics.empty());
    EXPECT_LT(world.clock.now() - sim::Clock().now(), 5 * second_ns);
}

TEST(Fetch, ends_when_the_topic_is_deleted) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    const int32_t partition = world.partition_of(id, 8, 1);
    Client& by_name = world.connect();
    Client& by_id = world.connect();
    FetchCall first({{"t", partition, 0}}, {.max_wait_ms = 60'000});
    FetchCall second({{"", partition, 0, id}}, {.version = 13, .max_wait_ms = 60'000});
    const int32_t first_id = first.send(by_name);
    const int32_t second_id = second.send(by_id);
    world.run(100 * millisecond_ns);
    std::string_view name = "t";
    wire::kafka::DeleteTopicsRequest request;
    request.topic_names = {&name, 1};
    request.timeout_ms = 5000;
    world.connect().ask<wire::kafka::DeleteTopicsResponse>(request, 5);
    EXPECT_EQ(by_name.receive<FetchResponse>(first_id, 12).topics[0].partitions[0].error_code,
              ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(by_id.receive<FetchResponse>(second_id, 13).topics[0].partitions[0].error_code,
              ErrorCode::unknown_topic_id);
}

TEST(Fetch, reads_from_disk_what_the_cache_has_lost) {
    BrokerWorld world({.shards = 2, .seed = 4, .cache_bytes = 4 * mib});
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    const int32_t cold = world.partition_of(id, 8, 0), other = world.partition_of(id, 8, 1);
    for (int i = 0; i < 40; ++i) {
        produce(client, "t", cold, {std::string(500'000, static_cast<char>('a' + i % 26))});
        produce(client, "t", other, {std::string(500'000, 'x')});
    }
    int64_t offset = 0;
    while (offset < 40) {
        const auto response = fetch(client, {{"t", cold, offset}, {"t", other, offset}}, {.max_wait_ms = 1});
        const std::vector<std::string> got = values(response, 0);
        ASSERT_FALSE(got.empty()) << offset;
        for (const std::string& value : got) ASSERT_EQ(value[7], static_cast<char>('a' + offset++ % 26));
    }
    world.run_until_acknowledged();
    for (const auto& shard : world.shards) EXPECT_EQ(shard->owner().lent_bytes(), 0u);
}

BrokerWorldOptions little_to_lend(uint64_t seed) {
    BrokerWorldOptions options{.shards = 2, .seed = seed, .cache_bytes = 16 * mib};
    options.broker.lent_bytes_max = 8 * mib;
    return options;
}

TEST(Fetch, of_a_reader_that_does_not_read_pins_a_bounded_part_of_the_cache) {
    BrokerWorld world(little_to_lend(6));
    const int32_t partition = world.partition_of(world.make_topic("t", 8), 8, 0);
    Client& producer = world.connect();
    for (int i = 0; i < 30; ++i) produce(producer, "t", partition, {std::string(700'000, 'v')});
    for (int i = 0; i < 20; ++i) {
        Client& lazy = world.connect();
        for (int k = 0; k < 5; ++k) {
            FetchCall({{"t", partition, k}}, {.partition_max_bytes = 4'000'000}).send(lazy);
        }
        lazy.stop_reading();
    }
    world.run(20 * second_ns);
    uint64_t lent = 0;
    for (const auto& shard : world.shards) lent = std::max(lent, shard->owner().lent_bytes());
    // A native reader's transport takes as much as its credit allows, which is more than what is lent to it here.
    EXPECT_GE(lent, world.options.road == io::Road::tcp ? 4 * mib : 0);
    EXPECT_LT(lent, 9 * mib);
    // Others can still produce; and the lazy ones are closed in the end, which frees what they pin.
    EXPECT_EQ(produce(producer, "t", partition, {"more"}).error_code, ErrorCode::none);
    world.run(300 * second_ns);
    for (const auto& shard : world.shards) EXPECT_EQ(shard->owner().lent_bytes(), 0u);
    EXPECT_FALSE(values_of(fetch(world.connect(), "t", partition, 0).records).empty());
}

TEST(Fetch, of_a_few_readers_that_do_not_read_leaves_memory_for_others) {
    BrokerWorld world(little_to_lend(8));
    const int32_t partition = world.partition_of(world.make_topic("t", 8), 8, 0);
    Client& producer = world.connect();
    for (int i = 0; i < 120; ++i) produce(producer, "t", partition, {std::string(100'000, 'v')});
    for (int i = 0; i < 6; ++i) {
        Client& lazy = world.connect();
        for (int k = 0; k < 5; ++k) FetchCall({{"t", partition, 0}}, {.partition_max_bytes = 50'000'000}).send(lazy);
        lazy.stop_reading();
    }
    world.run(second_ns);
    Client& honest = world.connect();
    for (int64_t offset = 0; offset < 20; ++offset) {
        const int32_t id_of_fetch = FetchCall({{"t", partition, offset}}).send(honest);
        ASSERT_TRUE(honest.wait_for_frame(second_ns)) << offset;
        EXPECT_FALSE(values(honest.receive<wire::kafka::FetchResponse>(id_of_fetch, 12), 0).empty());
    }
}

TEST(Fetch, ends_quietly_when_its_client_goes) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 12);
    for (int i = 0; i < 20; ++i) {
        Client& client = world.connect();
        std::vector<FetchTarget> targets;
        for (int32_t partition = 0; partition < 12; ++partition) targets.push_back({"t", partition, 0});
        FetchCall(targets, {.max_wait_ms = 60'000}).send(client);
        world.run(i * 100 * microsecond_ns);
        client.close();
    }
    world.run(limits::ended_wait_ns + second_ns);  // it might only have ended its side
    for (const auto& shard : world.shards) {
        EXPECT_EQ(shard->listener().requests_in_use(), 0u);
        EXPECT_EQ(shard->listener().connections(), 0u);
    }
}

}  // namespace
}  // namespace penstock::scenario
