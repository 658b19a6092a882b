// Asking before something that cannot be undone.
#pragma once

#include <string>

#include "cli/outcome.h"

namespace penstock::cli {

/// Shows the consequence on the terminal and waits for "yes". Fails if somebody says anything else, or if nobody is
/// there to be asked: then the hint names --yes.
Outcome<void> confirm(const std::string& consequence);
/// The same on other descriptors; `terminal`: somebody is there.
Outcome<void> confirm(const std::string& consequence, int in, int out, bool terminal);

}  // namespace penstock::cli
