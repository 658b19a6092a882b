#include "coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include "coordinator/election.h"
#include "coordinator/internal_topics.h"
#include "coordinator/membership.h"
#include "limits.h"
#include "wire/node/broker_heartbeat.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

constexpr size_t decode_bytes_max = 4 * limits::node_request_bytes_max;  // decoded structs are larger than their bytes
constexpr size_t encode_bytes_max = 2 * limits::node_frame_bytes_max;
constexpr size_t notes_max = 256;
constexpr int32_t watch_wait_ms_max = 60'000;

std::string id_text(NodeId id) { return std::to_string(id.value); }

}  // namespace

Coordinator::Coordinator(const CoordinatorOptions& options, State state, Nanos now)
    : options_(options),
      state_(std::move(state)),
      sessions_(options.session_timeout_ns, now),
      random_(options.seed),
      decode_arena_(decode_bytes_max),
      encode_arena_(encode_bytes_max),
      rebalance_at_(now + options.leader_rebalance_interval_ns) {
    PENSTOCK_ASSERT(options.leader_rebalance_interval_ns > 0);
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
        case NodeKey::alter_partitions:
        case NodeKey::elect_leaders:
        case NodeKey::alter_reassignments:
        case NodeKey::allocate_producer_ids: return enqueue(connection, peer, header, reader);
        case NodeKey::replica_state:
        case NodeKey::read_replica:
        case NodeKey::replicate:
            return drop(connection, "asked for " + std::string(header.api->name) + ", which is a broker's");
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

void Coordinator::push(io::ConnectionId connection, const Result<std::span<const Fragment>>& frame,
                       std::deque<OutgoingFrame>& into) {
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
        if (request.wants_to_stop) {
            response.may_stop = session->may_stop;
            if (!session->may_stop) wanting_to_stop_.insert(peer.broker);
        }
    } else {
        response.error = std::to_underlying(ErrorCode::broker_id_not_registered);
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
        response.error = std::to_underlying(ErrorCode::broker_id_not_registered);
        return answer(connection, header, response, outgoing_);
    }
    const int64_t wait_ns = std::clamp(request.wait_ms, 0, watch_wait_ms_max) * millisecond_ns;
    peer.watch = Watch{.position = {.revision = static_cast<uint64_t>(request.revision),
                                    .after_revision = static_cast<uint64_t>(request.after_revision),
                                    .after_topic = request.after_topic},
                       .header = header,
                       .deadline = now + wait_ns};
}

// --- The turn

void Coordinator::on_turn(Nanos now) {
    if (failure_) return;
    switch (sessions_.on_turn(now)) {
        case Sessions::Grace::none: break;
        case Sessions::Grace::stood_still:
            note(true, "the coordinator stood still: every broker got a fresh session");
            break;
        case Sessions::Grace::hears_nobody:
            note(true, "no broker is heard, so none is fenced: is this host cut off?");
            break;
    }
    if (store_busy_) return;
    fence_expired(now);
    let_stop();
    confirm_deletions();
    handle_waiting(now);
    rebalance(now);
    raise_internal();
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

void Coordinator::let_stop() {
    for (NodeId id : std::exchange(wanting_to_stop_, {})) {
        if (sessions_.find(id) == nullptr) continue;
        if (stop_broker(state_, id)) note(false, "broker " + id_text(id) + " wants to stop: others take over");
        stopping_.insert(id);
    }
}

void Coordinator::rebalance(Nanos now) {
    if (rebalance_at_ > now) return;
    rebalance_at_ = now + options_.leader_rebalance_interval_ns;
    const uint32_t moves = return_to_preferred(state_, limits::leader_moves_per_round);
    if (moves > 0) note(false, std::to_string(moves) + " partitions went back to their preferred leaders");
}

// Only a change can make a raise possible; and a raise that left some for the next transaction.
void Coordinator::raise_internal() {
    if (state_.dirty_rows() == 0 && !raising_) return;
    const uint32_t raises = raise_internal_topics(state_, options_.topic_defaults.internal_replication_factor,
                                                  limits::internal_raises_per_step);
    raising_ = raises == limits::internal_raises_per_step;
    if (raises > 0) note(false, std::to_string(raises) + " partitions of internal topics get more replicas");
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
    // A session that is new since it was asked has not been: its broker's row says so.
    for (NodeId id : std::exchange(stopping_, {})) {
        Session* session = sessions_.find(id);
        if (session != nullptr && state_.broker(id)->stopping) session->may_stop = true;
    }
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
    Nanos next = std::min(sessions_.next_deadline(), rebalance_at_);
    for (const auto& [connection, peer] : peers_)
        if (peer.watch) next = std::min(next, peer.watch->deadline);
    return next;
}

void Coordinator::note(bool warning, std::string text) {
    if (notes_.size() < notes_max) notes_.push_back({warning, std::move(text)});
}

}  // namespace penstock::coordinator
