// DescribeConfigs: of topics and of this broker, each resource on its own.
#include "wire/kafka/describe_configs.h"

#include <array>

#include "broker/config_description.h"
#include "broker/config_resource.h"
#include "broker/handlers.h"
#include "limits.h"

namespace penstock::broker::describe_configs {

namespace {

using wire::kafka::ConfigResourceType;
using wire::kafka::DescribeConfigsRequest;
using wire::kafka::DescribeConfigsResponse;
using Result = DescribeConfigsResponse::Result;

void refuse(Request& request, Result& out, ErrorCode error, std::string_view message) {
    out.error_code = error;
    out.error_message = request.arena.copy(message.substr(0, limits::error_message_bytes));
}

/// Tools ask for all topics at once, and most topics have set nothing: those of as many replicas share one description.
struct Descriptions {
    const DescribeConfigsRequest& asked;
    std::array<wire::Array<ConfigDescription>, limits::replication_factor_max + 1> of_unset{};   ///< empty: not made
};

/// False: there is no room for the answer.
bool describe_topic(Request& request, const Serving& serving, const ConfigQuery& query, Descriptions& known,
                    Result& out) {
    const Topic* topic = serving.topics.find(out.resource_name);
    if (topic == nullptr) {
        if (is_topic_name(out.resource_name))
            refuse(request, out, ErrorCode::unknown_topic_or_partition, no_topic(out.resource_name));
        else refuse(request, out, ErrorCode::invalid_topic, "This is no name that a topic can have");
        return true;
    }
    const size_t replicas = topic->view->replication_factor();
    const bool unset = topic->view->configs.empty() && query.keys.empty();
    auto& shared = known.of_unset.at(replicas);
    if (unset && !shared.empty()) {
        out.configs = shared;
        return true;
    }
    const auto configs = describe_topic_configs(topic->view->configs, replicas, serving.options, query, request.arena);
    if (configs) out.configs = *configs;
    if (unset) shared = out.configs;
    return configs.has_value();
}

bool describe_broker(Request& request, const Serving& serving, const ConfigQuery& query, Result& out) {
    if (out.resource_name.empty()) return true;   // nothing is ever set for all brokers at once
    if (const auto problem = broker_problem(out.resource_name, serving.options.node_id)) {
        refuse(request, out, ErrorCode::invalid_request, *problem);
        return true;
    }
    const auto configs = describe_broker_configs(serving.options, serving.topics.view(), query, request.arena);
    if (configs) out.configs = *configs;
    return configs.has_value();
}

bool describe(Request& request, const Serving& serving, Descriptions& known,
              const DescribeConfigsRequest::Resource& resource, Result& out) {
    out.resource_type = resource.type;
    out.resource_name = resource.name;
    const ConfigQuery query{.keys = resource.keys.value_or(wire::Array<std::string_view>()),
                            .synonyms = known.asked.include_synonyms,
                            .documentation = known.asked.include_documentation};
    switch (resource.type) {
        case ConfigResourceType::topic: return describe_topic(request, serving, query, known, out);
        case ConfigResourceType::broker: return describe_broker(request, serving, query, out);
        case ConfigResourceType::client_metrics:
        case ConfigResourceType::group:
            // As Kafka says of those that nobody has configured; there is nothing to configure them with.
            if (resource.name.empty())
                refuse(request, out, ErrorCode::invalid_request, "The name of the resource must not be empty");
            return true;
        case ConfigResourceType::broker_logger:
            refuse(request, out, ErrorCode::invalid_request, no_loggers);
            return true;
        case ConfigResourceType::unknown: break;
    }
    refuse(request, out, ErrorCode::invalid_request, unknown_resource(resource.type));
    return true;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    DescribeConfigsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    auto results = request.arena.make_array<Result>(asked.resources.size());
    if (results.size() != asked.resources.size()) return serving.close(request);
    Descriptions known{asked};
    for (size_t i = 0; i < results.size(); ++i)
        if (!describe(request, serving, known, asked.resources[i], results[i])) return serving.close(request);
    DescribeConfigsResponse response;
    response.results = results;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::describe_configs, start, nullptr};

}  // namespace penstock::broker::describe_configs
