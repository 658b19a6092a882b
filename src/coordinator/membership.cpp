#include "coordinator/membership.h"

#include <algorithm>

#include "coordinator/election.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::RegisterBrokerRequest;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

std::optional<Refusal> check_form(const RegisterBrokerRequest& request) {
    auto invalid = [](const char* what) { return Refusal{ErrorCode::invalid_request, what}; };
    if (request.node_id < 0) return invalid("the node id is negative");
    if (request.incarnation.is_zero() || request.storage_id.is_zero())
        return invalid("incarnation or storage id is zero");
    if (request.host.empty() || request.host.size() > limits::host_bytes_max)
        return invalid("the advertised host is empty or too long");
    if (request.port <= 0 || request.port > 65535) return invalid("the advertised port is not within 1 to 65535");
    if (request.shard_count <= 0 || request.shard_count > static_cast<int32_t>(limits::shards_max))
        return invalid("the shard count is out of range");
    if (request.native_port < 0 || request.native_port + request.shard_count > 65536)
        return invalid("the native ports are not within 1 to 65535");
    if (request.rack.size() > limits::rack_bytes_max) return invalid("the rack's name is too long");
    return {};
}

std::optional<Refusal> check_history(const State& state, const RegisterBrokerRequest& request) {
    if (!request.cluster_id.is_zero() && request.cluster_id != state.cluster_id())
        return Refusal{ErrorCode::inconsistent_cluster_id,
                       "broker " + number(request.node_id) + " belongs to cluster " + request.cluster_id.text() +
                           ", this coordinator to cluster " + state.cluster_id().text() +
                           ": check coordinator.address, or the coordinator's data directory"};
    if (request.revision < 0 ||
        (request.revision > 0 && !state.in_history(request.epoch_id, static_cast<uint64_t>(request.revision))))
        return Refusal{ErrorCode::invalid_registration,
                       "broker " + number(request.node_id) + " has seen revision " + number(request.revision) +
                           ", which is not in this coordinator's history (now at " +
                           number(static_cast<int64_t>(state.revision())) +
                           "): was an old backup restored? If so on purpose, restart the brokers"};
    return {};
}

std::optional<Refusal> check_storage(const State& state, const RegisterBrokerRequest& request) {
    for (const auto& [id, other] : state.brokers()) {
        if (id.value == request.node_id || other.storage_id != request.storage_id) continue;
        return Refusal{ErrorCode::duplicate_broker_registration,
                       "storage " + request.storage_id.text() + " belongs to broker " + number(id.value) +
                           ": a data directory keeps its node.id"};
    }
    const Broker* known = state.broker(NodeId{request.node_id});
    if (known == nullptr || known->storage_id == request.storage_id) return {};
    const std::string who = "broker " + number(request.node_id) + " is registered with storage " +
                            known->storage_id.text() + ", this one has storage " + request.storage_id.text();
    if (!known->fenced)
        return Refusal{ErrorCode::duplicate_broker_registration,
                       who + ", and the first is alive: choose another node.id"};
    if (uint64_t sole = count_sole_replicas(state, known->id); sole > 0)
        return Refusal{ErrorCode::invalid_registration,
                       who + ", and " + number(static_cast<int64_t>(sole)) +
                           " partitions have their only copy on the first: bring the old data directory back, or start "
                           "with another node.id and delete the topics that are lost"};
    return {};
}

}  // namespace

std::optional<Refusal> check_registration(const State& state, const RegisterBrokerRequest& request) {
    if (auto refusal = check_form(request)) return refusal;
    if (auto refusal = check_history(state, request)) return refusal;
    if (auto refusal = check_storage(state, request)) return refusal;
    if (state.broker(NodeId{request.node_id}) == nullptr && state.brokers().size() >= limits::brokers_max)
        return Refusal{ErrorCode::policy_violation,
                       "the cluster has " + number(limits::brokers_max) + " brokers, its limit"};
    return {};
}

void register_broker(State& state, const RegisterBrokerRequest& request) {
    const Broker broker{.id = NodeId{request.node_id}, .incarnation = request.incarnation,
                        .storage_id = request.storage_id, .host = std::string(request.host),
                        .port = static_cast<uint16_t>(request.port),
                        .shard_count = static_cast<uint32_t>(request.shard_count),
                        .native_port = static_cast<uint16_t>(request.native_port),
                        .rack = std::string(request.rack), .fenced = false, .stopping = false};
    const Broker* known = state.broker(broker.id);
    if (known != nullptr && *known == broker) return;
    const bool other_storage = known != nullptr && known->storage_id != broker.storage_id;
    const bool restarted = known != nullptr && known->incarnation != broker.incarnation;
    state.set_broker(broker);
    if (other_storage) leave_in_sync_sets(state, broker.id);
    else if (restarted && !request.clean) leave_memory_sets(state, broker.id);
    if (restarted) end_leaderships(state, broker.id);
    elect_where_needed(state);
}

void fence_broker(State& state, NodeId id) {
    const Broker* known = state.broker(id);
    if (known == nullptr || known->fenced) return;
    Broker fenced = *known;
    fenced.fenced = true;
    fenced.stopping = false;  // that ends with the session
    state.set_broker(std::move(fenced));
    leave_to_the_living(state, id);
}

bool stop_broker(State& state, NodeId id) {
    const Broker* known = state.broker(id);
    if (known == nullptr || known->fenced || known->stopping) return false;
    Broker stopping = *known;
    stopping.stopping = true;
    state.set_broker(std::move(stopping));
    hand_over(state, id);
    return true;
}

}  // namespace penstock::coordinator
