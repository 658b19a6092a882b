// The transport's options of nodes in a simulation: of their own seed, and with the cluster's secret or without.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "transport/streams.h"

namespace penstock::scenario {

inline transport::StreamsOptions seeded_streams(uint64_t seed) {
    transport::StreamsOptions options;
    store_le(options.endpoint.seed.data(), seed);
    return options;
}

/// Between nodes: who knows the secret proves it, and demands it of others.
inline transport::StreamsOptions node_streams(uint64_t seed, const std::string& secret) {
    transport::StreamsOptions options = seeded_streams(seed);
    const auto bytes = std::as_bytes(std::span(secret));
    options.endpoint.secret.assign(bytes.begin(), bytes.end());
    options.proves = options.endpoint.proven_only = !secret.empty();
    return options;
}

/// Of a broker's port for clients, at which other brokers prove that they are none.
inline transport::StreamsOptions open_streams(uint64_t seed, const std::string& secret) {
    transport::StreamsOptions options = node_streams(seed, secret);
    options.proves = options.endpoint.proven_only = false;
    return options;
}

}  // namespace penstock::scenario
