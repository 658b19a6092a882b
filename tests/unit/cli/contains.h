// Whether a text of the CLI says a thing.
#pragma once

#include <string>
#include <string_view>

namespace penstock::cli {

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace penstock::cli
