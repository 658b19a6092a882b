#include "dpdk/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "by_hand.h"

namespace penstock::dpdk {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Mac us = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
constexpr Mac them = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};
constexpr Ipv4 our_ip{0x0a4d0001}, their_ip{0x0a4d0002};
constexpr OurPorts ours{our_ip, 0, 7000, 7009};

Bytes bytes_of(std::string_view text) {
    const auto all = std::as_bytes(std::span(text));
    return {all.begin(), all.end()};
}

TEST(XdpProgram, what_is_ours_is_written_behind_the_marker) {
    Bytes object = bytes_of("\x7f" "ELF penstock's ports0123456789 and more");
    ASSERT_TRUE(write_our_ports(object, {our_ip, 7, 0x1234, 0x5678}));
    EXPECT_EQ(object, bytes_of({"\x7f" "ELF penstock's ports\x0a\x4d\0\1\0\7\x12\x34\x56\x78 and more", 40}));
}

TEST(XdpProgram, what_has_no_marker_or_two_or_no_room_behind_it_is_no_program) {
    for (const std::string_view text : {"", "penstock", "penstock's port is one", "penstock's ports012345678",
                                        "penstock's ports0123456789penstock's ports0123456789"}) {
        Bytes object = bytes_of(text);
        EXPECT_FALSE(write_our_ports(object, ours)) << text;
        EXPECT_EQ(object, bytes_of(text));
    }
}

TEST(XdpProgram, says_what_is_wrong) {
    const auto missing = XdpProgram::make("/no/such/program.o", ours);
    ASSERT_FALSE(missing.has_value());
    EXPECT_NE(missing.error().detail.find("/no/such/program.o"), std::string::npos);
    EXPECT_FALSE(XdpProgram::make("/dev/zero", ours).has_value()) << "it has no end";
}

#ifdef PENSTOCK_XDP_OBJECT

/// The program in the kernel, run for frames that no interface brought.
class XdpProgramTest : public testing::Test {
protected:
    /// False where it cannot be: then the test is over.
    bool load(const OurPorts& what) {
        try_to_load(what);
        return !IsSkipped() && !HasFatalFailure();
    }
    void try_to_load(const OurPorts& what) {
        libbpf_set_print(nullptr);
        program_ = XdpProgram::make(PENSTOCK_XDP_OBJECT, what).value();
        object_ = bpf_object__open_file(program_->path().c_str(), nullptr);
        ASSERT_NE(object_, nullptr);
        const int loaded = bpf_object__load(object_);
        if (loaded == -EPERM || loaded == -ENOSYS) GTEST_SKIP() << "nobody may load it here";
        ASSERT_EQ(loaded, 0) << std::strerror(-loaded);
        // Without a socket nothing is ever ours.
        socket_ = ::socket(AF_XDP, SOCK_RAW, 0);
        const uint32_t queue = 0;
        const int map = bpf_object__find_map_fd_by_name(object_, "xsks_map");
        if (socket_ < 0) GTEST_SKIP() << "there is no AF_XDP here: " << std::strerror(errno);
        ASSERT_EQ(bpf_map_update_elem(map, &queue, &socket_, 0), 0);
    }
    void TearDown() override {
        bpf_object__close(object_);
        if (socket_ >= 0) ::close(socket_);
    }
    /// Whether it comes to us; else it is the kernel's.
    bool takes(std::span<const std::byte> frame) {
        bpf_test_run_opts run{.sz = sizeof run, .data_in = frame.data(),
                              .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = 1};
        EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(bpf_object__next_program(object_, nullptr)), &run), 0);
        EXPECT_TRUE(run.retval == XDP_REDIRECT || run.retval == XDP_PASS) << run.retval;
        return run.retval == XDP_REDIRECT;
    }
    static Bytes datagram(uint16_t port, Vlan vlan = 0, Ipv4 to = our_ip) {
        Bytes frame(headers_bytes(vlan) + 30, std::byte{1});
        write_datagram(frame, {them, us, vlan, their_ip, to, 4000, port}, false);
        return frame;
    }

    std::unique_ptr<XdpProgram> program_;
    bpf_object* object_ = nullptr;
    int socket_ = -1;
};

TEST_F(XdpProgramTest, datagrams_to_our_ports_come_to_us_and_all_others_to_the_kernel) {
    if (!load(ours)) return;
    using Ports = std::initializer_list<uint16_t>;
    for (const uint16_t port : Ports{7000, 7004, 7009}) EXPECT_TRUE(takes(datagram(port))) << port;
    for (const uint16_t port : Ports{0, 22, 6999, 7010, 65535}) EXPECT_FALSE(takes(datagram(port))) << port;
    EXPECT_FALSE(takes(datagram(7000, 0, their_ip))) << "to be forwarded, perhaps";
    EXPECT_FALSE(takes(datagram(7000, 7))) << "of another network";
    auto tcp = datagram(7000);
    tcp[23] = std::byte{6};
    sum_ip(tcp);
    EXPECT_FALSE(takes(tcp));
    EXPECT_FALSE(takes(ping_of(datagram(7000))));
    auto six = datagram(7000);
    store_be<uint16_t>(&six[12], 0x86dd);
    EXPECT_FALSE(takes(six));
    Bytes arp(arp_frame_bytes(0));
    write_arp_request(arp, them, their_ip, 0, our_ip);
    EXPECT_FALSE(takes(arp));
}

TEST_F(XdpProgramTest, fragments_are_the_kernels) {
    if (!load(ours)) return;
    for (const uint16_t bits : std::initializer_list<uint16_t>{0x2000, 0x2001, 0x0001, 0x1fff}) {
        auto fragment = datagram(7000);
        store_be<uint16_t>(&fragment[20], bits);
        EXPECT_FALSE(takes(fragment)) << std::hex << bits;
    }
    auto whole = datagram(7000);
    store_be<uint16_t>(&whole[20], 0x4000);
    EXPECT_TRUE(takes(whole)) << "not to be fragmented";
}

TEST_F(XdpProgramTest, options_of_ipv4_are_skipped) {
    if (!load(ours)) return;
    for (size_t words = 0; words <= 10; ++words) {
        auto frame = datagram(7000);
        frame[14] = static_cast<std::byte>(0x45 + words);
        frame.insert(frame.begin() + 34, words * 4, std::byte{1});
        EXPECT_TRUE(takes(frame)) << words;
    }
}

TEST_F(XdpProgramTest, of_tagged_frames_only_those_of_our_vlan_come_to_us) {
    if (!load({our_ip, 7, 7000, 7009})) return;
    EXPECT_TRUE(takes(datagram(7000, 7)));
    auto urgent = datagram(7000, 7);
    urgent[14] |= std::byte{0xe0};
    EXPECT_TRUE(takes(urgent));
    EXPECT_FALSE(takes(datagram(7000, 8)));
    EXPECT_FALSE(takes(datagram(7000)));
}

TEST_F(XdpProgramTest, takes_what_a_link_takes_and_nothing_that_is_the_kernels) {
    if (!load(ours)) return;
    Random random(1);
    int taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto frame = datagram(7000, random.chance(1, 8) ? 7 : 0);
        for (uint64_t n = random.below(4); n > 0; --n)
            frame[12 + random.below(30)] ^= std::byte{1} << random.below(8);
        frame.resize(14 + random.below(frame.size() - 13));
        if (random.chance(1, 2) && frame.size() >= 34) sum_ip(frame);
        const Frame read = parse_frame(frame, UdpChecksum::good);
        const bool for_us = read.kind == FrameKind::datagram && read.to == our_ip && read.vlan == 0 &&
                            read.to_port >= 7000 && read.to_port <= 7009;
        const bool takes_it = takes(frame);
        EXPECT_TRUE(takes_it || !for_us) << i;
        EXPECT_TRUE(!takes_it || for_us || read.kind == FrameKind::malformed) << i;
        taken += takes_it;
    }
    EXPECT_GT(taken, 1000);
}

#endif

}  // namespace
}  // namespace penstock::dpdk
