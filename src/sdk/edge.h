// Where the client meets the machine: picks the drivers for its road, reads the clock, waits.
//
// One for each penstock_client, on one thread at a time. poll() runs turns of the core, with a wait between them.
#pragma once

#include <memory>
#include <string>

#include "client/cluster.h"
#include "socket/link.h"
#include "socket/poller.h"
#include "socket/stream.h"
#include "transport/streams.h"

namespace penstock::sdk {

class Edge {
public:
    /// `link` where the road is past the kernel, otherwise null.
    static client::Outcome<std::unique_ptr<Edge>> create(client::Bootstrap bootstrap, client::ClusterOptions options,
                                                         std::unique_ptr<io::Link> link);
    ~Edge();
    Edge(const Edge&) = delete;
    Edge& operator=(const Edge&) = delete;

    client::Cluster& cluster() { return *cluster_; }
    const client::Cluster& cluster() const { return *cluster_; }

    /// True if something happened; false when the time is over or a signal came. -1: no end.
    bool poll(int timeout_ms);
    /// The same until `done()`, with false when the time is over.
    template <class Done>
    bool poll_until(int timeout_ms, Done done) {
        const Nanos end = end_of(timeout_ms);
        while (!done()) {
            const int left = remaining(end);
            if (left == 0) return false;
            poll(left);
        }
        return true;
    }
    /// For the application's event loop.
    int descriptor();

    static int64_t wall_ms();
    static Nanos now();

private:
    Edge() = default;
    bool turn();
    bool spin(Nanos end);
    void arm();
    Nanos next_deadline() const;
    void hand_over();
    static Nanos end_of(int timeout_ms);
    static int remaining(Nanos end);

    std::unique_ptr<socket::Poller> poller_;
    std::unique_ptr<socket::Streams> tcp_;          ///< one of the two roads
    std::unique_ptr<io::Link> link_;
    std::unique_ptr<transport::Streams> native_;
    std::unique_ptr<client::Cluster> cluster_;
    bool past_kernel_ = false;                      ///< nobody wakes us for what arrives
    bool watched_ = false;                          ///< somebody waits for the descriptor: it needs a timer
};

}  // namespace penstock::sdk
