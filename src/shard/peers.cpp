#include "shard/peers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "log/recover.h"
#include "wire/node/read_replica.h"
#include "wire/node/replica_state.h"
#include "wire/node/replicate.h"

namespace penstock::shard {

using replica::Follower;
using wire::node::ReadReplicaRequest;
using wire::node::ReadReplicaResponse;
using wire::node::ReplicatedPartition;
using wire::node::ReplicateRequest;
using wire::node::ReplicateResponse;
using wire::node::ReplicaStateRequest;
using wire::node::ReplicaStateResponse;

namespace {

constexpr int64_t credit_ns_max = 100 * millisecond_ns;
constexpr int64_t catch_up_credit_max = static_cast<int64_t>(limits::replicate_bytes);

/// A log that can be: what a peer says is not believed else.
bool plausible(const ReplicaStateResponse& state) {
    if (state.start < 0 || state.end < state.start || state.durable < 0 || state.durable > state.end) return false;
    const auto behind = [](const wire::node::ReplicaEpoch& a, const wire::node::ReplicaEpoch& b) {
        return b.epoch <= a.epoch || b.offset < a.offset;
    };
    return std::ranges::adjacent_find(state.epochs, behind) == state.epochs.end();
}

}  // namespace

Peers::Peers(broker::Owner& owner, io::Streams& streams, const broker::BrokerOptions& options)
    : owner_(owner), streams_(streams),
      lent_bytes_max_(std::min(options.lent_bytes_max, limits::replica_bytes_under_way)),
      catch_up_bytes_per_s_(static_cast<int64_t>(options.catch_up_bytes_per_s)) {}

Peers::~Peers() {
    for (auto& [_, peer] : peers_) {
        for (auto& sent : peer->under_way) give_back(*sent);
        while (peer->ready.pop_front() != nullptr) {}
    }
}

/// A broker that was started again, or stands elsewhere now, is another one: the old connection may be silent for long.
void Peers::on_view(const broker::ClusterView& view) {
    brokers_ = view.brokers;
    for (auto& [name, peer] : peers_) {
        const io::Address before = peer->address;
        const Uuid incarnation = peer->incarnation;
        locate(name, *peer);
        if (peer->address == before && peer->incarnation == incarnation) continue;
        peer->retry_at = {};
        // It may have another number of shards now: they are sorted in again.
        while (Follower* follower = peer->ready.pop_front()) owner_.look_again(*follower);
        if (peer->state != State::closed) streams_.close(peer->connection);
    }
}

void Peers::begin_stop() {
    stopping_ = true;
    for (auto& [connection, _] : by_connection_) streams_.close(connection);
}

void Peers::locate(const PeerName& name, Peer& peer) {
    const broker::BrokerView* found = broker::find_broker(brokers_, name.first);
    peer.address = {};
    if (found == nullptr || !found->alive || found->native_port == 0) return;
    peer.address = {found->host, static_cast<uint16_t>(found->native_port + name.second), io::Road::native};
    peer.incarnation = found->incarnation;
}

bool Peers::on_event(const io::StreamEvent& event, Nanos now) {
    const auto at = by_connection_.find(event.connection);
    if (at == by_connection_.end()) return false;
    Peer& peer = *at->second;
    switch (event.kind) {
        case io::StreamEventKind::connected: peer.state = State::open; break;
        case io::StreamEventKind::received: {
            bool good = peer.answers.push({event.buffer.data, event.buffer.size});
            streams_.release(event.buffer);
            while (good) {
                const auto frame = peer.answers.next();
                if (!frame) break;
                good = on_frame(peer, *frame);
            }
            if (good && !peer.answers.broken()) break;
            ++counters_.malformed;
            streams_.close(peer.connection);
            break;
        }
        case io::StreamEventKind::sent: on_sent(peer); break;
        case io::StreamEventKind::ended: streams_.close(peer.connection); break;
        case io::StreamEventKind::closed: lose(peer, now); break;
        case io::StreamEventKind::accepted: break;
    }
    return true;
}

/// Nobody knows what arrived: all are asked where they stand.
void Peers::lose(Peer& peer, Nanos now) {
    by_connection_.erase(peer.connection);
    peer.state = State::closed;
    peer.retry_at = now + limits::peer_backoff_ns;
    peer.answers.reset();
    for (auto& sent : peer.under_way) {
        give_back(*sent);
        if (sent->answered) continue;
        if (sent->kind == Kind::read_replica) owner_.on_repair_answer(sent->repair_id, peer.broker, {});
        for (const Part& part : sent->parts) owner_.on_replica_lost(part.to);
    }
    peer.under_way.clear();
}

bool Peers::turn(Nanos now) {
    earn_credit(now);
    next_deadline_ = never;
    if (stopping_) return false;
    sort_in();
    sort_in_repairs();
    bool worked = false;
    for (auto& [name, peer] : peers_) {
        if (peer->ready.empty() && peer->repairs.empty()) continue;
        if (peer->state == State::closed) connect(*peer, now);
        if (peer->state == State::open) worked |= send_what_is_ready(*peer, now);
    }
    return worked;
}

/// Each to the peer that it is at.
void Peers::sort_in() {
    while (Follower* follower = owner_.poll_follower()) {
        Peer* peer = peer_of(follower->broker, broker::Owner::partition_of(*follower));
        if (peer != nullptr) peer->ready.push_back(*follower);
        else owner_.look_again(*follower);   // not registered yet
    }
}

void Peers::sort_in_repairs() {
    while (const auto ask = owner_.poll_repair()) {
        Peer* peer = peer_of(ask->broker, ask->batches.key);
        if (peer != nullptr && peer->repairs.size() < limits::peer_repairs_max) peer->repairs.push_back(*ask);
        else owner_.on_repair_answer(ask->batches.id, ask->broker, {});
    }
}

/// The shard of a broker that has the partition; null when nothing is known of the broker.
Peers::Peer* Peers::peer_of(NodeId broker, const log::LogKey& key) {
    const broker::BrokerView* found = broker::find_broker(brokers_, broker);
    if (found == nullptr) return nullptr;
    const PeerName name{broker, log::shard_of(key, std::max(found->shard_count, 1u))};
    auto& peer = peers_[name];
    if (peer == nullptr) {
        peer = std::make_unique<Peer>();
        peer->broker = broker;
        locate(name, *peer);
    }
    return peer.get();
}

void Peers::connect(Peer& peer, Nanos now) {
    if (peer.address.port == 0) return;   // the view that changes that brings it back
    if (peer.retry_at > now) {
        next_deadline_ = std::min(next_deadline_, peer.retry_at);
        return;
    }
    ++counters_.connections;
    const Result<io::ConnectionId> connecting = streams_.connect(peer.address);
    if (!connecting) {
        peer.retry_at = now + limits::peer_backoff_ns;
        next_deadline_ = std::min(next_deadline_, peer.retry_at);
        return;
    }
    peer.connection = *connecting;
    peer.state = State::connecting;
    by_connection_.emplace(peer.connection, &peer);
}

bool Peers::send_what_is_ready(Peer& peer, Nanos now) {
    bool worked = false;
    while (peer.under_way.size() < limits::peer_requests_under_way && lent_bytes_ < lent_bytes_max_) {
        if (!peer.repairs.empty()) {
            ask_for_batches(peer);
            worked = true;
            continue;
        }
        Follower* first = peer.ready.front();
        if (first == nullptr) break;
        if (first->leadership->wants(*first, now) && first->stage == Follower::Stage::unknown) {
            peer.ready.pop_front();
            ask_state(peer, *first);
        } else if (!replicate(peer, now)) {
            break;
        }
        worked = true;
    }
    if (!hand_over(peer)) streams_.close(peer.connection);
    return worked;
}

void Peers::ask_state(Peer& peer, Follower& follower) {
    auto sent = take_sent(peer);
    sent->kind = Kind::replica_state;
    sent->parts.push_back({owner_.ask_state(follower), 0});
    const broker::FollowerName& name = sent->parts.back().to;
    begin(peer, std::move(sent), ReplicaStateRequest{.topic = name.key.topic_id, .partition = name.key.partition,
                                                     .leader_epoch = name.epoch.value, .session = name.session});
}

void Peers::ask_for_batches(Peer& peer) {
    const log::RottenBatches wanted = peer.repairs.front().batches;
    peer.repairs.pop_front();
    auto sent = take_sent(peer);
    sent->kind = Kind::read_replica;
    sent->repair_id = wanted.id;
    begin(peer, std::move(sent), ReadReplicaRequest{.topic = wanted.key.topic_id, .partition = wanted.key.partition,
                                                    .offset = wanted.from.value,
                                                    .bytes_max = static_cast<int32_t>(wanted.bytes)});
}

/// Turns may be closer together than a byte takes: what is left of the time counts the next time.
void Peers::earn_credit(Nanos now) {
    const int64_t elapsed = std::min(now - credit_at_, credit_ns_max);
    const int64_t earned = elapsed * catch_up_bytes_per_s_ / second_ns;
    if (earned == 0) return;
    catch_up_credit_ = std::min(catch_up_credit_ + earned, catch_up_credit_max);
    credit_at_ = now;
}

/// Whether it is its turn; if it only has to wait for that, it stays in the row.
bool Peers::may_send(const Follower& follower, Nanos now) {
    if (follower.bytes_under_way >= limits::follower_bytes_under_way) return false;
    if (follower.leadership->in_sync(follower.broker)) return true;
    if (follower.under_way > 0) return false;
    if (catch_up_credit_ > 0) return true;
    const double owed_ns = static_cast<double>(1 - catch_up_credit_) * second_ns /
                           static_cast<double>(catch_up_bytes_per_s_);
    next_deadline_ = std::min(next_deadline_, now + std::clamp(static_cast<int64_t>(owed_ns), millisecond_ns,
                                                               credit_ns_max));
    return false;
}

/// One request, with what the first of the row are to get. False: there is nothing to be sent now.
bool Peers::replicate(Peer& peer, Nanos now) {
    auto sent = take_sent(peer);
    std::vector<broker::Parcel> parcels;
    IntrusiveList<Follower, replica::SendList> later, again;
    uint64_t bytes = 0;
    while (bytes < limits::replicate_bytes && parcels.size() < limits::replicate_partitions) {
        Follower* follower = peer.ready.front();
        if (follower == nullptr) break;
        const bool wants = follower->leadership->wants(*follower, now);
        if (wants && follower->stage == Follower::Stage::unknown) break;   // it is asked first
        peer.ready.pop_front();
        if (!wants) continue;
        if (!may_send(*follower, now)) {
            later.push_back(*follower);
            continue;
        }
        const bool in_sync = follower->leadership->in_sync(follower->broker);
        broker::Parcel parcel;
        if (!owner_.pack(*follower, limits::replicate_bytes - bytes, parcel)) continue;
        bytes += parcel.bytes;
        if (!in_sync) catch_up_credit_ -= static_cast<int64_t>(parcel.bytes);
        if (follower->leadership->wants(*follower, now)) again.push_back(*follower);
        parcels.push_back(std::move(parcel));
    }
    peer.ready.take(again);
    peer.ready.take(later);
    if (parcels.empty()) {
        idle_.push_back(std::move(sent));
        return false;
    }
    std::vector<std::vector<Fragment>> records(parcels.size());
    std::vector<ReplicatedPartition> partitions;
    for (size_t i = 0; i < parcels.size(); ++i) {
        const broker::Parcel& parcel = parcels[i];
        for (const log::Slice& slice : parcel.slices) records[i].push_back({slice.data, slice.size});
        partitions.push_back({parcel.to.key.topic_id, parcel.to.key.partition, parcel.to.epoch.value,
                              parcel.to.session, parcel.cut, parcel.from.value, parcel.high_watermark.value,
                              parcel.log_start.value, records[i]});
        sent->slices.insert(sent->slices.end(), parcel.slices.begin(), parcel.slices.end());
        sent->parts.push_back({parcel.to, parcel.bytes});
    }
    sent->lent = bytes;
    lent_bytes_ += bytes;
    begin(peer, std::move(sent), ReplicateRequest{.partitions = partitions});
    return true;
}

std::unique_ptr<Peers::Sent> Peers::take_sent(Peer& peer) {
    std::unique_ptr<Sent> sent;
    if (idle_.empty()) {
        sent = std::make_unique<Sent>();
    } else {
        sent = std::move(idle_.back());
        idle_.pop_back();
    }
    sent->correlation = ++peer.correlation;
    return sent;
}

template <class M>
void Peers::begin(Peer& peer, std::unique_ptr<Sent> sent, const M& message) {
    const auto frame = wire::request_frame(sent->arena, sent->correlation, {}, message, 0);
    PENSTOCK_ASSERT(frame.has_value());   // the arena holds the names of so many partitions and their fragments
    sent->frame = *frame;
    ++counters_.requests;
    counters_.bytes += sent->lent;
    peer.under_way.push_back(std::move(sent));
}

/// As much as the streams take now; the rest goes when they have sent some. False: this connection is of no more use.
bool Peers::hand_over(Peer& peer) {
    for (auto& sent : peer.under_way) {
        while (sent->handed < sent->frame.size()) {
            const auto rest = sent->frame.subspan(sent->handed);
            const auto piece = rest.first(std::min<size_t>(rest.size(), io::max_send_fragments));
            const Result<void> taken = streams_.send(peer.connection, piece, 0);
            if (!taken) return taken.error().code == Errc::would_block;
            sent->handed += piece.size();
            ++sent->sends_open;
        }
    }
    return true;
}

/// Sends end in their order.
void Peers::on_sent(Peer& peer) {
    for (auto& sent : peer.under_way) {
        if (sent->sends_open == 0) continue;
        --sent->sends_open;
        break;
    }
    retire(peer);
    if (!hand_over(peer)) streams_.close(peer.connection);
}

/// Those that are over.
void Peers::retire(Peer& peer) {
    for (auto& sent : peer.under_way)
        if (sent->sends_open == 0 && sent->handed == sent->frame.size()) give_back(*sent);
    while (!peer.under_way.empty()) {
        Sent& front = *peer.under_way.front();
        if (!front.answered || front.sends_open > 0 || front.handed < front.frame.size()) break;
        front.parts.clear();
        front.frame = {};
        front.handed = 0;
        front.kind = Kind::replicate;
        front.answered = false;
        front.arena.reset();
        if (idle_.size() < idle_max) idle_.push_back(std::move(peer.under_way.front()));
        peer.under_way.pop_front();
    }
}

void Peers::give_back(Sent& sent) {
    owner_.release(sent.slices);
    sent.slices.clear();
    lent_bytes_ -= sent.lent;
    sent.lent = 0;
}

wire::node::NodeKey Peers::key_of(const Sent& sent) {
    switch (sent.kind) {
        case Kind::replicate: break;
        case Kind::replica_state: return wire::node::NodeKey::replica_state;
        case Kind::read_replica: return wire::node::NodeKey::read_replica;
    }
    return wire::node::NodeKey::replicate;
}

/// The answer to the first request that has none. False: it makes no sense.
bool Peers::on_frame(Peer& peer, std::span<const std::byte> frame) {
    const auto at = std::ranges::find(peer.under_way, false, [](const auto& sent) { return sent->answered; });
    if (at == peer.under_way.end()) return false;
    Sent& sent = **at;
    answer_arena_.reset();
    const Fragment fragment{frame.data(), static_cast<uint32_t>(frame.size())};
    wire::Reader reader({&fragment, 1}, answer_arena_);
    int32_t correlation = 0;
    if (!wire::decode_response_header(reader, wire::node::api_of(key_of(sent)), 0, correlation)) return false;
    if (correlation != sent.correlation) return false;
    bool good = false;
    switch (sent.kind) {
        case Kind::replicate: good = on_settled(sent, reader); break;
        case Kind::replica_state: good = on_state(sent, reader); break;
        case Kind::read_replica: good = on_batches(peer, sent, reader); break;
    }
    if (!good) return false;
    sent.answered = true;
    retire(peer);
    return true;
}

bool Peers::on_state(const Sent& sent, wire::Reader& reader) {
    ReplicaStateResponse state;
    if (!wire::decode(reader, state, 0)) return false;
    const broker::FollowerName& name = sent.parts.front().to;
    if (state.error != 0) {
        on_refused(name, state.error);
        return true;
    }
    if (!plausible(state)) return false;
    std::vector<replica::EpochBegin> epochs;
    for (const wire::node::ReplicaEpoch& epoch : state.epochs)
        epochs.push_back({LeaderEpoch(epoch.epoch), Offset(epoch.offset)});
    owner_.on_replica_state(name, state.incarnation, {Offset(state.start), Offset(state.end), epochs},
                            Offset(state.durable));
    return true;
}

bool Peers::on_settled(const Sent& sent, wire::Reader& reader) {
    ReplicateResponse response;
    if (!wire::decode(reader, response, 0) || response.partitions.size() != sent.parts.size()) return false;
    for (size_t i = 0; i < sent.parts.size(); ++i) {
        const wire::node::SettledPartition& settled = response.partitions[i];
        const Part& part = sent.parts[i];
        if (settled.error == 0) {
            owner_.on_replica_settled(part.to, Offset(settled.end), Offset(settled.durable), part.bytes);
            continue;
        }
        on_refused(part.to, settled.error);
    }
    return true;
}

bool Peers::on_batches(const Peer& peer, const Sent& sent, wire::Reader& reader) {
    ReadReplicaResponse response;
    if (!wire::decode(reader, response, 0)) return false;
    std::vector<std::byte> batches;
    if (response.error == 0) {
        batches.reserve(total_size(response.records));
        for (const Fragment& piece : response.records)
            batches.insert(batches.end(), piece.data, piece.data + piece.size);
    } else {
        ++counters_.refusals;
    }
    owner_.on_repair_answer(sent.repair_id, peer.broker, batches);
    return true;
}

void Peers::on_refused(const broker::FollowerName& name, int16_t error) {
    ++counters_.refusals;
    const bool disk_failed = error == std::to_underlying(wire::kafka::ErrorCode::kafka_storage_error);
    if (disk_failed) owner_.on_replica_disk_failed(name);
    else owner_.on_replica_lost(name);
}

}  // namespace penstock::shard
