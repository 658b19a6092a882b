#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace penstock {

void assert_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "penstock: bug: assertion failed: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace penstock
