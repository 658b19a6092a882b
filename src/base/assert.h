// Assertions for bugs. On in every build: the binary that is tested is the binary that ships.
// Never use them for bytes, files or arguments from outside: those are values (see error.h).
#pragma once

namespace penstock {

/// Prints the condition and its place to stderr and aborts. Never returns, allocates nothing.
[[noreturn]] void assert_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace penstock

#define PENSTOCK_ASSERT(condition)                                                       \
    (__builtin_expect(static_cast<bool>(condition), 1)                                   \
         ? static_cast<void>(0)                                                          \
         : ::penstock::assert_failed(#condition, __FILE__, __LINE__))
