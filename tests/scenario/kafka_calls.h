// Requests with one partition each, in one line: what most scenarios are made of.
#pragma once

#include <string>
#include <vector>

#include "scenario/broker_world.h"
#include "wire/kafka/fetch.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/produce.h"

namespace penstock::scenario {

struct ProduceOptions {
    int16_t version = 9;
    int16_t acks = -1;
    int32_t timeout_ms = 5000;
};

/// Keeps what the request points to.
class ProduceCall {
public:
    ProduceCall(const std::string& topic, int32_t partition, std::vector<std::byte> batch,
                const ProduceOptions& options = {})
        : topic_(topic), batch_(std::move(batch)), version_(options.version) {
        fragment_ = {batch_.data(), static_cast<uint32_t>(batch_.size())};
        partition_data_.index = partition;
        partition_data_.records = {&fragment_, 1};
        topic_data_.name = topic_;
        topic_data_.partitions = {&partition_data_, 1};
        request.acks = options.acks;
        request.timeout_ms = options.timeout_ms;
        request.topics = {&topic_data_, 1};
    }
    ProduceCall(const ProduceCall&) = delete;
    ProduceCall& operator=(const ProduceCall&) = delete;

    int32_t send(Client& client) { return client.send(request, version_); }

    wire::kafka::ProduceRequest request;

private:
    std::string topic_;
    std::vector<std::byte> batch_;
    int16_t version_;
    Fragment fragment_;
    wire::kafka::ProduceRequest::Partition partition_data_;
    wire::kafka::ProduceRequest::Topic topic_data_;
};

inline wire::kafka::ProduceResponse::Partition only(const wire::kafka::ProduceResponse& response) {
    EXPECT_EQ(response.topics.size(), 1u);
    if (response.topics.size() != 1 || response.topics[0].partitions.size() != 1) return {};
    return response.topics[0].partitions[0];
}

inline wire::kafka::ProduceResponse::Partition produce_batch(Client& client, const std::string& topic,
                                                             int32_t partition, std::vector<std::byte> batch,
                                                             const ProduceOptions& options = {}) {
    ProduceCall call(topic, partition, std::move(batch), options);
    return only(client.receive<wire::kafka::ProduceResponse>(call.send(client), options.version));
}

inline wire::kafka::ProduceResponse::Partition produce(Client& client, const std::string& topic, int32_t partition,
                                                       const std::vector<std::string>& values,
                                                       const ProduceOptions& options = {}) {
    return produce_batch(client, topic, partition, make_batch(values), options);
}

struct FetchOptions {
    int16_t version = 12;
    int32_t max_wait_ms = 500;
    int32_t min_bytes = 1;
    int32_t max_bytes = 50 * 1024 * 1024;
    int32_t partition_max_bytes = 1024 * 1024;
};

struct FetchTarget {
    std::string topic;
    int32_t partition = 0;
    int64_t offset = 0;
    Uuid topic_id = {};
};

class FetchCall {
public:
    FetchCall(std::vector<FetchTarget> targets, const FetchOptions& options = {})
        : targets_(std::move(targets)), partitions_(targets_.size()), topics_(targets_.size()),
          version_(options.version) {
        for (size_t i = 0; i < targets_.size(); ++i) {
            partitions_[i].partition = targets_[i].partition;
            partitions_[i].fetch_offset = targets_[i].offset;
            partitions_[i].partition_max_bytes = options.partition_max_bytes;
            topics_[i].name = targets_[i].topic;
            topics_[i].topic_id = targets_[i].topic_id;
            topics_[i].partitions = {&partitions_[i], 1};
        }
        request.max_wait_ms = options.max_wait_ms;
        request.min_bytes = options.min_bytes;
        request.max_bytes = options.max_bytes;
        request.topics = topics_;
    }
    FetchCall(const FetchCall&) = delete;
    FetchCall& operator=(const FetchCall&) = delete;

    int32_t send(Client& client) { return client.send(request, version_); }
    std::vector<wire::kafka::FetchRequest::Partition>& partitions() { return partitions_; }

    wire::kafka::FetchRequest request;

private:
    std::vector<FetchTarget> targets_;
    std::vector<wire::kafka::FetchRequest::Partition> partitions_;
    std::vector<wire::kafka::FetchRequest::Topic> topics_;
    int16_t version_;
};

inline wire::kafka::FetchResponse fetch(Client& client, std::vector<FetchTarget> targets,
                                        const FetchOptions& options = {}) {
    FetchCall call(std::move(targets), options);
    return client.receive<wire::kafka::FetchResponse>(call.send(client), options.version);
}

inline wire::kafka::FetchResponse::Partition fetch(Client& client, const std::string& topic, int32_t partition,
                                                   int64_t offset, const FetchOptions& options = {}) {
    const auto response = fetch(client, {{topic, partition, offset}}, options);
    EXPECT_EQ(response.topics.size(), 1u);
    if (response.topics.size() != 1) return {};
    return response.topics[0].partitions[0];
}

inline wire::kafka::ListOffsetsResponse::Partition list_offset(Client& client, const std::string& topic,
                                                               int32_t partition, int64_t timestamp,
                                                               int32_t epoch = -1, int16_t version = 11) {
    wire::kafka::ListOffsetsRequest::Partition asked;
    asked.partition_index = partition;
    asked.timestamp = timestamp;
    asked.current_leader_epoch = epoch;
    wire::kafka::ListOffsetsRequest::Topic asked_topic;
    asked_topic.name = topic;
    asked_topic.partitions = {&asked, 1};
    wire::kafka::ListOffsetsRequest request;
    request.topics = {&asked_topic, 1};
    const auto response = client.ask<wire::kafka::ListOffsetsResponse>(request, version);
    EXPECT_EQ(response.topics.size(), 1u);
    if (response.topics.size() != 1) return {};
    return response.topics[0].partitions[0];
}

}  // namespace penstock::scenario
