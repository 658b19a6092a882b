// "Did you mean …?" for commands, options and topics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

/// The candidate nearest to `wrong` (base/closest.h), else one that it begins or that begins it; empty if there is
/// none.
std::string nearest(std::string_view wrong, const std::vector<std::string>& candidates);

/// "Did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace penstock::cli
