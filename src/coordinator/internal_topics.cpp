#include "coordinator/internal_topics.h"

#include <algorithm>
#include <array>
#include <optional>

#include "coordinator/partition_change.h"
#include "coordinator/placement.h"
#include "coordinator/reassignment.h"
#include "limits.h"

namespace penstock::coordinator {

namespace {

constexpr std::array<std::string_view, 2> internal_topics{"__consumer_offsets", "__transaction_state"};

uint32_t raise(State& state, const Topic& topic, size_t factor, uint32_t raises_max) {
    uint32_t raises = 0;
    std::optional<Placement> placement;  // costs a look at all brokers: made when it is needed
    for (size_t i = 0; i < topic.partitions.size() && raises < raises_max; ++i) {
        const Partition& partition = topic.partitions[i];
        if (partition.replicas.size() >= factor || !partition.before.empty()) continue;
        if (!placement) {
            placement.emplace(state);
            for (const Partition& p : topic.partitions) placement->count(p.replicas);
        }
        // Replicas that are away count too, so there may be fewer others than are wanted.
        const auto held = std::ranges::count_if(partition.replicas, [&](NodeId id) { return state.eligible(id); });
        const size_t others = placement->brokers() - static_cast<size_t>(held);
        const size_t wanted = std::min(factor, partition.replicas.size() + others);
        if (wanted <= partition.replicas.size()) continue;
        Partition changed =
            reassigned(partition, placement->extend(partition.replicas, static_cast<uint32_t>(wanted)));
        settle(state, changed);
        state.set_partition(topic.id, static_cast<int32_t>(i), std::move(changed));
        ++raises;
    }
    return raises;
}

}  // namespace

bool is_internal_topic(std::string_view name) {
    return std::ranges::find(internal_topics, name) != internal_topics.end();
}

uint32_t raise_internal_topics(State& state, int16_t replication_factor, uint32_t raises_max) {
    uint32_t raises = 0;
    for (std::string_view name : internal_topics) {
        const Topic* topic = state.topic(name);
        if (topic == nullptr || replication_factor < 1) continue;
        const size_t factor = std::min<size_t>(static_cast<size_t>(replication_factor), limits::replication_factor_max);
        raises += raise(state, *topic, factor, raises_max - raises);
    }
    return raises;
}

}  // namespace penstock::coordinator
