// The command line that both programs share: which file, which overrides, or what to print instead of starting.
//
// Reads the named file; says nothing itself: what belongs on the two output streams is in the outcome.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "main/setting.h"

namespace penstock {

struct ProgramInfo {
    std::string_view name;     ///< "penstock-broker"
    std::string_view purpose;  ///< one sentence
    std::string_view config;   ///< where the packaged file lies, for the examples of --help
};

struct CommandOutcome {
    std::optional<int> exit_code;  ///< none: start, with the settings in the rows
    std::string out;
    std::string err;
};

/// `arguments` without the program's own name. Assigns file and overrides to the targets of `rows`.
CommandOutcome run_command_line(const ProgramInfo& program, std::span<const char* const> arguments, Settings& rows);

}  // namespace penstock
