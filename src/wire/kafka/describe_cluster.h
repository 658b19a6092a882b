// DescribeCluster: brokers, cluster id and controller, for admin clients.
#pragma once

#include "wire/codec.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::wire::kafka {

inline constexpr int8_t endpoint_brokers = 1;
inline constexpr int8_t endpoint_controllers = 2;

struct DescribeClusterRequest {
    static constexpr ApiKey key = ApiKey::describe_cluster;

    bool include_cluster_authorized_operations = false;
    int8_t endpoint_type = endpoint_brokers;
    bool include_fenced_brokers = false;

    template <class C>
    void fields(C& c) {
        c.field(include_cluster_authorized_operations);
        c.field(endpoint_type, from(1));
        c.field(include_fenced_brokers, from(2));
    }
};

struct DescribeClusterResponse {
    static constexpr ApiKey key = ApiKey::describe_cluster;

    struct Broker {
        int32_t broker_id = -1;
        std::string_view host;
        int32_t port = 0;
        NullableString rack;
        bool is_fenced = false;

        template <class C>
        void fields(C& c) {
            c.field(broker_id);
            c.field(host);
            c.field(port);
            c.field(rack);
            c.field(is_fenced, from(2));
        }
    };

    int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    NullableString error_message;
    int8_t endpoint_type = endpoint_brokers;
    std::string_view cluster_id;
    int32_t controller_id = -1;
    Array<Broker> brokers;
    int32_t cluster_authorized_operations = INT32_MIN;

    template <class C>
    void fields(C& c) {
        c.field(throttle_time_ms);
        c.field(error_code);
        c.field(error_message);
        c.field(endpoint_type, from(1));
        c.field(cluster_id);
        c.field(controller_id);
        c.field(brokers);
        c.field(cluster_authorized_operations);
    }
};

}  // namespace penstock::wire::kafka

namespace penstock::wire {
PENSTOCK_MESSAGE(kafka::DescribeClusterRequest);
PENSTOCK_MESSAGE(kafka::DescribeClusterResponse);
}  // namespace penstock::wire
