#include "wire/kafka/fetch.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

struct Request {
    std::vector<FetchRequest::Partition> partitions{1};
    std::vector<FetchRequest::Topic> topics{1};
    std::vector<int32_t> gone{4};
    std::vector<FetchRequest::ForgottenTopic> forgotten{1};
    FetchRequest message;

    Request() {
        partitions[0].partition = 3;
        partitions[0].current_leader_epoch = 11;
        partitions[0].fetch_offset = 0x1234;
        partitions[0].last_fetched_epoch = 10;
        partitions[0].log_start_offset = -1;
        partitions[0].partition_max_bytes = 1 << 20;
        topics[0].name = "games";
        topics[0].topic_id.bytes[0] = 0xaa;
        topics[0].partitions = partitions;
        forgotten[0].name = "old";
        forgotten[0].topic_id.bytes[0] = 0xbb;
        forgotten[0].partitions = gone;
        message.max_wait_ms = 500;
        message.min_bytes = 1;
        message.max_bytes = 50 << 20;
        message.isolation_level = 1;
        message.topics = topics;
        message.forgotten_topics = forgotten;
        message.rack_id = "r";
    }
};

TEST(Fetch, request) {
    Request request;
    expect_golden(request.message, 4,
                  "ffffffff 000001f4 00000001 03200000 01"
                  "00000001 0005 'games' 00000001 00000003 0000000000001234 00100000");
    expect_golden(request.message, 7,
                  "ffffffff 000001f4 00000001 03200000 01 00000000 ffffffff"
                  "00000001 0005 'games' 00000001 00000003 0000000000001234 ffffffffffffffff 00100000"
                  "00000001 0003 'old' 00000001 00000004");
    expect_golden(request.message, 11,
                  "ffffffff 000001f4 00000001 03200000 01 00000000 ffffffff"
                  "00000001 0005 'games' 00000001 00000003 0000000b 0000000000001234 ffffffffffffffff 00100000"
                  "00000001 0003 'old' 00000001 00000004  0001 'r'");
    request.message.cluster_id = "c";
    expect_golden(request.message, 12,
                  "ffffffff 000001f4 00000001 03200000 01 00000000 ffffffff"
                  "02 06 'games' 02 00000003 0000000b 0000000000001234 0000000a ffffffffffffffff 00100000 00 00"
                  "02 04 'old' 02 00000004 00  02 'r'  01 00 02 02 'c'");
    request.message.cluster_id.reset();
    request.message.replica_state = {5, 6};
    expect_golden(request.message, 15,
                  "000001f4 00000001 03200000 01 00000000 ffffffff"
                  "02 aa000000000000000000000000000000 02 00000003 0000000b 0000000000001234 0000000a"
                  "   ffffffffffffffff 00100000 00 00"
                  "02 bb000000000000000000000000000000 02 00000004 00  02 'r'"
                  "01 01 0d 00000005 0000000000000006 00");
    request.message.replica_state = {};
    request.partitions[0].replica_directory_id.bytes[15] = 1;
    request.partitions[0].high_watermark = 9;
    expect_golden(request.message, 17,
                  "000001f4 00000001 03200000 01 00000000 ffffffff"
                  "02 aa000000000000000000000000000000 02 00000003 0000000b 0000000000001234 0000000a"
                  "   ffffffffffffffff 00100000 01 00 10 00000000000000000000000000000001 00"
                  "02 bb000000000000000000000000000000 02 00000004 00  02 'r' 00");
    expect_golden(request.message, 18,
                  "000001f4 00000001 03200000 01 00000000 ffffffff"
                  "02 aa000000000000000000000000000000 02 00000003 0000000b 0000000000001234 0000000a"
                  "   ffffffffffffffff 00100000 02 00 10 00000000000000000000000000000001 01 08 0000000000000009 00"
                  "02 bb000000000000000000000000000000 02 00000004 00  02 'r' 00");
}

TEST(Fetch, tags_that_a_version_does_not_have_are_skipped) {
    // Version 12 knows tag 0 of the request, but neither tag 1 nor tag 99.
    std::vector<std::byte> bytes = hex(
        "ffffffff 00000000 00000000 00000000 00 00000000 ffffffff 01 01 01"
        "03 00 02 02 'c'  01 0d 00000005 0000000000000006 00  63 03 010203");
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    FetchRequest message;
    ASSERT_TRUE(decode(reader, message, 12));
    EXPECT_EQ(reader.remaining(), 0u);
    EXPECT_EQ(message.cluster_id, "c");
    EXPECT_EQ(message.replica_state, FetchRequest::ReplicaState{});
}

struct Response {
    std::vector<std::byte> bytes = hex("b1b2b3");
    Fragment fragment{bytes.data(), 3};
    std::vector<FetchResponse::AbortedTransaction> aborted{1};
    std::vector<FetchResponse::Partition> partitions{1};
    std::vector<FetchResponse::Topic> topics{1};
    std::vector<NodeEndpoint> endpoints{1};
    FetchResponse message;

    Response() {
        aborted[0] = {21, 22};
        partitions[0].partition_index = 3;
        partitions[0].high_watermark = 100;
        partitions[0].last_stable_offset = 90;
        partitions[0].log_start_offset = 1;
        partitions[0].records = std::span(&fragment, 1);
        topics[0].name = "t";
        topics[0].topic_id.bytes[0] = 0xaa;
        topics[0].partitions = partitions;
        message.topics = topics;
    }
};

TEST(Fetch, response) {
    Response response;
    expect_golden(response.message, 4,
                  "00000000 00000001 0001 't' 00000001"
                  "00000003 0000 0000000000000064 000000000000005a ffffffff 00000003 b1b2b3");
    response.partitions[0].aborted_transactions = response.aborted;
    expect_golden(response.message, 11,
                  "00000000 0000 00000000 00000001 0001 't' 00000001"
                  "00000003 0000 0000000000000064 000000000000005a 0000000000000001"
                  "00000001 0000000000000015 0000000000000016  ffffffff 00000003 b1b2b3");
    response.partitions[0].aborted_transactions.reset();
    response.partitions[0].records = {};
    expect_golden(response.message, 12,
                  "00000000 0000 00000000 02 02 't' 02"
                  "00000003 0000 0000000000000064 000000000000005a 0000000000000001 00 ffffffff 01 00 00 00");
}

TEST(Fetch, response_with_every_tag) {
    Response response;
    response.partitions[0].diverging_epoch = {1, 2};
    response.partitions[0].current_leader = {3, 4};
    response.partitions[0].snapshot_id = {5, 6};
    response.endpoints[0] = {3, "h", 9092, "r"};
    response.message.node_endpoints = response.endpoints;
    expect_golden(response.message, 16,
                  "00000000 0000 00000000 02 aa000000000000000000000000000000 02"
                  "00000003 0000 0000000000000064 000000000000005a 0000000000000001 00 ffffffff 04 b1b2b3"
                  "   03 00 0d 00000001 0000000000000002 00  01 09 00000003 00000004 00"
                  "      02 0d 0000000000000005 00000006 00"
                  "00  01 00 0e 02 00000003 02 'h' 00002384 02 'r' 00");
}

TEST(Fetch, response_splices_the_records) {
    Response response;
    Arena arena(1 << 20);
    auto frame = response_frame(arena, 7, response.message, 11);
    ASSERT_TRUE(frame);
    int found = 0;
    for (const Fragment& f : *frame) found += f.data == response.bytes.data() && f.size == 3 ? 1 : 0;
    EXPECT_EQ(found, 1);
    EXPECT_EQ(load_be<int32_t>((*frame)[0].data), static_cast<int32_t>(total_size(*frame)) - 4);
}

TEST(Fetch, all_versions) {
    expect_all_versions(Request().message, 0, 18);
    Response response;
    response.partitions[0].aborted_transactions = response.aborted;
    expect_all_versions(response.message, 0, 18);
}

}  // namespace
}  // namespace penstock::wire::kafka
