#include "wire/kafka/errors.h"

#include <gtest/gtest.h>

namespace penstock::wire::kafka {
namespace {

TEST(Errors, names_and_codes) {
    EXPECT_EQ(static_cast<int>(ErrorCode::unknown_server_error), -1);
    EXPECT_EQ(static_cast<int>(ErrorCode::invalid_record), 87);
    EXPECT_EQ(static_cast<int>(ErrorCode::rebootstrap_required), 129);
    EXPECT_EQ(to_string(ErrorCode::none), "NONE");
    EXPECT_EQ(to_string(ErrorCode::offset_out_of_range), "OFFSET_OUT_OF_RANGE");
    EXPECT_EQ(to_string(static_cast<ErrorCode>(9999)), "UNKNOWN_CODE");
}

TEST(Errors, who_tries_again) {
    for (ErrorCode code : {ErrorCode::unknown_topic_or_partition, ErrorCode::leader_not_available,
                           ErrorCode::not_leader_or_follower, ErrorCode::request_timed_out,
                           ErrorCode::kafka_storage_error, ErrorCode::unknown_topic_id}) {
        EXPECT_TRUE(is_retriable(code)) << to_string(code);
    }
    for (ErrorCode code : {ErrorCode::none, ErrorCode::offset_out_of_range, ErrorCode::message_too_large,
                           ErrorCode::invalid_record, ErrorCode::invalid_topic}) {
        EXPECT_FALSE(is_retriable(code)) << to_string(code);
    }
    EXPECT_FALSE(is_retriable(static_cast<ErrorCode>(9999)));
}

TEST(Errors, a_full_or_broken_disk_is_retriable) {
    for (Errc code : {Errc::disk_full, Errc::io, Errc::failed, Errc::would_block}) {
        EXPECT_TRUE(is_retriable(error_code_of(code))) << to_string(code);
    }
    EXPECT_EQ(error_code_of(Errc::out_of_range), ErrorCode::offset_out_of_range);
    EXPECT_EQ(error_code_of(Errc::malformed), ErrorCode::invalid_request);
}

}  // namespace
}  // namespace penstock::wire::kafka
