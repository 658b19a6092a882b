// A network device of the kernel's whose wire is this object: what is written arrives there, and what the kernel sends
// out of it is read here, Ethernet frames both.
//
// Made with the address of our port, so that the kernel speaks for it; needs no DPDK. One thread writes, one reads; the
// device ends with the object. A default route through it is the kernel's last choice: on a machine that has another
// way out, that one stays the first.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "dpdk/failure.h"
#include "dpdk/neighbours.h"

namespace penstock::dpdk {

struct TapOptions {
    std::string name;       ///< of a device that does not exist yet
    Mac mac{};
    uint32_t mtu = 1500;    ///< of IP
    Subnet subnet;          ///< with a gateway: the default route, too
};

class Tap {
public:
    /// In the network namespace of the calling thread.
    static Opened<std::unique_ptr<Tap>> open(const TapOptions& options);
    ~Tap();
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    /// For poll(2): readable when there is a frame. An error there: somebody removed the device, for good.
    int descriptor() const { return descriptor_; }

    /// False where the kernel does not take it: the device was taken down, or is gone.
    bool write(std::span<const std::byte> frame);
    /// The size of the next frame, cut to the room for it; 0: there is none now.
    size_t read(std::span<std::byte> room);

private:
    explicit Tap(int descriptor) : descriptor_(descriptor) {}

    const int descriptor_;
};

}  // namespace penstock::dpdk
