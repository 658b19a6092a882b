#include "wire/kafka/produce.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ProduceResponse;

TEST(Produce, gives_consecutive_offsets_on_every_shard) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    for (uint32_t shard = 0; shard < 2; ++shard) {
        const int32_t partition = world.partition_of(id, 8, shard);
        ASSERT_GE(partition, 0);
        EXPECT_EQ(produce(client, "t", partition, {"a", "b", "c"}).base_offset, 0);
        const auto second = produce(client, "t", partition, {"d"});
        EXPECT_EQ(second.base_offset, 3);
        EXPECT_EQ(second.log_start_offset, 0);
        EXPECT_EQ(second.log_append_time_ms, -1);
        EXPECT_EQ(values_of(fetch(client, "t", partition, 0).records), (std::vector<std::string>{"a", "b", "c", "d"}));
    }
}

TEST(Produce, is_served_in_every_version_that_has_batches) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t");
    Client& client = world.connect();
    int64_t offset = 0;
    for (int16_t version = 3; version <= 13; ++version) {
        for (const int16_t acks : {int16_t{-1}, int16_t{1}}) {
            ProduceCall call("t", 0, make_batch({"x"}), {.version = version, .acks = acks});
            wire::kafka::ProduceRequest::Topic topic = call.request.topics[0];
            topic.topic_id = id;
            call.request.topics = {&topic, 1};
            const auto answer = only(client.receive<ProduceResponse>(call.send(client), version));
            EXPECT_EQ(answer.error_code, ErrorCode::none) << version;
            EXPECT_EQ(answer.base_offset, offset++);
        }
    }
}

TEST(Produce, answers_only_what_is_durable) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"first"});
    world.directory->stall_until(world.clock.now() + second_ns);
    ProduceCall call("t", 0, make_batch({"second"}), {.acks = 1});
    const int32_t id = call.send(client);
    world.run(500 * millisecond_ns);
    EXPECT_FALSE(client.has_frame());
    EXPECT_EQ(only(client.receive<ProduceResponse>(id, 9)).base_offset, 1);
}

TEST(Produce, times_out_when_the_disk_does_not_answer) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"first"});
    world.directory->stall_until(world.clock.now() + 10 * second_ns);
    const Nanos asked = world.clock.now();
    EXPECT_EQ(produce(client, "t", 0, {"second"}, {.timeout_ms = 700}).error_code, ErrorCode::request_timed_out);
    EXPECT_LT(world.clock.now() - asked, second_ns);
    // It was appended all the same, and nothing of the request is left.
    world.run(11 * second_ns);
    EXPECT_EQ(produce(client, "t", 0, {"third"}).base_offset, 2);
    world.run_until_acknowledged();
    for (const auto& shard : world.shards) EXPECT_EQ(shard->listener().requests_in_use(), 0u);
}

TEST(Produce, refuses_each_kind_of_wrong_with_its_own_code) {
    BrokerWorld world;
    world.make_topic("t", 2, {{"max.message.bytes", "2000"}});
    Client& client = world.connect();
    EXPECT_EQ(produce(client, "nope", 0, {"x"}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(client, "t", 2, {"x"}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(client, "t", -1, {"x"}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(client, "t", 0, {"x"}, {.acks = 2}).error_code, ErrorCode::invalid_required_acks);
    EXPECT_EQ(produce(client, "t", 0, {std::string(3000, 'x')}).error_code, ErrorCode::message_too_large);
    EXPECT_EQ(produce_batch(client, "t", 0, std::vector<std::byte>()).error_code, ErrorCode::invalid_record);
    std::vector<std::byte> damaged = make_batch({"x"});
    damaged.back() ^= std::byte{1};
    EXPECT_EQ(produce_batch(client, "t", 0, damaged).error_code, ErrorCode::corrupt_message);
    EXPECT_EQ(produce_batch(client, "t", 0, make_batch({"x"}, wire::Codec::zstd), {.version = 6}).error_code,
              ErrorCode::unsupported_compression_type);
    EXPECT_EQ(produce_batch(client, "t", 0, make_batch({"x"}, wire::Codec::none, 1'900'000'000'000)).error_code,
              ErrorCode::invalid_timestamp);
    // Nothing of all that is in the log.
    EXPECT_EQ(produce(client, "t", 0, {"ok"}).base_offset, 0);
}

TEST(Produce, refuses_an_unknown_id_and_closes_on_versions_without_batches) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(produce(client, "t", 0, {"x"}, {.version = 13}).error_code, ErrorCode::unknown_topic_id);
    for (int16_t version = 0; version < 3; ++version) {
        Client& old = world.connect();
        ProduceCall("t", 0, make_batch({"x"}), {.version = version}).send(old);
        EXPECT_TRUE(old.wait_for_close());
    }
}

TEST(Produce, enforces_min_insync_replicas_for_acks_all_only) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"min.insync.replicas", "2"}});
    Client& client = world.connect();
    EXPECT_EQ(produce(client, "t", 0, {"x"}).error_code, ErrorCode::not_enough_replicas);
    EXPECT_EQ(produce(client, "t", 0, {"x"}, {.acks = 1}).error_code, ErrorCode::none);
}

TEST(Produce, wants_a_key_of_every_record_where_the_topic_is_compacted) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"cleanup.policy", "compact"}});
    Client& client = world.connect();
    wire::BatchBuilder builder;
    const std::string key = "k";
    const auto add = [&](wire::OptionalBytes with) { builder.add(1000, with, std::as_bytes(std::span(key))); };
    std::vector<std::byte> keyed, keyless;
    add(std::as_bytes(std::span(key)));
    add(std::as_bytes(std::span(key)));
    ASSERT_TRUE(builder.finish(wire::Codec::lz4, keyed));
    add(std::as_bytes(std::span(key)));
    add(std::nullopt);
    ASSERT_TRUE(builder.finish(wire::Codec::lz4, keyless));
    EXPECT_EQ(produce_batch(client, "t", 0, keyed).error_code, ErrorCode::none);
    const auto refused = produce_batch(client, "t", 0, keyless);
    EXPECT_EQ(refused.error_code, ErrorCode::invalid_record);
    EXPECT_EQ(refused.base_offset, -1);
    ASSERT_EQ(refused.record_errors.size(), 1u);
    EXPECT_EQ(refused.record_errors[0].batch_index, 1);
    EXPECT_TRUE(refused.error_message.has_value());
    EXPECT_EQ(produce_batch(client, "t", 0, keyless, {.version = 7}).error_code, ErrorCode::invalid_record);
    EXPECT_EQ(produce_batch(client, "t", 0, keyed).base_offset, 2);
}

TEST(Produce, stamps_the_append_time_where_the_topic_asks_for_it) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"message.timestamp.type", "LogAppendTime"}});
    Client& client = world.connect();
    world.run(1234 * millisecond_ns);
    const auto answer = produce_batch(client, "t", 0, make_batch({"x", "y"}, wire::Codec::none, 1'900'000'000'000));
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    EXPECT_NEAR(static_cast<double>(answer.log_append_time_ms), static_cast<double>(world.clock.time().wall_ms), 5.0);
    const auto fetched = fetch(client, "t", 0, 0);
    ASSERT_EQ(values_of(fetched.records).size(), 2u);  // its CRC is right
    EXPECT_EQ(list_offset(client, "t", 0, answer.log_append_time_ms).offset, 0);
    EXPECT_EQ(list_offset(client, "t", 0, answer.log_append_time_ms + 1).offset, -1);
}

TEST(Produce, without_acks_is_silent_and_closes_on_an_error) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    ProduceCall quiet("t", 0, make_batch({"x"}), {.acks = 0});
    for (int i = 0; i < 10; ++i) quiet.send(client);
    // The next answer is the one to the request that wants one.
    EXPECT_EQ(produce(client, "t", 0, {"y"}).base_offset, 10);
    ProduceCall before("t", 0, make_batch({"z"}));
    const int32_t earlier = before.send(client);
    ProduceCall("nope", 0, make_batch({"x"}), {.acks = 0}).send(client);
    EXPECT_EQ(only(client.receive<ProduceResponse>(earlier, 9)).base_offset, 11);
    EXPECT_TRUE(client.wait_for_close());
}

TEST(Produce, keeps_the_order_of_pipelined_requests_over_all_shards) {
    BrokerWorld world({.shards = 3, .seed = 5});
    const Uuid id = world.make_topic("t", 12);
    Client& client = world.connect();
    std::vector<int32_t> partitions;
    for (uint32_t shard = 0; shard < 3; ++shard) partitions.push_back(world.partition_of(id, 12, shard));
    std::vector<int32_t> sent;
    for (int i = 0; i < 1000; ++i) {
        const auto partition = partitions[static_cast<size_t>(i) % 3];
        sent.push_back(ProduceCall("t", partition, make_batch({std::to_string(i)})).send(client));
    }
    for (int i = 0; i < 1000; ++i) {
        const auto answer = only(client.receive<ProduceResponse>(sent[static_cast<size_t>(i)], 9));
        ASSERT_EQ(answer.error_code, ErrorCode::none);
        ASSERT_EQ(answer.base_offset, i / 3);
    }
    for (size_t which = 0; which < 3; ++which) {
        const std::vector<std::string> values = values_of(fetch(client, "t", partitions[which], 0).records);
        for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], std::to_string(3 * i + which));
    }
}

TEST(Produce, waits_while_the_store_is_full_and_loses_nothing) {
    BrokerWorld world({.shards = 2, .seed = 3, .cache_bytes = 4 * mib});
    const Uuid id = world.make_topic("t", 8);
    std::vector<std::pair<Client*, int32_t>> sent;
    const std::string value(200'000, 'v');
    for (int i = 0; i < 60; ++i) {
        Client& client = world.connect();
        const int32_t partition = world.partition_of(id, 8, static_cast<uint32_t>(i % 2));
        ProduceCall call("t", partition, make_batch({value}), {.timeout_ms = 120'000});
        sent.emplace_back(&client, call.send(client));
    }
    for (auto& [client, correlation] : sent) {
        ASSERT_EQ(only(client->receive<ProduceResponse>(correlation, 9)).error_code, ErrorCode::none);
    }
    uint64_t waits = 0;
    for (const auto& shard : world.shards) waits += shard->owner().counters().append_waits;
    EXPECT_GT(waits, 0u) << "the scenario does not reach back-pressure";
    EXPECT_EQ(list_offset(world.connect(), "t", world.partition_of(id, 8, 0), -1).offset, 30);
}

TEST(Produce, answers_a_batch_that_comes_again_with_its_first_offset) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"before"});
    EXPECT_EQ(produce_batch(client, "t", 0, make_batch({"a", "b"}, {.id = 7, .sequence = 0})).base_offset, 1);
    produce(client, "t", 0, {"between"});
    EXPECT_EQ(produce_batch(client, "t", 0, make_batch({"c"}, {.id = 7, .sequence = 2})).base_offset, 4);
    Client& other = world.connect();
    const auto again = produce_batch(other, "t", 0, make_batch({"a", "b"}, {.id = 7, .sequence = 0}));
    EXPECT_EQ(again.error_code, ErrorCode::none);
    EXPECT_EQ(again.base_offset, 1);
    EXPECT_EQ(again.log_append_time_ms, -1);
    EXPECT_EQ(again.log_start_offset, 0);
    EXPECT_EQ(values_of(fetch(client, "t", 0, 0).records),
              (std::vector<std::string>{"before", "a", "b", "between", "c"}));
}

TEST(Produce, answers_a_duplicate_only_once_its_original_is_durable) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    Client& other = world.connect();
    produce(client, "t", 0, {"first"});
    world.directory->stall_until(world.clock.now() + second_ns);
    ProduceCall original("t", 0, make_batch({"x"}, {.id = 7}));
    ProduceCall duplicate("t", 0, make_batch({"x"}, {.id = 7}));
    const int32_t sent = original.send(client), again = duplicate.send(other);
    world.run(500 * millisecond_ns);
    EXPECT_FALSE(client.has_frame());
    EXPECT_FALSE(other.has_frame());
    EXPECT_EQ(only(other.receive<ProduceResponse>(again, 9)).base_offset, 1);
    EXPECT_EQ(only(client.receive<ProduceResponse>(sent, 9)).base_offset, 1);
}

TEST(Produce, refuses_gaps_old_batches_and_old_epochs_of_a_producer) {
    BrokerWorld world;
    world.make_topic("t", 2);
    Client& client = world.connect();
    const auto send = [&](const ProducerStamp& producer, int32_t partition = 0) {
        return produce_batch(client, "t", partition, make_batch({"x", "y"}, producer)).error_code;
    };
    const auto out_of_order = ErrorCode::out_of_order_sequence_number;
    for (int32_t i = 0; i < 6; ++i) EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 2 * i}), ErrorCode::none);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 14}), out_of_order);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 11}), out_of_order);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 0}), out_of_order) << "no longer remembered";
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 2}), ErrorCode::none) << "the fifth from the end";
    EXPECT_EQ(send({.id = 7, .epoch = 4, .sequence = 12}), out_of_order);
    EXPECT_EQ(send({.id = 7, .epoch = 2, .sequence = 12}), ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(send({.id = 7, .epoch = 4, .sequence = 0}), ErrorCode::none);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 12}), ErrorCode::invalid_producer_epoch);
    // Each partition counts for itself, and an unknown producer may begin anywhere: also just before the wrap.
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = INT32_MAX - 2}, 1), ErrorCode::none);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = INT32_MAX}, 1), ErrorCode::none);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 0}, 1), out_of_order);
    EXPECT_EQ(send({.id = 7, .epoch = 3, .sequence = 1}, 1), ErrorCode::none);
    EXPECT_EQ(list_offset(client, "t", 0, -1).offset, 14);
    EXPECT_EQ(list_offset(client, "t", 1, -1).offset, 6);
}

TEST(Produce, refuses_numbers_that_make_no_sense_and_transactions) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const auto send = [&](const ProducerStamp& producer) {
        return produce_batch(client, "t", 0, make_batch({"x"}, producer)).error_code;
    };
    EXPECT_EQ(send({.id = 7, .epoch = 0, .sequence = -1}), ErrorCode::invalid_record);
    EXPECT_EQ(send({.id = 7, .epoch = -1, .sequence = 0}), ErrorCode::invalid_record);
    EXPECT_EQ(send({.id = 7, .attributes = wire::attribute_transactional}), ErrorCode::invalid_txn_state);
    EXPECT_EQ(send({.id = 7, .attributes = wire::attribute_control}), ErrorCode::invalid_record);
    EXPECT_EQ(list_offset(client, "t", 0, -1).offset, 0);
}

TEST(Produce, checks_what_waited_for_room_when_it_is_appended) {
    BrokerWorld world({.shards = 1, .seed = 3, .cache_bytes = 4 * mib});
    world.make_topic("t");
    const std::string value(200'000, 'v');
    Client& client = world.connect();
    std::vector<int32_t> sent;
    for (int32_t i = 0; i < 80; ++i) {  // each batch twice
        ProduceCall call("t", 0, make_batch({value}, {.id = 7, .sequence = i / 2}), {.timeout_ms = 120'000});
        sent.push_back(call.send(client));
    }
    for (size_t i = 0; i < sent.size(); ++i) {
        const auto answer = only(client.receive<ProduceResponse>(sent[i], 9));
        ASSERT_EQ(answer.error_code, ErrorCode::none) << i;
        ASSERT_EQ(answer.base_offset, static_cast<int64_t>(i / 2));
    }
    EXPECT_GT(world.shards[0]->owner().counters().append_waits, 0u) << "the scenario does not reach back-pressure";
    EXPECT_EQ(world.shards[0]->owner().counters().append_duplicates, 40u);
}

TEST(Produce, knows_its_producers_after_any_end_of_the_broker) {
    for (const bool crash : {false, true}) {
        BrokerWorld world;
        world.make_topic("t", 2, {{"message.timestamp.type", "LogAppendTime"}});
        const auto send = [&](int32_t sequence) {
            const ProducerStamp producer{.id = 7, .epoch = 2, .sequence = sequence};
            return produce_batch(world.connect(), "t", 1, make_batch({"x"}, producer));
        };
        int64_t appended_at = -1;
        for (int32_t i = 0; i < 8; ++i) appended_at = send(i).log_append_time_ms;
        world.run(second_ns);
        if (crash) world.crash_broker(5);
        else world.stop_broker();
        world.start_broker();
        world.run(second_ns);
        const auto duplicate = send(7);
        EXPECT_EQ(duplicate.error_code, ErrorCode::none);
        EXPECT_EQ(duplicate.base_offset, 7);
        EXPECT_EQ(duplicate.log_append_time_ms, appended_at) << "when it was appended, not when it came again";
        EXPECT_EQ(send(3).base_offset, 3);
        EXPECT_EQ(send(2).error_code, ErrorCode::out_of_order_sequence_number);
        EXPECT_EQ(send(9).error_code, ErrorCode::out_of_order_sequence_number);
        EXPECT_EQ(send(8).base_offset, 8);
    }
}

TEST(Produce, refuses_with_a_retriable_code_while_the_disk_is_full) {
    BrokerWorld world({.shards = 1, .cache_bytes = 8 * mib});
    world.make_topic("t");
    Client& client = world.connect();
    const std::string value(900'000, 'v');
    produce(client, "t", 0, {"first"});
    world.run(second_ns);
    world.directory->set_capacity(world.directory->used_bytes());
    ErrorCode error = ErrorCode::none;
    for (int i = 0; i < 100 && error == ErrorCode::none; ++i)
        error = produce(client, "t", 0, {value}, {.timeout_ms = 3000}).error_code;
    EXPECT_TRUE(error == ErrorCode::kafka_storage_error || error == ErrorCode::request_timed_out)
        << static_cast<int>(error);
    world.directory->set_capacity(0);
    for (int i = 0; i < 20 && error != ErrorCode::none; ++i) {
        world.run(second_ns);
        error = produce(client, "t", 0, {value}).error_code;
    }
    EXPECT_EQ(error, ErrorCode::none);
}

}  // namespace
}  // namespace penstock::scenario
