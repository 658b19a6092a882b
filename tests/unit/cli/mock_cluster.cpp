#include "mock_cluster.h"

#include "base/assert.h"

namespace penstock::cli {

namespace {
constexpr int wait_ms = 10'000;
}

MockCluster::MockCluster(int brokers) {
    host_ = make_client(RD_KAFKA_PRODUCER, {{"test.mock.num.brokers", std::to_string(brokers)}});
    cluster_ = rd_kafka_handle_mock_cluster(host_);
    // From version 4 on the mock writes a leader epoch of eight bytes; its own clients stop at 2.
    rd_kafka_mock_set_apiversion(cluster_, static_cast<int16_t>(ApiKey::list_offsets), 0, 2);
}

MockCluster::~MockCluster() { rd_kafka_destroy(host_); }

rd_kafka_t* MockCluster::make_client(rd_kafka_type_t type,
                                     std::vector<std::pair<std::string, std::string>> settings) const {
    char problem[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    settings.emplace_back("log_level", "2");
    for (const auto& [name, value] : settings) {
        const auto set = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), problem, sizeof problem);
        PENSTOCK_ASSERT(set == RD_KAFKA_CONF_OK);
    }
    rd_kafka_t* client = rd_kafka_new(type, conf, problem, sizeof problem);
    PENSTOCK_ASSERT(client != nullptr);
    return client;
}

void MockCluster::create_topic(const std::string& name, int partitions) {
    const auto created = rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
    PENSTOCK_ASSERT(created == RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockCluster::set_leader(const std::string& topic, int32_t partition, int32_t broker) {
    const auto set = rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker);
    PENSTOCK_ASSERT(set == RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockCluster::fail_next(ApiKey key, std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, static_cast<int16_t>(key), errors.size(), errors.data());
}

Globals MockCluster::globals() const {
    return {.bootstrap = *parse_addresses(rd_kafka_mock_cluster_bootstraps(cluster_)), .json = false,
            .timeout = std::chrono::seconds(10)};
}

void MockCluster::produce(const std::string& topic, int32_t partition, const std::string& codec,
                          const std::vector<MockRecord>& records) {
    rd_kafka_t* producer = make_client(RD_KAFKA_PRODUCER,
                                       {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                                        {"compression.codec", codec}, {"linger.ms", "5"}});
    rd_kafka_topic_t* target = rd_kafka_topic_new(producer, topic.c_str(), nullptr);
    for (const MockRecord& r : records) {
        const int sent = rd_kafka_produce(target, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(r.value.data()),
                                          r.value.size(), r.key.data(), r.key.size(), nullptr);
        PENSTOCK_ASSERT(sent == 0);
    }
    const auto flushed = rd_kafka_flush(producer, wait_ms);
    PENSTOCK_ASSERT(flushed == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(target);
    rd_kafka_destroy(producer);
}

std::vector<MockRecord> MockCluster::consume(const std::string& topic, int32_t partition, size_t count) {
    rd_kafka_t* consumer = make_client(RD_KAFKA_CONSUMER,
                                       {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                                        {"group.id", "test"}, {"check.crcs", "true"}, {"fetch.wait.max.ms", "50"}});
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = 0;
    rd_kafka_assign(consumer, list);
    std::vector<MockRecord> records;
    while (records.size() < count) {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, wait_ms);
        if (message == nullptr) break;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            records.push_back({std::string(static_cast<const char*>(message->key), message->key_len),
                               std::string(static_cast<const char*>(message->payload), message->len), message->offset});
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return records;
}

}  // namespace penstock::cli
