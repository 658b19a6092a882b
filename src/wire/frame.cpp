#include "wire/frame.h"

namespace penstock::wire {

namespace {

const Api* find(std::span<const Api> apis, int16_t key) {
    for (const Api& api : apis) {
        if (api.key == key) return &api;
    }
    return nullptr;
}

void skip_tags(Reader& reader) {
    for (uint32_t left = reader.uvarint(); left > 0 && reader.ok(); --left) {
        reader.uvarint();
        reader.skip(reader.uvarint());
    }
}

struct ClientId {
    NullableString text;
    template <class C>
    void fields(C& c) { c.field(text); }
};

}  // namespace

HeaderStatus decode_request_header(Reader& reader, std::span<const Api> apis, RequestHeader& header) {
    header = {};
    header.key = reader.number<int16_t>();
    header.version = reader.number<int16_t>();
    header.correlation_id = reader.number<int32_t>();
    if (!reader.ok()) return HeaderStatus::malformed;
    header.api = find(apis, header.key);
    if (header.api == nullptr) return HeaderStatus::unknown_api;
    if (!header.api->serves(header.version)) return HeaderStatus::unsupported_version;

    ClientId client_id;
    Decoder(reader, header.version, false).structure(client_id);
    header.client_id = client_id.text;
    if (header.version >= header.api->flexible_from) skip_tags(reader);
    return reader.ok() ? HeaderStatus::ok : HeaderStatus::malformed;
}

void encode_request_header(Writer& writer, const Api& api, int16_t version, int32_t correlation_id,
                           NullableString client_id) {
    writer.number(api.key);
    writer.number(version);
    writer.number(correlation_id);
    Encoder<Writer>(writer, version, false).structure(ClientId{client_id});
    if (version >= api.flexible_from) writer.uvarint(0);
}

bool decode_response_header(Reader& reader, const Api& api, int16_t version, int32_t& correlation_id) {
    correlation_id = reader.number<int32_t>();
    if (version >= api.response_header_flexible_from) skip_tags(reader);
    return reader.ok();
}

void encode_response_header(Writer& writer, const Api& api, int16_t version, int32_t correlation_id) {
    writer.number(correlation_id);
    if (version >= api.response_header_flexible_from) writer.uvarint(0);
}

}  // namespace penstock::wire
