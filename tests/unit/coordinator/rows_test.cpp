#include "coordinator/rows.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::coordinator {
namespace {

const Uuid some_id = make_uuid(11, 22);

TEST(Rows, KeysAreReadableAndReadBack) {
    const std::vector<std::pair<RowKey, std::string>> table{
        {cluster_key(), "cluster"},
        {epoch_key(3), "epoch/0000000003"},
        {broker_key(NodeId{0}), "broker/0000000000"},
        {broker_key(NodeId{INT32_MAX}), "broker/2147483647"},
        {topic_key(some_id), "topic/" + some_id.text()},
        {producer_ids_key(), "producer_ids"},
        {deleted_key(some_id), "deleted/" + some_id.text()},
        {partition_key(some_id, 42), "partition/" + some_id.text() + "/00000042"},
    };
    for (const auto& [key, text] : table) {
        EXPECT_EQ(to_text(key), text);
        EXPECT_EQ(parse_row_key(text), key) << text;
    }
}

TEST(Rows, OtherKeysAreRefused) {
    const std::string id = some_id.text();
    for (const std::string& text :
         {std::string(), std::string("clusters"), std::string("Cluster"), std::string("epoch/3"),
          std::string("producer_ids/"), std::string("producer_id"),
          std::string("broker/1"), std::string("broker/-000000001"), std::string("broker/9999999999"),
          std::string("broker/000000000x"), "topic/" + id + "x", std::string("topic/"), std::string("deleted/short"),
          "partition/" + id, "partition/" + id + "/", "partition/" + id + "/0000000x",
          "partition/" + id + "/123456789", "partition/" + id + "-00000001"})
        EXPECT_FALSE(parse_row_key(text).has_value()) << text;
}

TEST(Rows, ValuesReadBack) {
    Arena arena(1 << 16);
    const std::vector<int32_t> replicas{3, 1, 2}, isr{1}, adding{3}, removing{2}, before{1, 2};
    const std::string value = encode_row(PartitionRow{3, 17, replicas, isr, 8, adding, removing, before}, arena);
    arena.reset();
    PartitionRow row;
    ASSERT_TRUE(decode_row(value, arena, row));
    EXPECT_EQ(row.leader, 3);
    EXPECT_EQ(row.leader_epoch, 17);
    EXPECT_EQ(std::vector<int32_t>(row.replicas.begin(), row.replicas.end()), replicas);
    EXPECT_EQ(std::vector<int32_t>(row.isr.begin(), row.isr.end()), isr);
    EXPECT_EQ(row.partition_epoch, 8);
    EXPECT_EQ(std::vector<int32_t>(row.adding.begin(), row.adding.end()), adding);
    EXPECT_EQ(std::vector<int32_t>(row.removing.begin(), row.removing.end()), removing);
    EXPECT_EQ(std::vector<int32_t>(row.before.begin(), row.before.end()), before);
    const std::string stopping = encode_row(BrokerRow{some_id, some_id, "host", 9092, 2, false, 0, "r1", true}, arena);
    arena.reset();
    BrokerRow broker;
    ASSERT_TRUE(decode_row(stopping, arena, broker));
    EXPECT_EQ(broker.rack, "r1");
    EXPECT_TRUE(broker.stopping);
}

TEST(Rows, DamagedValuesAreRefused) {
    Arena arena(1 << 16);
    const std::string value = encode_row(BrokerRow{some_id, some_id, "host", 9092, 2, false}, arena);
    for (size_t size = 0; size < value.size(); ++size) {
        arena.reset();
        BrokerRow row;
        EXPECT_FALSE(decode_row(std::string_view(value).substr(0, size), arena, row)) << size;
    }
    arena.reset();
    BrokerRow row;
    EXPECT_FALSE(decode_row(value + "x", arena, row));
    std::string newer = value;
    newer[1] = 1;
    EXPECT_FALSE(decode_row(newer, arena, row));
}

}  // namespace
}  // namespace penstock::coordinator
