// Frames: the headers before a message, and whole requests and responses ready to send.
//
//     request:  int32 size | int16 key | int16 version | int32 correlation | int16-string client id | tags (v2) | body
//     response: int32 size | int32 correlation | tags (v1) | body
// Header v2 and v1 belong to flexible versions. The client id keeps its int16 length in v2, so that any broker can read
// the header of an ApiVersions request that is newer than itself.
// A Reader given to these functions stands behind the size field: who receives cuts the stream into frames.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/error.h"
#include "wire/codec.h"

namespace penstock::wire {

inline constexpr int16_t never_flexible = std::numeric_limits<int16_t>::max();

/// One row of a table of APIs: wire/kafka/api.h, wire/node/api.h.
struct Api {
    int16_t key = -1;
    std::string_view name;
    int16_t first = 0, last = -1;                        ///< versions that are served, inclusive
    int16_t flexible_from = never_flexible;              ///< body of request and response, and the request's header
    int16_t response_header_flexible_from = never_flexible;

    constexpr bool serves(int16_t version) const { return version >= first && version <= last; }
};

struct RequestHeader {
    int16_t key = -1;
    int16_t version = -1;
    int32_t correlation_id = 0;
    NullableString client_id;   ///< lent from the frame
    const Api* api = nullptr;   ///< its row, whenever the key is known
};

enum class HeaderStatus : uint8_t {
    ok,                   ///< the reader stands at the body
    malformed,
    unknown_api,          ///< key, version and correlation_id are set, nothing more was read
    unsupported_version,  ///< the same, and api
};

/// Reads what is before a request's body. `apis` is the table that the listener serves.
HeaderStatus decode_request_header(Reader& reader, std::span<const Api> apis, RequestHeader& header);
void encode_request_header(Writer& writer, const Api& api, int16_t version, int32_t correlation_id,
                           NullableString client_id);

/// False: the reader has failed.
bool decode_response_header(Reader& reader, const Api& api, int16_t version, int32_t& correlation_id);
void encode_response_header(Writer& writer, const Api& api, int16_t version, int32_t correlation_id);

/// A whole response, size first. Lives in the arena; what the message points to must stay until it is sent.
template <class M>
Result<std::span<const Fragment>> response_frame(Arena& arena, int32_t correlation_id, const M& message,
                                                 int16_t version) {
    Writer writer(arena);
    writer.begin_frame();
    encode_response_header(writer, api_of(M::key), version, correlation_id);
    encode(writer, message, version);
    std::span<const Fragment> chain = writer.finish();
    if (!writer.ok()) return fail(writer.error());
    return chain;
}

/// The same for a request.
template <class M>
Result<std::span<const Fragment>> request_frame(Arena& arena, int32_t correlation_id, NullableString client_id,
                                                const M& message, int16_t version) {
    Writer writer(arena);
    writer.begin_frame();
    encode_request_header(writer, api_of(M::key), version, correlation_id, client_id);
    encode(writer, message, version);
    std::span<const Fragment> chain = writer.finish();
    if (!writer.ok()) return fail(writer.error());
    return chain;
}

}  // namespace penstock::wire
