#include "dpdk/tap.h"

#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include "kernel.h"

namespace penstock::dpdk {
namespace {

class TapTest : public testing::Test {
protected:
    using Bytes = std::vector<std::byte>;
    static constexpr Mac ours = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
    static constexpr Mac theirs = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};
    static constexpr Ipv4 our_ip{0x0a4d0001}, their_ip{0x0a4d0002}, gateway{0x0a4d0003}, outside{0xc0000201};
    static constexpr uint16_t our_port = 1000, their_port = 2000;

    void SetUp() override {
        if (!network_.missing().empty()) GTEST_SKIP() << network_.missing();
    }
    static std::unique_ptr<Tap> open(const TapOptions& options) {
        auto tap = Tap::open(options);
        EXPECT_TRUE(tap.has_value()) << tap.error().detail;
        return tap ? std::move(*tap) : nullptr;
    }
    static std::string refused(const TapOptions& options) {
        const auto tap = Tap::open(options);
        return tap ? "not refused" : tap.error().detail;
    }
    /// What the kernel says of the device; nothing if there is none.
    static std::optional<ifreq> ask(unsigned long what) {
        const KernelSocket any(SOCK_DGRAM, 0);
        ifreq request{.ifr_ifrn = {"kernel"}};
        if (::ioctl(any.descriptor(), what, &request) != 0) return std::nullopt;
        return request;
    }
    static void set_flags(int flags) {
        const KernelSocket any(SOCK_DGRAM, 0);
        ifreq request{.ifr_ifrn = {"kernel"}};
        request.ifr_flags = static_cast<short>(flags);
        ASSERT_EQ(::ioctl(any.descriptor(), SIOCSIFFLAGS, &request), 0);
    }
    /// The next frame that is one of these; the kernel may send others.
    static std::optional<Frame> next(Tap& tap, FrameKind kind) {
        pollfd readable{tap.descriptor(), POLLIN, 0};
        Bytes room(2000);
        while (::poll(&readable, 1, patience_ms) == 1) {
            const size_t size = tap.read(room);
            const Frame frame = parse_frame(std::span(room).first(size), UdpChecksum::unknown);
            if (frame.kind == kind) return frame;
        }
        return std::nullopt;
    }
    static Bytes datagram(std::span<const std::byte> payload) {
        Bytes frame(headers_bytes(0));
        frame.insert(frame.end(), payload.begin(), payload.end());
        write_datagram(frame, {theirs, ours, 0, their_ip, our_ip, their_port, our_port}, false);
        return frame;
    }

    OwnNetwork network_;
    const TapOptions options_{.name = "kernel", .mac = ours, .mtu = 9000, .subnet = {.own = our_ip}};
};

TEST_F(TapTest, is_a_device_with_the_address_of_the_port_and_ends_with_the_object) {
    auto tap = open(options_);
    const auto mac = ask(SIOCGIFHWADDR), mtu = ask(SIOCGIFMTU), ip = ask(SIOCGIFADDR), mask = ask(SIOCGIFNETMASK),
               flags = ask(SIOCGIFFLAGS);
    ASSERT_TRUE(mac && mtu && ip && mask && flags);
    EXPECT_EQ(std::memcmp(mac->ifr_hwaddr.sa_data, ours.data(), ours.size()), 0);
    EXPECT_EQ(mtu->ifr_mtu, 9000);
    const auto value = [](const sockaddr& from) {
        sockaddr_in address{};
        std::memcpy(&address, &from, sizeof address);
        return ntohl(address.sin_addr.s_addr);
    };
    EXPECT_EQ(value(ip->ifr_addr), our_ip.value);
    EXPECT_EQ(value(mask->ifr_netmask), 0xffffff00u);
    EXPECT_NE(flags->ifr_flags & IFF_UP, 0);
    std::stringstream six;
    six << std::ifstream("/proc/thread-self/net/if_inet6").rdbuf();
    EXPECT_EQ(six.str().find("kernel"), std::string::npos) << "it made up an address";
    tap.reset();
    EXPECT_FALSE(ask(SIOCGIFMTU).has_value());
}

TEST_F(TapTest, carries_frames_both_ways) {
    auto tap = open(options_);
    KernelSocket socket(SOCK_DGRAM, our_port);
    Bytes room(2000);
    const Bytes bytes(100, std::byte{7});
    EXPECT_TRUE(tap->write(datagram(bytes)));
    EXPECT_EQ(socket.receive(), bytes);
    EXPECT_EQ(socket.send(bytes, their_ip, their_port), 0);
    const auto asked = next(*tap, FrameKind::arp_request);
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(asked->to, their_ip);
    Bytes reply(arp_frame_bytes(0));
    write_arp_reply(reply, theirs, their_ip, *asked);
    EXPECT_TRUE(tap->write(reply));
    const auto sent = next(*tap, FrameKind::datagram);
    ASSERT_TRUE(sent.has_value());
    EXPECT_EQ(sent->from_mac, ours);
    EXPECT_EQ(sent->to_mac, theirs);
    EXPECT_EQ(sent->payload_bytes, bytes.size());
}

TEST_F(TapTest, only_a_gateway_leads_outside) {
    const Bytes bytes(10);
    KernelSocket socket(SOCK_DGRAM, our_port);
    {
        auto tap = open(options_);
        EXPECT_EQ(socket.send(bytes, outside, their_port), ENETUNREACH);
    }
    TapOptions options = options_;
    options.subnet.gateway = gateway;
    auto tap = open(options);
    EXPECT_EQ(socket.send(bytes, outside, their_port), 0);
    const auto asked = next(*tap, FrameKind::arp_request);
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(asked->to, gateway);
}

TEST_F(TapTest, a_device_that_is_down_takes_nothing_until_it_is_up) {
    auto tap = open(options_);
    const Bytes frame = datagram(Bytes(100));
    Bytes room(2000);
    set_flags(0);
    EXPECT_FALSE(tap->write(frame));
    EXPECT_EQ(tap->read(room), 0u);
    set_flags(IFF_UP);
    EXPECT_TRUE(tap->write(frame));
}

TEST_F(TapTest, says_what_to_do) {
    TapOptions options = options_;
    options.mtu = 100'000;
    EXPECT_NE(refused(options).find("an MTU of 100000"), std::string::npos) << refused(options);
    options = options_;
    options.subnet.gateway = outside;
    EXPECT_NE(refused(options).find("the way to everybody outside"), std::string::npos) << refused(options);
    EXPECT_FALSE(ask(SIOCGIFMTU).has_value()) << "and leaves no device behind";
    for (const char* name : {"", "a-name-that-is-too-long", "tap%d"}) {
        options.name = name;
        EXPECT_NE(refused(options).find("cannot be named"), std::string::npos) << refused(options);
    }
    auto tap = open(options_);
    EXPECT_NE(refused(options_).find("ip link delete kernel"), std::string::npos) << refused(options_);
}

TEST_F(TapTest, takes_over_no_device_that_somebody_else_made) {
    const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{.ifr_ifrn = {"kernel"}};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    ASSERT_EQ(::ioctl(tun, TUNSETIFF, &request), 0);
    ASSERT_EQ(::ioctl(tun, TUNSETPERSIST, 1), 0);
    ASSERT_EQ(::close(tun), 0);
    EXPECT_NE(refused(options_).find("ip link delete kernel"), std::string::npos) << refused(options_);
}

TEST_F(TapTest, is_for_who_may_change_the_network) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const bool nobody = ::setuid(65'534) == 0;
        ::_exit(nobody && refused(options_).find("CAP_NET_ADMIN") != std::string::npos ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace penstock::dpdk
