// What the APIs of configs have in common: kinds of things that have configs, and where a value comes from.
#pragma once

#include <cstdint>

namespace penstock::wire::kafka {

/// Of requests: any number may come in.
enum class ConfigResourceType : int8_t {
    unknown = 0,
    topic = 2,
    broker = 4,          ///< by its id; an empty name: the default of all brokers
    broker_logger = 8,
    client_metrics = 16,
    group = 32,
};

enum class ConfigSource : int8_t {
    unknown = 0,
    topic = 1,
    broker = 2,          ///< changed while it runs, as the next
    default_broker = 3,
    static_broker = 4,   ///< the file that it was started with
    initial = 5,
    broker_logger = 6,
    client_metrics = 7,
    group = 8,
};

}  // namespace penstock::wire::kafka
