#include "coordinator/watch.h"

#include <algorithm>

namespace penstock::coordinator {

using namespace wire::node;

namespace {

Uuid last_id() {
    Uuid id;
    id.bytes.fill(0xff);
    return id;
}

bool needs_full(const State& state, const WatchPosition& position) {
    return position.revision == 0 || position.revision < state.forgotten_revision() ||
           position.revision > state.revision();
}

wire::Array<int32_t> numbers(WatchPage& page, const std::vector<NodeId>& ids) {
    auto& out = page.numbers.emplace_back();
    out.reserve(ids.size());
    for (NodeId id : ids) out.push_back(id.value);
    return out;
}

void add_topic(const Topic& topic, WatchPage& page) {
    auto& partitions = page.partitions.emplace_back();
    partitions.reserve(topic.partitions.size());
    for (const Partition& p : topic.partitions)
        partitions.push_back({.leader = p.leader.value, .leader_epoch = p.leader_epoch.value,
                              .replicas = numbers(page, p.replicas), .isr = numbers(page, p.isr),
                              .partition_epoch = p.partition_epoch, .adding = numbers(page, p.adding),
                              .removing = numbers(page, p.removing)});
    auto& configs = page.configs.emplace_back();
    for (const auto& [key, value] : topic.configs) configs.push_back({key, value});
    page.topics.push_back({.id = topic.id, .name = topic.name, .revision = static_cast<int64_t>(topic.revision),
                           .partitions = partitions, .configs = configs});
}

// An estimate from above.
uint64_t size_of(const Topic& topic) {
    uint64_t bytes = 64 + topic.name.size();
    for (const Partition& p : topic.partitions)
        bytes += 32 + 4 * (p.replicas.size() + p.isr.size() + p.adding.size() + p.removing.size());
    for (const auto& [key, value] : topic.configs) bytes += 8 + key.size() + value.size();
    return bytes;
}

void add_brokers(const State& state, WatchPage& page) {
    for (const auto& [id, broker] : state.brokers()) {
        page.brokers.push_back({.id = id.value, .host = broker.host, .port = broker.port,
                                .shard_count = static_cast<int32_t>(broker.shard_count), .alive = !broker.fenced,
                                .native_port = broker.native_port, .rack = broker.rack,
                                .incarnation = broker.incarnation});
        if (!broker.fenced && page.response.controller_id < 0) page.response.controller_id = id.value;
    }
    page.response.brokers = page.brokers;
}

}  // namespace

bool has_news(const State& state, const WatchPosition& position) {
    return needs_full(state, position) || position.revision < state.revision() ||
           state.order().upper_bound({position.after_revision, position.after_topic}) != state.order().end();
}

void fill_page(const State& state, const WatchPosition& position, uint64_t bytes_max, WatchPage& page) {
    WatchClusterResponse& response = page.response;
    response.full = needs_full(state, position);
    response.revision = static_cast<int64_t>(state.revision());
    add_brokers(state, page);

    const auto& deletions = state.deleted_order();
    auto deletion = response.full ? deletions.begin() : deletions.upper_bound({position.revision, last_id()});
    for (; deletion != deletions.end(); ++deletion) page.deleted.push_back(deletion->second);
    response.deleted = page.deleted;

    std::pair<uint64_t, Uuid> after{position.after_revision, position.after_topic};
    if (response.full) after = {};
    uint64_t bytes = 0;
    auto next = state.order().upper_bound(after);
    for (; next != state.order().end() && bytes < bytes_max; ++next) {
        const Topic& topic = *state.topic(next->second);
        add_topic(topic, page);
        bytes += size_of(topic);
        after = *next;
    }
    response.topics = page.topics;
    response.more = next != state.order().end();
    if (!response.more) after = {state.revision(), last_id()};
    response.after_revision = static_cast<int64_t>(after.first);
    response.after_topic = after.second;
}

}  // namespace penstock::coordinator
