// What every program of ours does once when it starts.
#pragma once

#include <cstdint>
#include <string>

#include "io/stream.h"
#include "main/settings.h"

namespace penstock {

/// From here on spdlog writes to standard error, a line each: time, level, text.
void start_log(const std::string& name, LogLevel level);

/// False, and logged why, if the port cannot be listened on. Blocks while somebody else has it, for some seconds: the
/// kernel gives back the port of a killed broker only when that one's writes have ended.
bool port_is_free(const io::Address& address);

/// From the kernel's generator: for identities and seeds.
uint64_t random_word();

}  // namespace penstock
