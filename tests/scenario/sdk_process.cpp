#include "scenario/sdk_process.h"

#include <algorithm>

#include "scenario/node_streams.h"

namespace penstock::scenario {

SdkProcess::SdkProcess(sim::Network& network, sim::DatagramNetwork& datagrams, const SdkProcessOptions& options) {
    io::Streams* streams = nullptr;
    if (options.road == io::Road::tcp) {
        tcp_ = std::make_unique<sim::Streams>(
            network, sim::StreamOptions{.host = options.host, .receive_buffers = options.receive_buffers});
        streams = tcp_.get();
    } else {
        link_ = std::make_unique<sim::Link>(
            datagrams, sim::LinkOptions{.host = options.host, .receive_buffers = options.receive_buffers});
        native_ = std::make_unique<transport::Streams>(*link_, seeded_streams(options.seed));
        streams = native_.get();
    }
    const client::Bootstrap bootstrap{.road = options.road, .addresses = options.bootstrap};
    cluster_ = std::make_unique<client::Cluster>(*streams, bootstrap, options.cluster);
}

SdkProcess::~SdkProcess() {
    cluster_.reset();
    if (!native_) return;
    native_->shut_down();
    native_->turn(now_);
}

bool SdkProcess::turn(const Time& time) {
    now_ = time.now;
    if (native_) native_->turn(time.now);
    const bool worked = cluster_->turn(time);
    if (native_) native_->turn(time.now);
    return worked;
}

bool SdkProcess::has_input() const { return tcp_ ? tcp_->has_events() : link_->has_arrivals(); }

Nanos SdkProcess::next_deadline() const {
    return std::min(cluster_->next_deadline(), native_ ? native_->next_deadline() : never);
}

void SdkProcess::sever() {
    if (tcp_) tcp_->sever();
    else link_->sever();
}

}  // namespace penstock::scenario
