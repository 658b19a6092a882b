// The transport's streams, as the contract of all streams wants them.
#pragma once

#include "stream_contract.h"
#include "transport/streams.h"

namespace penstock::tests {

/// `seed`: what tells the two sides' secrets apart.
inline transport::StreamsOptions native_options(const StreamLimits& limits, uint8_t seed) {
    transport::StreamsOptions options{.connections_max = limits.connections_max};
    options.endpoint.seed[0] = std::byte{seed};
    return options;
}

}  // namespace penstock::tests
