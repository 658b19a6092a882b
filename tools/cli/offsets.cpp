#include "cli/offsets.h"

#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

using wire::kafka::ListOffsetsRequest;
using wire::kafka::ListOffsetsResponse;

/// Asks one leader; answered partitions go into `found`.
Outcome<void> ask_leader(Client& client, int32_t leader, const std::string& topic,
                         const std::vector<int32_t>& partitions,
                         int64_t timestamp, std::map<int32_t, int64_t>& found, Deadline deadline) {
    auto connection = client.broker(leader, deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    std::vector<ListOffsetsRequest::Partition> asked;
    for (const int32_t partition : partitions) asked.push_back({.partition_index = partition, .timestamp = timestamp});
    const ListOffsetsRequest::Topic named{.name = topic, .partitions = asked};
    ListOffsetsRequest request;
    request.topics = {&named, 1};
    const auto reply = (*connection)->call<ListOffsetsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    for (const auto& answered : reply->message.topics) {
        if (answered.name != topic) continue;
        for (const auto& p : answered.partitions) {
            if (p.error_code != ErrorCode::none) {
                return std::unexpected(refusal(fmt::format("offsets of {}/{}", topic, p.partition_index),
                                               p.error_code));
            }
            found[p.partition_index] = p.offset;
        }
    }
    return {};
}

}  // namespace

Outcome<std::map<int32_t, int64_t>> list_offsets(Client& client, const std::string& topic,
                                                 const std::vector<int32_t>& partitions, int64_t timestamp,
                                                 Deadline deadline) {
    std::map<int32_t, int64_t> found;
    const auto attempt = [&]() -> Outcome<void> {
        const auto info = client.topic(topic, IfAbsent::refuse, deadline);
        if (!info) return std::unexpected(info.error());
        std::map<int32_t, std::vector<int32_t>> by_leader;
        for (const int32_t partition : partitions) {
            const PartitionInfo* p = info->find(partition);
            if (p == nullptr) return refuse(fmt::format("'{}' has no partition {}", topic, partition));
            if (!found.contains(partition)) by_leader[p->leader].push_back(partition);
        }
        for (const auto& [leader, asked] : by_leader) {
            auto done = ask_leader(client, leader, topic, asked, timestamp, found, deadline);
            if (!done) return done;
            for (const int32_t partition : asked) {
                if (found.contains(partition)) continue;
                return refuse(fmt::format("broker {} left {}/{} out of its answer", leader, topic, partition));
            }
        }
        return {};
    };
    if (auto done = client.retry(deadline, attempt); !done) return std::unexpected(std::move(done.error()));
    return found;
}

}  // namespace penstock::cli
