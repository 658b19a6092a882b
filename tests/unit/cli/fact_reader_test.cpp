#include "cli/fact_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fake_tree.h"

namespace penstock::cli {
namespace {

using Numbers = std::vector<uint32_t>;

TEST(FactReader, ReadsLinesNumbersAndFlags) {
    const FakeTree tree;
    tree.file("/sys/a/line", "  two words \nmore\n");
    tree.file("/sys/a/number", "-42\n");
    tree.file("/sys/a/flag", "1\n");
    tree.file("/sys/a/empty", "");
    const FactReader reader = tree.reader();
    EXPECT_EQ(reader.line("/sys/a/line"), "two words");
    EXPECT_EQ(reader.text("/sys/a/line"), "  two words \nmore\n");
    EXPECT_EQ(reader.number("/sys/a/number"), -42);
    EXPECT_EQ(reader.flag("/sys/a/flag"), true);
    EXPECT_EQ(reader.flag("/sys/a/number"), std::nullopt);
    EXPECT_EQ(reader.line("/sys/a/empty"), "");
    EXPECT_EQ(reader.number("/sys/a/empty"), std::nullopt);
    EXPECT_EQ(reader.number("/sys/a/line"), std::nullopt);
    EXPECT_EQ(reader.line("/sys/a/none"), std::nullopt);
    EXPECT_TRUE(reader.exists("/sys/a"));
    EXPECT_FALSE(reader.exists("/sys/b"));
    EXPECT_EQ(reader.names("/sys/a")->size(), 4u);
    EXPECT_EQ(reader.names("/sys/a")->front(), "empty");
    EXPECT_EQ(reader.names("/sys/b"), std::nullopt);
}

TEST(FactReader, WhatIsHostileIsBoundedAndNeverWaitedFor) {
    const FakeTree tree;
    tree.file("/sys/control", "a\x1b[31mb\x07\n");
    tree.file("/sys/large", std::string(3 * FactReader::file_bytes_max, 'x'));
    tree.folder("/sys/folder");
    ASSERT_EQ(::mkfifo((tree.root() + "/sys/pipe").c_str(), 0600), 0);
    tree.link("/sys/loop", "/sys/loop");
    const FactReader reader = tree.reader();
    EXPECT_EQ(reader.line("/sys/control"), "a?[31mb?");
    EXPECT_EQ(reader.text("/sys/large")->size(), FactReader::file_bytes_max);
    EXPECT_EQ(reader.line("/sys/large")->size(), FactReader::line_bytes_max);
    EXPECT_EQ(reader.text("/sys/folder"), std::nullopt);
    EXPECT_EQ(reader.text("/sys/pipe"), std::nullopt);
    EXPECT_EQ(reader.text("/sys/loop"), std::nullopt);
    EXPECT_EQ(reader.resolve("/sys/loop"), std::nullopt);
}

TEST(FactReader, FollowsLinksBelowItsRootOnly) {
    const FakeTree tree;
    tree.file("/sys/devices/pci/net/eth0/mtu", "1500");
    tree.link("/sys/class/net/eth0", "/sys/devices/pci/net/eth0");
    std::filesystem::create_symlink("/etc", tree.root() + "/sys/outside");
    const FactReader reader = tree.reader();
    EXPECT_EQ(reader.resolve("/sys/class/net/eth0"), "/sys/devices/pci/net/eth0");
    EXPECT_EQ(reader.link_name("/sys/class/net/eth0"), "eth0");
    EXPECT_EQ(reader.link_name("/sys/class/net"), std::nullopt);
    EXPECT_EQ(reader.resolve("/sys/outside"), std::nullopt);
    EXPECT_EQ(FactReader().resolve("/usr"), "/usr");
}

TEST(FactReader, NumberLists) {
    EXPECT_EQ(parse_number_list("0-3,8,10-11\n"), (Numbers{0, 1, 2, 3, 8, 10, 11}));
    EXPECT_EQ(parse_number_list("5"), Numbers{5});
    EXPECT_EQ(parse_number_list(""), Numbers{});
    EXPECT_EQ(parse_number_list(" (null)\n"), Numbers{});
    for (const char* wrong : {"a", "1-", "-1", "3-1", "1,,2", "1,", "1;2", "0-8192", "0-4294967295",
                              "0-8190,9000,9001"}) {
        EXPECT_EQ(parse_number_list(wrong), std::nullopt) << wrong;
    }
    EXPECT_EQ(parse_number_list("0-8191")->size(), 8192u);
    EXPECT_EQ(parse_number_list("4294967295"), Numbers{UINT32_MAX});
    EXPECT_EQ(show_number_list({0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
    EXPECT_EQ(show_number_list({}), "");
}

TEST(FactReader, ChoicesFieldsAndWords) {
    EXPECT_EQ(parse_choice("mq-deadline [none] bfq"), "none");
    EXPECT_EQ(parse_choice("none\n"), "none");
    EXPECT_EQ(parse_choice("]a["), "]a[");
    EXPECT_EQ(parse_memory_field("MemTotal:  2048 kB\nMemFree: 1 kB\n", "MemFree"), 1024u);
    EXPECT_EQ(parse_memory_field("MemTotal:  2048 kB\n", "Mem"), std::nullopt);
    EXPECT_EQ(parse_memory_field("MemTotal:  2048\n", "MemTotal"), std::nullopt);
    EXPECT_EQ(parse_memory_field("MemTotal: 18446744073709551615 kB\n", "MemTotal"), std::nullopt);
    EXPECT_EQ(parse_field("a\t: 1\nflags\t\t: fpu vme\n", "flags"), "fpu vme");
    EXPECT_EQ(parse_field("", "flags"), std::nullopt);
    EXPECT_TRUE(has_word("fpu hypervisor sse", "hypervisor"));
    EXPECT_FALSE(has_word("fpu nohypervisor hypervisors", "hypervisor"));
}

TEST(FactReader, NamesBecomeOneWordOfAShell) {
    EXPECT_EQ(shell_word("eth0"), "eth0");
    EXPECT_EQ(shell_word("0000:3b:00.0"), "0000:3b:00.0");
    EXPECT_EQ(shell_word("a;reboot"), "'a;reboot'");
    EXPECT_EQ(shell_word("it's $(x)"), "'it'\\''s $(x)'");
    EXPECT_EQ(shell_word("-rf"), "'-rf'");
    EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace penstock::cli
