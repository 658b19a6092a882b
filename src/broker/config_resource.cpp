#include "broker/config_resource.h"

#include "broker/config_value.h"

namespace penstock::broker {

std::string no_topic(std::string_view name) { return "The topic '" + std::string(name) + "' does not exist"; }

std::string unknown_resource(wire::kafka::ConfigResourceType type) {
    return "Unknown resource type " + std::to_string(static_cast<int>(type));
}

std::optional<std::string> broker_problem(std::string_view name, NodeId self) {
    const std::optional<int64_t> id = read_integer(name);
    if (!id) return "A broker is named by its id, not by '" + std::string(name) + "'";
    if (*id == self.value) return std::nullopt;
    return "This is broker " + std::to_string(self.value) + ": ask broker " + std::to_string(*id) + " itself";
}

}  // namespace penstock::broker
