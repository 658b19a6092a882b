#include "broker/place.h"

namespace penstock::broker {

Place find_place(const Serving& serving, const Topic* topic, int32_t partition, bool by_id) {
    Place place;
    place.topic = topic;
    if (topic == nullptr) {
        place.error = by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
        return place;
    }
    if (partition < 0 || static_cast<size_t>(partition) >= topic->view->partitions.size()) {
        place.error = ErrorCode::unknown_topic_or_partition;
        return place;
    }
    place.partition = &topic->view->partitions[static_cast<size_t>(partition)];
    place.key = {topic->view->id, partition};
    if (place.partition->leader != serving.options.node_id) place.error = ErrorCode::not_leader_or_follower;
    place.owner = serving.owner_of(place.key);
    return place;
}

wire::kafka::LeaderIdAndEpoch leader_of(const PartitionView* partition) {
    if (partition == nullptr) return {};
    return {partition->leader.value, partition->leader_epoch.value};
}

std::span<const int32_t> node_ids(Request& request, const std::vector<NodeId>& nodes) {
    std::span<int32_t> out = request.arena.make_array<int32_t>(nodes.size());
    for (size_t i = 0; i < out.size(); ++i) out[i] = nodes[i].value;
    return out;
}

std::span<const int32_t> offline_ids(Request& request, const ClusterView& view, const std::vector<NodeId>& nodes) {
    std::span<int32_t> out = request.arena.make_array<int32_t>(nodes.size());
    size_t count = 0;
    for (const NodeId node : nodes)
        if (!view.alive(node) && count < out.size()) out[count++] = node.value;
    return out.first(count);
}

wire::NullableString rack_of(const BrokerView& broker) {
    return broker.rack.empty() ? wire::NullableString() : wire::NullableString(broker.rack);
}

std::span<const wire::kafka::NodeEndpoint> endpoints(Request& request, const ClusterView& view) {
    std::span<wire::kafka::NodeEndpoint> all = request.arena.make_array<wire::kafka::NodeEndpoint>(view.brokers.size());
    size_t count = 0;
    for (const BrokerView& broker : view.brokers)
        if (broker.alive && count < all.size())
            all[count++] = {broker.id.value, broker.host, broker.port, rack_of(broker)};
    return all.first(count);
}

}  // namespace penstock::broker
