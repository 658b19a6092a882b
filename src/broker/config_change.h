// What a topic's configs become by a change that a client asks for.
//
// Pure: from the configs that are set now to those that are to be set, or the reason why not, by Kafka's rules. All of
// the outcome must be allowed, also what the change does not touch. Who makes it so, and that the configs are still
// what they were, is the business of alter_request.h and the coordinator.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/cluster_view.h"
#include "wire/kafka/incremental_alter_configs.h"

namespace penstock::broker {

struct ConfigOperation {
    std::string_view name;
    wire::kafka::AlterOperation operation = wire::kafka::AlterOperation::set;
    wire::NullableString value;   ///< null only of a removal
};

struct ConfigsChange {
    std::span<const ConfigOperation> operations;  ///< each name once
    bool replaces = false;                        ///< what is not named goes
    std::string_view topic = {};                  ///< whose configs
};

/// Ordered by name.
std::expected<std::vector<ConfigEntry>, std::string> changed_configs(std::span<const ConfigEntry> current,
                                                                     const ConfigsChange& change);

}  // namespace penstock::broker
