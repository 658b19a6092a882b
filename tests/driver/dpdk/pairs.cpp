#include "pairs.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/assert.h"
#include "kernel.h"
#include "virtual_device.h"

extern "C" const char* __lsan_default_suppressions();

/// For LeakSanitizer: what DPDK's af_xdp has of these libraries it does not give back.
extern "C" const char* __lsan_default_suppressions() { return "leak:libxdp\nleak:libbpf\n"; }

namespace penstock::dpdk {

namespace {

/// DPDK's thread that takes connections of vhost looks once a second for sockets that are new, and whenever one that it
/// knows already is connected to: this one.
class Bell {
public:
    Bell() : socket_(folder_.file("bell")), device_("net_vhost" + next_number(), "iface=" + socket_) {
        device_.open({}, 0);
    }
    void ring() const {
        sockaddr_un to{.sun_family = AF_UNIX};
        std::ranges::copy(socket_, to.sun_path);
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        PENSTOCK_ASSERT(fd >= 0);
        static_cast<void>(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to));
        ::close(fd);
    }

private:
    TemporaryFolder folder_;
    const std::string socket_;
    VirtualDevice device_;
};

class VhostPair final : public Stations {
public:
    VhostPair(const PortOptions& options, VhostAt vhost) : vhost_station_(vhost == VhostAt::first ? 0 : 1) {
        static const Bell bell;
        const std::string socket = folder_.file("vhost");
        vhost_ = std::make_unique<VirtualDevice>("net_vhost" + next_number(), "iface=" + socket + ",queues=1");
        vhost_->open(options, vhost_station_);   // which listens now
        bell.ring();
        virtio_ = std::make_unique<VirtualDevice>("net_virtio_user" + next_number(),
            "path=" + socket + ",mac=02:00:00:00:00:01,queues=1,queue_size=1024,mrg_rxbuf=1,packed_vq=1");
        virtio_->open(options, 1 - vhost_station_);
        // They come to terms in a thread of DPDK's.
        for (int i = 0; !(vhost_->up() && virtio_->up()); ++i) {
            PENSTOCK_ASSERT(i < 5'000);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    size_t count() const override { return 2; }
    Port& port(size_t station) override { return (station == vhost_station_ ? vhost_ : virtio_)->port(); }
    bool step() override { return false; }

private:
    const size_t vhost_station_;
    TemporaryFolder folder_;
    std::unique_ptr<VirtualDevice> vhost_, virtio_;   // ends first, since it writes to the other one's socket
};

bool run(const char* command) { return std::system(command) == 0; }

void be_quiet() {
    static_cast<void>(run("echo 1 2> /dev/null > /proc/sys/net/ipv6/conf/default/disable_ipv6"));
}

/// Interfaces veth0 and veth1, which the kernel does not talk on by itself. False where that cannot be.
bool make_veth(uint32_t mtu) {
    const std::string size = " mtu " + std::to_string(mtu) + " numrxqueues 1 numtxqueues 1";
    const std::string add = "ip link add veth0" + size + " type veth peer name veth1" + size + " 2> /dev/null";
    be_quiet();
    return run(add.c_str()) && run("ip link set veth0 up") && run("ip link set veth1 up");
}

/// What arrives at one of its interfaces goes to all others.
bool make_bridge() {
    be_quiet();
    return run("ip link add bridge0 type bridge 2> /dev/null") && run("ip link set bridge0 up");
}

class KernelPair final : public Stations {
public:
    KernelPair(const PortOptions& options, Through through) {
        PENSTOCK_ASSERT(network_.made());
        if (through == Through::tap) {
            PENSTOCK_ASSERT(make_bridge());
            for (size_t i = 0; i < 2; ++i) {
                const std::string tap = "tap" + std::to_string(i);
                open(i, "net_tap", "iface=" + tap, options);
                PENSTOCK_ASSERT(run(("ip link set " + tap + " master bridge0 up").c_str()));
            }
            return;
        }
        PENSTOCK_ASSERT(make_veth(options.mtu));
        // Room for the largest frame, or it would be cut; blocks are whole pages and whole frames.
        const char* room = options.mtu > 1500 ? "framesz=9216,blocksz=36864" : "framesz=2048,blocksz=8192";
        const std::string more = through == Through::af_xdp ? "busy_budget=0" : std::string(room) + ",framecnt=1024";
        for (size_t i = 0; i < 2; ++i)
            open(i, through == Through::af_xdp ? "net_af_xdp" : "net_af_packet",
                 "iface=veth" + std::to_string(i) + "," + more, options);
    }
    size_t count() const override { return 2; }
    Port& port(size_t station) override { return devices_[station]->port(); }
    bool step() override { return false; }

private:
    void open(size_t station, const std::string& driver, const std::string& arguments, const PortOptions& options) {
        devices_[station] = std::make_unique<VirtualDevice>(driver + next_number(), arguments);
        devices_[station]->open(options, station);
    }

    OwnNetwork network_;
    std::unique_ptr<VirtualDevice> devices_[2];
};

}  // namespace

std::unique_ptr<Stations> make_vhost_pair(const PortOptions& options, VhostAt vhost) {
    environment();
    return std::make_unique<VhostPair>(options, vhost);
}

std::string veth_missing() {
    static const std::string missing = [] {
        const OwnNetwork network;
        if (!network.made()) return "only root makes network namespaces";
        return make_veth(1500) ? "" : "a veth pair cannot be made here";
    }();
    return missing;
}

std::string af_xdp_missing() {
    static const std::string missing = [] {
        if (const std::string veth = veth_missing(); !veth.empty()) return veth;
        const int any = ::socket(AF_XDP, SOCK_RAW, 0);
        if (any < 0) return std::string("the kernel has no AF_XDP");
        ::close(any);
        return std::string();
    }();
    return missing;
}

std::string taps_missing() {
    static const std::string missing = [] {
        const OwnNetwork network;
        if (!network.missing().empty()) return network.missing();
        return make_bridge() ? std::string() : std::string("a bridge cannot be made here");
    }();
    return missing;
}

std::unique_ptr<Stations> make_kernel_pair(const PortOptions& options, Through through) {
    environment();
    return std::make_unique<KernelPair>(options, through);
}

}  // namespace penstock::dpdk
