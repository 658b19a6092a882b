// ListConfigResources: the topics and brokers; groups and client metrics have no configs here.
#include "wire/kafka/list_config_resources.h"

#include <algorithm>
#include <array>
#include <string>

#include "broker/config_resource.h"
#include "broker/handlers.h"

namespace penstock::broker::list_config_resources {

namespace {

using wire::kafka::ConfigResourceType;
using wire::kafka::ListConfigResourcesRequest;
using wire::kafka::ListConfigResourcesResponse;

constexpr int16_t first_with_types = 1;
constexpr std::array all_types{ConfigResourceType::topic, ConfigResourceType::broker,
                               ConfigResourceType::broker_logger, ConfigResourceType::client_metrics,
                               ConfigResourceType::group};

bool asks_for(const ListConfigResourcesRequest& asked, int16_t version, ConfigResourceType type) {
    if (version < first_with_types) return type == ConfigResourceType::client_metrics;
    return asked.types.empty() || std::ranges::find(asked.types, type) != asked.types.end();
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ListConfigResourcesRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    ListConfigResourcesResponse response;
    for (const ConfigResourceType type : asked.types) {
        if (std::ranges::find(all_types, type) != all_types.end()) continue;
        response.error_code = ErrorCode::unsupported_version;
        return serving.respond(request, response);
    }
    const ClusterView& view = serving.topics.view();
    const bool topics = asks_for(asked, request.header.version, ConfigResourceType::topic);
    const bool brokers = asks_for(asked, request.header.version, ConfigResourceType::broker);
    const size_t most = (topics ? view.topics.size() : 0) + (brokers ? view.brokers.size() : 0);
    auto resources = request.arena.make_array<ListConfigResourcesResponse::Resource>(most);
    if (resources.size() != most) return serving.close(request);
    size_t count = 0;
    if (topics)
        for (const auto& topic : view.topics) resources[count++] = {topic->name, ConfigResourceType::topic};
    if (brokers) {
        for (const BrokerView& broker : view.brokers) {
            if (!broker.alive) continue;
            const std::string_view id = request.arena.copy(std::to_string(broker.id.value));
            resources[count++] = {id, ConfigResourceType::broker};
        }
    }
    response.resources = resources.first(count);
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::list_config_resources, start, nullptr};

}  // namespace penstock::broker::list_config_resources
