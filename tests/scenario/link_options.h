// A broker's identity towards the coordinator, unlike that of any broker with another id.
#pragma once

#include <string>

#include "broker/coordinator_link.h"

namespace penstock::scenario {

inline broker::LinkOptions link_options(int32_t id, const std::string& host = "broker") {
    const auto number = static_cast<uint64_t>(id);
    broker::LinkOptions options;
    options.node_id = NodeId{id};
    options.incarnation = make_uuid(number, 1);
    options.storage_id = make_uuid(number, 2);
    options.advertised_host = host;
    options.advertised_port = 9092;
    options.seed = number;
    return options;
}

}  // namespace penstock::scenario
