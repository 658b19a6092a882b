#include "broker/alter_request.h"

#include <algorithm>
#include <string>

#include "broker/config_resource.h"
#include "limits.h"

namespace penstock::broker {

namespace {

using wire::kafka::AlterOperation;
using wire::kafka::ConfigResourceType;

void refuse(Request& request, AlteredResource& resource, ErrorCode error, std::string_view message) {
    resource.error = error;
    resource.message = request.arena.copy(message.substr(0, limits::error_message_bytes));
}

/// The names that are set, or changed in any other way than back to the default.
std::string names_set(const AlteredResource& resource) {
    std::string names;
    for (const ConfigOperation& operation : resource.operations) {
        if (operation.operation == AlterOperation::remove) continue;
        if (names.size() > limits::error_message_bytes) break;
        if (!names.empty()) names += ", ";
        names += operation.name;
    }
    return names;
}

bool named_twice(std::span<const AlteredResource> resources, const AlteredResource& resource) {
    return std::ranges::count_if(resources, [&](const AlteredResource& other) {
        return other.type == resource.type && other.name == resource.name;
    }) > 1;
}

/// What is wrong with the form of the request, whatever the resource is.
std::optional<std::string> form_problem(const Alteration& alteration, const AlteredResource& resource) {
    if (named_twice(alteration.resources, resource)) return "Each resource must appear at most once";
    if (resource.operations.size() > limits::configs_per_resource) return "These are more configs than there are";
    std::vector<std::string_view> names;
    for (const ConfigOperation& operation : resource.operations) names.push_back(operation.name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) return "The configuration " + std::string(*twice) + " is named more than once";
    for (const ConfigOperation& operation : resource.operations) {
        if (operation.operation < AlterOperation::set || operation.operation > AlterOperation::subtract)
            return "Unknown operation " + std::to_string(static_cast<int>(operation.operation));
        if (!operation.value && operation.operation != AlterOperation::remove)
            return "Null value not supported for: " + std::string(operation.name);
    }
    return std::nullopt;
}

/// A removal finds nothing to remove: tools that clean up after themselves ask for it.
void judge_broker(Request& request, const Serving& serving, AlteredResource& resource) {
    if (!resource.name.empty())
        if (const auto problem = broker_problem(resource.name, serving.options.node_id))
            return refuse(request, resource, ErrorCode::invalid_request, *problem);
    const std::string names = names_set(resource);
    if (names.empty()) return;
    refuse(request, resource, ErrorCode::invalid_request,
           "Cannot update these configs dynamically: " + names +
               ". A broker takes its configs from its file when it starts");
}

/// Puts the topic into the call, if all is well.
void judge_topic(Request& request, const Serving& serving, const Alteration& alteration, AlteredResource& resource,
                 TopicsCall& call) {
    if (resource.name.empty())
        return refuse(request, resource, ErrorCode::invalid_request, "There are no configs of all topics at once");
    if (!is_topic_name(resource.name))
        return refuse(request, resource, ErrorCode::invalid_topic, "This is no name that a topic can have");
    const Topic* topic = serving.topics.find(resource.name);
    std::vector<ConfigEntry> current;
    if (topic != nullptr) current = topic->view->configs;
    auto configs = changed_configs(current, {resource.operations, alteration.replaces, resource.name});
    if (!configs) return refuse(request, resource, ErrorCode::invalid_config, configs.error());
    if (topic == nullptr)
        return refuse(request, resource, ErrorCode::unknown_topic_or_partition, no_topic(resource.name));
    resource.forwarded = static_cast<uint32_t>(call.altered.size());
    call.altered.push_back({topic->view->name, topic->view->id, std::move(current), std::move(*configs)});
}

void judge(Request& request, const Serving& serving, const Alteration& alteration, AlteredResource& resource,
           TopicsCall& call) {
    if (const auto problem = form_problem(alteration, resource))
        return refuse(request, resource, ErrorCode::invalid_request, *problem);
    switch (resource.type) {
        case ConfigResourceType::topic: return judge_topic(request, serving, alteration, resource, call);
        case ConfigResourceType::broker: return judge_broker(request, serving, resource);
        case ConfigResourceType::broker_logger:
            return refuse(request, resource, ErrorCode::invalid_request, no_loggers);
        case ConfigResourceType::client_metrics:
        case ConfigResourceType::group: {
            const bool group = resource.type == ConfigResourceType::group;
            const std::string names = names_set(resource);
            if (names.empty()) return;
            return refuse(request, resource, group ? ErrorCode::invalid_config : ErrorCode::invalid_request,
                          (group ? "Unknown group config name: " : "Unknown client metrics configuration: ") + names);
        }
        case ConfigResourceType::unknown: break;
    }
    refuse(request, resource, ErrorCode::invalid_request, unknown_resource(resource.type));
}

/// False: the coordinator saw other configs than those that the new ones were made from.
bool take_result(Request& request, const AdminResult& result, AlteredResource& resource) {
    if (result.error != ErrorCode::none || resource.forwarded >= result.topics.size()) {
        const ErrorCode error = result.error != ErrorCode::none ? result.error : ErrorCode::unknown_server_error;
        refuse(request, resource, error, result.message);
    } else if (result.topics[resource.forwarded].error == ErrorCode::invalid_update_version) {
        return false;
    } else {
        const TopicResult& topic = result.topics[resource.forwarded];
        if (topic.error != ErrorCode::none) refuse(request, resource, topic.error, topic.message);
    }
    resource.forwarded = UINT32_MAX;
    return true;
}

}  // namespace

void begin_alteration(Request& request, Serving& serving, Alteration& alteration) {
    auto call = std::make_unique<TopicsCall>();
    call->change = TopicsChange::alter;
    call->validate_only = alteration.validate_only;
    for (AlteredResource& resource : alteration.resources) judge(request, serving, alteration, resource, *call);
    alteration.attempts = 1;
    if (!call->altered.empty()) serving.start_topics_call(request, std::move(call), limits::alter_configs_wait_ms);
}

void go_on_alteration(Request& request, Serving& serving, Alteration& alteration) {
    TopicsCall& call = *request.topics_call;
    const AdminResult result = std::move(call.result);
    call.result = {};
    call.altered.clear();
    const bool again = alteration.attempts < limits::alter_configs_attempts && !request.timed_out;
    for (AlteredResource& resource : alteration.resources) {
        if (resource.forwarded == UINT32_MAX || take_result(request, result, resource)) continue;
        resource.forwarded = UINT32_MAX;
        if (again) judge_topic(request, serving, alteration, resource, call);
        else refuse(request, resource, ErrorCode::request_timed_out, "Others change these configs at the same time");
    }
    if (call.altered.empty()) return;
    ++alteration.attempts;
    serving.start_call(request, call, 0);
}

}  // namespace penstock::broker
