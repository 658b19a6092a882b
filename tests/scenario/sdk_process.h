// One process that uses the SDK's core in a simulation, on either road.
//
// Stepped by whoever owns the world. Producers and consumers on its cluster must end before it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/cluster.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "sim/stream.h"
#include "transport/streams.h"

namespace penstock::scenario {

struct SdkProcessOptions {
    io::Road road = io::Road::tcp;
    std::string host = "sdk";
    std::vector<io::Address> bootstrap;   ///< of that road
    uint32_t receive_buffers = 64;
    client::ClusterOptions cluster;
    uint64_t seed = 1;                    ///< of the native road
};

class SdkProcess {
public:
    SdkProcess(sim::Network& network, sim::DatagramNetwork& datagrams, const SdkProcessOptions& options);
    ~SdkProcess();   ///< says so to its peers, unless it was severed

    bool turn(const Time& time);
    bool has_input() const;
    Nanos next_deadline() const;
    /// As when its machine dies: peers are not told.
    void sever();

    client::Cluster& cluster() { return *cluster_; }

private:
    std::unique_ptr<sim::Streams> tcp_;              ///< one of the two roads
    std::unique_ptr<sim::Link> link_;
    std::unique_ptr<transport::Streams> native_;
    std::unique_ptr<client::Cluster> cluster_;
    Nanos now_;
};

}  // namespace penstock::scenario
