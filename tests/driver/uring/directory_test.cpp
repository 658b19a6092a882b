#include "uring/directory.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "temporary_directory.h"

namespace penstock::uring {
namespace {

using testing::HasSubstr;

TEST(DataDirectory, makes_its_folders_and_lists_its_files) {
    tests::TemporaryDirectory folder;
    const std::string path = folder.path() + "/data";
    auto directory = DataDirectory::open({path});
    ASSERT_TRUE(directory.has_value());
    EXPECT_TRUE((*directory)->list().value().empty());
    std::ofstream(path + "/journal/0000000007") << "12345";
    std::ofstream(path + "/journal/7");             // not ours
    std::ofstream(path + "/journal/000000000x");    // not ours
    std::ofstream(path + "/journal/9999999999");    // no 32-bit number
    std::filesystem::create_directory(path + "/pool-1m/0000000001");
    const auto files = (*directory)->list().value();
    ASSERT_EQ(files.size(), 1u);
    EXPECT_EQ(files[0].file, (io::FileId{io::FileKind::journal, 7}));
    EXPECT_EQ(files[0].size, 5u);
    EXPECT_FALSE(std::filesystem::exists(path + "/probe")) << "what it tried is gone";
}

TEST(DataDirectory, names_files_with_ten_digits) {
    char name[DataDirectory::name_size];
    DataDirectory::file_name(7, name);
    EXPECT_STREQ(name, "0000000007");
    DataDirectory::file_name(UINT32_MAX, name);
    EXPECT_STREQ(name, "4294967295");
}

TEST(DataDirectory, refuses_a_second_owner_and_names_the_first) {
    tests::TemporaryDirectory folder;
    auto first = DataDirectory::open({folder.path()});
    ASSERT_TRUE(first.has_value());
    const auto second = DataDirectory::open({folder.path()});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().error.code, Errc::refused);
    EXPECT_THAT(second.error().detail, HasSubstr("pid " + std::to_string(::getpid())));
    EXPECT_TRUE(DataDirectory::open({.path = folder.path(), .read_only = true}).has_value());
    first->reset();
    EXPECT_TRUE(DataDirectory::open({folder.path()}).has_value()) << "the lock ends with its owner";
}

TEST(DataDirectory, says_why_it_cannot_open) {
    tests::TemporaryDirectory folder;
    EXPECT_THAT(DataDirectory::open({folder.path() + "/a/b"}).error().detail, HasSubstr("its parent must exist"));
    std::ofstream(folder.path() + "/file");
    EXPECT_THAT(DataDirectory::open({folder.path() + "/file"}).error().detail, HasSubstr("Not a directory"));
    EXPECT_THAT(DataDirectory::open({.path = folder.path() + "/none", .read_only = true}).error().detail,
                HasSubstr("No such file"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/none")) << "a reader makes nothing";
}

TEST(DataDirectory, buffers_on_tmpfs_and_says_so) {
    tests::TemporaryDirectory folder("/dev/shm");
    if (folder.path().empty()) GTEST_SKIP() << "no /dev/shm";
    auto directory = DataDirectory::open({folder.path()});
    ASSERT_TRUE(directory.has_value());
    EXPECT_FALSE((*directory)->direct());
    ASSERT_EQ((*directory)->notes().size(), 1u);
    EXPECT_THAT((*directory)->notes()[0], HasSubstr("tmpfs"));
}

}  // namespace
}  // namespace penstock::uring
