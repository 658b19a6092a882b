#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
#define PENSTOCK_KAFKA_NAME(id, number, name, retriable) \
    case ErrorCode::id: return name;
        PENSTOCK_KAFKA_ERRORS(PENSTOCK_KAFKA_NAME)
#undef PENSTOCK_KAFKA_NAME
    }
    return "UNKNOWN_CODE";
}

bool is_retriable(ErrorCode code) noexcept {
    switch (code) {
#define PENSTOCK_KAFKA_RETRIABLE(id, number, name, retriable) \
    case ErrorCode::id: return retriable;
        PENSTOCK_KAFKA_ERRORS(PENSTOCK_KAFKA_RETRIABLE)
#undef PENSTOCK_KAFKA_RETRIABLE
    }
    return false;
}

ErrorCode error_code_of(Errc code) noexcept {
    switch (code) {
        case Errc::malformed: return ErrorCode::invalid_request;
        case Errc::unsupported: return ErrorCode::unsupported_version;
        case Errc::too_large: return ErrorCode::message_too_large;
        case Errc::would_block:
        case Errc::not_ready: return ErrorCode::request_timed_out;  // waited for room as long as the client would
        case Errc::out_of_range: return ErrorCode::offset_out_of_range;
        case Errc::not_found: return ErrorCode::unknown_topic_or_partition;
        case Errc::exists: return ErrorCode::topic_already_exists;
        case Errc::corrupt: return ErrorCode::corrupt_message;
        case Errc::refused: return ErrorCode::invalid_config;
        // The retriable one: space may return, another replica may take over.
        case Errc::disk_full:
        case Errc::io:
        case Errc::failed: return ErrorCode::kafka_storage_error;
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace penstock::wire::kafka
