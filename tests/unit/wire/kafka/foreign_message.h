// A message as an independent implementation wrote it, that is generated from Kafka's own schemata, with every field
// filled. What it means to us: it must decode, and encode to the same bytes again. The tables of them, one message of
// each API in each version, are in the files foreign_..._messages.h beside this one.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::wire::kafka {

struct ForeignMessage {
    std::string_view name;
    bool is_request;
    int16_t version;
    std::string_view hex;
};

}  // namespace penstock::wire::kafka
