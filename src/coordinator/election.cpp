#include "coordinator/election.h"

#include <algorithm>

#include "coordinator/partition_change.h"

namespace penstock::coordinator {

namespace {

constexpr std::string_view durability_config = "durability";
constexpr std::string_view durability_memory = "memory";

bool in_memory(const Topic& topic) {
    auto config = topic.configs.find(durability_config);
    return config != topic.configs.end() && config->second == durability_memory;
}

bool has_other_living_member(const State& state, const Partition& partition, NodeId broker) {
    return std::ranges::any_of(partition.isr, [&](NodeId id) { return id != broker && state.alive(id); });
}

void only_settle(const Partition&) {}

}  // namespace

void elect_where_needed(State& state) {
    change_partitions(
        state, [&](const Topic&, const Partition& partition) { return !state.alive(partition.leader); }, only_settle);
}

void leave_to_the_living(State& state, NodeId broker) {
    change_partitions(
        state,
        [&](const Topic&, const Partition& partition) {
            return in_sync(partition, broker) && has_other_living_member(state, partition, broker);
        },
        [&](Partition& partition) { std::erase(partition.isr, broker); });
}

void end_leaderships(State& state, NodeId broker) {
    change_partitions(
        state, [&](const Topic&, const Partition& partition) { return partition.leader == broker; },
        [](Partition& partition) { partition.leader = no_node; });  // so one is elected: at least `broker` itself
}

void leave_in_sync_sets(State& state, NodeId broker) {
    change_partitions(
        state, [&](const Topic&, const Partition& partition) { return in_sync(partition, broker); },
        [&](Partition& partition) { std::erase(partition.isr, broker); });
}

void leave_memory_sets(State& state, NodeId broker) {
    change_partitions(
        state,
        [&](const Topic& topic, const Partition& partition) {
            return in_memory(topic) && partition.isr.size() > 1 && in_sync(partition, broker);
        },
        [&](Partition& partition) { std::erase(partition.isr, broker); });
}

void hand_over(State& state, NodeId broker) {
    change_partitions(
        state, [&](const Topic&, const Partition& partition) { return in_sync(partition, broker); }, only_settle);
}

uint32_t return_to_preferred(State& state, uint32_t moves_max) {
    uint32_t moves = 0;
    change_partitions(
        state,
        [&](const Topic&, const Partition& partition) {
            const NodeId preferred = partition.replicas.front();
            return moves < moves_max && partition.leader != preferred && in_sync(partition, preferred) &&
                   state.eligible(preferred);
        },
        [&](Partition& partition) {
            lead(partition, partition.replicas.front());
            ++moves;
        });
    return moves;
}

uint64_t count_sole_replicas(const State& state, NodeId broker) {
    uint64_t count = 0;
    for (const auto& [id, topic] : state.topics())
        count += static_cast<uint64_t>(std::ranges::count_if(
            topic.partitions, [&](const Partition& p) { return p.isr.size() == 1 && p.isr.front() == broker; }));
    return count;
}

}  // namespace penstock::coordinator
