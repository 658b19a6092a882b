// What a link sends is compared byte for byte with packets that golden/make.py wrote, which shares no code with it; and
// what it makes of such packets is counted. In between is a device of DPDK's that reads and writes files.
#include <gtest/gtest.h>

#include <algorithm>

#include "pcap.h"
#include "virtual_device.h"
#include "worlds.h"

namespace penstock::dpdk {
namespace {

Frames golden(const std::string& name) {
    return read_pcap(std::filesystem::path(PENSTOCK_GOLDEN_DIR) / (name + ".pcap"));
}

bool is_ours(const std::vector<std::byte>& frame) {
    return frame.size() >= 12 && std::equal(frame.begin() + 6, frame.begin() + 12, mac_of(0).begin());
}

class DpdkGoldenTest : public testing::Test {
protected:
    /// Everything in `frames` arrives as soon as the link looks.
    void open(const Frames& frames, Vlan vlan = 0) {
        environment();
        write_pcap(folder_.file("in"), frames);
        device_ = std::make_unique<VirtualDevice>("net_pcap" + next_number(),
                                           "rx_pcap=" + folder_.file("in") + ",tx_pcap=" + folder_.file("out"));
        device_->open({.vlan = vlan}, 0);
        link_ = std::make_unique<Link>(device_->port(), 0);
        ASSERT_EQ(link_->open({name_of(0), our_port}), our_port);
    }
    Frames end() {
        link_.reset();
        device_.reset();
        return read_pcap(folder_.file("out"));
    }
    /// In datagrams of so many bytes.
    void send(std::span<const std::byte> bytes, uint32_t datagram_bytes) {
        const auto to = link_->resolve({name_of(1), their_port});
        const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
        const io::OutgoingBurst burst{*to, datagram_bytes, {&one, 1}};
        EXPECT_EQ(link_->send({&burst, 1}), 1u);
    }
    void expect_conversation(const std::string& name, Vlan vlan) {
        Frames ours, theirs;
        for (const auto& frame : golden(name)) (is_ours(frame) ? ours : theirs).push_back(frame);
        ASSERT_NO_FATAL_FAILURE(open(theirs, vlan));
        for (const uint32_t size : {1u, 17u, 18u, 19u, 100u, 1471u, 1472u}) send(tests::pattern_bytes(1, size), size);
        send(tests::pattern_bytes(1, 2500), 1000);
        EXPECT_TRUE(receive_all(*link_).empty());
        const LinkCounters counters = link_->counters();
        EXPECT_EQ(counters.foreign, 2u) << "lies";
        EXPECT_EQ(counters.malformed, 0u);
        const Frames sent = end();
        ASSERT_EQ(sent.size(), ours.size());
        for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i], ours[i]) << i;
    }

    TemporaryFolder folder_;
    std::unique_ptr<VirtualDevice> device_;
    std::unique_ptr<Link> link_;
};

TEST_F(DpdkGoldenTest, asks_answers_and_sends_as_it_is_written) { expect_conversation("conversation", 0); }

TEST_F(DpdkGoldenTest, asks_answers_and_sends_with_a_tag_as_it_is_written) {
    expect_conversation("conversation_vlan", 7);
}

TEST_F(DpdkGoldenTest, takes_datagrams_however_they_are_dressed) {
    ASSERT_NO_FATAL_FAILURE(open(golden("datagrams")));
    const tests::Datagrams got = receive_all(*link_);
    const size_t sizes[] = {1, 1472, 40, 40, 40, 40, 40};
    ASSERT_EQ(got.size(), std::size(sizes));
    for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], tests::pattern_bytes(1, sizes[i])) << i;
    EXPECT_TRUE(end().empty());
}

TEST_F(DpdkGoldenTest, leaves_alone_what_is_not_for_it) {
    const Frames frames = golden("foreign");
    ASSERT_NO_FATAL_FAILURE(open(frames));
    EXPECT_TRUE(receive_all(*link_).empty());
    EXPECT_EQ(link_->counters().foreign, frames.size());
    EXPECT_EQ(device_->port().neighbours().size(), 0u) << "somebody was believed";
    EXPECT_TRUE(end().empty()) << "somebody was answered";
}

TEST_F(DpdkGoldenTest, drops_what_is_damaged_or_cut_or_too_large) {
    const Frames frames = golden("malformed");
    ASSERT_NO_FATAL_FAILURE(open(frames));
    EXPECT_TRUE(receive_all(*link_).empty());
    EXPECT_EQ(link_->counters().malformed, frames.size());
    EXPECT_TRUE(end().empty());
}

}  // namespace
}  // namespace penstock::dpdk
