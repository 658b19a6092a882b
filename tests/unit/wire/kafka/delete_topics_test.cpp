#include "wire/kafka/delete_topics.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DeleteTopics, request) {
    std::vector<std::string_view> names{"a", "bc"};
    std::vector<DeleteTopicsRequest::Topic> topics(2);
    topics[0].name = "a";
    topics[1].topic_id.bytes[15] = 1;
    DeleteTopicsRequest message;
    message.topic_names = names;
    message.topics = topics;
    message.timeout_ms = 6;
    expect_golden(message, 1, "00000002 0001 'a' 0002 'bc' 00000006");
    expect_golden(message, 4, "03 02 'a' 03 'bc' 00000006 00");
    expect_golden(message, 6,
                  "03 02 'a' 00000000000000000000000000000000 00  00 00000000000000000000000000000001 00"
                  "00000006 00");
    expect_all_versions(message, 0, 6);
}

TEST(DeleteTopics, response) {
    std::vector<DeleteTopicsResponse::Topic> topics(1);
    topics[0].name = "a";
    topics[0].error_code = ErrorCode::unknown_topic_or_partition;
    topics[0].error_message = "no";
    DeleteTopicsResponse message;
    message.throttle_time_ms = 1;
    message.topics = topics;
    expect_golden(message, 1, "00000001 00000001 0001 'a' 0003");
    expect_golden(message, 4, "00000001 02 02 'a' 0003 00 00");
    expect_golden(message, 5, "00000001 02 02 'a' 0003 03 'no' 00 00");
    expect_all_versions(message, 0, 6);
    topics[0].name.reset();
    expect_golden(message, 6, "00000001 02 00 00000000000000000000000000000000 0003 03 'no' 00 00");
}

TEST(DeleteTopics, a_null_name_cannot_be_written_below_6) {
    std::vector<DeleteTopicsResponse::Topic> topics(1);
    topics[0].name.reset();
    DeleteTopicsResponse message;
    message.topics = topics;
    Arena arena(4096);
    Writer writer(arena);
    EXPECT_FALSE(encode(writer, message, 5));
    EXPECT_TRUE(writer.finish().empty());
}

}  // namespace
}  // namespace penstock::wire::kafka
