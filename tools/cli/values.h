// The values that options take and tables show: sizes, durations, addresses, timestamps.
// Parsers give nothing for anything that is not wholly well-formed or does not fit; they never guess.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/outcome.h"

namespace penstock::cli {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
using Duration = std::chrono::nanoseconds;

template <class T>
std::optional<T> parse_number(std::string_view text);

/// "512", "64k", "16KiB", "1MB": k, M, G are powers of 1024, with or without iB; kB, MB, GB are powers of 1000.
std::optional<uint64_t> parse_bytes(std::string_view text);
/// "250ms", "10s", "1.5s", "2m", "1h", "3d", "100us"; a bare number is seconds.
std::optional<Duration> parse_duration(std::string_view text);
/// "1732291200000" (Unix milliseconds) or "2026-11-22[T16:00[:00[.123]]][Z]" (UTC) as Unix milliseconds.
std::optional<int64_t> parse_timestamp(std::string_view text);
/// "key=value"; the value may be empty, the key may not.
std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text);

struct Address {
    std::string host;
    uint16_t port = 9092;

    std::string text() const;  ///< host:port, IPv6 in brackets
    friend bool operator==(const Address&, const Address&) = default;
};
/// "host:port[,host:port…]", "[::1]:9092"; without a port 9092.
Outcome<std::vector<Address>> parse_addresses(std::string_view list);

std::string show_bytes(double bytes);           ///< "1.5 MiB"
std::string show_count(uint64_t n);             ///< "1,234,567"
std::string show_microseconds(uint64_t us);     ///< "950 us", "12.3 ms", "4.56 s"
std::string show_timestamp(int64_t unix_ms);    ///< "2026-11-22T16:00:00.123Z"; "-" below 0

}  // namespace penstock::cli
