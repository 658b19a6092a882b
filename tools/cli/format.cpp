#include "cli/format.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/values.h"

namespace penstock::cli {

namespace {

constexpr std::string_view fields = "vktpoThVK";

std::optional<char> hex_byte(std::string_view two) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    if (two.size() != 2) return {};
    const int high = digit(two[0]);
    const int low = digit(two[1]);
    if (high < 0 || low < 0) return {};
    return static_cast<char>(high * 16 + low);
}

void print_headers(const ShownRecord& record, std::string& out) {
    for (size_t i = 0; i < record.headers.size(); ++i) {
        if (i > 0) out += ',';
        out += record.headers[i].key;
        out += '=';
        out += record.headers[i].value.value_or("");
    }
}

void put_bytes(nlohmann::ordered_json& object, const std::string& name, std::optional<std::string_view> bytes) {
    if (!bytes) object[name] = nullptr;
    else if (is_utf8(*bytes)) object[name] = std::string(*bytes);
    else object[name + "_base64"] = base64(*bytes);
}

}  // namespace

Outcome<std::string> unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) {
            return misuse(fmt::format("'{}' ends in a lone '\\'", text), "Write \\\\ for a backslash.");
        }
        switch (text[i]) {
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'r': out += '\r'; break;
            case '0': out += '\0'; break;
            case '\\': out += '\\'; break;
            case 'x': {
                const auto byte = hex_byte(text.substr(i + 1, 2));
                if (!byte) return misuse(fmt::format("'{}' has \\x without two hexadecimal digits", text));
                out += *byte;
                i += 2;
                break;
            }
            default:
                return misuse(fmt::format("'{}' has an unknown escape '\\{}'", text, text[i]),
                              "Known are \\n \\t \\r \\0 \\xHH and \\\\.");
        }
    }
    return out;
}

Outcome<RecordFormat> RecordFormat::parse(std::string_view format) {
    auto text = unescape(format);
    if (!text) return std::unexpected(std::move(text.error()));
    RecordFormat result;
    std::string literal;
    for (size_t i = 0; i < text->size(); ++i) {
        const char c = (*text)[i];
        if (c != '%') {
            literal += c;
            continue;
        }
        const char field = ++i < text->size() ? (*text)[i] : '\0';
        if (field == '%') {
            literal += '%';
        } else if (field != '\0' && fields.find(field) != std::string_view::npos) {
            if (!literal.empty()) result.pieces_.push_back({.literal = std::exchange(literal, {})});
            result.pieces_.push_back({.field = field});
        } else {
            return misuse(fmt::format("'{}' has an unknown field '%{}'", format,
                                      field == '\0' ? "" : std::string(1, field)),
                          "Known are %v %k %t %p %o %T %h %V %K, and %% for a percent sign.");
        }
    }
    if (!literal.empty()) result.pieces_.push_back({.literal = literal});
    return result;
}

void RecordFormat::print(const ShownRecord& record, std::string& out) const {
    const auto number = [&out](int64_t n) { fmt::format_to(std::back_inserter(out), "{}", n); };
    const auto size = [](std::optional<std::string_view> bytes) {
        return bytes ? static_cast<int64_t>(bytes->size()) : int64_t{-1};
    };
    for (const Piece& piece : pieces_) {
        switch (piece.field) {
            case 'v': out += record.value.value_or(""); break;
            case 'k': out += record.key.value_or(""); break;
            case 't': out += record.topic; break;
            case 'p': number(record.partition); break;
            case 'o': number(record.offset); break;
            case 'T': number(record.timestamp_ms); break;
            case 'h': print_headers(record, out); break;
            case 'V': number(size(record.value)); break;
            case 'K': number(size(record.key)); break;
            default: out += piece.literal; break;
        }
    }
}

void print_json(const ShownRecord& record, std::string& out) {
    nlohmann::ordered_json object;
    object["topic"] = std::string(record.topic);
    object["partition"] = record.partition;
    object["offset"] = record.offset;
    object["timestamp_ms"] = record.timestamp_ms;
    object["timestamp"] = show_timestamp(record.timestamp_ms);
    put_bytes(object, "key", record.key);
    put_bytes(object, "value", record.value);
    object["headers"] = nlohmann::ordered_json::array();
    for (const ShownHeader& header : record.headers) {
        nlohmann::ordered_json shown;
        put_bytes(shown, "key", header.key);
        put_bytes(shown, "value", header.value);
        object["headers"].push_back(std::move(shown));
    }
    out += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    out += '\n';
}

bool is_utf8(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size();) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        size_t more = 0;
        uint32_t code = lead;
        if (lead < 0x80) more = 0;
        else if ((lead & 0xe0) == 0xc0) more = 1, code = lead & 0x1fu;
        else if ((lead & 0xf0) == 0xe0) more = 2, code = lead & 0x0fu;
        else if ((lead & 0xf8) == 0xf0) more = 3, code = lead & 0x07u;
        else return false;
        if (i + more >= bytes.size()) return false;
        for (size_t j = 1; j <= more; ++j) {
            const auto next = static_cast<unsigned char>(bytes[i + j]);
            if ((next & 0xc0) != 0x80) return false;
            code = code << 6 | (next & 0x3fu);
        }
        constexpr uint32_t least[] = {0, 0x80, 0x800, 0x10000};  // anything below has a shorter form
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
        i += more + 1;
    }
    return true;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t n = std::min<size_t>(3, bytes.size() - i);
        uint32_t word = 0;
        for (size_t j = 0; j < 3; ++j) {
            word = word << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        }
        for (size_t j = 0; j < 4; ++j) {
            out += j <= n ? digits[word >> (18 - 6 * j) & 63] : '=';
        }
    }
    return out;
}

}  // namespace penstock::cli
