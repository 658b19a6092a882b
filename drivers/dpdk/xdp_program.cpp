#include "dpdk/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/assert.h"

namespace penstock::dpdk {

namespace {

// As in xdp/our_ports.c: the marker, behind it the address, the tag, the first and the last port.
constexpr std::string_view marker = "penstock's ports";
constexpr size_t ours_bytes = marker.size() + 10;
constexpr std::string_view program_name = "our_ports";

/// All of a file that is not larger than an object may be.
Opened<std::vector<std::byte>> read_object(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return std::unexpected(failure_of_call("the program for interfaces that the kernel keeps, " + path +
            " (it is there when Penstock was built with bpf-gcc or clang)"));
    std::vector<std::byte> bytes(XdpProgram::object_bytes_max);
    size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t got = ::read(file, bytes.data() + size, bytes.size() - size);
        if (got <= 0) break;   // what is cut short is no program
        size += static_cast<size_t>(got);
    }
    ::close(file);
    bytes.resize(size);
    return bytes;
}

bool write_all(int file, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(file, bytes.data(), bytes.size());
        if (put <= 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(put));
    }
    return true;
}

/// Of one that says nothing of queues: one.
Opened<uint32_t> receive_queues_of(const std::string& interface) {
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) return std::unexpected(failure_of_call("no socket"));
    ethtool_channels channels{.cmd = ETHTOOL_GCHANNELS};
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    const int told = ::ioctl(any, SIOCETHTOOL, &request);
    const int error = errno;
    ::close(any);
    errno = error;
    if (told != 0 && error != EOPNOTSUPP) return std::unexpected(failure_of_call("the interface " + interface));
    return std::max(channels.combined_count + channels.rx_count, 1u);
}

/// The kernel's name for a program that it runs: nothing where it does not tell.
std::string name_of_program(int program) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) return {};
    return {info.name, ::strnlen(info.name, sizeof info.name)};
}

/// Who has the interface's lock knows that nobody uses it.
Opened<void> remove_leftover(const std::string& interface) {
    const int index = static_cast<int>(::if_nametoindex(interface.c_str()));
    uint32_t id = 0;
    if (bpf_xdp_query_id(index, 0, &id) != 0)
        return std::unexpected(failure_of_call("whether " + interface + " runs a program"));
    if (id == 0) return {};
    const int program = bpf_prog_get_fd_by_id(id);
    const bool ours = program >= 0 && name_of_program(program) == program_name;
    const bpf_xdp_attach_opts only_this{.sz = sizeof only_this, .old_prog_fd = program};
    const bool removed = ours && bpf_xdp_detach(index, 0, &only_this) == 0;
    if (program >= 0) ::close(program);
    if (removed) return {};
    return std::unexpected(Failure{{Errc::exists},
        interface + " runs an XDP program that is not Penstock's: if nobody needs it, ip link set dev " + interface +
            " xdp off"});
}

}  // namespace

bool write_our_ports(std::span<std::byte> object, const OurPorts& ours) {
    const std::string_view text(reinterpret_cast<const char*>(object.data()), object.size());
    const size_t at = text.find(marker);
    if (at == text.npos || text.find(marker, at + 1) != text.npos || text.size() - at < ours_bytes) return false;
    std::byte* place = object.data() + at + marker.size();
    store_be<uint32_t>(place, ours.address.value);
    store_be<uint16_t>(place + 4, ours.vlan);
    store_be<uint16_t>(place + 6, ours.first_port);
    store_be<uint16_t>(place + 8, ours.last_port);
    return true;
}

Opened<std::unique_ptr<XdpProgram>> XdpProgram::make(const std::string& object, const OurPorts& ours) {
    auto bytes = read_object(object);
    if (!bytes) return std::unexpected(bytes.error());
    if (!write_our_ports(*bytes, ours))
        return std::unexpected(Failure{{Errc::malformed}, object + " is not Penstock's program for interfaces"});
    std::unique_ptr<XdpProgram> made(new XdpProgram(::memfd_create("penstock-xdp", MFD_CLOEXEC)));
    if (made->file_ < 0 || !write_all(made->file_, *bytes))
        return std::unexpected(failure_of_call("no memory for a copy of " + object));
    return made;
}

XdpProgram::~XdpProgram() {
    if (file_ >= 0) ::close(file_);
    if (lock_ >= 0) ::close(lock_);
}

std::string XdpProgram::path() const { return "/proc/self/fd/" + std::to_string(file_); }

Opened<std::string> XdpProgram::take(const std::string& interface, uint16_t queues) {
    const auto present = receive_queues_of(interface);
    if (!present) return std::unexpected(present.error());
    if (*present > queues) {
        return std::unexpected(Failure{{Errc::unsupported},
            interface + " receives in " + std::to_string(*present) + " queues, more than the " +
                std::to_string(queues) + " that are read: ethtool -L " + interface + " combined " +
                std::to_string(queues)});
    }
    libbpf_set_print(nullptr);   // of debug information that this kernel cannot read, at length, which harms nobody
    if (auto locked = lock(interface); !locked) return std::unexpected(locked.error());
    if (auto removed = remove_leftover(interface); !removed) return std::unexpected(removed.error());
    // With a budget the kernel would be asked to poll for us, which few interfaces can.
    return "iface=" + interface + ",start_queue=0,queue_count=" + std::to_string(queues) +
           ",busy_budget=0,xdp_prog=" + path();
}

/// A name in the network namespace, which goes with the process, however that ends.
Opened<void> XdpProgram::lock(const std::string& interface) {
    PENSTOCK_ASSERT(lock_ == -1);
    sockaddr_un name{.sun_family = AF_UNIX};
    const std::string text = "penstock-xdp-" + interface;
    const size_t size = text.copy(name.sun_path + 1, sizeof name.sun_path - 1);   // behind a zero: in no file system
    lock_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
    if (lock_ >= 0 && ::bind(lock_, reinterpret_cast<const sockaddr*>(&name), length) == 0) return {};
    return std::unexpected(failure_of_call("another process of Penstock's has " + interface));
}

}  // namespace penstock::dpdk
