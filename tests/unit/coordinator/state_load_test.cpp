#include <gtest/gtest.h>

#include <functional>

#include "cluster.h"
#include "coordinator/state.h"

namespace penstock::coordinator {
namespace {

// What a store holds after these transactions.
struct Rows {
    std::map<std::string, std::string> rows;
    uint64_t revision = 0;

    void apply(const io::StoreTransaction& transaction) {
        for (const auto& row : transaction.puts) rows[row.key] = row.value;
        for (const auto& key : transaction.removes) rows.erase(key);
        revision = transaction.revision;
    }
    io::StoreContents contents() const {
        io::StoreContents out{.revision = revision, .rows = {}};
        for (const auto& [key, value] : rows) out.rows.push_back({key, value});
        return out;
    }
};

Rows filled(State& state) {
    Rows rows;
    state = State::load({}).value();
    state.set_cluster_id(numbered(1));
    state.begin_epoch(numbered(2));
    state.set_broker(broker(1));
    state.set_broker(broker(2, true));
    Broker third = stopping_broker(3);
    third.rack = "r1";
    state.set_broker(third);
    rows.apply(state.take_transaction());
    state.add_topic(topic(7, "games", {partition(1, {1, 2}, {1}), partition(2, {2, 1}, {2, 1}, 3)}));
    state.set_configs(numbered(7), {{"retention.ms", "1000"}});
    state.add_topic(topic(8, "gone", {partition(1, {1}, {1})}));
    rows.apply(state.take_transaction());
    state.set_partition(numbered(7), 1, moving(partition(2, {3, 2, 1}, {2, 1}, 3), {2, 1}, {3}, {1}));
    state.delete_topic(numbered(8));
    EXPECT_EQ(state.allocate_producer_ids(1000), 0);
    rows.apply(state.take_transaction());
    return rows;
}

TEST(StateLoad, EverythingComesBack) {
    State state;
    const Rows rows = filled(state);
    auto loaded = State::load(rows.contents());
    ASSERT_TRUE(loaded.has_value()) << loaded.error();
    EXPECT_EQ(loaded->revision(), state.revision());
    EXPECT_EQ(loaded->cluster_id(), numbered(1));
    EXPECT_EQ(loaded->epoch_id(), numbered(2));
    EXPECT_EQ(loaded->brokers(), state.brokers());
    ASSERT_NE(loaded->topic("games"), nullptr);
    EXPECT_EQ(loaded->topic("games")->partitions, state.topic("games")->partitions);
    EXPECT_EQ(loaded->topic("games")->configs, state.topic("games")->configs);
    EXPECT_EQ(loaded->topic("gone"), nullptr);
    EXPECT_EQ(loaded->deleted().at(numbered(8)).waiting_for, ids({1}));
    EXPECT_EQ(loaded->deleted().at(numbered(8)).revision, 3u);
    EXPECT_EQ(loaded->next_producer_id(), 1000);
    EXPECT_EQ(loaded->partition_count(), 2u);
    EXPECT_EQ(loaded->topic("games")->partitions[1].partition_epoch, 1);
    for (int32_t id : {1, 2, 3}) EXPECT_EQ(loaded->load_of(NodeId{id}), state.load_of(NodeId{id})) << id;
    EXPECT_EQ(loaded->forgotten_revision(), loaded->revision());
    EXPECT_EQ(loaded->dirty_rows(), 0u);
}

// As they were stored before partitions had an epoch of their own and brokers a rack.
TEST(StateLoad, OlderRowsAreTaken) {
    State state;
    Rows rows = filled(state);
    Arena arena(1 << 16);
    const std::vector<int32_t> both{1, 2};
    rows.rows[to_text(partition_key(numbered(7), 1))] = encode_row(PartitionRow{2, 3, both, both}, arena);
    rows.rows["broker/0000000003"] = encode_row(BrokerRow{numbered(1003), numbered(2003), "h", 1, 1, false}, arena);
    const auto loaded = State::load(rows.contents());
    ASSERT_TRUE(loaded.has_value()) << loaded.error();
    EXPECT_EQ(loaded->topic("games")->partitions[1], partition(2, {1, 2}, {1, 2}, 3));
    EXPECT_EQ(loaded->broker(NodeId{3})->rack, "");
    EXPECT_TRUE(loaded->eligible(NodeId{3}));
}

TEST(StateLoad, NothingIsANewCluster) {
    auto loaded = State::load({});
    ASSERT_TRUE(loaded.has_value());
    EXPECT_TRUE(loaded->cluster_id().is_zero());
    EXPECT_EQ(loaded->revision(), 0u);
}

TEST(StateLoad, SaysWhichRowIsBroken) {
    const std::string partition_0 = to_text(partition_key(numbered(7), 0));
    const std::string partition_1 = to_text(partition_key(numbered(7), 1));
    const std::string topic_7 = to_text(topic_key(numbered(7)));
    Arena arena(1 << 16);
    const std::vector<int32_t> one{1}, two{2}, both{1, 2}, twice{1, 1}, none{};
    static const std::string long_rack(256, 'r');
    auto put = [&arena](std::string key, const auto& row) {
        const std::string value = encode_row(row, arena);
        return [key, value](Rows& rows) { rows.rows[key] = value; };
    };
    struct Case {
        std::function<void(Rows&)> damage;
        std::string message;
    };
    const std::vector<Case> table{
        {[&](Rows& r) { r.rows.erase("cluster"); }, "row \"cluster\" is missing"},
        {[&](Rows& r) { r.rows.erase("epoch/0000000001"); }, "epoch"},
        {[&](Rows& r) { r.rows.erase(partition_1); }, partition_1 + "\" is missing"},
        {[&](Rows& r) { r.rows.erase(topic_7); }, "belongs to no topic"},
        {[&](Rows& r) { r.rows["what"] = "x"; }, "no known kind"},
        {[&](Rows& r) { r.rows[topic_7] = "x"; }, "is not a topic row"},
        {[&](Rows& r) { r.rows[partition_0].pop_back(); }, "is not a partition row"},
        {[&](Rows& r) { r.rows["broker/0000000001"] = ""; }, "is not a broker row"},
        {put("cluster", ClusterRow{}), "is not a cluster row"},
        {put(topic_7, TopicRow{"games", 1, {}}), "beyond its topic"},
        {put(topic_7, TopicRow{"games", -1, {}}), "wrong number of partitions"},
        {put(to_text(topic_key(numbered(9))), TopicRow{"games", 1, {}}), "name of another topic"},
        {put(partition_0, PartitionRow{1, 0, one, both}), "wrong replicas"},
        {put(partition_0, PartitionRow{1, 0, twice, one}), "wrong replicas"},
        {put(partition_0, PartitionRow{1, -1, one, one}), "wrong replicas"},
        {put(partition_0, PartitionRow{1, 0, one, {}}), "wrong replicas"},
        {put(partition_0, PartitionRow{1, 0, both, two}), "leader that is not in sync"},
        {put(partition_0, PartitionRow{1, 0, both, one, -1}), "wrong replicas"},
        {put(partition_0, PartitionRow{1, 0, both, one, 1, two, none, none}), "wrong reassignment"},
        {put(partition_0, PartitionRow{1, 0, both, one, 1, none, none, both}), "wrong reassignment"},
        {put(partition_0, PartitionRow{1, 0, both, one, 1, two, none, both}), "wrong reassignment"},
        {put(partition_0, PartitionRow{1, 0, both, one, 1, two, two, one}), "wrong reassignment"},
        {put(partition_0, PartitionRow{1, 0, both, one, 1, none, both, both}), "wrong reassignment"},
        {put("broker/0000000001", BrokerRow{numbered(1), numbered(2), "h", 1, 1, false, 0, long_rack}), "long rack"},
        {put("broker/0000000001", BrokerRow{numbered(1), numbered(2), "h", 0, 1, false}), "wrong port"},
        {put(to_text(deleted_key(numbered(7))), DeletedRow{1, one}), "is a topic that exists"},
        {put(to_text(deleted_key(numbered(9))), DeletedRow{99, one}), "revision that never was"},
        {put(to_text(deleted_key(numbered(9))), DeletedRow{1, {}}), "is not a deletion"},
        {put(to_text(producer_ids_key()), ProducerIdsRow{0}), "is not a row of producer ids"},
        {put("epoch/0000000002", EpochRow{numbered(3), 77}), "revision that never was"},
        {put("epoch/0000000002", EpochRow{numbered(3), 1}), "revision that never was"},
    };
    for (const Case& c : table) {
        State state;
        Rows rows = filled(state);
        c.damage(rows);
        auto loaded = State::load(rows.contents());
        ASSERT_FALSE(loaded.has_value()) << c.message;
        EXPECT_NE(loaded.error().find(c.message), std::string::npos) << loaded.error() << " / " << c.message;
    }
}

}  // namespace
}  // namespace penstock::coordinator
