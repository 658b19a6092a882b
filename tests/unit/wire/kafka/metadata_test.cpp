#include "wire/kafka/metadata.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

Uuid some_id(uint8_t start) {
    Uuid id;
    for (uint8_t& byte : id.bytes) byte = start++;
    return id;
}

TEST(Metadata, request_of_all_topics) {
    MetadataRequest request;
    request.topics = Array<MetadataRequest::Topic>();
    expect_golden(request, 0, "00000000");
    expect_golden(request, 1, "00000000");
    request.topics.reset();
    expect_golden(request, 1, "ffffffff");
    expect_golden(request, 4, "ffffffff 01");
    expect_golden(request, 8, "ffffffff 01 00 00");
    expect_golden(request, 9, "00 01 00 00 00");
    expect_golden(request, 11, "00 01 00 00");
}

TEST(Metadata, request_by_name_and_id) {
    std::vector<MetadataRequest::Topic> topics(2);
    topics[0].name = "games";
    topics[1].topic_id = some_id(0x10);
    MetadataRequest request;
    request.allow_auto_topic_creation = false;
    request.include_topic_authorized_operations = true;
    request.topics = std::span(topics).first(1);
    expect_golden(request, 4, "00000001 0005 'games' 00");
    expect_golden(request, 9, "02 06 'games' 00 00 00 01 00");
    request.topics = topics;
    expect_golden(request, 12, "03 00000000000000000000000000000000 06 'games' 00"
                               "   101112131415161718191a1b1c1d1e1f 00 00  00 01 00");
}

TEST(Metadata, request_without_a_name_is_malformed_before_10) {
    std::vector<std::byte> bytes = hex("00000001 ffff");
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    MetadataRequest request;
    EXPECT_FALSE(decode(reader, request, 0));
    EXPECT_EQ(reader.error(), Errc::malformed);
}

struct Filled {
    std::vector<MetadataResponse::Broker> brokers{2};
    std::vector<int32_t> replicas{1, 2}, offline{2};
    std::vector<MetadataResponse::Partition> partitions{1};
    std::vector<MetadataResponse::Topic> topics{1};
    MetadataResponse response;

    Filled() {
        brokers[0] = {1, "a.example", 9092, {}};
        brokers[1] = {2, "b", 9093, "r"};
        partitions[0].error_code = ErrorCode::leader_not_available;
        partitions[0].partition_index = 3;
        partitions[0].leader_id = 1;
        partitions[0].leader_epoch = 7;
        partitions[0].replica_nodes = replicas;
        partitions[0].isr_nodes = std::span(replicas).first(1);
        partitions[0].offline_replicas = offline;
        topics[0].name = "t";
        topics[0].topic_id = some_id(1);
        topics[0].is_internal = true;
        topics[0].partitions = partitions;
        topics[0].topic_authorized_operations = 5;
        response.throttle_time_ms = 9;
        response.brokers = brokers;
        response.cluster_id = "cid";
        response.controller_id = 1;
        response.topics = topics;
        response.cluster_authorized_operations = 6;
        response.error_code = ErrorCode::rebootstrap_required;
    }
};

TEST(Metadata, response) {
    Filled filled;
    expect_golden(filled.response, 0,
                  "00000002 00000001 0009 'a.example' 00002384 00000002 0001 'b' 00002385"
                  "00000001 0000 0001 't' 00000001"
                  "   0005 00000003 00000001 00000002 00000001 00000002 00000001 00000001");
    expect_golden(filled.response, 1,
                  "00000002 00000001 0009 'a.example' 00002384 ffff 00000002 0001 'b' 00002385 0001 'r'"
                  "00000001"
                  "00000001 0000 0001 't' 01 00000001"
                  "   0005 00000003 00000001 00000002 00000001 00000002 00000001 00000001");
    expect_golden(filled.response, 8,
                  "00000009"
                  "00000002 00000001 0009 'a.example' 00002384 ffff 00000002 0001 'b' 00002385 0001 'r'"
                  "0003 'cid' 00000001"
                  "00000001 0000 0001 't' 01 00000001 0005 00000003 00000001 00000007 00000002 00000001 00000002"
                  "         00000001 00000001 00000001 00000002 00000005"
                  "00000006");
    expect_golden(filled.response, 13,
                  "00000009"
                  "03 00000001 0a 'a.example' 00002384 00 00 00000002 02 'b' 00002385 02 'r' 00"
                  "04 'cid' 00000001"
                  "02 0000 02 't' 0102030405060708090a0b0c0d0e0f10 01"
                  "   02 0005 00000003 00000001 00000007 03 00000001 00000002 02 00000001 02 00000002 00  00000005 00"
                  "0081 00");
}

TEST(Metadata, all_versions) {
    Filled filled;
    expect_all_versions(filled.response, 0, 13);
    std::vector<MetadataRequest::Topic> topics(3);
    for (auto& topic : topics) topic.name = "name";
    MetadataRequest request;
    request.topics = topics;
    expect_all_versions(request, 0, 13);
}

}  // namespace
}  // namespace penstock::wire::kafka
