// The inside of CoordinatorLink, for its sources alone: coordinator_link.cpp has the connection and the session,
// coordinator_link_changes.cpp what is asked for on it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/arena.h"
#include "base/random.h"
#include "broker/cluster_gather.h"
#include "broker/coordinator_link.h"
#include "limits.h"
#include "wire/kafka/errors.h"
#include "wire/node/frame_cutter.h"
#include "wire/node/register_broker.h"

namespace penstock::broker {

struct CreateCommand {
    std::vector<NewTopic> topics;
    bool validate_only = false;
};
struct DeleteCommand {
    std::vector<TopicRef> topics;
};
struct GrowCommand {
    std::vector<NewPartitions> topics;
    bool validate_only = false;
};
struct AlterCommand {
    std::vector<TopicConfigs> topics;
    bool validate_only = false;
};
struct ElectCommand {
    Election election = Election::preferred;
    std::optional<std::vector<PartitionRef>> partitions;
};
struct ReassignCommand {
    std::vector<NewReplicas> partitions;
};

struct Admin {
    uint64_t token = 0;
    Nanos deadline;
    std::variant<CreateCommand, DeleteCommand, GrowCommand, AlterCommand, ElectCommand, ReassignCommand> command;
    bool answered = false;   // timed out while under way: its answer, if it still comes, is dropped
};

struct InSyncRequest {
    uint64_t token = 0;
    std::vector<InSyncProposal> partitions;
};

struct CoordinatorLink::Impl {
    static constexpr size_t decode_bytes_max = 4 * limits::node_frame_bytes_max;  // structs are larger than their bytes
    static constexpr size_t encode_bytes_max = 2 * limits::node_frame_bytes_max;

    Impl(LinkOptions o, Nanos now)
        : options(std::move(o)), random(options.seed), retry_at(now), cluster_id(options.cluster_id),
          gather(options.node_id) {}

    // --- State, and the connection
    LinkOptions options;
    Random random;
    LinkState state = LinkState::waiting;
    std::string reason = "not connected yet";
    uint64_t changes = 0;
    Nanos retry_at;                 // waiting, refused: when to connect again
    int64_t backoff_ns = 0;
    bool connection = false;        // from poll_connect() to on_closed()
    bool closing = false;           // given up: only on_closed() counts
    bool want_connect = false, want_close = false;
    Nanos answer_by = never;        // connecting, registering: when to give up
    wire::node::FrameCutter cutter{limits::node_frame_bytes_max};
    std::vector<std::byte> outgoing, sending;
    Arena encode_arena{encode_bytes_max}, decode_arena{decode_bytes_max};

    // --- What is under way on it
    int32_t correlation = 0;
    std::optional<int32_t> registration, heartbeat, watch, allocation;
    bool producer_ids_wanted = false;
    std::optional<ProducerIdBlock> producer_ids;
    std::map<int32_t, Admin> admin_under_way;
    std::deque<Admin> admin_waiting;
    std::deque<AdminResult> results;
    std::map<int32_t, InSyncRequest> in_sync_under_way;
    std::deque<InSyncRequest> in_sync_waiting;
    std::deque<InSyncResult> in_sync_results;

    // --- The session
    int64_t session = 0, sequence = 0;
    int64_t heartbeat_interval_ns = 0;
    Nanos heartbeat_at = never, heartbeat_answer_by = never;
    Uuid cluster_id;
    Uuid epoch_id;           // of the coordinator that this session is with
    Uuid seen_epoch_id;      // of the one that sent the last page
    ClusterGather gather;
    std::shared_ptr<const ClusterView> handed_out;
    uint64_t applied_revision = 0;
    bool wants_to_stop = false, may_stop = false;

    void enter(LinkState next, std::string why);
    void give_up(LinkState next, std::string why, Nanos now);
    void schedule_retry(Nanos now);
    /// Its correlation id; nothing: it is too large.
    template <class M>
    std::optional<int32_t> send(const M& message) {
        encode_arena.reset();
        const int32_t id = ++correlation;
        auto frame = wire::request_frame(encode_arena, id, {}, message, wire::node::api_of(M::key).last);
        if (!frame || total_size(*frame) > limits::node_request_bytes_max) return {};
        for (const Fragment& part : *frame) outgoing.insert(outgoing.end(), part.data, part.data + part.size);
        return id;
    }

    void on_frame(std::span<const std::byte> frame, Nanos now);
    void on_registered(wire::Reader& reader, Nanos now);
    void on_heartbeat_answer(wire::Reader& reader, Nanos now);
    void on_watched(wire::Reader& reader, Nanos now);
    void on_allocated(wire::Reader& reader, Nanos now);
    void on_admin_answer(Admin admin, wire::Reader& reader, Nanos now);
    template <class Response>
    void on_topics(Admin admin, wire::Reader& reader, Nanos now);
    template <class Response>
    void on_partitions(Admin admin, wire::Reader& reader, Nanos now);
    template <class Response>
    bool take_answer(Admin& admin, wire::Reader& reader, Response& response, Nanos now);
    void on_in_sync_answer(InSyncRequest request, wire::Reader& reader, Nanos now);
    std::string refusal_of(const wire::node::RegisterBrokerResponse& response) const;

    void send_registration(Nanos now);
    void send_heartbeat(Nanos now);
    void send_watch();
    void send_allocation();
    void send_admin();
    std::optional<int32_t> send_command(const CreateCommand& command);
    std::optional<int32_t> send_command(const DeleteCommand& command);
    std::optional<int32_t> send_command(const GrowCommand& command);
    std::optional<int32_t> send_command(const AlterCommand& command);
    std::optional<int32_t> send_command(const ElectCommand& command);
    std::optional<int32_t> send_command(const ReassignCommand& command);
    void send_in_sync();
    std::optional<int32_t> send_proposals(const InSyncRequest& request);

    Result<void> queue(Admin admin);
    void finish(const Admin& admin, wire::kafka::ErrorCode error, std::string message);
    void expire_admin(Nanos now);
    void lose(const InSyncRequest& request, wire::kafka::ErrorCode error, std::string message);
    void lose_all_in_sync();
};

}  // namespace penstock::broker
