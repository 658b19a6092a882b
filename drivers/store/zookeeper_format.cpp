#include "store/zookeeper_format.h"

#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace penstock::store {

namespace {

constexpr uint32_t magic = 0x50656e73;  // "Pens"
constexpr uint32_t format = 1;
constexpr size_t head_bytes = 28, piece_header_bytes = 24, change_header_bytes = 9;
constexpr char put_change = 1, remove_change = 2;
/// Of a key or a value. No row comes near it: a larger number is not one that we wrote.
constexpr uint32_t row_bytes_max = 64 * 1024 * 1024;

constexpr size_t revision_digits = 20, index_digits = 6;

std::string padded(uint64_t number, size_t digits) {
    const std::string text = std::to_string(number);
    return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

template <class T>
bool parse_all(std::string_view text, T& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

template <class T>
void append(std::string& out, T number) {
    std::array<std::byte, sizeof number> bytes;
    store_le(bytes.data(), number);
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <class T>
T number_at(std::string_view bytes, size_t at) {
    return load_le<T>(std::as_bytes(std::span(bytes)).data() + at);
}

uint32_t checksum(std::string_view bytes) { return crc32c(std::as_bytes(std::span(bytes))); }

void append_change(std::string& out, char kind, std::string_view key, std::string_view value) {
    out += kind;
    append(out, static_cast<uint32_t>(key.size()));
    append(out, static_cast<uint32_t>(value.size()));
    out.append(key).append(value);
}

/// Cuts a run of changes as it grows, so that it is held once.
class Cutter {
public:
    Cutter(PieceKind kind, uint64_t revision) : kind_(kind), revision_(revision) {}

    void change(char kind, std::string_view key, std::string_view value) {
        append_change(run_, kind, key, value);
        size_t cut = 0;
        for (; run_.size() - cut > piece_bytes_max; cut += piece_bytes_max)
            parts_.push_back(run_.substr(cut, piece_bytes_max));
        run_.erase(0, cut);
    }

    std::vector<std::string> finish() {
        parts_.push_back(std::move(run_));
        const auto count = static_cast<uint32_t>(parts_.size());
        for (uint32_t index = 0; index < count; ++index) {
            std::string header;
            append(header, static_cast<uint32_t>(kind_));
            append(header, revision_);
            append(header, index);
            append(header, count);
            std::string& part = parts_[index];
            part.insert(0, header);
            std::string crc;
            append(crc, checksum(part));
            part.insert(0, crc);
        }
        return std::move(parts_);
    }

private:
    PieceKind kind_;
    uint64_t revision_;
    std::string run_;
    std::vector<std::string> parts_;
};

}  // namespace

std::string to_text(const PieceName& name) {
    return padded(name.revision, revision_digits) + "-" + padded(name.index, index_digits);
}

std::optional<PieceName> parse_piece_name(std::string_view text) {
    PieceName name;
    if (text.size() != revision_digits + 1 + index_digits || text[revision_digits] != '-') return std::nullopt;
    if (!parse_all(text.substr(0, revision_digits), name.revision)) return std::nullopt;
    if (!parse_all(text.substr(revision_digits + 1), name.index)) return std::nullopt;
    return name;
}

std::string encode(const Head& head) {
    std::string out;
    append(out, magic);
    append(out, format);
    append(out, head.revision);
    append(out, head.snapshot);
    append(out, checksum(out));
    return out;
}

std::optional<Head> decode_head(std::string_view bytes) {
    if (bytes.size() != head_bytes || number_at<uint32_t>(bytes, 0) != magic ||
        number_at<uint32_t>(bytes, 4) != format ||
        number_at<uint32_t>(bytes, head_bytes - 4) != checksum(bytes.substr(0, head_bytes - 4)))
        return std::nullopt;
    const Head head{.revision = number_at<uint64_t>(bytes, 8), .snapshot = number_at<uint64_t>(bytes, 16)};
    return head.snapshot <= head.revision ? std::optional(head) : std::nullopt;
}

// Removes come last: a key in both lists ends up gone.
std::vector<std::string> encode(const io::StoreTransaction& transaction) {
    Cutter cutter(PieceKind::transaction, transaction.revision);
    for (const io::StoreRow& row : transaction.puts) cutter.change(put_change, row.key, row.value);
    for (const std::string& key : transaction.removes) cutter.change(remove_change, key, {});
    return cutter.finish();
}

std::vector<std::string> encode_snapshot(uint64_t revision, const std::map<std::string, std::string>& rows) {
    Cutter cutter(PieceKind::snapshot, revision);
    for (const auto& [key, value] : rows) cutter.change(put_change, key, value);
    return cutter.finish();
}

std::optional<Piece> decode_piece(std::string_view bytes) {
    if (bytes.size() < piece_header_bytes || number_at<uint32_t>(bytes, 0) != checksum(bytes.substr(4)))
        return std::nullopt;
    const uint32_t kind = number_at<uint32_t>(bytes, 4);
    if (kind != static_cast<uint32_t>(PieceKind::transaction) && kind != static_cast<uint32_t>(PieceKind::snapshot))
        return std::nullopt;
    Piece piece{.kind = PieceKind{kind}, .revision = number_at<uint64_t>(bytes, 8),
                .index = number_at<uint32_t>(bytes, 16), .count = number_at<uint32_t>(bytes, 20),
                .changes = bytes.substr(piece_header_bytes)};
    return piece.index < piece.count ? std::optional(piece) : std::nullopt;
}

bool Replay::take(std::string_view changes) {
    std::string joined;
    if (!partial_.empty()) {
        joined = std::exchange(partial_, {}).append(changes);
        changes = joined;
    }
    while (changes.size() >= change_header_bytes) {
        const char kind = changes[0];
        const uint32_t key_bytes = number_at<uint32_t>(changes, 1), value_bytes = number_at<uint32_t>(changes, 5);
        if ((kind != put_change && kind != remove_change) || key_bytes > row_bytes_max || value_bytes > row_bytes_max)
            return false;
        const size_t bytes = change_header_bytes + size_t{key_bytes} + value_bytes;
        if (changes.size() < bytes) break;
        const std::string_view key = changes.substr(change_header_bytes, key_bytes);
        if (kind == put_change)
            rows_[std::string(key)] = changes.substr(change_header_bytes + key_bytes, value_bytes);
        else
            rows_.erase(std::string(key));
        changes.remove_prefix(bytes);
    }
    partial_ = changes;
    return true;
}

}  // namespace penstock::store
