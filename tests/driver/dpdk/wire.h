// Ports in one process, without a machine's devices: each has a pair of rings, and a switch carries frames between
// them. pairs.h has other devices.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dpdk/environment.h"
#include "dpdk/port.h"

struct rte_ring;

namespace penstock::dpdk {

/// The one of the process, in memory of no special kind.
Environment& environment();

/// Stations 0, 1, ... at 10.77.0.1, 10.77.0.2, ..., each with a MAC of its own.
Mac mac_of(size_t station);
Ipv4 ip_of(size_t station);
std::string name_of(size_t station);

/// Ports that reach each other.
class Stations {
public:
    virtual ~Stations() = default;
    virtual size_t count() const = 0;
    virtual Port& port(size_t station) = 0;
    /// Lets frames get on. True if there were some.
    virtual bool step() = 0;
};

class Wire final : public Stations {
public:
    /// Ports of these options, but for their addresses.
    Wire(size_t stations, const PortOptions& options = {});
    ~Wire() override;

    size_t count() const override { return stations_.size(); }
    Port& port(size_t station) override { return *stations_[station].port; }
    /// Carries what is on the way: to the station with that address, or to all others.
    bool step() override;
    /// Puts a frame on the way to a station's queue, as if it had come from outside.
    void inject(size_t station, std::span<const std::byte> frame, uint16_t queue = 0);
    /// The frames that station sent, and nobody got.
    std::vector<std::vector<std::byte>> take_sent(size_t station);

private:
    struct Station {
        std::vector<rte_ring*> to, from;   ///< by queue, as the station sees it
        std::unique_ptr<Port> port;
    };

    std::vector<Station> stations_;
};

}  // namespace penstock::dpdk
