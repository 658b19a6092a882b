// The exception path with all that belongs to it: the kernel of a network of its own at one end, and at the other the
// link of a port whose wire is played by hand.
#include "dpdk/exception_path.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "../link_contract.h"
#include "../pattern.h"
#include "by_hand.h"
#include "dpdk/clock.h"
#include "dpdk/link.h"
#include "dpdk/mbuf.h"
#include "kernel.h"
#include "wire.h"

namespace penstock::dpdk {
namespace {

class ExceptionPathTest : public testing::Test {
protected:
    using Bytes = std::vector<std::byte>;
    static constexpr uint16_t our_port = 1000, kernels_port = 999, their_port = 2000;
    static constexpr uint8_t protocol_icmp = 1, protocol_tcp = 6;
    static constexpr int64_t patience_ns = patience_ms * (second_ns / 1000);

    void SetUp() override {
        if (!network_.missing().empty()) GTEST_SKIP() << network_.missing();
    }
    void open(Vlan vlan = 0, uint16_t queues = 1) {
        wire_ = std::make_unique<Wire>(1, PortOptions{.vlan = vlan, .queues = queues, .tap = "kernel"});
        link_ = std::make_unique<Link>(wire_->port(0), 0);
        ASSERT_EQ(link_->open({name_of(0), our_port}), our_port);
        path_.vlan = vlan;
    }
    ExceptionPath& kernel() { return *wire_->port(0).exception_path(); }

    /// What the link got of what was on the way.
    std::vector<Bytes> turn() {
        std::vector<Bytes> all;
        io::IncomingBurst in[8];
        while (const size_t n = link_->receive(in)) {
            for (const io::IncomingBurst& burst : std::span(in).first(n)) {
                all.emplace_back(burst.data, burst.data + burst.size);
                link_->release(burst);
            }
        }
        return all;
    }
    /// The first frame that left the port and is one of these; turns meanwhile. Empty if none does.
    template <class Predicate>
    Bytes next_sent(const Predicate& wanted) {
        const Nanos until = monotonic_now() + patience_ns;
        while (monotonic_now() < until) {
            EXPECT_TRUE(turn().empty());
            for (const Bytes& frame : wire_->take_sent(0))
                if (wanted(frame)) return frame;
        }
        return {};
    }
    Bytes next_sent(FrameKind kind) {
        return next_sent([&](const Bytes& frame) { return parse_frame(frame, UdpChecksum::unknown).kind == kind; });
    }
    /// Of IPv4, untagged.
    Bytes next_sent_of(uint8_t protocol) {
        return next_sent([&](const Bytes& frame) {
            return frame[12] == std::byte{8} && frame[13] == std::byte{0} && frame[23] == std::byte{protocol};
        });
    }
    void inject(std::span<const std::byte> frame) { wire_->inject(0, frame); }
    Bytes datagram(std::span<const std::byte> payload, uint16_t to_port, bool device_sums = false) const {
        Path path = path_;
        path.to_port = to_port;
        Bytes frame(headers_bytes(path.vlan));
        frame.insert(frame.end(), payload.begin(), payload.end());
        write_datagram(frame, path, device_sums);
        return frame;
    }
    Bytes arp_request() const {
        Bytes frame(arp_frame_bytes(path_.vlan));
        write_arp_request(frame, mac_of(1), ip_of(1), path_.vlan, ip_of(0));
        return frame;
    }
    Bytes arp_reply() const {
        Bytes frame(arp_frame_bytes(path_.vlan));
        write_arp_reply(frame, mac_of(1), ip_of(1), {.kind = FrameKind::arp_request, .vlan = path_.vlan,
                                                     .from = ip_of(0), .sender = mac_of(0)});
        return frame;
    }
    rte_mbuf* buffer_of(std::span<const std::byte> bytes, uint64_t flags = 0) {
        rte_mbuf* frame = nullptr;
        if (!wire_->port(0).allocate(0, {&frame, 1})) return nullptr;
        set_size(frame, static_cast<uint32_t>(bytes.size()));
        std::ranges::copy(bytes, data_of(frame));
        frame->ol_flags |= flags;
        return frame;
    }
    size_t free_buffers() {
        std::vector<rte_mbuf*> all;
        while (rte_mbuf* frame = buffer_of({})) all.push_back(frame);
        for (rte_mbuf* frame : all) rte_pktmbuf_free(frame);
        return all.size();
    }
    template <class Predicate>
    static bool comes_true(const Predicate& wanted) {
        const Nanos until = monotonic_now() + patience_ns;
        while (!wanted())
            if (monotonic_now() > until) return false;
        return true;
    }
    bool kernel_got(uint64_t frames) {
        return comes_true([&] {
            const ExceptionPathCounters counters = kernel().counters();
            return counters.to_kernel + counters.dropped >= frames;
        });
    }

    OwnNetwork network_;   // first: what follows is made in it
    std::unique_ptr<Wire> wire_;
    std::unique_ptr<Link> link_;
    Path path_{mac_of(1), mac_of(0), 0, ip_of(1), ip_of(0), their_port, our_port};
};

TEST_F(ExceptionPathTest, the_kernel_says_where_it_is_and_answers_pings) {
    open();
    inject(arp_request());
    const Frame reply = parse_frame(next_sent(FrameKind::arp_reply), UdpChecksum::unknown);
    EXPECT_EQ(reply.sender, mac_of(0));
    EXPECT_EQ(reply.from, ip_of(0));
    EXPECT_EQ(reply.to_mac, mac_of(1));
    inject(ping_of(datagram(tests::pattern_bytes(2, 60), our_port)));
    const Bytes pong = next_sent_of(protocol_icmp);
    ASSERT_FALSE(pong.empty());
    EXPECT_EQ(pong[34], std::byte{0});
    EXPECT_EQ(parse_frame(pong, UdpChecksum::unknown).to_mac, mac_of(1));
    EXPECT_EQ(link_->counters().arp_replies, 0u);
    EXPECT_EQ(link_->counters().pings, 0u);
}

TEST_F(ExceptionPathTest, frames_come_by_any_lane_and_leave_by_the_first) {
    open(0, 2);
    Link second(wire_->port(0), 1);
    wire_->inject(0, arp_request(), 1);
    io::IncomingBurst in[1];
    EXPECT_EQ(second.receive(in), 0u);
    EXPECT_EQ(second.counters().foreign, 1u);
    EXPECT_FALSE(next_sent(FrameKind::arp_reply).empty());
}

TEST_F(ExceptionPathTest, datagrams_go_to_who_has_their_port) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    const Bytes first = tests::pattern_bytes(1, 100), second = tests::pattern_bytes(2, 200);
    inject(arp_request());
    inject(datagram(first, kernels_port));
    inject(datagram(second, our_port));
    EXPECT_EQ(turn(), tests::Datagrams{second});
    EXPECT_EQ(socket.receive(), first);
    inject(datagram(first, 998));
    const Bytes unreachable = next_sent_of(protocol_icmp);
    ASSERT_FALSE(unreachable.empty());
    EXPECT_EQ(unreachable[34], std::byte{3});
    EXPECT_EQ(unreachable[35], std::byte{3}) << "the port";
}

TEST_F(ExceptionPathTest, what_is_answered_is_told_to_both) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    const Bytes its = tests::pattern_bytes(1, 100), ours = tests::pattern_bytes(2, 200);
    EXPECT_EQ(socket.send(its, ip_of(1), their_port), 0);
    ASSERT_FALSE(next_sent(FrameKind::arp_request).empty()) << "the kernel's";
    io::Endpoint to = *link_->resolve({name_of(1), their_port});
    const Fragment one{ours.data(), static_cast<uint32_t>(ours.size())};
    const io::OutgoingBurst burst{to, one.size, {&one, 1}};
    EXPECT_EQ(link_->send({&burst, 1}), 1u);
    EXPECT_EQ(link_->counters().arp_requests, 1u);
    inject(arp_reply());
    bool sent_its = false, sent_ours = false;
    next_sent([&](const Bytes& frame) {
        const uint16_t from_port = parse_frame(frame, UdpChecksum::unknown).from_port;
        sent_its = sent_its || from_port == kernels_port;
        sent_ours = sent_ours || from_port == our_port;
        return sent_its && sent_ours;
    });
    EXPECT_TRUE(sent_its);
    EXPECT_TRUE(sent_ours);
}

TEST_F(ExceptionPathTest, what_is_damaged_or_for_others_is_not_passed_on) {
    open();
    const Bytes whole = datagram(tests::pattern_bytes(3, 100), kernels_port);
    Bytes damaged = whole;
    damaged.back() ^= std::byte{1};
    inject(damaged);
    inject({whole.data(), 50});
    path_.to_mac = mac_of(2);
    inject(datagram(tests::pattern_bytes(3, 100), kernels_port));
    path_.to_mac = mac_of(0);
    path_.vlan = 7;
    inject(arp_request());
    path_.vlan = 0;
    inject(datagram({}, our_port));   // ours, though there is nothing in it
    EXPECT_TRUE(turn().empty());
    EXPECT_EQ(link_->counters().malformed, 2u);
    EXPECT_EQ(link_->counters().foreign, 2u);
    inject(whole);
    EXPECT_TRUE(turn().empty());
    ASSERT_TRUE(kernel_got(1));
    EXPECT_EQ(kernel().counters().to_kernel, 1u);
}

TEST_F(ExceptionPathTest, a_tag_is_the_ports_and_not_the_kernels) {
    open(7);
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    inject(arp_request());
    const Frame reply = parse_frame(next_sent(FrameKind::arp_reply), UdpChecksum::unknown);
    EXPECT_EQ(reply.vlan, 7);
    EXPECT_EQ(reply.to_mac, mac_of(1));
    const Bytes bytes = tests::pattern_bytes(4, 100);
    inject(datagram(bytes, kernels_port));
    EXPECT_TRUE(turn().empty());
    EXPECT_EQ(socket.receive(), bytes);
    EXPECT_EQ(socket.send(bytes, ip_of(1), their_port), 0);
    const Bytes sent = next_sent(FrameKind::datagram);
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent.size(), headers_bytes(7) + bytes.size());
    EXPECT_EQ(parse_frame(sent, UdpChecksum::unknown).vlan, 7);
    path_.vlan = 0;
    const uint64_t before = kernel().counters().to_kernel;
    inject(arp_request());
    EXPECT_TRUE(turn().empty());
    EXPECT_EQ(link_->counters().foreign, before + 1) << "not of our network: dropped";
}

TEST_F(ExceptionPathTest, checksums_that_nobody_filled_in_are_filled_in_for_the_kernel) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    const Bytes first = tests::pattern_bytes(1, 101), second = tests::pattern_bytes(2, 102);
    EXPECT_TRUE(kernel().to_kernel(buffer_of(datagram(first, kernels_port, true))));
    EXPECT_TRUE(kernel().to_kernel(buffer_of(datagram(second, kernels_port, true), RTE_MBUF_F_RX_L4_CKSUM_NONE)));
    EXPECT_EQ(socket.receive(), second) << "the first one says nothing of its sum, which is wrong";
    EXPECT_EQ(socket.receive(0), std::nullopt);
    // A connection's first segment.
    const KernelSocket server(SOCK_STREAM, kernels_port);
    Bytes syn = datagram(tests::pattern_bytes(3, 12), kernels_port);
    syn[23] = std::byte{protocol_tcp};
    sum_ip(syn);
    store_be<uint32_t>(&syn[38], 1);                        // sequence
    store_be<uint32_t>(&syn[42], 0);
    store_be<uint32_t>(&syn[46], 0x50021000);               // five words, SYN, window
    store_be<uint32_t>(&syn[50], 0);
    EXPECT_TRUE(kernel().to_kernel(buffer_of(arp_request())));
    EXPECT_TRUE(kernel().to_kernel(buffer_of(syn, RTE_MBUF_F_RX_L4_CKSUM_NONE)));
    const Bytes answer = next_sent_of(protocol_tcp);
    ASSERT_FALSE(answer.empty());
    EXPECT_EQ(answer[47], std::byte{0x12}) << "SYN and ACK";
}

TEST_F(ExceptionPathTest, wakes_up_for_every_frame) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    const Bytes frame = datagram(tests::pattern_bytes(1, 20), kernels_port);
    // It is about to sleep again when the answer is here: a wake-up that is lost leaves the next one in the ring.
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_TRUE(kernel().to_kernel(buffer_of(frame)));
        ASSERT_TRUE(socket.receive().has_value()) << "frame " << i;
    }
    EXPECT_EQ(kernel().counters().dropped, 0u);
}

TEST_F(ExceptionPathTest, what_finds_no_room_on_its_way_to_the_kernel_is_dropped_and_freed) {
    open();
    const size_t free_before = free_buffers();
    constexpr uint64_t each = 20'000;
    const Bytes frame = datagram(tests::pattern_bytes(1, 20), kernels_port);
    uint64_t refused = 0;
    std::atomic<uint64_t> refused_too = 0;
    const auto flood = [&](auto& counter) {
        for (uint64_t i = 0; i < each; ++i) {
            rte_mbuf* buffer = buffer_of(frame);
            while (buffer == nullptr) buffer = buffer_of(frame);
            if (!kernel().to_kernel(buffer)) ++counter;
        }
    };
    std::thread other([&] { flood(refused_too); });
    flood(refused);
    other.join();
    ASSERT_TRUE(kernel_got(2 * each));
    EXPECT_GT(refused + refused_too, 0u);
    EXPECT_EQ(kernel().counters().dropped, refused + refused_too);
    EXPECT_EQ(kernel().counters().to_kernel, 2 * each - refused - refused_too);
    EXPECT_EQ(free_buffers(), free_before);
}

TEST_F(ExceptionPathTest, what_finds_no_room_on_its_way_out_waits_in_the_kernel) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    inject(arp_request());
    ASSERT_FALSE(next_sent(FrameKind::arp_reply).empty());
    const Bytes bytes = tests::pattern_bytes(1, 20);
    constexpr uint64_t count = ExceptionPath::frames_max + 100;
    // One by one as long as there is room: the kernel, too, has only so much.
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t before = kernel().counters().from_kernel;
        ASSERT_EQ(socket.send(bytes, ip_of(1), their_port), 0);
        if (i + 10 >= ExceptionPath::frames_max) continue;   // it may have had something to say itself
        ASSERT_TRUE(comes_true([&] { return kernel().counters().from_kernel > before; })) << "frame " << i;
    }
    uint64_t sent = 0;
    next_sent([&](const Bytes& frame) {
        if (parse_frame(frame, UdpChecksum::unknown).kind == FrameKind::datagram) ++sent;
        return sent == count;
    });
    EXPECT_EQ(sent, count);
    EXPECT_EQ(kernel().counters().dropped, 0u);
}

TEST_F(ExceptionPathTest, a_device_that_is_down_loses_frames_and_is_used_again_when_it_is_up) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    const auto set_flags = [&](short flags) {
        ifreq request{.ifr_ifrn = {"kernel"}};
        request.ifr_flags = flags;
        ASSERT_EQ(::ioctl(socket.descriptor(), SIOCSIFFLAGS, &request), 0);
    };
    const Bytes bytes = tests::pattern_bytes(1, 20);
    set_flags(0);
    EXPECT_TRUE(kernel().to_kernel(buffer_of(datagram(bytes, kernels_port))));
    ASSERT_TRUE(kernel_got(1));
    EXPECT_EQ(kernel().counters().dropped, 1u);
    set_flags(IFF_UP);
    EXPECT_TRUE(kernel().to_kernel(buffer_of(datagram(bytes, kernels_port))));
    EXPECT_EQ(socket.receive(), bytes);
}

/// As ip link delete does it.
void remove_device(const char* name) {
    struct {
        nlmsghdr header;
        ifinfomsg device;
    } request{{sizeof request, RTM_DELLINK, NLM_F_REQUEST, 0, 0},
              {.ifi_family = AF_UNSPEC, .ifi_index = static_cast<int>(::if_nametoindex(name))}};
    const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    EXPECT_EQ(::send(netlink, &request, sizeof request, 0), static_cast<ssize_t>(sizeof request));
    ::close(netlink);
    EXPECT_EQ(::if_nametoindex(name), 0u);
}

TEST_F(ExceptionPathTest, a_device_that_somebody_removes_is_lost_and_costs_nothing) {
    open();
    const Bytes frame = datagram(tests::pattern_bytes(1, 20), kernels_port);
    remove_device("kernel");
    EXPECT_TRUE(kernel().to_kernel(buffer_of(frame)));
    ASSERT_TRUE(kernel_got(1));
    EXPECT_EQ(kernel().counters().dropped, 1u);
    const auto used_ns = [] {
        timespec used{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        return used.tv_sec * second_ns + used.tv_nsec;
    };
    const int64_t before = used_ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_LT(used_ns() - before, second_ns / 20) << "its thread does not sleep";
}

TEST_F(ExceptionPathTest, ends_with_frames_on_the_way) {
    open();
    KernelSocket socket(SOCK_DGRAM, kernels_port);
    inject(arp_request());
    ASSERT_FALSE(next_sent(FrameKind::arp_reply).empty());
    const Bytes bytes = tests::pattern_bytes(1, 20);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(socket.send(bytes, ip_of(1), their_port), 0);
    for (int i = 0; i < 100; ++i) kernel().to_kernel(buffer_of(datagram(bytes, kernels_port)));
    link_.reset();
    wire_.reset();
    open();
    EXPECT_EQ(kernel().counters().dropped, 0u);
}

TEST_F(ExceptionPathTest, says_why_it_cannot_be) {
    open();
    const auto second = ExceptionPath::open({.tap = {.name = "kernel"}, .prefix = "second-"});
    ASSERT_FALSE(second.has_value());
    EXPECT_NE(second.error().detail.find("kernel"), std::string::npos);
}

}  // namespace
}  // namespace penstock::dpdk
