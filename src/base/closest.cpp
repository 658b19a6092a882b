#include "base/closest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace penstock {
namespace {

constexpr size_t length_max = 64;  // names are short; longer words are nobody's typing error

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance, with three rows of the table kept.
size_t distance(std::string_view a, std::string_view b) {
    std::array<std::array<size_t, length_max + 1>, 3> rows{};
    for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& above = rows[(i - 1) % 3];
        const auto& two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0u : 1u)});
            const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                                 lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.size() > length_max) return {};
    std::string_view best;
    size_t best_distance = std::clamp<size_t>(word.size() / 3, 1, 4) + 1;
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > length_max) continue;
        const size_t edits = distance(word, candidate);
        if (edits < best_distance) {
            best = candidate;
            best_distance = edits;
        }
    }
    return best;
}

}  // namespace penstock
