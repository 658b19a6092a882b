#include "scenario/sdk_world.h"

namespace penstock::scenario {

namespace {

SdkProcessOptions options_of(BrokerWorld& world, const std::string& host) {
    const io::Road road = world.options.road;
    const uint16_t port = road == io::Road::tcp ? 9092 : 9192;
    SdkProcessOptions options{.road = road, .host = host, .bootstrap = {{"broker", port, road}}, .cluster = {}};
    if (road == io::Road::native) options.seed = world.next_seed();
    options.cluster.seed = world.next_seed();
    return options;
}

}  // namespace

SdkClient::SdkClient(BrokerWorld& world, const std::string& host)
    : world_(world), process_(world.network, world.datagrams, options_of(world, host)) {
    world.participants.push_back(this);
}

SdkClient::~SdkClient() { std::erase(world_.participants, this); }

}  // namespace penstock::scenario
