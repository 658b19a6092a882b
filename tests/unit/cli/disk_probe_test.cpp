#include "cli/disk_probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fake_tree.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

TEST(DiskProbe, MeasuresADirectoryAndLeavesNothing) {
    const FakeTree tree;
    const DiskProbe probe = probe_disk(tree.root(), 200ms);
    EXPECT_TRUE(probe.exists);
    EXPECT_EQ(probe.os_error, 0);
    EXPECT_EQ(probe.path, std::filesystem::canonical(tree.root()));
    EXPECT_GT(probe.total_bytes.value_or(0), 0u);
    ASSERT_TRUE(probe.latency) << probe.latency_failure;
    EXPECT_GT(probe.latency->writes, 0u);
    EXPECT_GT(probe.latency->p50, 0ns);
    EXPECT_LE(probe.latency->p50, probe.latency->p99);
    EXPECT_LE(probe.latency->p99, probe.latency->max);
    EXPECT_TRUE(std::filesystem::is_empty(tree.root()));
}

TEST(DiskProbe, AFilesystemInMemoryIsSeen) {
    const std::string path = "/dev/shm";
    if (::access(path.c_str(), W_OK) != 0) GTEST_SKIP() << "no " << path;
    const DiskProbe probe = probe_disk(path, 10ms);
    EXPECT_TRUE(probe.in_memory);
    EXPECT_NE(probe.note, "");
    EXPECT_EQ(probe.os_error, 0);
}

TEST(DiskProbe, SaysWhyNoFileCanBeMade) {
    const FakeTree tree;
    tree.file("/file", "");
    const DiskProbe absent = probe_disk(tree.root() + "/absent", 1ms);
    EXPECT_FALSE(absent.exists);
    EXPECT_EQ(absent.os_error, ENOENT);
    EXPECT_EQ(absent.latency, std::nullopt);
    const DiskProbe file = probe_disk(tree.root() + "/file", 1ms);
    EXPECT_FALSE(file.exists);
    EXPECT_EQ(file.os_error, ENOTDIR);
    const DiskProbe forbidden = probe_disk("/proc", 1ms);  // to root, too
    EXPECT_TRUE(forbidden.exists);
    EXPECT_NE(forbidden.os_error, 0);
    EXPECT_EQ(forbidden.latency, std::nullopt);
}

TEST(DiskProbe, Percentiles) {
    std::vector<Duration> samples;
    for (int i = 400; i > 0; --i) samples.push_back(std::chrono::microseconds(i));
    const WriteLatency latency = summarise(samples);
    EXPECT_EQ(latency.writes, 400u);
    EXPECT_EQ(latency.p50, 200us);
    EXPECT_EQ(latency.p99, 396us);
    EXPECT_EQ(latency.max, 400us);
    std::vector<Duration> one{7us};
    EXPECT_EQ(summarise(one).p50, 7us);
    EXPECT_EQ(summarise(one).p99, 7us);
}

}  // namespace
}  // namespace penstock::cli
