#include "cli/start_offset.h"

#include <algorithm>

namespace penstock::cli {

Outcome<StartOffset> StartOffset::parse(std::string_view text) {
    if (text == "earliest" || text == "beginning") return StartOffset{.kind = Kind::earliest};
    if (text == "latest" || text == "end") return StartOffset{.kind = Kind::latest};
    const std::string_view expected = "Write earliest, latest, an offset, -N for the last N records, or @time.";
    if (text.starts_with('@')) {
        const auto ms = parse_timestamp(text.substr(1));
        if (ms) return StartOffset{.kind = Kind::timestamp, .number = *ms};
        return misuse(fmt::format("'{}' is not a time: write @Unix-milliseconds or @2026-11-22T16:00:00Z",
                                  printable(text)));
    }
    const auto number = parse_number<int64_t>(text);
    if (!number || *number == INT64_MIN) {
        return misuse(fmt::format("'{}' is not an offset. {}", printable(text), expected));
    }
    if (*number < 0 || text.starts_with('-')) return StartOffset{.kind = Kind::last, .number = -*number};
    return StartOffset{.kind = Kind::absolute, .number = *number};
}

Outcome<int64_t> resolve(const StartOffset& wanted, int64_t start, int64_t end, int64_t at_time) {
    switch (wanted.kind) {
        case StartOffset::Kind::earliest: return start;
        case StartOffset::Kind::latest: return end;
        case StartOffset::Kind::last: return std::max(start, end - std::min(wanted.number, end));
        case StartOffset::Kind::timestamp: return at_time < 0 ? end : at_time;
        case StartOffset::Kind::absolute: break;
    }
    if (wanted.number >= start && wanted.number <= end) return wanted.number;
    return refuse(fmt::format("there is no offset {}: the partition holds {} to {}", wanted.number, start, end),
                  "Use --offset earliest or latest.");
}

}  // namespace penstock::cli
