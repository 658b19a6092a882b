#include "cli/machine.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

TEST(Machine, ReadsTheKernelsLine) {
    const auto times = parse_cpu_times("cpu  100 5 20 800 50 1 4 20 7 0");
    EXPECT_EQ(times.total, 1000u);  // guest time, 7, is part of user already
    EXPECT_EQ(times.idle, 850u);
}

TEST(Machine, NonsenseIsNothing) {
    for (const char* line : {"", "cpu", "intr 1 2 3", "cpu0 1 2 3 4", "cpu x y"}) {
        EXPECT_EQ(parse_cpu_times(line).total, 0u) << line;
    }
}

TEST(Machine, MeasuresThisOne) {
    const auto state = measure_machine(std::chrono::milliseconds(20));
    EXPECT_GE(state.cores, 1.0);
    EXPECT_GE(state.idle_cores, 0.0);
    EXPECT_LE(state.idle_cores, state.cores);
    EXPECT_GT(own_cpu_seconds(), 0.0);
}

}  // namespace
}  // namespace penstock::cli
