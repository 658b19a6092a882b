// The two tables: every setting of each program, once. Parser, defaults, conf/*.toml and --help all come from here.
#pragma once

#include "main/setting.h"

namespace penstock {

/// The rows, bound to `settings`, in the order in which they are documented: each file table's rows together.
Settings settings_of(BrokerSettings& settings);
Settings settings_of(CoordinatorSettings& settings);

}  // namespace penstock
