#include "scenario/sdk_world.h"

namespace penstock::scenario {

SdkClient::SdkClient(BrokerWorld& world, const std::string& host) : world_(world) {
    client::Bootstrap bootstrap{.road = world.options.road, .addresses = {}};
    io::Streams* streams = nullptr;
    if (world.options.road == io::Road::tcp) {
        tcp_ = std::make_unique<sim::Streams>(world.network, sim::StreamOptions{.host = host, .receive_buffers = 64});
        streams = tcp_.get();
        bootstrap.addresses = {{.host = "broker", .port = 9092}};
    } else {
        link_ = std::make_unique<sim::Link>(world.datagrams, sim::LinkOptions{.host = host, .receive_buffers = 64});
        transport::StreamsOptions options;
        store_le(options.endpoint.seed.data(), world.next_seed());
        native_ = std::make_unique<transport::Streams>(*link_, options);
        streams = native_.get();
        bootstrap.addresses = {{.host = "broker", .port = 9192, .road = io::Road::native}};
    }
    cluster = std::make_unique<client::Cluster>(*streams, bootstrap,
                                                client::ClusterOptions{.seed = world.next_seed()});
    world.participants.push_back(this);
}

SdkClient::~SdkClient() {
    std::erase(world_.participants, this);
    cluster.reset();
    if (!native_) return;
    native_->shut_down();
    native_->turn(world_.clock.now());
}

bool SdkClient::turn() {
    if (native_) native_->turn(world_.clock.now());
    const bool worked = cluster->turn(world_.clock.time());
    if (native_) native_->turn(world_.clock.now());
    return worked;
}

Nanos SdkClient::next_deadline() const {
    return std::min(cluster->next_deadline(), native_ ? native_->next_deadline() : never);
}

}  // namespace penstock::scenario
