// What the handlers of configs say about resources, in one wording.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "wire/kafka/config_resource.h"

namespace penstock::broker {

inline constexpr std::string_view no_loggers =
    "This broker's log has one level, which is set in its file (log.level)";

std::string no_topic(std::string_view name);
std::string unknown_resource(wire::kafka::ConfigResourceType type);
/// Why `name` does not mean this broker.
std::optional<std::string> broker_problem(std::string_view name, NodeId self);

}  // namespace penstock::broker
