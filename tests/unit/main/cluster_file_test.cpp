#include "main/cluster_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace penstock {
namespace {

using testing::HasSubstr;

const Uuid first = make_uuid(1, 2), second = make_uuid(3, 4);

class ClusterFile : public testing::Test {
protected:
    ~ClusterFile() override { std::filesystem::remove_all(directory_); }

    const std::string directory_ = testing::TempDir() + "penstock-cluster-" + std::to_string(::getpid()) + "/deep";
};

TEST_F(ClusterFile, the_first_cluster_is_remembered) {
    EXPECT_TRUE(check_cluster(directory_, "/root", Uuid()));
    EXPECT_FALSE(std::filesystem::exists(directory_)) << "a cluster that is not durable yet is none";
    EXPECT_TRUE(check_cluster(directory_, "/root", first));
    EXPECT_TRUE(check_cluster(directory_, "/root", first));
    const auto other = check_cluster(directory_, "/root", second);
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error(), HasSubstr("/root holds cluster " + second.text()));
    EXPECT_THAT(other.error(), HasSubstr("belongs to cluster " + first.text() + ": check zookeeper.root"));
    const auto none = check_cluster(directory_, "/typo", Uuid());
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error(), HasSubstr("/typo holds no cluster"));
    EXPECT_TRUE(check_cluster(directory_, "/root", first));
}

TEST_F(ClusterFile, a_file_that_was_torn_is_written_again) {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/cluster") << "";
    EXPECT_TRUE(check_cluster(directory_, "/root", first));
    EXPECT_FALSE(check_cluster(directory_, "/root", second));
}

TEST_F(ClusterFile, a_place_that_cannot_be_written_is_named) {
    std::filesystem::create_directories(std::filesystem::path(directory_).parent_path());
    std::ofstream(directory_.c_str()) << "a file where the directory should be";
    const auto checked = check_cluster(directory_, "/root", first);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error(), HasSubstr("cannot write " + directory_ + "/cluster"));
}

}  // namespace
}  // namespace penstock
