#include "main/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace penstock {
namespace {

using testing::HasSubstr;

class SecretFile : public testing::Test {
protected:
    ~SecretFile() override { std::filesystem::remove(path_); }

    const std::string& write(size_t bytes, mode_t mode = 0600) {
        std::filesystem::remove(path_);
        std::ofstream(path_, std::ios::binary) << std::string(bytes, '\n');
        EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
        return path_;
    }

    const std::string path_ = testing::TempDir() + "secret-" + std::to_string(::getpid());
};

TEST_F(SecretFile, all_bytes_are_the_secret) {
    for (const size_t bytes : {size_t{16}, size_t{32}, size_t{1024}}) {
        const auto secret = read_secret_file(write(bytes));
        ASSERT_TRUE(secret) << secret.error();
        EXPECT_EQ(*secret, Secret(bytes, std::byte{'\n'}));
    }
    EXPECT_TRUE(read_secret_file(write(32, 0400)));
    EXPECT_TRUE(read_secret_file(write(32, 0640)));
}

TEST_F(SecretFile, what_is_no_secret_is_refused_with_the_reason) {
    for (const size_t bytes : {size_t{0}, size_t{15}, size_t{1025}, size_t{100'000}})
        EXPECT_THAT(read_secret_file(write(bytes)).error(), HasSubstr("16 to 1024 bytes"));
    for (const mode_t mode : {0604u, 0602u, 0620u, 0644u, 0666u})
        EXPECT_THAT(read_secret_file(write(32, mode)).error(), HasSubstr("chmod 600"));
    EXPECT_THAT(read_secret_file(path_ + "-not-there").error(), HasSubstr("No such file"));
    EXPECT_THAT(read_secret_file(testing::TempDir()).error(), HasSubstr("not a file"));
}

TEST_F(SecretFile, only_loopback_needs_none) {
    for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
        const auto secret = secret_of_node("", std::array{io::Address{.host = host, .port = 1}});
        ASSERT_TRUE(secret) << secret.error();
        EXPECT_TRUE(secret->empty());
        const transport::StreamsOptions options = node_streams_options(*secret);
        EXPECT_FALSE(options.proves || options.endpoint.proven_only);
    }
    for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "coordinator"})
        EXPECT_THAT(secret_of_node("", std::array{io::Address{.host = "::1", .port = 1}, io::Address{host, 1}}).error(),
                    HasSubstr(std::string(host) + " can be reached"));
    const auto secret = secret_of_node(write(32), std::array{io::Address{.host = "0.0.0.0", .port = 1}});
    ASSERT_TRUE(secret) << secret.error();
    const transport::StreamsOptions options = node_streams_options(*secret);
    EXPECT_TRUE(options.proves && options.endpoint.proven_only);
    EXPECT_EQ(options.endpoint.secret, *secret);
    EXPECT_NE(options.endpoint.seed, node_streams_options(*secret).endpoint.seed);
}

}  // namespace
}  // namespace penstock
