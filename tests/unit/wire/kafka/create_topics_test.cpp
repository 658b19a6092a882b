#include "wire/kafka/create_topics.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(CreateTopics, request) {
    std::vector<int32_t> brokers{1, 2};
    std::vector<CreateTopicsRequest::Assignment> assignments{{0, brokers}};
    std::vector<CreateTopicsRequest::Config> configs{{"k", "v"}, {"n", {}}};
    std::vector<CreateTopicsRequest::Topic> topics(2);
    topics[0] = {"games", 3, 1, {}, configs};
    topics[1] = {"t", -1, -1, assignments, {}};
    CreateTopicsRequest message;
    message.topics = topics;
    message.validate_only = true;
    expect_golden(message, 2,
                  "00000002 0005 'games' 00000003 0001 00000000 00000002 0001 'k' 0001 'v' 0001 'n' ffff"
                  "0001 't' ffffffff ffff 00000001 00000000 00000002 00000001 00000002 00000000"
                  "0000ea60 01");
    expect_golden(message, 5,
                  "03 06 'games' 00000003 0001 01 03 02 'k' 02 'v' 00 02 'n' 00 00 00"
                  "02 't' ffffffff ffff 02 00000000 03 00000001 00000002 00 01 00"
                  "0000ea60 01 00");
    expect_all_versions(message, 2, 7);
}

TEST(CreateTopics, response) {
    std::vector<CreateTopicsResponse::Config> configs{{"k", "v", true, 5, false}, {"s", {}, false, -1, true}};
    std::vector<CreateTopicsResponse::Topic> topics(2);
    topics[0].name = "games";
    topics[0].topic_id.bytes[15] = 9;
    topics[0].num_partitions = 3;
    topics[0].replication_factor = 1;
    topics[0].configs = configs;
    topics[1].name = "t";
    topics[1].error_code = ErrorCode::topic_already_exists;
    topics[1].error_message = "there";
    CreateTopicsResponse message;
    message.topics = topics;
    expect_golden(message, 2, "00000000 00000002 0005 'games' 0000 ffff  0001 't' 0024 0005 'there'");
    expect_golden(message, 5,
                  "00000000 03"
                  "06 'games' 0000 00 00000003 0001 03 02 'k' 02 'v' 01 05 00 00  02 's' 00 00 ff 01 00  00"
                  "02 't' 0024 06 'there' ffffffff ffff 01 00  00");
    topics[1].configs.reset();
    topics[1].topic_config_error_code = ErrorCode::topic_authorization_failed;
    expect_golden(message, 7,
                  "00000000 03"
                  "06 'games' 00000000000000000000000000000009 0000 00 00000003 0001"
                  "   03 02 'k' 02 'v' 01 05 00 00  02 's' 00 00 ff 01 00  00"
                  "02 't' 00000000000000000000000000000000 0024 06 'there' ffffffff ffff 00 01 00 02 001d  00");
    expect_all_versions(message, 2, 7);
}

}  // namespace
}  // namespace penstock::wire::kafka
