// Pages of the cluster's state for watchers: what lies behind a position in the order of changes. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/state.h"
#include "wire/node/watch_cluster.h"

namespace penstock::coordinator {

/// How far a watcher has come: see wire/node/watch_cluster.h.
struct WatchPosition {
    uint64_t revision = 0;
    uint64_t after_revision = 0;
    Uuid after_topic;
};

/// Whether a page would tell the watcher anything.
bool has_news(const State& state, const WatchPosition& position);

/// A page's message with the memory that it points to. Names and configs are views of the state: encode it before the
/// state changes.
struct WatchPage {
    wire::node::WatchClusterResponse response;

    std::vector<wire::node::WatchedBroker> brokers;
    std::vector<wire::node::WatchedTopic> topics;
    std::vector<Uuid> deleted;
    std::vector<std::vector<wire::node::WatchedPartition>> partitions;
    std::vector<std::vector<wire::node::TopicConfig>> configs;
    std::vector<std::vector<int32_t>> numbers;
};

/// The next page, ended by the topic with which it reaches `bytes_max`.
void fill_page(const State& state, const WatchPosition& position, uint64_t bytes_max, WatchPage& page);

}  // namespace penstock::coordinator
