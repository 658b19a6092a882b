// A configuration file into settings, and settings into a configuration file that documents them.
//
// The text is from outside: whatever it holds ends in values within their bounds or in a list of problems, each with
// file and line, the reason, and what was probably meant. All problems are reported, not only the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "main/setting.h"

namespace penstock {

/// Assigns what the TOML `text` of the file `path` says. Empty: all of it was understood.
std::vector<std::string> read_settings(std::string_view text, std::string_view path, Settings& rows);

/// The reason to refuse an unknown key, with a guess at what was meant.
std::string unknown_setting(std::string_view key, const Settings& rows);

/// The rows as a file that read_settings() takes: every key with its documentation and the value in effect.
std::string document(std::string_view program, const Settings& rows);

}  // namespace penstock
