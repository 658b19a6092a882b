// penstock.h: clients.
#include <algorithm>
#include <cstring>

#include "sdk/handles.h"
#include "sdk/port.h"

using namespace penstock;

extern "C" {

const char* penstock_version(void) { return PENSTOCK_VERSION; }

penstock_error penstock_client_create(const penstock_client_options* given, penstock_client** out) {
    const penstock_client_options options = sdk::read_options(given, PENSTOCK_CLIENT_OPTIONS_INIT);
    *out = nullptr;
    if (options.bootstrap == nullptr || options.connect_timeout_ms <= 0 || options.request_timeout_ms <= 0 ||
        options.metadata_age_ms <= 0) {
        return PENSTOCK_INVALID;
    }
    auto bootstrap = client::parse_bootstrap(options.bootstrap);
    if (!bootstrap) return bootstrap.error().code;
    client::ClusterOptions cluster;
    cluster.name.software_version = PENSTOCK_VERSION;
    if (options.client_id != nullptr) cluster.name.id = options.client_id;
    if (cluster.name.id.size() > INT16_MAX) return PENSTOCK_INVALID;
    cluster.connect_timeout_ns = options.connect_timeout_ms * millisecond_ns;
    cluster.request_timeout_ns = options.request_timeout_ms * millisecond_ns;
    cluster.metadata_age_ns = options.metadata_age_ms * millisecond_ns;
    if (bootstrap->past_kernel != (options.port != nullptr)) return PENSTOCK_INVALID;
    uint16_t lane = 0;
    if (options.port != nullptr && !sdk::take_lane(*options.port, lane)) return PENSTOCK_FULL;
    auto link = options.port != nullptr ? options.port->device->make_link(lane) : nullptr;
    auto edge = sdk::Edge::create(std::move(*bootstrap), std::move(cluster), std::move(link));
    if (!edge) {
        if (options.port != nullptr) sdk::give_back_lane(*options.port, lane);
        return edge.error().code;
    }
    *out = new penstock_client{.port = options.port, .lane = lane, .edge = std::move(*edge), .last_error = {}};
    return PENSTOCK_OK;
}

void penstock_client_destroy(penstock_client* client) {
    if (client == nullptr) return;
    PENSTOCK_ASSERT(client->members == 0);
    penstock_port* const port = client->port;
    const uint16_t lane = client->lane;
    delete client;
    if (port != nullptr) sdk::give_back_lane(*port, lane);
}

int penstock_client_poll(penstock_client* client, int timeout_ms) { return client->edge->poll(timeout_ms) ? 1 : 0; }

int penstock_client_descriptor(penstock_client* client) { return client->edge->descriptor(); }

const char* penstock_client_last_error(penstock_client* client) {
    client->last_error = client->edge->cluster().failure().detail;
    return client->last_error.c_str();
}

}  // extern "C"
