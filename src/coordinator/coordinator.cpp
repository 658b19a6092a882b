#include "coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include "coordinator/membership.h"
#include "coordinator/partitions.h"
#include "limits.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/broker_heartbeat.h"
#include "wire/node/register_broker.h"
#include "wire/node/topics.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

constexpr size_t decode_bytes_max = 4 * limits::node_request_bytes_max;  // decoded structs are larger than their bytes
constexpr size_t encode_bytes_max = 2 * limits::node_frame_bytes_max;
constexpr size_t notes_max = 256;
constexpr int32_t watch_wait_ms_max = 60'000;
constexpr int64_t heartbeats_per_session = 10;

int16_t code(ErrorCode error) { return static_cast<int16_t>(error); }

std::string id_text(NodeId id) { return std::to_string(id.value); }

}  // namespace

Coordinator::Coordinator(const CoordinatorOptions& options, State state, Nanos now)
    : options_(options),
      state_(std::move(state)),
      sessions_(options.session_timeout_ns, now),
      random_(options.seed),
      decode_arena_(decode_bytes_max),
      encode_arena_(encode_bytes_max) {
    if (state_.cluster_id().is_zero()) state_.set_cluster_id(make_uuid(random_.next(), random_.next()));
    state_.begin_epoch(make_uuid(random_.next(), random_.next()));
    for (NodeId broker : state_.alive_brokers()) sessions_.grant(broker, now);
}

// --- Frames

void Coordinator::on_frame(io::ConnectionId connection, std::span<const std::byte> frame, Nanos now) {
    if (failure_) return;
    Fragment bytes{frame.data(), static_cast<uint32_t>(frame.size())};
    decode_arena_.reset();
    wire::Reader reader(std::span(&bytes, 1), decode_arena_);
    wire::RequestHeader header;
    switch (wire::decode_request_header(reader, node_apis, header)) {
        case wire::HeaderStatus::ok: break;
        case wire::HeaderStatus::malformed: return drop(connection, "sent a malformed frame");
        case wire::HeaderStatus::unknown_api:
            return drop(connection, "asked for API " + std::to_string(header.key) + ", which is not a coordinator's");
        case wire::HeaderStatus::unsupported_version:
            return drop(connection, "asked for version " + std::to_string(header.version) + " of " +
                                        std::string(header.api->name) + ": broker and coordinator are too far apart");
    }
    header.client_id.reset();  // lent from the frame, which is gone when a waiting request is handled
    accept(connection, peers_[connection], header, reader, now);
}

void Coordinator::accept(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header,
                         wire::Reader& reader, Nanos now) {
    switch (NodeKey{header.key}) {
        case NodeKey::broker_heartbeat: return on_heartbeat(connection, peer, header, reader, now);
        case NodeKey::watch_cluster: return on_watch(connection, peer, header, reader, now);
        case NodeKey::register_broker:
        case NodeKey::create_topics:
        case NodeKey::delete_topics:
        case NodeKey::alter_topic_configs:
        case NodeKey::create_partitions:
        case NodeKey::allocate_producer_ids: return enqueue(connection, peer, header, reader);
    }
}

void Coordinator::enqueue(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header,
                          wire::Reader& reader) {
    if (peer.requests_waiting >= limits::connection_requests_max)
        return drop(connection, "has too many requests waiting");
    if (waiting_bytes_ + reader.remaining() > limits::waiting_request_bytes_max)
        return drop(connection, "came while too many requests wait for the store");
    std::vector<std::byte> body(reader.remaining());
    reader.copy(body);
    waiting_bytes_ += body.size();
    ++peer.requests_waiting;
    waiting_.push_back({connection, header, std::move(body)});
}

// The peer broke the protocol or the bounds. Its session, if it has one, runs out by itself.
void Coordinator::drop(io::ConnectionId connection, std::string why) {
    peers_.erase(connection);
    closing_.push_back(connection);
    note(true, "closed connection " + std::to_string(connection.value) + ": it " + std::move(why));
}

void Coordinator::on_closed(io::ConnectionId connection) { peers_.erase(connection); }

template <class M>
void Coordinator::answer(io::ConnectionId connection, const wire::RequestHeader& header, const M& message,
                         std::deque<OutgoingFrame>& into) {
    encode_arena_.reset();
    auto frame = wire::response_frame(encode_arena_, header.correlation_id, message, header.version);
    PENSTOCK_ASSERT(frame.has_value());  // limits.h keeps every answer within a frame
    OutgoingFrame out{connection, {}};
    out.bytes.reserve(total_size(*frame));
    for (const Fragment& part : *frame) out.bytes.insert(out.bytes.end(), part.data, part.data + part.size);
    into.push_back(std::move(out));
}

Session* Coordinator::session_of(io::ConnectionId connection, const Peer& peer, int64_t id) {
    Session* session = peer.broker == no_node ? nullptr : sessions_.find(peer.broker);
    return session != nullptr && session->id == id && session->connection == connection ? session : nullptr;
}

// --- Requests that need no transaction

void Coordinator::on_heartbeat(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header,
                               wire::Reader& reader, Nanos now) {
    BrokerHeartbeatRequest request;
    if (!wire::decode(reader, request, header.version)) return drop(connection, "sent a malformed heartbeat");
    BrokerHeartbeatResponse response;
    if (Session* session = session_of(connection, peer, request.session)) {
        sessions_.confirm(*session, request.sequence, now);
        response.sequence = session->sequence;
        const auto applied = static_cast<uint64_t>(std::max<int64_t>(request.applied_revision, 0));
        if (applied > session->applied_revision && applied <= state_.revision()) {
            session->applied_revision = applied;
            confirming_.insert(peer.broker);
        }
    } else {
        response.error = code(ErrorCode::broker_id_not_registered);
    }
    answer(connection, header, response, outgoing_);
}

void Coordinator::on_watch(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header,
                           wire::Reader& reader, Nanos now) {
    WatchClusterRequest request;
    if (!wire::decode(reader, request, header.version) || request.revision < 0 || request.after_revision < 0)
        return drop(connection, "sent a malformed watch");
    if (peer.watch) return drop(connection, "watches twice");
    if (session_of(connection, peer, request.session) == nullptr) {
        WatchClusterResponse response;
        response.error = code(ErrorCode::broker_id_not_registered);
        return answer(connection, header, response, outgoing_);
    }
    const int64_t wait_ns = std::clamp(request.wait_ms, 0, watch_wait_ms_max) * millisecond_ns;
    peer.watch = Watch{.position = {.revision = static_cast<uint64_t>(request.revision),
                                    .after_revision = static_cast<uint64_t>(request.after_revision),
                                    .after_topic = request.after_topic},
                       .header = header,
                       .deadline = now + wait_ns};
}

// --- Requests that may change the state. False: the body is malformed.

bool Coordinator::handle(const Request& request, Peer& peer, Nanos now) {
    Fragment bytes{request.body.data(), static_cast<uint32_t>(request.body.size())};
    decode_arena_.reset();
    wire::Reader reader(std::span(&bytes, 1), decode_arena_);
    switch (NodeKey{request.header.key}) {
        case NodeKey::register_broker: return on_register(request, peer, reader, now);
        case NodeKey::create_topics: return on_create_topics(request, peer, reader);
        case NodeKey::delete_topics: return on_delete_topics(request, peer, reader);
        case NodeKey::create_partitions: return on_create_partitions(request, peer, reader);
        case NodeKey::alter_topic_configs: return on_alter_configs(request, peer, reader);
        case NodeKey::allocate_producer_ids: return on_allocate_producer_ids(request, peer, reader);
        case NodeKey::broker_heartbeat:
        case NodeKey::watch_cluster: break;
    }
    PENSTOCK_ASSERT(false);  // those never wait
}

bool Coordinator::on_register(const Request& request, Peer& peer, wire::Reader& reader, Nanos now) {
    RegisterBrokerRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    RegisterBrokerResponse response;
    response.cluster_id = state_.cluster_id();
    if (auto refusal = check_registration(state_, body)) {
        response.error = code(refusal->error);
        response.message = refusal->message;
        response.revision = static_cast<int64_t>(state_.revision());
        note(true, "refused a registration: " + refusal->message);
        answer(request.connection, request.header, response, held_);
        return true;
    }
    const NodeId id{body.node_id};
    Session* old = sessions_.find(id);
    if (old != nullptr && old->connection && *old->connection != request.connection) {
        peers_.erase(*old->connection);
        closing_.push_back(*old->connection);
    }
    register_broker(state_, body);
    peer.broker = id;
    const auto session_id = static_cast<int64_t>(random_.next() >> 1);
    const Session& session = sessions_.open(id, session_id, request.connection, now);
    opened_.push_back(id);
    response.session = session.id;
    response.epoch_id = state_.epoch_id();
    response.sequence = session.sequence;
    response.revision = static_cast<int64_t>(state_.revision() + (state_.dirty_rows() > 0 ? 1 : 0));
    response.session_timeout_ms = static_cast<int32_t>(options_.session_timeout_ns / millisecond_ns);
    response.heartbeat_interval_ms = std::max(
        1, static_cast<int32_t>(options_.session_timeout_ns / heartbeats_per_session / millisecond_ns));
    note(false, "broker " + id_text(id) + " registered: " + std::string(body.host) + ":" + std::to_string(body.port) +
                    ", storage " + body.storage_id.text() + ", incarnation " + body.incarnation.text());
    answer(request.connection, request.header, response, held_);
    return true;
}

template <class Response>
void Coordinator::answer_topics(const Request& request, ErrorCode error, const std::vector<TopicOutcome>& outcomes) {
    Response response;
    response.error = code(error);
    response.revision = static_cast<int64_t>(state_.revision() + (state_.dirty_rows() > 0 ? 1 : 0));
    std::vector<ChangedTopic> topics;
    std::vector<std::vector<TopicConfig>> configs;
    topics.reserve(outcomes.size());
    configs.reserve(outcomes.size());
    for (const TopicOutcome& o : outcomes) {
        auto& list = configs.emplace_back();
        for (const auto& [key, value] : o.configs) list.push_back({key, value});
        topics.push_back({.name = o.name, .id = o.id, .error = code(o.error), .message = {}, .partitions = o.partitions,
                          .replication_factor = o.replication_factor, .configs = list});
        if (!o.message.empty()) topics.back().message = o.message;
    }
    response.topics = topics;
    answer(request.connection, request.header, response, held_);
}

bool Coordinator::on_create_topics(const Request& request, const Peer& peer, wire::Reader& reader) {
    CreateTopicsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = create_topics(state_, body, options_.topic_defaults, random_);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only)
            note(false, "topic \"" + o.name + "\" created: id " + o.id.text() + ", " + std::to_string(o.partitions) +
                            " partitions, replication factor " + std::to_string(o.replication_factor));
    answer_topics<CreateTopicsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_delete_topics(const Request& request, const Peer& peer, wire::Reader& reader) {
    DeleteTopicsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = delete_topics(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none) note(false, "topic \"" + o.name + "\" deleted: id " + o.id.text());
    answer_topics<DeleteTopicsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_create_partitions(const Request& request, const Peer& peer, wire::Reader& reader) {
    CreatePartitionsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = create_partitions(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only)
            note(false, "topic \"" + o.name + "\" has " + std::to_string(o.partitions) + " partitions now");
    answer_topics<CreatePartitionsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_alter_configs(const Request& request, const Peer& peer, wire::Reader& reader) {
    AlterTopicConfigsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = alter_topic_configs(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only) note(false, "topic \"" + o.name + "\": configs altered");
    answer_topics<AlterTopicConfigsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_allocate_producer_ids(const Request& request, const Peer& peer, wire::Reader& reader) {
    AllocateProducerIdsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    AllocateProducerIdsResponse response;
    if (session_of(request.connection, peer, body.session) == nullptr) {
        response.error = code(ErrorCode::broker_id_not_registered);
    } else {
        response.first = state_.allocate_producer_ids(limits::producer_id_block);
        if (response.first < 0) response.error = code(ErrorCode::unknown_server_error);
        else response.count = limits::producer_id_block;
    }
    answer(request.connection, request.header, response, held_);
    return true;
}

// --- The turn

void Coordinator::on_turn(Nanos now) {
    if (failure_) return;
    if (sessions_.on_turn(now)) note(true, "the coordinator stood still: every broker got a fresh session");
    if (store_busy_) return;
    fence_expired(now);
    confirm_deletions();
    handle_waiting(now);
    if (state_.dirty_rows() == 0) return release(now);
    transaction_ = state_.take_transaction();
    store_busy_ = true;
}

void Coordinator::fence_expired(Nanos now) {
    for (NodeId id : sessions_.expired(now)) {
        sessions_.end(id);
        fence_broker(state_, id);
        note(true, "broker " + id_text(id) + " fenced: nothing heard of it for " +
                       std::to_string(options_.session_timeout_ns / millisecond_ns) + " ms");
    }
}

void Coordinator::confirm_deletions() {
    while (!confirming_.empty() && state_.dirty_rows() < limits::transaction_rows_max) {
        const NodeId broker = *confirming_.begin();
        confirming_.erase(confirming_.begin());
        const Session* session = sessions_.find(broker);
        if (session == nullptr) continue;
        std::vector<Uuid> applied;
        for (const auto& [revision, id] : state_.deleted_order()) {
            if (revision > session->applied_revision) break;
            applied.push_back(id);
        }
        for (const Uuid& id : applied) state_.confirm_deleted(id, broker);
    }
}

void Coordinator::handle_waiting(Nanos now) {
    while (!waiting_.empty() && state_.dirty_rows() < limits::transaction_rows_max) {
        const Request request = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= request.body.size();
        auto peer = peers_.find(request.connection);
        if (peer == peers_.end()) continue;  // it closed meanwhile: nobody would hear the answer
        --peer->second.requests_waiting;
        if (!handle(request, peer->second, now)) drop(request.connection, "sent a malformed request");
    }
}

void Coordinator::on_stored(const io::StoreCompletion& completion, Nanos now) {
    if (failure_) return;
    PENSTOCK_ASSERT(store_busy_ && completion.token == state_.revision());
    store_busy_ = false;
    if (!completion.ok) {
        failure_ = completion.error;
        held_.clear();
        outgoing_.clear();
        return;
    }
    release(now);
}

// Everything in memory is durable here.
void Coordinator::release(Nanos now) {
    for (NodeId id : opened_)
        if (Session* session = sessions_.find(id)) sessions_.renew(*session, now);  // the broker waited for the store
    opened_.clear();
    for (OutgoingFrame& frame : held_) outgoing_.push_back(std::move(frame));
    held_.clear();
    answer_watches(now);
}

void Coordinator::answer_watches(Nanos now) {
    for (auto& [connection, peer] : peers_) {
        if (!peer.watch || (!has_news(state_, peer.watch->position) && peer.watch->deadline > now)) continue;
        WatchPage page;
        fill_page(state_, peer.watch->position, limits::watch_page_bytes, page);
        answer(connection, peer.watch->header, page.response, outgoing_);
        peer.watch.reset();
    }
}

// --- Out

std::optional<io::StoreTransaction> Coordinator::poll_transaction() {
    return std::exchange(transaction_, std::nullopt);
}

namespace {
template <class T>
std::optional<T> take_front(std::deque<T>& queue) {
    if (queue.empty()) return {};
    std::optional<T> front = std::move(queue.front());
    queue.pop_front();
    return front;
}
}  // namespace

std::optional<OutgoingFrame> Coordinator::poll_frame() { return take_front(outgoing_); }
std::optional<io::ConnectionId> Coordinator::poll_close() { return take_front(closing_); }
std::optional<Note> Coordinator::poll_note() {
    if (store_busy_ || failure_) return {};  // nothing is claimed that may not be so
    return take_front(notes_);
}

Nanos Coordinator::next_deadline() const {
    if (failure_) return never;
    if (store_busy_) return sessions_.next_tick();  // whatever else is due waits for the store
    Nanos next = sessions_.next_deadline();
    for (const auto& [connection, peer] : peers_)
        if (peer.watch) next = std::min(next, peer.watch->deadline);
    return next;
}

void Coordinator::note(bool warning, std::string text) {
    if (notes_.size() < notes_max) notes_.push_back({warning, std::move(text)});
}

}  // namespace penstock::coordinator
