// Requests that have leaders elected or replicas reassigned: one partition after the other, asked of the coordinator in
// calls of a bounded size, all under the deadline of the first.
//
// A handler lists the partitions, then start_changes(); on resume() go_on(), until it says that all are decided; then
// each has its error, and results_of() puts them in the order of the request. All of it lies in the request's arena.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "broker/handler.h"
#include "wire/codec.h"

namespace penstock::broker {

struct PartitionChange {
    std::string_view topic;
    int32_t partition = -1;
    wire::Nullable<wire::Array<int32_t>> replicas{};  ///< of a reassignment; null: cancel the one under way
    bool decided = false;                             ///< what follows is the outcome; otherwise nobody has said it
    ErrorCode error = ErrorCode::none;
    wire::NullableString message{};
};

struct PartitionChanges {
    std::span<PartitionChange> all;         ///< in the order of the request
    std::optional<Election> election;       ///< what is asked for; none: a reassignment
    size_t asked_from = 0, asked_to = 0;    ///< those within, but for the decided ones, are in the call under way
    ErrorCode error = ErrorCode::none;      ///< of the request as a whole: a call came to nothing
    wire::NullableString message{};
};

/// False: all are decided, nobody need be asked.
bool start_changes(Request& request, Serving& serving, PartitionChanges& changes, int32_t timeout_ms);
/// Takes what the call under way was answered. False: all are decided.
bool go_on(Request& request, Serving& serving, PartitionChanges& changes);

/// Grouped by topic. Empty beside changes: the arena is full. `keep` chooses among the changes.
template <class Topic, class Partition, class Keep>
std::span<Topic> results_of(Request& request, const PartitionChanges& changes, Keep keep) {
    const size_t most = changes.all.size();
    auto topics = request.arena.make_array<Topic>(most);
    auto partitions = request.arena.make_array<Partition>(most);
    if (topics.size() != most || partitions.size() != most) return {};
    size_t topic_count = 0, count = 0, first = 0;
    std::string_view name;
    for (const PartitionChange& change : changes.all) {
        if (!keep(change)) continue;
        if (topic_count == 0 || change.topic != name) {
            name = change.topic;
            first = count;
            ++topic_count;
        }
        partitions[count++] = {change.partition, change.error, change.message};
        topics[topic_count - 1] = {name, partitions.subspan(first, count - first)};
    }
    return topics.first(topic_count);
}

}  // namespace penstock::broker
