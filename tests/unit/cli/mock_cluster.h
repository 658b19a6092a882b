// librdkafka's mock cluster, with a librdkafka client on it: a peer that shares no code with ours.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

struct MockRecord {
    std::string key, value;
    int64_t offset = -1;
};

class MockCluster {
public:
    explicit MockCluster(int brokers);
    ~MockCluster();
    MockCluster(const MockCluster&) = delete;
    MockCluster& operator=(const MockCluster&) = delete;

    void create_topic(const std::string& name, int partitions);
    void set_leader(const std::string& topic, int32_t partition, int32_t broker);
    /// The next requests of this API fail so, one after the other.
    void fail_next(ApiKey key, std::vector<rd_kafka_resp_err_t> errors);
    Globals globals() const;

    /// Through librdkafka.
    void produce(const std::string& topic, int32_t partition, const std::string& codec,
                 const std::vector<MockRecord>& records);
    std::vector<MockRecord> consume(const std::string& topic, int32_t partition, size_t count);

private:
    rd_kafka_t* make_client(rd_kafka_type_t type, std::vector<std::pair<std::string, std::string>> settings) const;

    rd_kafka_t* host_ = nullptr;  // owns the cluster
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace penstock::cli
