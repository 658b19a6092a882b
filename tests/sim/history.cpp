#include "history.h"

#include <cstdio>

namespace penstock::sim {

void History::note(const std::string& text) const {
    if (verbose_) std::printf("%14.6f  %s\n", static_cast<double>(now_.value) / double{second_ns}, text.c_str());
}

}  // namespace penstock::sim
