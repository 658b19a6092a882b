// How `consume` prints a record: a format such as "%p:%o %k %v\n", or one JSON object a line.
//
//   %v value   %k key   %t topic   %p partition   %o offset   %T timestamp (Unix ms)   %h headers (k=v,k=v)
//   %V value size   %K key size (-1: null)   %% a percent sign      \n \t \r \0 \\ \xHH escapes
// Keys and values are printed byte for byte. A null prints as nothing in a format, as null in JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"

namespace penstock::cli {

struct ShownHeader {
    std::string_view key;
    std::optional<std::string_view> value;
};

/// Views of a record, valid while its batch is.
struct ShownRecord {
    std::string_view topic;
    int32_t partition = 0;
    int64_t offset = 0;
    int64_t timestamp_ms = -1;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::span<const ShownHeader> headers;
};

class RecordFormat {
public:
    static Outcome<RecordFormat> parse(std::string_view format);
    void print(const ShownRecord& record, std::string& out) const;

private:
    struct Piece {
        char field = 0;       ///< the letter behind '%', or 0 for literal text
        std::string literal{};
    };
    std::vector<Piece> pieces_;
};

/// "\n", "\t", "\x1f"…: the characters they stand for. Used for --format and --key-separator.
Outcome<std::string> unescape(std::string_view text);

/// One JSON object and a newline. Bytes that are not UTF-8 go under "key_base64", "value_base64".
void print_json(const ShownRecord& record, std::string& out);

bool is_utf8(std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace penstock::cli
