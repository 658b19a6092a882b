// Long random lives of a cluster, from fixed seeds: what must hold of every partition after every step, whatever
// brokers, leaders and operators do, and that the store's rows are the state.
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "cluster.h"
#include "coordinator/election.h"
#include "coordinator/internal_topics.h"
#include "coordinator/leader_elections.h"
#include "coordinator/membership.h"
#include "coordinator/partition_change.h"
#include "coordinator/proposals.h"
#include "coordinator/reassignment.h"
#include "coordinator/topics.h"

namespace penstock::coordinator {
namespace {

using namespace wire::node;
using wire::kafka::ErrorCode;

constexpr int32_t brokers = 5;
constexpr int steps_per_seed = 1000;

/// Who may have come into sync in a step.
enum class Doors { closed, proposed, open };

class Life {
public:
    explicit Life(uint64_t seed) : random_(seed) {
        state_.set_cluster_id(numbered(1));
        state_.begin_epoch(numbered(2));
        store();
    }

    void step() {
        before_ = state_.topics();
        doors_ = Doors::closed;
        proposed_.clear();
        act();
        store();
        check();
    }
    int taken() const { return taken_; }
    int ended() const { return ended_; }

private:
    bool chance(uint64_t of_hundred) { return random_.below(100) < of_hundred; }
    int32_t any_broker() { return static_cast<int32_t>(random_.below(brokers)) + 1; }

    void act() {
        switch (random_.below(12)) {
            case 0: return come();
            case 1: return come();
            case 2: return fence_broker(state_, NodeId{any_broker()});
            case 3:
                if (chance(40)) stop_broker(state_, NodeId{any_broker()});
                return;
            case 4: return topics();
            case 5: return reassign();
            case 6: return elect();
            case 7:
                return_to_preferred(state_, 2);
                raise_internal_topics(state_, 3, 2);
                return;
            default: return propose();
        }
    }

    // A broker registers: again, or after a restart, or with an empty disk.
    void come() {
        const int32_t id = any_broker();
        const Broker* known = state_.broker(NodeId{id});
        Broker comes = known != nullptr ? *known : broker(id);
        if (known != nullptr && chance(70)) comes.incarnation = numbered(++numbers_ + 10'000);
        if (known != nullptr && chance(10)) comes.storage_id = numbered(++numbers_ + 10'000);
        RegisterBrokerRequest request;
        request.node_id = id;
        request.incarnation = comes.incarnation;
        request.storage_id = comes.storage_id;
        request.host = comes.host;
        request.port = comes.port;
        request.shard_count = 1;
        request.clean = chance(50);
        if (!check_registration(state_, request)) register_broker(state_, request);
    }

    void topics() {
        static const std::vector<TopicConfig> memory{{"durability", "memory"}};
        const std::vector<std::string> names{"a", "b", "c", "__consumer_offsets"};
        const std::string& name = names[random_.below(names.size())];
        if (state_.topic(name) != nullptr) {
            if (!chance(15)) return;
            const std::vector<DeletableTopic> gone{{name, {}}};
            DeleteTopicsRequest request;
            request.topics = gone;
            delete_topics(state_, request);
            return;
        }
        CreatableTopic wanted;
        wanted.name = name;
        wanted.partitions = 3;
        wanted.replication_factor = static_cast<int16_t>(random_.below(3) + 1);
        if (chance(50)) wanted.configs = memory;
        CreateTopicsRequest request;
        request.topics = std::span(&wanted, 1);
        create_topics(state_, request, {}, random_);
    }

    const Topic* any_topic() {
        if (state_.topics().empty()) return nullptr;
        auto at = state_.topics().begin();
        std::advance(at, random_.below(state_.topics().size()));
        return &at->second;
    }

    void reassign() {
        const Topic* topic = any_topic();
        if (topic == nullptr) return;
        std::vector<int32_t> target;
        for (uint64_t count = random_.below(4); count > 0; --count) target.push_back(any_broker());
        ReassignedPartition wanted{.topic = topic->name, .partition = static_cast<int32_t>(random_.below(3)),
                                   .replicas = {}};
        if (chance(80)) wanted.replicas = target;
        AlterReassignmentsRequest request;
        request.partitions = std::span(&wanted, 1);
        alter_reassignments(state_, request);
    }

    void elect() {
        ElectLeadersRequest request;
        request.type = chance(50) ? ElectionType::preferred : ElectionType::unclean;
        const Topic* topic = any_topic();
        if (topic == nullptr) return;
        const std::vector<ElectedPartition> one{{topic->name, static_cast<int32_t>(random_.below(3))}};
        if (chance(80)) request.partitions = one;
        const auto elections = elect_leaders(state_, request);
        if (!elections.losses.empty()) doors_ = Doors::open;
    }

    // Sometimes by the leader on record with the right epochs and living members, sometimes not.
    void propose() {
        const Topic* topic = any_topic();
        if (topic == nullptr) return;
        const auto index = static_cast<int32_t>(random_.below(3));
        const Partition& record = topic->partitions[static_cast<size_t>(index)];
        std::vector<InSyncMember> isr;
        for (NodeId id : record.replicas) {
            const Broker* broker = state_.broker(id);
            if (broker == nullptr || (id != record.leader && chance(30))) continue;
            isr.push_back({id.value, chance(95) ? broker->incarnation : numbered(5)});
        }
        const ProposedPartition proposal{.topic = topic->id, .partition = index,
                                         .leader_epoch = record.leader_epoch.value - (chance(10) ? 1 : 0),
                                         .partition_epoch = record.partition_epoch - (chance(10) ? 1 : 0), .isr = isr};
        const NodeId proposer = chance(90) ? record.leader : NodeId{any_broker()};
        const bool moved = !record.before.empty();
        if (take_proposals(state_, proposer, std::span(&proposal, 1)).at(0).error != ErrorCode::none) return;
        ++taken_;
        if (moved && record.before.empty()) ++ended_;
        doors_ = Doors::proposed;
        for (const InSyncMember& member : isr) proposed_[{topic->id, index}].push_back(NodeId{member.id});
    }

    void store() {
        if (state_.dirty_rows() == 0) return;
        const io::StoreTransaction transaction = state_.take_transaction();
        for (const auto& row : transaction.puts) rows_[row.key] = row.value;
        for (const auto& key : transaction.removes) rows_.erase(key);
    }

    void check() {
        check_load();
        for (const auto& [id, topic] : state_.topics()) {
            auto old = before_.find(id);
            for (size_t i = 0; i < topic.partitions.size(); ++i) {
                const auto index = static_cast<int32_t>(i);
                check_record(topic.partitions[i]);
                check_epoch(id, index, topic.partitions[i]);
                if (old != before_.end()) check_change(id, index, old->second.partitions[i], topic.partitions[i]);
            }
        }
    }

    void check_load() {
        io::StoreContents contents{.revision = state_.revision(), .rows = {}};
        for (const auto& [key, value] : rows_) contents.rows.push_back({key, value});
        const auto loaded = State::load(contents);
        ASSERT_TRUE(loaded.has_value()) << loaded.error();
        EXPECT_EQ(loaded->brokers(), state_.brokers());
        ASSERT_EQ(loaded->topics().size(), state_.topics().size());
        for (const auto& [id, topic] : state_.topics()) {
            ASSERT_NE(loaded->topic(id), nullptr);
            EXPECT_EQ(loaded->topic(id)->partitions, topic.partitions);
            EXPECT_EQ(loaded->topic(id)->configs, topic.configs);
        }
        for (int32_t id = 1; id <= brokers; ++id)
            EXPECT_EQ(loaded->load_of(NodeId{id}), state_.load_of(NodeId{id}));
    }

    void check_record(const Partition& partition) {
        ASSERT_FALSE(partition.isr.empty());
        for (NodeId id : partition.isr) {
            EXPECT_EQ(std::ranges::count(partition.replicas, id), 1);
            EXPECT_EQ(std::ranges::count(partition.isr, id), 1);
            EXPECT_TRUE(state_.alive(id) || partition.isr.size() == 1) << "who is fenced stays only where it is last";
            EXPECT_TRUE(state_.eligible(id) || candidate(state_, partition) == no_node) << "nor does who stops";
        }
        EXPECT_TRUE(partition.leader == no_node || in_sync(partition, partition.leader));
        EXPECT_TRUE(candidate(state_, partition) == no_node || state_.eligible(partition.leader));
        EXPECT_EQ(partition.before.empty(), partition.adding.empty() && partition.removing.empty());
        if (partition.before.empty()) return;
        const auto target = target_of(partition);
        EXPECT_FALSE(std::ranges::all_of(target, [&](NodeId id) { return in_sync(partition, id); })) << "it is done";
    }

    // One leader, in one run of its process, for each epoch.
    void check_epoch(const Uuid& id, int32_t index, const Partition& partition) {
        if (!state_.alive(partition.leader)) return;
        const std::pair leader(partition.leader, state_.broker(partition.leader)->incarnation);
        const auto [at, fresh] = leaders_.try_emplace({id, index, partition.leader_epoch.value}, leader);
        EXPECT_EQ(at->second, leader) << "two leaders in epoch " << partition.leader_epoch.value;
    }

    void check_change(const Uuid& id, int32_t index, const Partition& old, const Partition& now) {
        EXPECT_GE(now.leader_epoch, old.leader_epoch);
        if (now == old) return;
        EXPECT_GT(now.partition_epoch, old.partition_epoch);
        if (doors_ == Doors::open) return;
        for (NodeId member : now.isr) {
            const auto& proposed = proposed_[{id, index}];
            const bool came = std::ranges::find(proposed, member) != proposed.end();
            EXPECT_TRUE(in_sync(old, member) || came) << "broker " << member.value << " was not in sync";
        }
        EXPECT_TRUE(old.isr.size() > 1 || doors_ != Doors::closed || now.isr == old.isr) << "the last member went";
    }

    State state_ = State::load({}).value();
    Random random_;
    uint64_t numbers_ = 0;
    std::map<std::string, std::string> rows_;
    std::map<Uuid, Topic> before_;
    Doors doors_ = Doors::closed;
    std::map<std::pair<Uuid, int32_t>, std::vector<NodeId>> proposed_;
    std::map<std::tuple<Uuid, int32_t, int32_t>, std::pair<NodeId, Uuid>> leaders_;
    int taken_ = 0;
    int ended_ = 0;
};

TEST(Invariants, HoldWhateverHappens) {
    int taken = 0, ended = 0;
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        Life life(seed);
        for (int step = 0; step < steps_per_seed; ++step) {
            life.step();
            ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << " step " << step;
        }
        taken += life.taken();
        ended += life.ended();
    }
    EXPECT_GT(taken, 1000) << "the walk has to come by what it is to test";
    EXPECT_GT(ended, 50);
}

}  // namespace
}  // namespace penstock::coordinator
