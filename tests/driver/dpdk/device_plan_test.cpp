#include "dpdk/device_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::dpdk {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

DeviceOptions plain() {
    DeviceOptions options;
    options.device = "net_af_packet0,iface=eth1,framesz=2048";
    options.address = "10.1.2.3/16";
    return options;
}

TEST(DevicePlan, a_virtual_device_is_made_and_no_other_is_looked_at) {
    DeviceOptions options = plain();
    options.memory_bytes = 256 * mib;
    options.tap = "kernel";
    const auto plan = plan_device(options, 3);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->name, "net_af_packet0");
    EXPECT_EQ(plan->virtual_device, "net_af_packet0,iface=eth1,framesz=2048");
    EXPECT_THAT(plan->arguments, IsSupersetOf({"--no-pci", "-m", "256", "-l", "3", "--in-memory"}));
    EXPECT_EQ(plan->port.kernel_interface, "");
    EXPECT_EQ(plan->port.subnet.own, Ipv4{0x0a010203});
    EXPECT_EQ(plan->port.subnet.prefix_bits, 16);
    EXPECT_EQ(plan->port.subnet.gateway, Ipv4{});
    EXPECT_EQ(plan->port.tap, "kernel");
}

TEST(DevicePlan, of_the_pci_devices_only_the_one_is_looked_at) {
    for (const char* address : {"0000:01:00.0", "01:00.0"}) {
        DeviceOptions options = plain();
        options.device = address;
        const auto plan = plan_device(options, 3);
        ASSERT_TRUE(plan.has_value());
        EXPECT_EQ(plan->name, "0000:01:00.0");
        EXPECT_EQ(plan->virtual_device, "");
        EXPECT_THAT(plan->arguments, IsSupersetOf({"-a", "0000:01:00.0"}));
        EXPECT_THAT(plan->arguments, Not(Contains("--no-pci")));
    }
}

TEST(DevicePlan, what_is_hardly_a_pci_address_is_the_name_of_a_device) {
    for (const char* name : {"01:00.8", "1:00.0", "0000:01:00", "000:01:00.0", "x000:01:00.0", "0000:01:0x.0", "."}) {
        DeviceOptions options = plain();
        options.device = name;
        EXPECT_EQ(plan_device(options, 3)->name, name);
    }
}

TEST(DevicePlan, of_af_xdp_the_kernel_keeps_the_interface) {
    DeviceOptions options = plain();
    for (const char* device : {"net_af_xdp0,iface=eth1,force_copy=1", "net_af_xdp0,force_copy=1,iface=eth1"}) {
        options.device = device;
        const auto plan = plan_device(options, 3);
        ASSERT_TRUE(plan.has_value());
        EXPECT_EQ(plan->name, "net_af_xdp0");
        EXPECT_EQ(plan->port.kernel_interface, "eth1");
        EXPECT_EQ(plan->virtual_device, "net_af_xdp0,force_copy=1");
    }
}

TEST(DevicePlan, without_huge_pages_and_with_more_arguments) {
    DeviceOptions options = plain();
    options.huge_pages = false;
    options.arguments = "  --vdev  net_null0   -d x.so ";
    const auto plan = plan_device(options, 3);
    ASSERT_TRUE(plan.has_value());
    EXPECT_THAT(plan->arguments, IsSupersetOf({"--no-huge", "net_null0", "-d", "x.so"}));
    EXPECT_THAT(plan->arguments, Not(Contains("--in-memory")));
    EXPECT_THAT(plan->arguments, Not(Contains("")));
}

TEST(DevicePlan, each_queue_has_frames_for_all_its_lanes) {
    DeviceOptions options = plain();
    options.receive_bytes = 15'000'000;
    options.queues = 2;
    options.lanes = 4;
    auto plan = plan_device(options, 3);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->link.receive_buffers, 10'000u);
    EXPECT_GE(plan->port.frames_lent, 2 * plan->link.receive_buffers);
    options.lanes = 5;
    plan = plan_device(options, 3);
    ASSERT_TRUE(plan.has_value());
    EXPECT_GE(plan->port.frames_lent, 3 * plan->link.receive_buffers);
    options.receive_bytes = 1;
    EXPECT_GE(plan_device(options, 3)->link.receive_buffers, 64u);
    options.receive_bytes = UINT64_MAX;
    EXPECT_LE(plan_device(options, 3)->link.receive_buffers, 65'536u);
}

TEST(DevicePlan, says_what_cannot_be_used) {
    const auto why = [](auto change) {
        DeviceOptions options = plain();
        change(options);
        const auto plan = plan_device(options, 3);
        return plan ? std::string("nothing is wrong") : plan.error();
    };
    EXPECT_EQ(why([](DeviceOptions&) {}), "nothing is wrong");
    EXPECT_THAT(why([](DeviceOptions& o) { o.device = ""; }), HasSubstr("no device"));
    for (const char* address : {"", "10.0.0.1", "10.0.0.1/", "10.0.0.1/0", "10.0.0.1/33", "10.0.0.1/8x", "fd00::1/64",
                                "10.0.0/8", "/8"}) {
        EXPECT_THAT(why([&](DeviceOptions& o) { o.address = address; }), HasSubstr("address")) << address;
    }
    EXPECT_THAT(why([](DeviceOptions& o) { o.gateway = "nowhere"; }), HasSubstr("nowhere"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.gateway = "10.2.0.1"; }), HasSubstr("no station of the network"));
    EXPECT_EQ(why([](DeviceOptions& o) { o.gateway = "10.1.0.1"; }), "nothing is wrong");
    EXPECT_THAT(why([](DeviceOptions& o) { o.device = "net_af_xdp0"; }), HasSubstr("names no interface"));
    EXPECT_THAT(why([](DeviceOptions& o) {
        o.device = "net_af_xdp0,iface=eth1";
        o.tap = "tap0";
    }), HasSubstr("tap"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.vlan = 4095; }), HasSubstr("VLAN"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.mtu = 500; }), HasSubstr("MTU"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.mtu = 9'601; }), HasSubstr("MTU"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.first_free_port = 0; }), HasSubstr("no ports"));
    EXPECT_THAT(why([](DeviceOptions& o) { o.last_free_port = 1; }), HasSubstr("no ports"));
}

}  // namespace
}  // namespace penstock::dpdk
