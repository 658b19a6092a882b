// The bytes of the state in ZooKeeper: the revision node, and pieces of transactions and snapshots.
//
//     revision node   magic u32 | format u32 | revision u64 | snapshot u64 | crc u32
//     piece           crc u32 | kind u32 | revision u64 | index u32 | count u32 | a part of a row of changes
//     change          1 put, 2 remove u8 | key bytes u32 | value bytes u32 | key | value
// Little-endian; a crc is the CRC-32C of what stands before it, or behind it. The changes of a transaction are one run
// of bytes, cut into pieces of piece_bytes_max wherever that falls, so a row may be of any size. A snapshot is the
// same, of puts alone. Example: the put of "a" = "xy" is 01 01000000 02000000 61 7879.
//
// Bytes from an ensemble are from outside: everything is checked, nothing asserted.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/store.h"

namespace penstock::store {

/// Half of jute.maxbuffer, which bounds a request to ZooKeeper (1 MiB unless somebody changed it).
inline constexpr size_t piece_bytes_max = 512 * 1024;

struct Head {
    uint64_t revision = 0;   ///< of the last transaction that counts
    uint64_t snapshot = 0;   ///< the snapshot of this revision holds all before it; 0: there is none
};

enum class PieceKind : uint32_t { transaction = 1, snapshot = 2 };

struct Piece {
    PieceKind kind = PieceKind::transaction;
    uint64_t revision = 0;
    uint32_t index = 0;
    uint32_t count = 0;
    std::string_view changes;
};

struct PieceName {
    uint64_t revision = 0;
    uint32_t index = 0;
    friend auto operator<=>(const PieceName&, const PieceName&) = default;
};

/// "00000000000000000042-000007"
std::string to_text(const PieceName& name);
std::optional<PieceName> parse_piece_name(std::string_view text);

std::string encode(const Head& head);
std::optional<Head> decode_head(std::string_view bytes);

/// All pieces, at least one.
std::vector<std::string> encode(const io::StoreTransaction& transaction);
std::vector<std::string> encode_snapshot(uint64_t revision, const std::map<std::string, std::string>& rows);
std::optional<Piece> decode_piece(std::string_view bytes);

/// Rows as the changes so far left them. Pieces come in order.
class Replay {
public:
    /// False: these are no changes.
    bool take(std::string_view changes);
    /// Whether the last change was whole, as it must be where a transaction ends.
    bool whole() const { return partial_.empty(); }
    std::map<std::string, std::string>& rows() { return rows_; }

private:
    std::map<std::string, std::string> rows_;
    std::string partial_;   // a change whose end comes with the next piece
};

}  // namespace penstock::store
