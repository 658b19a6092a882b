// "Did you mean": the known name nearest to a mistyped one.
#pragma once

#include <span>
#include <string_view>

namespace penstock {

/// The candidate with the fewest insertions, deletions, substitutions and swaps of neighbours; empty when none is near
/// enough to be what was meant (a third of the word, at least one, at most four edits). Case is ignored.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace penstock
