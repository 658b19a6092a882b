// The response to a Fetch: what the owners lent, put together in the order of the request.
#pragma once

#include <cstdint>
#include <span>

#include "broker/handler.h"
#include "wire/kafka/fetch.h"

namespace penstock::broker {

inline constexpr int16_t fetch_first_by_id = 13;

/// One partition of the request: refused, or a part of the call to its owner.
struct FetchEntry {
    ErrorCode error = ErrorCode::none;
    uint32_t owner = 0;
    log::LogKey key;
    FetchCall* call = nullptr;
    FetchPart* part = nullptr;
};

/// Lives in the request's arena.
struct FetchState {
    wire::kafka::FetchRequest asked;
    std::span<FetchEntry> entries;   ///< all partitions of all topics, in the order of the request
    uint64_t bytes_max = 0;          ///< of the response
    uint64_t bytes_wanted = 0;       ///< answer when there is so much
    uint64_t bytes_had = 0;          ///< in the last round
    bool immediate = false;          ///< no wait at all
    bool cancelled = false;          ///< in this round the other owners were asked to answer
    bool releasing = false;          ///< between two rounds: slices are on their way back
};

void respond_to_fetch(Request& request, Serving& serving, FetchState& state);

/// An error of the request as a whole, without partitions.
void respond_to_fetch_with(Request& request, Serving& serving, ErrorCode error);

/// Cuts a chain that begins with a batch down to `bytes_max`. A first batch that is not whole is no use to anybody:
/// then nothing is left. Returns what is left of the chain.
std::span<Fragment> cut_batches(std::span<Fragment> chain, uint64_t bytes_max);

}  // namespace penstock::broker
