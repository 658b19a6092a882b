#include "broker/coordinator_link.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <variant>

#include "base/arena.h"
#include "base/random.h"
#include "broker/cluster_gather.h"
#include "limits.h"
#include "wire/kafka/errors.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/frame_cutter.h"
#include "wire/node/register_broker.h"
#include "wire/node/topics.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

constexpr int32_t watch_wait_ms = 30'000;
constexpr size_t decode_bytes_max = 4 * limits::node_frame_bytes_max;  // decoded structs are larger than their bytes
constexpr size_t encode_bytes_max = 2 * limits::node_frame_bytes_max;

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

struct Admin {
    uint64_t token = 0;
    Nanos deadline;
    std::variant<CreateCommand, DeleteCommand, GrowCommand, AlterCommand> command;
    bool answered = false;   // timed out while under way: its answer, if it still comes, is dropped
};

// Owned bytes as the views that messages hold.
std::vector<TopicConfig> configs_of(const std::vector<ConfigEntry>& entries) {
    std::vector<TopicConfig> out;
    for (const ConfigEntry& e : entries) out.push_back({e.key, e.value});
    return out;
}

}  // namespace

struct CoordinatorLink::Impl {
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
    FrameCutter cutter{limits::node_frame_bytes_max};
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

    void enter(LinkState next, std::string why);
    void give_up(LinkState next, std::string why, Nanos now);
    void schedule_retry(Nanos now);
    template <class M>
    std::optional<int32_t> send(const M& message);

    void on_frame(std::span<const std::byte> frame, Nanos now);
    void on_registered(wire::Reader& reader, Nanos now);
    void on_heartbeat_answer(wire::Reader& reader, Nanos now);
    void on_watched(wire::Reader& reader, Nanos now);
    void on_allocated(wire::Reader& reader, Nanos now);
    void on_admin_answer(Admin admin, wire::Reader& reader, Nanos now);
    template <class Response>
    void on_topics(Admin admin, wire::Reader& reader, Nanos now);
    std::string refusal_of(const RegisterBrokerResponse& response) const;

    void send_registration(Nanos now);
    void send_heartbeat(Nanos now);
    void send_watch();
    void send_allocation();
    void send_admin();
    std::optional<int32_t> send_command(const CreateCommand& command);
    std::optional<int32_t> send_command(const DeleteCommand& command);
    std::optional<int32_t> send_command(const GrowCommand& command);
    std::optional<int32_t> send_command(const AlterCommand& command);

    Result<void> queue(Admin admin);
    void finish(const Admin& admin, ErrorCode error, std::string message);
    void expire_admin(Nanos now);
};

// --- States

void CoordinatorLink::Impl::enter(LinkState next, std::string why) {
    if (state == next && reason == why) return;
    state = next;
    reason = std::move(why);
    ++changes;
}

// Doubles up to the most, and takes off up to a half: brokers that lost a coordinator together do not return together.
void CoordinatorLink::Impl::schedule_retry(Nanos now) {
    if (state == LinkState::refused) backoff_ns = options.backoff_max_ns;
    else backoff_ns = std::clamp(2 * backoff_ns, options.backoff_min_ns, options.backoff_max_ns);
    const auto jitter = static_cast<int64_t>(random.below(static_cast<uint64_t>(backoff_ns / 2 + 1)));
    retry_at = now + (backoff_ns - jitter);
}

void CoordinatorLink::Impl::give_up(LinkState next, std::string why, Nanos now) {
    closing = true;
    want_close = true;
    answer_by = heartbeat_at = heartbeat_answer_by = never;
    enter(next, std::move(why));
    schedule_retry(now);
}

template <class M>
std::optional<int32_t> CoordinatorLink::Impl::send(const M& message) {
    encode_arena.reset();
    const int32_t id = ++correlation;
    auto frame = wire::request_frame(encode_arena, id, {}, message, wire::node::api_of(M::key).last);
    if (!frame || total_size(*frame) > limits::node_request_bytes_max) return {};
    for (const Fragment& part : *frame) outgoing.insert(outgoing.end(), part.data, part.data + part.size);
    return id;
}

// --- What came in

CoordinatorLink::CoordinatorLink(LinkOptions options, Nanos now)
    : impl_(std::make_unique<Impl>(std::move(options), now)) {}
CoordinatorLink::~CoordinatorLink() = default;

void CoordinatorLink::on_connected(Nanos now) {
    if (!impl_->connection || impl_->closing) return;
    impl_->enter(LinkState::registering, "connected");
    impl_->send_registration(now);
}

void CoordinatorLink::on_received(std::span<const std::byte> bytes, Nanos now) {
    Impl& link = *impl_;
    if (!link.connection || link.closing) return;
    link.cutter.push(bytes);
    while (!link.closing) {
        auto frame = link.cutter.next();
        if (!frame) break;
        link.on_frame(*frame, now);
    }
    if (!link.closing && link.cutter.broken())
        link.give_up(LinkState::waiting, "the coordinator sent a broken frame: is it one?", now);
}

void CoordinatorLink::on_sent() { impl_->sending.clear(); }

void CoordinatorLink::on_closed(std::string_view why, Nanos now) {
    Impl& link = *impl_;
    if (!link.connection) return;
    if (!link.closing) {
        link.enter(LinkState::waiting, why.empty() ? "the coordinator closed the connection" : std::string(why));
        link.schedule_retry(now);
    }
    link.connection = link.closing = link.want_close = false;
    link.answer_by = link.heartbeat_at = link.heartbeat_answer_by = never;
    link.registration.reset();
    link.heartbeat.reset();
    link.watch.reset();
    link.allocation.reset();
    link.cutter.reset();
    link.outgoing.clear();
    link.sending.clear();
    for (const auto& [id, admin] : link.admin_under_way)
        link.finish(admin, ErrorCode::request_timed_out,
                    "the connection to the coordinator ended before its answer: the change may have been made");
    link.admin_under_way.clear();
}

void CoordinatorLink::on_turn(Nanos now) {
    Impl& link = *impl_;
    link.expire_admin(now);
    if (!link.connection) {
        if (link.retry_at > now) return;
        link.connection = link.want_connect = true;
        link.answer_by = now + link.options.connect_timeout_ns;
        // A refusal stays the reason to show until this attempt ends.
        if (link.state != LinkState::refused) link.enter(LinkState::connecting, link.reason);
        return;
    }
    if (link.closing) return;
    if (link.answer_by <= now) return link.give_up(LinkState::waiting, "the coordinator does not answer", now);
    if (link.heartbeat_answer_by <= now)
        return link.give_up(LinkState::waiting, "the coordinator does not answer heartbeats", now);
    if (link.state != LinkState::registered) return;
    if (link.heartbeat_at <= now && !link.heartbeat) link.send_heartbeat(now);
    if (!link.watch) link.send_watch();
    if (link.producer_ids_wanted && !link.allocation) link.send_allocation();
    link.send_admin();
}

// --- Commands

Result<void> CoordinatorLink::create_topics(uint64_t token, std::span<const NewTopic> topics, bool validate_only,
                                            Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, CreateCommand{{topics.begin(), topics.end()}, validate_only}});
}

Result<void> CoordinatorLink::delete_topics(uint64_t token, std::span<const TopicRef> topics, Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, DeleteCommand{{topics.begin(), topics.end()}}});
}

Result<void> CoordinatorLink::create_partitions(uint64_t token, std::span<const NewPartitions> topics,
                                                bool validate_only, Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, GrowCommand{{topics.begin(), topics.end()}, validate_only}});
}

Result<void> CoordinatorLink::alter_configs(uint64_t token, std::span<const TopicConfigs> topics, bool validate_only,
                                            Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, AlterCommand{{topics.begin(), topics.end()}, validate_only}});
}

void CoordinatorLink::want_producer_ids() { impl_->producer_ids_wanted = true; }

void CoordinatorLink::confirm_applied(uint64_t revision) {
    impl_->applied_revision = std::max(impl_->applied_revision, revision);
    impl_->gather.confirm_applied(revision);
}

Result<void> CoordinatorLink::Impl::queue(Admin admin) {
    if (admin_waiting.size() + admin_under_way.size() + results.size() >= limits::link_admin_requests_max)
        return fail(Errc::would_block);
    admin_waiting.push_back(std::move(admin));
    return {};
}

void CoordinatorLink::Impl::finish(const Admin& admin, ErrorCode error, std::string message) {
    if (!admin.answered) results.push_back({.token = admin.token, .error = error, .message = std::move(message)});
}

void CoordinatorLink::Impl::expire_admin(Nanos now) {
    std::erase_if(admin_waiting, [&](const Admin& admin) {
        if (admin.deadline > now) return false;
        finish(admin, ErrorCode::request_timed_out, "the coordinator cannot be reached: " + reason);
        return true;
    });
    for (auto& [id, admin] : admin_under_way) {
        if (admin.answered || admin.deadline > now) continue;
        finish(admin, ErrorCode::request_timed_out, "the coordinator has not answered yet: the change may be made");
        admin.answered = true;
    }
}

// --- Sending

void CoordinatorLink::Impl::send_registration(Nanos now) {
    RegisterBrokerRequest request;
    request.node_id = options.node_id.value;
    request.incarnation = options.incarnation;
    request.storage_id = options.storage_id;
    request.host = options.advertised_host;
    request.port = options.advertised_port;
    request.native_port = options.native_port;
    request.shard_count = static_cast<int32_t>(options.shard_count);
    request.cluster_id = cluster_id;
    request.revision = static_cast<int64_t>(gather.seen_revision());
    request.epoch_id = seen_epoch_id;
    registration = send(request);
    answer_by = now + options.answer_timeout_ns;
}

void CoordinatorLink::Impl::send_heartbeat(Nanos now) {
    BrokerHeartbeatRequest request;
    request.session = session;
    request.sequence = sequence;
    request.applied_revision = static_cast<int64_t>(applied_revision);
    heartbeat = send(request);
    heartbeat_at = now + heartbeat_interval_ns;
    heartbeat_answer_by = now + options.answer_timeout_ns;
}

void CoordinatorLink::Impl::send_watch() {
    WatchClusterRequest request = gather.request();
    request.session = session;
    request.wait_ms = watch_wait_ms;
    watch = send(request);
}

void CoordinatorLink::Impl::send_allocation() {
    AllocateProducerIdsRequest request;
    request.session = session;
    allocation = send(request);
}

void CoordinatorLink::Impl::send_admin() {
    while (!admin_waiting.empty() && admin_under_way.size() < limits::link_admin_under_way_max) {
        Admin admin = std::move(admin_waiting.front());
        admin_waiting.pop_front();
        auto id = std::visit([this](const auto& command) { return send_command(command); }, admin.command);
        if (id) admin_under_way.emplace(*id, std::move(admin));
        else finish(admin, ErrorCode::invalid_request, "the request is too large for the coordinator");
    }
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const CreateCommand& command) {
    std::vector<CreatableTopic> topics;
    std::vector<std::vector<TopicConfig>> configs;
    std::vector<std::vector<std::vector<int32_t>>> numbers;
    std::vector<std::vector<wire::Array<int32_t>>> assignments;
    for (const NewTopic& topic : command.topics) {
        auto& ids = numbers.emplace_back();
        for (const auto& replicas : topic.assignment) {
            auto& list = ids.emplace_back();
            for (NodeId id : replicas) list.push_back(id.value);
        }
        assignments.emplace_back(ids.begin(), ids.end());
        configs.push_back(configs_of(topic.configs));
    }
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const NewTopic& topic = command.topics[i];
        topics.push_back({.name = topic.name, .partitions = topic.partitions,
                          .replication_factor = topic.replication_factor, .assignment = assignments[i],
                          .configs = configs[i]});
    }
    CreateTopicsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const DeleteCommand& command) {
    std::vector<DeletableTopic> topics;
    for (const TopicRef& topic : command.topics) topics.push_back({topic.name, topic.id});
    DeleteTopicsRequest request;
    request.session = session;
    request.topics = topics;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const GrowCommand& command) {
    std::vector<GrowingTopic> topics;
    std::vector<std::vector<std::vector<int32_t>>> numbers;
    std::vector<std::vector<wire::Array<int32_t>>> assignments(command.topics.size());
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const NewPartitions& topic = command.topics[i];
        topics.push_back({.name = topic.topic, .count = topic.count, .assignment = {}});
        if (!topic.assignment) continue;
        auto& ids = numbers.emplace_back();
        for (const auto& replicas : *topic.assignment) {
            auto& list = ids.emplace_back();
            for (NodeId id : replicas) list.push_back(id.value);
        }
        assignments[i].assign(ids.begin(), ids.end());
        topics.back().assignment = assignments[i];
    }
    CreatePartitionsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const AlterCommand& command) {
    std::vector<std::vector<TopicConfig>> configs;
    for (const TopicConfigs& topic : command.topics) {
        configs.push_back(configs_of(topic.expected));
        configs.push_back(configs_of(topic.configs));
    }
    std::vector<AlteredTopic> topics;
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const TopicConfigs& topic = command.topics[i];
        topics.push_back({topic.name, topic.id, configs[2 * i], configs[2 * i + 1]});
    }
    AlterTopicConfigsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

// --- Answers

void CoordinatorLink::Impl::on_frame(std::span<const std::byte> frame, Nanos now) {
    const Fragment bytes{frame.data(), static_cast<uint32_t>(frame.size())};
    decode_arena.reset();
    wire::Reader reader(std::span(&bytes, 1), decode_arena);
    int32_t id = 0;
    // All node messages have the same response header, so any row serves to read it.
    if (!wire::decode_response_header(reader, node_apis.front(), 0, id))
        return give_up(LinkState::waiting, "the coordinator sent a malformed answer", now);
    if (id == registration) return on_registered(reader, now);
    if (id == heartbeat) return on_heartbeat_answer(reader, now);
    if (id == watch) return on_watched(reader, now);
    if (id == allocation) return on_allocated(reader, now);
    auto at = admin_under_way.find(id);
    if (at == admin_under_way.end())
        return give_up(LinkState::waiting, "the coordinator answered what was not asked", now);
    Admin admin = std::move(at->second);
    admin_under_way.erase(at);
    on_admin_answer(std::move(admin), reader, now);
}

std::string CoordinatorLink::Impl::refusal_of(const RegisterBrokerResponse& response) const {
    if (response.error != 0)
        return "the coordinator refused this broker: " +
               std::string(response.message.value_or(wire::kafka::to_string(ErrorCode{response.error})));
    if (response.cluster_id.is_zero() || (!cluster_id.is_zero() && response.cluster_id != cluster_id))
        return "the coordinator's cluster is " + response.cluster_id.text() + ", this broker belongs to " +
               cluster_id.text() + ": check coordinator.address";
    if (response.revision < 0 || static_cast<uint64_t>(response.revision) < gather.seen_revision())
        return "the coordinator's state ends at revision " + std::to_string(response.revision) +
               ", this broker has seen " +
               std::to_string(gather.seen_revision()) + ": was an old backup restored?";
    if (response.heartbeat_interval_ms <= 0 || response.session_timeout_ms <= 0)
        return "the coordinator named no heartbeat interval";
    return {};
}

void CoordinatorLink::Impl::on_registered(wire::Reader& reader, Nanos now) {
    registration.reset();
    RegisterBrokerResponse response;
    if (!wire::decode(reader, response, 0))
        return give_up(LinkState::waiting, "the coordinator sent a malformed registration", now);
    if (std::string why = refusal_of(response); !why.empty()) return give_up(LinkState::refused, std::move(why), now);
    cluster_id = response.cluster_id;
    epoch_id = response.epoch_id;
    session = response.session;
    sequence = response.sequence;
    heartbeat_interval_ns = response.heartbeat_interval_ms * millisecond_ns;
    heartbeat_at = now + heartbeat_interval_ns;
    answer_by = never;
    backoff_ns = 0;
    enter(LinkState::registered, "session timeout " + std::to_string(response.session_timeout_ms) + " ms");
}

void CoordinatorLink::Impl::on_heartbeat_answer(wire::Reader& reader, Nanos now) {
    heartbeat.reset();
    heartbeat_answer_by = never;
    BrokerHeartbeatResponse response;
    if (!wire::decode(reader, response, 0))
        return give_up(LinkState::waiting, "the coordinator sent a malformed heartbeat", now);
    if (response.error != 0) return give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
    sequence = response.sequence;
}

void CoordinatorLink::Impl::on_watched(wire::Reader& reader, Nanos now) {
    watch.reset();
    WatchClusterResponse page;
    if (!wire::decode(reader, page, 0))
        return give_up(LinkState::waiting, "the coordinator sent a malformed state", now);
    if (page.error != 0) return give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
    if (std::string wrong = gather.take(page, cluster_id); !wrong.empty())
        return give_up(LinkState::refused, "the coordinator's state is refused: " + wrong, now);
    seen_epoch_id = epoch_id;
}

/// An answer that is lost costs a block: the next session asks for another.
void CoordinatorLink::Impl::on_allocated(wire::Reader& reader, Nanos now) {
    allocation.reset();
    AllocateProducerIdsResponse response;
    if (!wire::decode(reader, response, 0))
        return give_up(LinkState::waiting, "the coordinator sent malformed producer ids", now);
    if (ErrorCode{response.error} == ErrorCode::broker_id_not_registered)
        return give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
    if (response.error != 0 || response.first < 0 || response.count <= 0 || response.first > INT64_MAX - response.count)
        return give_up(LinkState::waiting, "the coordinator has no producer ids", now);
    producer_ids_wanted = false;
    producer_ids = {response.first, response.count};
}

void CoordinatorLink::Impl::on_admin_answer(Admin admin, wire::Reader& reader, Nanos now) {
    if (std::holds_alternative<CreateCommand>(admin.command))
        return on_topics<CreateTopicsResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<DeleteCommand>(admin.command))
        return on_topics<DeleteTopicsResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<GrowCommand>(admin.command))
        return on_topics<CreatePartitionsResponse>(std::move(admin), reader, now);
    on_topics<AlterTopicConfigsResponse>(std::move(admin), reader, now);
}

template <class Response>
void CoordinatorLink::Impl::on_topics(Admin admin, wire::Reader& reader, Nanos now) {
    Response response;
    if (!wire::decode(reader, response, 0)) {
        finish(admin, ErrorCode::request_timed_out,
               "the coordinator's answer is malformed: the change may have been made");
        return give_up(LinkState::waiting, "the coordinator sent a malformed answer", now);
    }
    if (ErrorCode{response.error} == ErrorCode::broker_id_not_registered) {
        // Not carried out: it goes again in the next session, unless its deadline comes first.
        if (!admin.answered) admin_waiting.push_front(std::move(admin));
        return give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
    }
    if (admin.answered) return;
    AdminResult result{.token = admin.token, .error = ErrorCode{response.error},
                       .revision = static_cast<uint64_t>(std::max<int64_t>(response.revision, 0))};
    for (const ChangedTopic& topic : response.topics) {
        auto& out = result.topics.emplace_back();
        out.name = topic.name;
        out.id = topic.id;
        out.error = ErrorCode{topic.error};
        out.message = topic.message.value_or("");
        out.partitions = topic.partitions;
        out.replication_factor = topic.replication_factor;
        for (const TopicConfig& config : topic.configs)
            out.configs.push_back({std::string(config.key), std::string(config.value)});
    }
    results.push_back(std::move(result));
}

// --- What must go out

bool CoordinatorLink::poll_connect() { return std::exchange(impl_->want_connect, false); }
bool CoordinatorLink::poll_close() { return std::exchange(impl_->want_close, false); }

std::span<const std::byte> CoordinatorLink::poll_send() {
    Impl& link = *impl_;
    if (link.closing || !link.sending.empty() || link.outgoing.empty()) return {};
    std::swap(link.sending, link.outgoing);
    return link.sending;
}

std::shared_ptr<const ClusterView> CoordinatorLink::poll_view() {
    Impl& link = *impl_;
    if (link.handed_out == link.gather.view()) return nullptr;
    link.handed_out = link.gather.view();
    return link.handed_out;
}

std::optional<AdminResult> CoordinatorLink::poll_result() {
    Impl& link = *impl_;
    if (link.results.empty()) return {};
    AdminResult result = std::move(link.results.front());
    link.results.pop_front();
    return result;
}

std::optional<ProducerIdBlock> CoordinatorLink::poll_producer_ids() {
    return std::exchange(impl_->producer_ids, std::nullopt);
}

Nanos CoordinatorLink::next_deadline() const {
    const Impl& link = *impl_;
    Nanos next = std::min(link.answer_by, link.heartbeat_answer_by);
    if (!link.heartbeat) next = std::min(next, link.heartbeat_at);  // the next one waits for the answer to the last
    if (!link.connection) next = std::min(next, link.retry_at);
    for (const Admin& admin : link.admin_waiting) next = std::min(next, admin.deadline);
    for (const auto& [id, admin] : link.admin_under_way)
        if (!admin.answered) next = std::min(next, admin.deadline);
    return next;
}

LinkState CoordinatorLink::state() const { return impl_->state; }
const std::string& CoordinatorLink::reason() const { return impl_->reason; }
uint64_t CoordinatorLink::state_changes() const { return impl_->changes; }
const Uuid& CoordinatorLink::cluster_id() const { return impl_->cluster_id; }

}  // namespace penstock::broker
