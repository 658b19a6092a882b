#include "wire/kafka/produce.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

struct Request {
    std::vector<std::byte> bytes = hex("a1a2a3a4a5");
    std::vector<Fragment> fragments{{bytes.data(), 2}, {bytes.data() + 2, 3}};
    std::vector<ProduceRequest::Partition> partitions{2};
    std::vector<ProduceRequest::Topic> topics{1};
    ProduceRequest message;

    Request() {
        partitions[0] = {7, fragments};
        partitions[1] = {8, {}};
        topics[0].name = "games";
        topics[0].topic_id.bytes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        topics[0].partitions = partitions;
        message.acks = -1;
        message.timeout_ms = 30000;
        message.topics = topics;
    }
};

TEST(Produce, request) {
    Request request;
    expect_golden(request.message, 0,
                  "ffff 00007530 00000001 0005 'games' 00000002"
                  "00000007 00000005 a1a2a3a4a5  00000008 00000000");
    request.message.transactional_id = "tx";
    expect_golden(request.message, 3,
                  "0002 'tx' ffff 00007530 00000001 0005 'games' 00000002"
                  "00000007 00000005 a1a2a3a4a5  00000008 00000000");
    expect_golden(request.message, 9,
                  "03 'tx' ffff 00007530 02 06 'games' 03  00000007 06 a1a2a3a4a5 00  00000008 01 00  00 00");
    request.message.transactional_id.reset();
    expect_golden(request.message, 13,
                  "00 ffff 00007530 02 000102030405060708090a0b0c0d0e0f 03"
                  "00000007 06 a1a2a3a4a5 00  00000008 01 00  00 00");
}

TEST(Produce, request_lends_the_records) {
    std::vector<std::byte> bytes = encoded(Request().message, 9);
    Arena arena(1 << 20);
    Fragment parts[] = {{bytes.data(), 20}, {bytes.data() + 20, static_cast<uint32_t>(bytes.size() - 20)}};
    Reader reader(parts, arena);
    ProduceRequest message;
    ASSERT_TRUE(decode(reader, message, 9));
    Records records = message.topics[0].partitions[0].records;
    EXPECT_EQ(text_of(flatten(records)), text_of(hex("a1a2a3a4a5")));
    for (const Fragment& f : records) {
        EXPECT_TRUE(f.data >= bytes.data() && f.data + f.size <= bytes.data() + bytes.size());
    }
    EXPECT_EQ(message.topics[0].partitions[1].records.size(), 0u);
    EXPECT_EQ(message.acks, -1);
    EXPECT_EQ(message.timeout_ms, 30000);
    EXPECT_EQ(message.topics[0].name, "games");
    EXPECT_EQ(message.topics[0].partitions[1].index, 8);
}

TEST(Produce, null_records_decode_as_empty) {
    std::vector<std::byte> bytes = hex("0001 00000000 00000001 0001 't' 00000001 00000000 ffffffff");
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    ProduceRequest message;
    ASSERT_TRUE(decode(reader, message, 2));
    EXPECT_TRUE(message.topics[0].partitions[0].records.empty());
}

TEST(Produce, warm_arenas_decode_without_the_heap) {
    std::vector<std::byte> bytes = encoded(Request().message, 9);
    Fragment frame = fragment_of(bytes);
    Arena arena(1 << 20);
    for (int i = 0; i < 3; ++i) {
        size_t held = arena.held();
        Reader reader(std::span(&frame, 1), arena);
        ProduceRequest message;
        ASSERT_TRUE(decode(reader, message, 9));
        if (i > 0) { EXPECT_EQ(arena.held(), held); }
        arena.reset();
    }
}

struct Response {
    std::vector<ProduceResponse::RecordError> errors{1};
    std::vector<ProduceResponse::Partition> partitions{1};
    std::vector<ProduceResponse::Topic> topics{1};
    std::vector<NodeEndpoint> endpoints{1};
    ProduceResponse message;

    Response() {
        errors[0] = {2, "bad"};
        partitions[0].index = 7;
        partitions[0].error_code = ErrorCode::not_leader_or_follower;
        partitions[0].base_offset = 258;
        partitions[0].log_append_time_ms = -1;
        partitions[0].log_start_offset = 3;
        partitions[0].record_errors = errors;
        partitions[0].error_message = "moved";
        partitions[0].current_leader = {2, 9};
        topics[0].name = "t";
        topics[0].topic_id.bytes[15] = 5;
        topics[0].partitions = partitions;
        endpoints[0] = {2, "h", 9092, {}};
        message.topics = topics;
        message.throttle_time_ms = 1;
        message.node_endpoints = endpoints;
    }
};

TEST(Produce, response) {
    Response response;
    expect_golden(response.message, 0, "00000001 0001 't' 00000001 00000007 0006 0000000000000102");
    expect_golden(response.message, 3,
                  "00000001 0001 't' 00000001 00000007 0006 0000000000000102 ffffffffffffffff 00000001");
    expect_golden(response.message, 8,
                  "00000001 0001 't' 00000001 00000007 0006 0000000000000102 ffffffffffffffff 0000000000000003"
                  "00000001 00000002 0003 'bad'  0005 'moved'  00000001");
    expect_golden(response.message, 9,
                  "02 02 't' 02 00000007 0006 0000000000000102 ffffffffffffffff 0000000000000003"
                  "02 00000002 04 'bad' 00  06 'moved' 00  00  00000001 00");
    expect_golden(response.message, 10,
                  "02 02 't' 02 00000007 0006 0000000000000102 ffffffffffffffff 0000000000000003"
                  "02 00000002 04 'bad' 00  06 'moved'"
                  "   01 00 09 00000002 00000009 00"      // tag 0, nine bytes: leader, epoch, no tags
                  "00  00000001"
                  "01 00 0d 02 00000002 02 'h' 00002384 00 00");  // tag 0, 13 bytes: one endpoint
    expect_golden(response.message, 13,
                  "02 00000000000000000000000000000005 02 00000007 0006 0000000000000102 ffffffffffffffff"
                  "0000000000000003 02 00000002 04 'bad' 00  06 'moved' 01 00 09 00000002 00000009 00"
                  "00  00000001 01 00 0d 02 00000002 02 'h' 00002384 00 00");
}

TEST(Produce, response_without_news_of_leaders_has_no_tags) {
    Response response;
    response.partitions[0].current_leader = {};
    response.partitions[0].record_errors = {};
    response.partitions[0].error_message = {};
    response.message.node_endpoints = {};
    expect_golden(response.message, 10,
                  "02 02 't' 02 00000007 0006 0000000000000102 ffffffffffffffff 0000000000000003"
                  "01 00 00  00  00000001 00");
}

TEST(Produce, all_versions) {
    expect_all_versions(Request().message, 0, 13);
    expect_all_versions(Response().message, 0, 13);
}

}  // namespace
}  // namespace penstock::wire::kafka
