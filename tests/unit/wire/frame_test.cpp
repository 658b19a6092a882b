#include "wire/frame.h"

#include <gtest/gtest.h>

#include "golden.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/metadata.h"

namespace penstock::wire {
namespace {

using kafka::api_of;
using kafka::ApiKey;
using kafka::apis;

HeaderStatus read(std::string_view text, RequestHeader& header, uint64_t* remaining = nullptr) {
    static std::vector<std::byte> bytes;
    bytes = hex(text);
    static Arena arena(4096);
    Shredded shredded(bytes, bytes.size() + 1);
    Reader reader(shredded.chain, arena);
    HeaderStatus status = decode_request_header(reader, apis, header);
    if (remaining != nullptr) *remaining = reader.remaining();
    if (header.client_id) header.client_id = arena.copy(*header.client_id);
    return status;
}

TEST(Frame, request_header_1) {
    RequestHeader header;
    uint64_t remaining = 0;
    EXPECT_EQ(read("0003 0004 00000007 0007 'rdkafka' ffffffff 01", header, &remaining), HeaderStatus::ok);
    EXPECT_EQ(header.key, 3);
    EXPECT_EQ(header.version, 4);
    EXPECT_EQ(header.correlation_id, 7);
    EXPECT_EQ(header.client_id, "rdkafka");
    EXPECT_EQ(header.api, &api_of(ApiKey::metadata));
    EXPECT_EQ(remaining, 5u);
    EXPECT_EQ(read("0003 0004 00000007 ffff", header), HeaderStatus::ok);
    EXPECT_FALSE(header.client_id);
}

TEST(Frame, request_header_2_keeps_the_short_client_id_and_adds_tags) {
    RequestHeader header;
    uint64_t remaining = 0;
    EXPECT_EQ(read("0003 0009 00000007 0002 'me' 00 aa", header, &remaining), HeaderStatus::ok);
    EXPECT_EQ(header.client_id, "me");
    EXPECT_EQ(remaining, 1u);
    EXPECT_EQ(read("0003 0009 00000007 ffff 02 00 01 ff  07 02 ffff aabb", header, &remaining), HeaderStatus::ok);
    EXPECT_EQ(remaining, 2u);
}

TEST(Frame, what_we_do_not_serve_still_names_itself) {
    RequestHeader header;
    EXPECT_EQ(read("0012 0063 00000007 ffff", header), HeaderStatus::unsupported_version);
    EXPECT_EQ(header.api, &api_of(ApiKey::api_versions));
    EXPECT_EQ(header.version, 0x63);
    EXPECT_EQ(header.correlation_id, 7);
    EXPECT_EQ(read("0012 ffff 00000007 ffff", header), HeaderStatus::unsupported_version);
    EXPECT_EQ(read("0001 0003 00000007 ffff", header), HeaderStatus::unsupported_version);
    EXPECT_EQ(read("7777 0000 00000007 ffff", header), HeaderStatus::unknown_api);
    EXPECT_EQ(header.api, nullptr);
    EXPECT_EQ(read("ffff 0000 00000007 ffff", header), HeaderStatus::unknown_api);
}

TEST(Frame, malformed_request_headers) {
    RequestHeader header;
    for (std::string_view text :
         {"", "00", "0003 0004 000000", "0003 0004 00000007", "0003 0004 00000007 fffe", "0003 0004 00000007 0003 'ab'",
          "0003 0009 00000007 ffff", "0003 0009 00000007 ffff 01", "0003 0009 00000007 ffff 01 00",
          "0003 0009 00000007 ffff 01 00 ffffffff0f", "0003 0009 00000007 ffff ffffffff0f"}) {
        EXPECT_EQ(read(text, header), HeaderStatus::malformed) << text;
    }
}

TEST(Frame, requests_are_read_as_they_were_written) {
    for (const Api& api : apis) {
        for (int16_t version = api.first; version <= api.last; ++version) {
            for (NullableString client : {NullableString(), NullableString(""), NullableString("client")}) {
                Arena arena(4096);
                Writer writer(arena);
                encode_request_header(writer, api, version, 1234, client);
                writer.number(int8_t{77});
                Reader reader(writer.finish(), arena);
                RequestHeader header;
                ASSERT_EQ(decode_request_header(reader, apis, header), HeaderStatus::ok);
                EXPECT_EQ(header.api, &api);
                EXPECT_EQ(header.version, version);
                EXPECT_EQ(header.correlation_id, 1234);
                EXPECT_EQ(header.client_id, client);
                EXPECT_EQ(reader.number<int8_t>(), 77);
            }
        }
    }
}

TEST(Frame, response_headers) {
    auto header = [](const Api& api, int16_t version) {
        Arena arena(4096);
        Writer writer(arena);
        encode_response_header(writer, api, version, 258);
        return text_of(flatten(writer.finish()));
    };
    EXPECT_EQ(header(api_of(ApiKey::metadata), 8), text_of(hex("00000102")));
    EXPECT_EQ(header(api_of(ApiKey::metadata), 9), text_of(hex("00000102 00")));
    EXPECT_EQ(header(api_of(ApiKey::api_versions), 4), text_of(hex("00000102")));
    EXPECT_EQ(header(api_of(ApiKey::describe_cluster), 0), text_of(hex("00000102 00")));

    std::vector<std::byte> bytes = hex("00000102 01 05 01 ff aa");
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    int32_t correlation = 0;
    EXPECT_TRUE(decode_response_header(reader, api_of(ApiKey::metadata), 9, correlation));
    EXPECT_EQ(correlation, 258);
    EXPECT_EQ(reader.remaining(), 1u);
}

TEST(Frame, whole_requests_and_responses) {
    Arena arena(4096);
    kafka::MetadataRequest request;
    auto frame = request_frame(arena, 5, "me", request, 9);
    ASSERT_TRUE(frame);
    EXPECT_EQ(text_of(flatten(*frame)), text_of(hex("00000012 0003 0009 00000005 0002 'me' 00  00 01 00 00 00")));
    auto response = response_frame(arena, 5, kafka::MetadataResponse{}, 0);
    ASSERT_TRUE(response);
    EXPECT_EQ(text_of(flatten(*response)), text_of(hex("0000000c 00000005 00000000 00000000")));

    Arena small(16);
    auto refused = request_frame(small, 5, "me", request, 9);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::too_large);
}

}  // namespace
}  // namespace penstock::wire
