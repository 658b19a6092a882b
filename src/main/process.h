// What every program of ours does once when it starts.
#pragma once

#include <cstdint>
#include <string>

#include "main/settings.h"

namespace penstock {

/// From here on spdlog writes to standard error, a line each: time, level, text.
void start_log(const std::string& name, LogLevel level);

/// From the kernel's generator: for identities and seeds.
uint64_t random_word();

}  // namespace penstock
