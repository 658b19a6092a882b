// What a power cut leaves of the writes that were not yet durable: one choice among all that are legal.
//
// The items of a crash are, in the order of submission, every write in flight, every completed write that no flush
// covers, every create in flight, and every remove that may still be undone. A choice says which of them, and which
// sectors of the writes, reached the medium. Items that overlap are applied in the order of submission; as any subset
// may be chosen, that reaches every legal version of every sector.
// A choice has a text, so that a failing crash can be replayed from one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sim {

enum class CrashMode : uint8_t {
    none,        ///< nothing reached the medium
    all,         ///< everything did
    only,        ///< item `item` alone did
    without,     ///< item `item` alone did not
    front,       ///< everything, but of item `item` only the first `sectors` sectors
    back,        ///< everything, but of item `item` only the last `sectors` sectors
    mask,        ///< bit i of `bits`: the i-th sector that would change anything, in the order of the items
    random,      ///< items whole, lost or torn anywhere, from the seed `bits`; a torn one may spoil the sector that the
                 ///< power cut hit
};

struct CrashChoice {
    CrashMode mode = CrashMode::all;
    uint32_t item = 0;
    uint32_t sectors = 0;
    uint64_t bits = 0;

    std::string text() const;  ///< "all", "only/3", "front/3/5", "mask/255", ...
    static std::optional<CrashChoice> parse(std::string_view text);
};

}  // namespace penstock::sim
