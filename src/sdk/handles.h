// What the opaque handles of penstock.h are.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/consumer.h"
#include "client/producer.h"
#include "dpdk/device.h"
#include "sdk/edge.h"

struct penstock_port {
    std::unique_ptr<penstock::dpdk::Device> device;
    std::mutex mutex;                  ///< clients may be of several threads
    std::vector<bool> lanes_taken;
};

struct penstock_client {
    penstock_port* port = nullptr;     ///< where it is on the road past the kernel, with its lane there
    uint16_t lane = 0;
    std::unique_ptr<penstock::sdk::Edge> edge;
    std::string last_error;   ///< as it was handed out
    uint32_t members = 0;     ///< producers, consumers: must go first
};

struct penstock_producer {
    penstock_client& client;
    penstock::client::Producer core;
};

struct penstock_batch {
    penstock_consumer* consumer = nullptr;
    std::unique_ptr<penstock::client::ReceivedBatch> core;
};

struct penstock_consumer {
    penstock_client& client;
    penstock::client::Consumer core;
    std::vector<std::unique_ptr<penstock_batch>> idle;   ///< handles to use again
    uint64_t out = 0;                                    ///< batches with the application
};

namespace penstock::sdk {

/// What the caller's struct says, as far as it goes; the defaults beyond that. Null: all defaults.
template <class Options>
Options read_options(const Options* given, const Options& defaults) {
    if (given == nullptr) return defaults;
    Options options = defaults;
    std::memcpy(&options, given, std::min(given->size, sizeof options));
    return options;
}

}  // namespace penstock::sdk
