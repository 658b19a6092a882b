// The link between broker and coordinator, from both ends and message by message.
//
// Input: mode | piece size | bytes.
//   mode 0     a request frame: header, then its message. What decodes must encode to what decodes to the same bytes.
//   mode 1     a response: row of the API table in place of the piece size; the same.
//   mode 2     what a coordinator sends to a broker's link, in pieces, with a turn after each: never more than a closed
//              connection, and no view goes back.
//   mode 3     what a broker sends to the coordinator, in pieces: a frame of an answer or a closed connection, no more.
// Seeds and options are fixed, so recorded conversations make sense again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "broker/coordinator_link.h"
#include "coordinator/coordinator.h"
#include "limits.h"
#include "scenario/link_options.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/frame_cutter.h"
#include "wire/node/partitions.h"
#include "wire/node/register_broker.h"
#include "wire/node/read_replica.h"
#include "wire/node/replica_state.h"
#include "wire/node/replicate.h"
#include "wire/node/topics.h"

namespace {

using namespace penstock;
using namespace penstock::wire::node;

using Input = std::span<const std::byte>;

constexpr size_t arena_bytes = 4 << 20;
constexpr Nanos start{1000 * second_ns};
constexpr uint64_t proposals_max = 4;

std::vector<std::byte> joined(std::span<const Fragment> chain) {
    std::vector<std::byte> out;
    for (const Fragment& f : chain) out.insert(out.end(), f.data, f.data + f.size);
    return out;
}

template <class M>
void check(wire::Reader& reader) {
    M message;
    if (!wire::decode(reader, message, 0)) return;
    Arena arena(arena_bytes);
    wire::Writer writer(arena);
    if (!wire::encode(writer, message, 0)) return PENSTOCK_ASSERT(writer.error() == Errc::too_large);
    const std::vector<std::byte> first = joined(writer.finish());
    const Fragment whole{first.data(), static_cast<uint32_t>(first.size())};
    wire::Reader again(std::span(&whole, 1), arena);
    M copy;
    if (!wire::decode(again, copy, 0)) return PENSTOCK_ASSERT(again.error() == Errc::too_large);
    PENSTOCK_ASSERT(again.remaining() == 0);
    wire::Writer second(arena);
    if (wire::encode(second, copy, 0)) PENSTOCK_ASSERT(joined(second.finish()) == first);
}

template <class Request, class Response>
void check_either(wire::Reader& reader, bool is_request) {
    if (is_request) check<Request>(reader);
    else check<Response>(reader);
}

void check_message(wire::Reader& reader, NodeKey key, bool is_request) {
    switch (key) {
        case NodeKey::register_broker:
            return check_either<RegisterBrokerRequest, RegisterBrokerResponse>(reader, is_request);
        case NodeKey::broker_heartbeat:
            return check_either<BrokerHeartbeatRequest, BrokerHeartbeatResponse>(reader, is_request);
        case NodeKey::watch_cluster:
            return check_either<WatchClusterRequest, WatchClusterResponse>(reader, is_request);
        case NodeKey::create_topics:
            return check_either<CreateTopicsRequest, CreateTopicsResponse>(reader, is_request);
        case NodeKey::delete_topics:
            return check_either<DeleteTopicsRequest, DeleteTopicsResponse>(reader, is_request);
        case NodeKey::alter_topic_configs:
            return check_either<AlterTopicConfigsRequest, AlterTopicConfigsResponse>(reader, is_request);
        case NodeKey::create_partitions:
            return check_either<CreatePartitionsRequest, CreatePartitionsResponse>(reader, is_request);
        case NodeKey::allocate_producer_ids:
            return check_either<AllocateProducerIdsRequest, AllocateProducerIdsResponse>(reader, is_request);
        case NodeKey::replica_state:
            return check_either<ReplicaStateRequest, ReplicaStateResponse>(reader, is_request);
        case NodeKey::read_replica:
            return check_either<ReadReplicaRequest, ReadReplicaResponse>(reader, is_request);
        case NodeKey::replicate:
            return check_either<ReplicateRequest, ReplicateResponse>(reader, is_request);
        case NodeKey::alter_partitions:
            return check_either<AlterPartitionsRequest, AlterPartitionsResponse>(reader, is_request);
        case NodeKey::elect_leaders:
            return check_either<ElectLeadersRequest, ElectLeadersResponse>(reader, is_request);
        case NodeKey::alter_reassignments:
            return check_either<AlterReassignmentsRequest, AlterReassignmentsResponse>(reader, is_request);
    }
}

void run_request(Input frame) {
    const Fragment bytes{frame.data(), static_cast<uint32_t>(frame.size())};
    Arena arena(arena_bytes);
    wire::Reader reader(std::span(&bytes, 1), arena);
    wire::RequestHeader header;
    if (wire::decode_request_header(reader, node_apis, header) == wire::HeaderStatus::ok)
        check_message(reader, NodeKey{header.key}, true);
}

void run_response(Input frame, size_t row) {
    const Fragment bytes{frame.data(), static_cast<uint32_t>(frame.size())};
    Arena arena(arena_bytes);
    wire::Reader reader(std::span(&bytes, 1), arena);
    const wire::Api& api = node_apis[row % node_apis.size()];
    int32_t correlation = 0;
    if (wire::decode_response_header(reader, api, 0, correlation)) check_message(reader, NodeKey{api.key}, false);
}

void run_link(Input bytes, size_t piece) {
    Nanos now = start;
    broker::CoordinatorLink link(scenario::link_options(1), now);
    const broker::NewTopic topic{.name = "games", .partitions = 3, .assignment = {}, .configs = {}};
    PENSTOCK_ASSERT(link.create_topics(1, std::span(&topic, 1), false, now + 3600 * second_ns).has_value());
    link.want_producer_ids();
    link.want_to_stop();
    const broker::PartitionRef partition{"games", 0};
    PENSTOCK_ASSERT(link.elect_leaders(2, broker::Election::unclean, std::span(&partition, 1), now + 3600 * second_ns)
                        .has_value());
    const broker::NewReplicas moved{"games", 0, std::vector<NodeId>{NodeId{2}}};
    PENSTOCK_ASSERT(link.reassign(3, std::span(&moved, 1), now + 3600 * second_ns).has_value());
    const broker::InSyncProposal proposal{.topic = {}, .partition = 0, .leader_epoch = LeaderEpoch{1},
                                          .partition_epoch = 1, .isr = {{NodeId{1}, {}}}};
    uint64_t proposed = 0, answered = 0;
    link.on_turn(now);
    PENSTOCK_ASSERT(link.poll_connect());
    link.on_connected(now);
    uint64_t revision = 0;
    while (!bytes.empty()) {
        now += millisecond_ns;
        const size_t size = std::min(piece == 0 ? bytes.size() : piece, bytes.size());
        if (proposed < proposals_max && link.alter_partitions(proposed, std::span(&proposal, 1))) ++proposed;
        link.on_received(bytes.first(size), now);
        bytes = bytes.subspan(size);
        link.on_turn(now);
        if (!link.poll_send().empty()) link.on_sent();
        if (auto view = link.poll_view()) {
            PENSTOCK_ASSERT(view->revision >= revision);
            revision = view->revision;
            link.confirm_applied(revision);
        }
        while (link.poll_result()) {}
        while (link.poll_in_sync_result()) ++answered;
        while (const auto block = link.poll_producer_ids())
            PENSTOCK_ASSERT(block->first >= 0 && block->count > 0 && block->first <= INT64_MAX - block->count);
        if (link.poll_close()) break;
    }
    link.on_closed("", now);
    PENSTOCK_ASSERT(link.state() != broker::LinkState::registered);
    while (link.poll_in_sync_result()) ++answered;
    PENSTOCK_ASSERT(answered == proposed);  // none is lost
}

void run_coordinator(Input bytes, size_t piece) {
    Nanos now = start;
    coordinator::CoordinatorOptions options;
    options.seed = 1;
    coordinator::Coordinator coordinator(options, coordinator::State::load({}).value(), now);
    FrameCutter cutter(limits::node_request_bytes_max);
    const io::ConnectionId connection{1};
    bool closed = false;
    while (!bytes.empty() && !closed) {
        now += millisecond_ns;
        const size_t size = std::min(piece == 0 ? bytes.size() : piece, bytes.size());
        cutter.push(bytes.first(size));
        bytes = bytes.subspan(size);
        while (auto frame = cutter.next()) coordinator.on_frame(connection, *frame, now);
        coordinator.on_turn(now);
        if (auto t = coordinator.poll_transaction()) coordinator.on_stored({t->token, true, {}}, now);
        while (auto frame = coordinator.poll_frame())
            PENSTOCK_ASSERT(frame->bytes.size() <= limits::node_frame_bytes_max);
        while (coordinator.poll_note()) {}
        while (coordinator.poll_close()) closed = true;
        closed |= cutter.broken();
    }
    coordinator.on_closed(connection);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input = std::as_bytes(std::span(data, size));
    if (input.size() < 2) return 0;
    const auto parameter = std::to_integer<size_t>(input[1]);
    const Input bytes = input.subspan(2);
    switch (std::to_integer<unsigned>(input[0]) % 4) {
        case 0: run_request(bytes); break;
        case 1: run_response(bytes, parameter); break;
        case 2: run_link(bytes, parameter); break;
        default: run_coordinator(bytes, parameter); break;
    }
    return 0;
}
