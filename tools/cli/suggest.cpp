#include "cli/suggest.h"

#include "base/closest.h"

namespace penstock::cli {

namespace {
constexpr size_t beginning_min = 3;  // fewer letters begin too many words
}

std::string nearest(std::string_view wrong, const std::vector<std::string>& candidates) {
    const std::vector<std::string_view> views(candidates.begin(), candidates.end());
    const std::string_view close = closest(wrong, views);
    if (!close.empty()) return std::string(close);
    for (const std::string& candidate : candidates) {
        const bool begun = wrong.size() >= beginning_min && candidate.starts_with(wrong);
        const bool continued = candidate.size() >= beginning_min && wrong.starts_with(candidate);
        if (begun || continued) return candidate;
    }
    return {};
}

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& candidates) {
    const std::string name = nearest(wrong, candidates);
    return name.empty() ? std::string{} : "Did you mean '" + name + "'?";
}

}  // namespace penstock::cli
