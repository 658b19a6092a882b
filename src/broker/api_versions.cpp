// ApiVersions: the APIs that this broker serves, and the one answer to a version that it does not know.
#include "wire/kafka/api_versions.h"

#include <algorithm>
#include <array>

#include "broker/handlers.h"

namespace penstock::broker::api_versions {

namespace {

using wire::kafka::ApiVersionsRequest;
using wire::kafka::ApiVersionsResponse;

constexpr bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Kafka's rule for the name and version of a client's software.
bool is_software_text(std::string_view text) {
    return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ApiVersionsResponse response;
    const wire::Api& own = wire::kafka::api_of(wire::kafka::ApiKey::api_versions);
    if (!own.serves(request.header.version)) {
        // The body is of a version that we cannot read; the client picks a lower one from this row.
        const std::array row{ApiVersionsResponse::Row{own.key, own.first, own.last}};
        response.error_code = ErrorCode::unsupported_version;
        response.api_keys = row;
        return serving.respond(request, response, 0);
    }
    ApiVersionsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    if (request.header.version >= 3 &&
        !(is_software_text(asked.client_software_name) && is_software_text(asked.client_software_version))) {
        response.error_code = ErrorCode::invalid_request;
        return serving.respond(request, response);
    }
    std::array<ApiVersionsResponse::Row, wire::kafka::apis.size()> rows;
    std::ranges::transform(wire::kafka::apis, rows.begin(), [](const wire::Api& api) {
        return ApiVersionsResponse::Row{api.key, api.first, api.last};
    });
    response.api_keys = rows;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::api_versions, start, nullptr};

}  // namespace penstock::broker::api_versions
