// The table of broker configs: those of Kafka's names that say what a setting or a bound of this broker is.
//
// Constant. Configs that are defaults of topics are not here: they follow from the table of topics by their synonyms.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "broker/cluster_view.h"
#include "broker/config_value.h"
#include "broker/options.h"

namespace penstock::broker {

struct BrokerConfigRow {
    std::string_view name;
    ConfigType type = ConfigType::text;
    std::string_view initial;           ///< the default; empty: it has none
    std::string (*value)(const BrokerOptions& options, const ClusterView& view);
    std::string_view documentation;
};

/// In the order of their names.
std::span<const BrokerConfigRow> broker_config_rows();

}  // namespace penstock::broker
