// DescribeCluster: brokers, cluster id and controller.
#include "wire/kafka/describe_cluster.h"

#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::describe_cluster {

namespace {

using wire::kafka::DescribeClusterRequest;
using wire::kafka::DescribeClusterResponse;

void start(Request& request, wire::Reader& reader, Serving& serving) {
    DescribeClusterRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    const ClusterView& view = serving.topics.view();
    DescribeClusterResponse response;
    response.endpoint_type = asked.endpoint_type;
    if (asked.endpoint_type != wire::kafka::endpoint_brokers) {
        response.error_code = asked.endpoint_type == wire::kafka::endpoint_controllers
                                  ? ErrorCode::mismatched_endpoint_type
                                  : ErrorCode::unsupported_endpoint_type;
        response.error_message = "This listener belongs to a broker.";
        return serving.respond(request, response);
    }
    auto brokers = request.arena.make_array<DescribeClusterResponse::Broker>(view.brokers.size());
    size_t count = 0;
    for (const BrokerView& broker : view.brokers) {
        if (count == brokers.size() || (!broker.alive && !asked.include_fenced_brokers)) continue;
        brokers[count++] = {broker.id.value, broker.host, broker.port, rack_of(broker), !broker.alive};
    }
    const std::string cluster_id = view.cluster_id.text();
    response.cluster_id = cluster_id;
    response.controller_id = view.controller_id.value;
    response.brokers = brokers.first(count);
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::describe_cluster, start, nullptr};

}  // namespace penstock::broker::describe_cluster
