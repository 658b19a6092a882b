#include "dpdk/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace penstock::dpdk {

namespace {

constexpr short last_choice_metric = 1024;

/// An open file, closed with it.
struct Descriptor {
    explicit Descriptor(int opened) : number(opened) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    const int number;
};

std::unexpected<Failure> refused(const std::string& what, int error, const std::string& advice) {
    std::string detail = what + ": " + std::strerror(error);
    if (!advice.empty()) detail += "; " + advice;
    return std::unexpected(Failure{{Errc::io, error}, std::move(detail)});
}

std::string advice_for(int error) {
    return error == EPERM || error == EACCES ? "the process needs the capability CAP_NET_ADMIN" : "";
}

sockaddr ipv4_address(Ipv4 ip) {
    const sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(ip.value)}};
    sockaddr any{};
    static_assert(sizeof any == sizeof address);
    std::memcpy(&any, &address, sizeof any);
    return any;
}

sockaddr hardware_address(const Mac& mac) {
    sockaddr address{.sa_family = ARPHRD_ETHER};
    std::memcpy(address.sa_data, mac.data(), mac.size());
    return address;
}

/// The device as it is set up, step by step; after a step that failed the others do nothing.
class Setup {
public:
    Setup(const std::string& name, int any_socket) : name_(name), socket_(any_socket) {
        name.copy(request.ifr_name, IFNAMSIZ - 1);
    }

    void step(unsigned long code, const std::string& what, void* argument) {
        if (!done || ::ioctl(socket_, code, argument) == 0) return;
        const int error = errno;
        done = refused("the device " + name_ + " cannot be " + what, error, advice_for(error));
    }
    void step(unsigned long code, const std::string& what) { step(code, what, &request); }

    ifreq request{};
    Opened<void> done;

private:
    const std::string name_;
    const int socket_;
};

/// The kernel would make up an address of IPv6, and tell the network of it. False: then it does, if it has IPv6 at all.
bool make_up_no_address(const std::string& name) {
    const Descriptor setting(::open(("/proc/sys/net/ipv6/conf/" + name + "/addr_gen_mode").c_str(),
                                    O_WRONLY | O_CLOEXEC));
    return setting.number >= 0 && ::write(setting.number, "1", 1) == 1;
}

void add_default_route(Setup& setup, std::string name, Ipv4 gateway) {
    rtentry route{};
    route.rt_dst = route.rt_genmask = ipv4_address({});
    route.rt_gateway = ipv4_address(gateway);
    route.rt_flags = RTF_UP | RTF_GATEWAY;
    route.rt_metric = last_choice_metric + 1;   // one more than it is to be, as the kernel wants it
    route.rt_dev = name.data();
    setup.step(SIOCADDRT, "the way to everybody outside", &route);
}

Opened<void> set_up(const TapOptions& options) {
    const Descriptor any_socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (any_socket.number < 0) return refused("no socket to set up the device " + options.name, errno, "");
    static_cast<void>(make_up_no_address(options.name));   // no harm but some traffic
    Setup setup(options.name, any_socket.number);
    setup.request.ifr_hwaddr = hardware_address(options.mac);
    setup.step(SIOCSIFHWADDR, "given the MAC of the port");
    setup.request.ifr_mtu = static_cast<int>(options.mtu);
    setup.step(SIOCSIFMTU, "given an MTU of " + std::to_string(options.mtu));
    setup.request.ifr_addr = ipv4_address(options.subnet.own);
    setup.step(SIOCSIFADDR, "given an address of IPv4");
    const uint8_t prefix = std::min<uint8_t>(options.subnet.prefix_bits, 32);
    setup.request.ifr_netmask = ipv4_address({prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix)});
    setup.step(SIOCSIFNETMASK, "given a prefix of " + std::to_string(prefix) + " bits");
    setup.request.ifr_flags = IFF_UP;
    setup.step(SIOCSIFFLAGS, "brought up");
    if (options.subnet.gateway != Ipv4{}) add_default_route(setup, options.name, options.subnet.gateway);
    return setup.done;
}

}  // namespace

Opened<std::unique_ptr<Tap>> Tap::open(const TapOptions& options) {
    const std::string& name = options.name;
    const bool is_pattern = name.find('%') != std::string::npos;   // to the kernel, which would choose
    if (name.empty() || name.size() >= IFNAMSIZ || is_pattern) {
        return std::unexpected(Failure{{Errc::refused}, "a device cannot be named \"" + name +
            "\"; take a name of 1 to " + std::to_string(IFNAMSIZ - 1) + " letters and digits"});
    }
    const int descriptor = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        const int error = errno;
        const bool missing = error == ENOENT || error == ENODEV;
        return refused("/dev/net/tun cannot be opened", error,
                       missing ? "load the kernel's module: modprobe tun" : advice_for(error));
    }
    std::unique_ptr<Tap> tap(new Tap(descriptor));
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        const int error = errno;
        const bool taken = error == EBUSY;
        return refused("the device " + name + " cannot be made", error,
                       taken ? "there is one of that name: choose another, or ip link delete " + name
                             : advice_for(error));
    }
    if (auto done = set_up(options); !done) return std::unexpected(done.error());
    return tap;
}

Tap::~Tap() { ::close(descriptor_); }

bool Tap::write(std::span<const std::byte> frame) {
    return ::write(descriptor_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

size_t Tap::read(std::span<std::byte> room) {
    const ssize_t size = ::read(descriptor_, room.data(), room.size());
    return size > 0 ? static_cast<size_t>(size) : 0;
}

}  // namespace penstock::dpdk
