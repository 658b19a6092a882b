#include "broker/group_request.h"

#include "broker/group_place.h"

namespace penstock::broker {

bool make_offsets_topic(Request& request, Serving& serving) {
    if (request.topics_call != nullptr || serving.topics.find(offsets_topic) != nullptr) return false;
    auto call = std::make_unique<TopicsCall>();
    call->created.push_back(new_offsets_topic(serving.options));
    serving.start_topics_call(request, std::move(call), limits::offsets_topic_wait_ms);
    return true;
}

NewTopic new_offsets_topic(const BrokerOptions& options) {
    NewTopic topic;
    topic.name = offsets_topic;
    topic.partitions = options.offsets_partitions;
    // Kafka's, ordered by key. Small segments: what is compacted away is not read again at the next start.
    topic.configs = {{"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", "104857600"}};
    return topic;
}

void start_group_call(Request& request, Serving& serving, GroupCall& call, std::string_view group_id) {
    const Place place = find_group(serving, group_id);
    call.error = request.timed_out ? ErrorCode::coordinator_not_available : place.error;
    if (call.error != ErrorCode::none) return;
    call.key = place.key;
    call.group_id = group_id;
    serving.start_call(request, call, place.owner);
}

ErrorCode group_error(ErrorCode error) {
    switch (error) {
        case ErrorCode::request_timed_out:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append: return ErrorCode::coordinator_not_available;
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::kafka_storage_error: return ErrorCode::not_coordinator;
        case ErrorCode::message_too_large:
        case ErrorCode::record_list_too_large:
        case ErrorCode::invalid_fetch_size: return ErrorCode::unknown_server_error;
        default: return error;
    }
}

}  // namespace penstock::broker
