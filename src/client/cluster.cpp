#include "client/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/backoff.h"
#include "limits.h"
#include "wire/kafka/metadata.h"

namespace penstock::client {

using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

namespace {

/// A broker that owes an answer for so long, beyond some times of what it usually takes, is asked after. Shorter than
/// the sessions of brokers at their coordinator; to ask in vain costs one of the others a moment.
constexpr int64_t silence_ns = 100 * millisecond_ns;
constexpr int64_t usual_delays = 4;

/// Null: not known of that topic, which may have been deleted and made anew.
const PartitionPlace* place_of(const std::optional<Topic>& topic, const Uuid& id, size_t index) {
    return topic && topic->id == id && index < topic->partitions.size() ? &topic->partitions[index] : nullptr;
}

}  // namespace

Cluster::Cluster(io::Streams& streams, Bootstrap bootstrap, const ClusterOptions& options)
    : streams_(streams), bootstrap_(std::move(bootstrap)), options_(options), random_(options.seed) {
    next_bootstrap_ = random_.next() % bootstrap_.addresses.size();
}

Cluster::~Cluster() {
    for (const auto& place : places_) {
        if (place->connection) streams_.close(place->connection->id());
    }
}

void Cluster::remove(const Member& member) { std::erase(members_, &member); }

// A turn.

bool Cluster::turn(const Time& time) {
    const bool due = next_deadline() <= time.now;   // as it was when the last turn ended
    time_ = time;
    const bool busy = take_events();
    if (!busy && !due) return false;
    expire();
    step_metadata();
    awake_ = false;
    stepped_at_ = time.now;
    for (size_t i = 0; i < members_.size(); ++i) members_[i]->step(time_);
    step_metadata();
    return busy;
}

bool Cluster::take_events() {
    bool busy = false;
    for (uint32_t rounds = 0; rounds < limits::client_event_rounds; ++rounds) {
        const size_t count = streams_.poll(events_);
        if (count == 0) return busy;
        busy = true;
        for (const io::StreamEvent& event : std::span(events_).first(count)) {
            const auto place = std::find_if(places_.begin(), places_.end(), [&](const auto& one) {
                return one->connection && one->connection->id() == event.connection;
            });
            if (place == places_.end()) {
                if (event.kind == io::StreamEventKind::received) streams_.release(event.buffer);
                continue;
            }
            (*place)->connection->on_event(event, time_.now);
            if ((*place)->connection->closed()) lose(**place);
        }
    }
    wake();   // there may be more
    return busy;
}

void Cluster::expire() {
    for (const auto& place : places_) {
        if (place->connection) place->connection->expire(time_.now);
        else if (place->not_before <= time_.now) place->wanted = false;   // whoever wants it asks again now
    }
}

Nanos Cluster::next_deadline() const {
    Nanos next = fresh_until_;
    if (awake_) return time_.now;
    if (stale_ && !asking()) next = std::min(next, ask_not_before_);
    for (const auto& place : places_) {
        if (place->connection) {
            next = std::min(next, place->connection->next_deadline());
            // One that is silent already has made the metadata stale.
            if (const Nanos at = silence_ends(*place); at > time_.now) next = std::min(next, at);
        } else if (place->wanted) {
            next = std::min(next, place->not_before);
        }
    }
    for (const Member* member : members_) next = std::min(next, member->next_deadline());
    return next;
}

// Connections.

Cluster::Place* Cluster::find(const io::Address& address, Purpose purpose) const {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const auto& one) {
        return one->purpose == purpose && one->address.port == address.port && one->address.host == address.host;
    });
    return found == places_.end() ? nullptr : found->get();
}

Connection* Cluster::connect(const io::Address& address, Purpose purpose, int32_t broker) {
    Place* found = find(address, purpose);
    if (found == nullptr && places_.size() >= limits::client_connections_max) {
        report({PENSTOCK_FULL, "too many connections: use several clients"});
        return nullptr;
    }
    Place& place = found != nullptr ? *found : *places_.emplace_back(std::make_unique<Place>(address, purpose));
    if (broker >= 0) place.broker = broker;
    if (place.connection) return place.connection->ready() ? place.connection.get() : nullptr;
    place.wanted = true;
    if (place.not_before > time_.now) return nullptr;
    place.wanted = false;
    const auto id = streams_.connect(address);
    if (!id) {
        place.backoff_ns = longer(place.backoff_ns);
        place.not_before = time_.now + place.backoff_ns;
        report({PENSTOCK_UNREACHABLE, fmt::format("cannot reach {}: {}", show(address), to_string(id.error().code))});
        return nullptr;
    }
    place.connection = std::make_unique<Connection>(streams_, *id, address, options_.name, asks_,
                                                    time_.now + options_.connect_timeout_ns);
    place.begun = time_.now;
    return nullptr;
}

/// When it has been silent for too long, as things stand.
Nanos Cluster::silence_ends(const Place& place) const {
    if (!place.connection || place.connection->closed()) return never;
    const Nanos expected = place.connection->ready() ? place.connection->expected() : place.begun;
    if (expected == never) return never;
    return expected + silence_ns + usual_delays * place.connection->usual_delay_ns();
}

bool Cluster::somebody_is_silent() const {
    return std::ranges::any_of(places_, [&](const auto& place) { return silent(*place); });
}

/// Whoever is silent may still answer, and is listened to; but it is not waited for.
bool Cluster::asking() const {
    return std::ranges::any_of(places_, [&](const auto& place) {
        return asked_ != nullptr && place->connection.get() == asked_ && !silent(*place);
    });
}

/// Behind the addresses that we were told to begin with.
void Cluster::recognize_brokers() {
    for (const auto& place : places_) {
        if (place->broker >= 0) continue;
        const auto known = std::ranges::find_if(brokers_, [&](const auto& entry) {
            const int32_t port = native() ? entry.second.native_port : entry.second.port;
            return entry.second.host == place->address.host && port == place->address.port;
        });
        if (known != brokers_.end()) place->broker = known->first;
    }
}

/// By what the others have just said.
void Cluster::close_those_who_left() {
    for (const auto& place : places_) {
        if (!silent(*place) || place->broker < 0 || brokers_.contains(place->broker)) continue;
        place->connection->close({PENSTOCK_UNREACHABLE,
                                  fmt::format("{} is silent, and no member of the cluster any more",
                                              show(place->address))});
    }
}

/// Its connection is closed. One that had been ready may be begun again at once: it is the next one that rests.
void Cluster::lose(Place& place) {
    const Failure& why = place.connection->failure();
    report(why);
    if (place.connection->version_of(ApiKey::api_versions)) place.backoff_ns = 0;
    place.not_before = time_.now + place.backoff_ns;
    place.backoff_ns = longer(place.backoff_ns);
    place.connection.reset();
    stale_ = true;
}

Connection* Cluster::any(Purpose purpose) {
    for (const auto& place : places_) {
        Connection* connection = place->purpose == purpose ? place->connection.get() : nullptr;
        if (connection != nullptr && connection->ready() && !silent(*place)) return connection;
    }
    // One at a time, round and round: first those we were told to begin with, then those that we learnt of.
    for (const auto& place : places_) {
        if (place->purpose == purpose && place->connection && !silent(*place)) return nullptr;
    }
    const size_t count = bootstrap_.addresses.size() + brokers_.size();
    const size_t chosen = next_bootstrap_++ % count;
    if (chosen >= bootstrap_.addresses.size())
        return broker(std::next(brokers_.begin(), static_cast<ptrdiff_t>(chosen - bootstrap_.addresses.size()))->first,
                      purpose);
    const Place* place = find(bootstrap_.addresses[chosen], purpose);
    return place != nullptr && silent(*place) ? nullptr : connect(bootstrap_.addresses[chosen], purpose, -1);
}

Connection* Cluster::broker(int32_t id, Purpose purpose) {
    const auto found = brokers_.find(id);
    if (found == brokers_.end()) {
        stale_ = true;
        return nullptr;
    }
    const Broker& broker = found->second;
    return at(id, broker.host, native() ? broker.native_port : broker.port, purpose);
}

Connection* Cluster::leader(const PartitionPlace& place, Purpose purpose) {
    const auto found = brokers_.find(place.leader);
    if (found == brokers_.end()) {
        stale_ = true;
        return nullptr;
    }
    const Broker& broker = found->second;
    if (!native()) return at(place.leader, broker.host, broker.port, purpose);
    return at(place.leader, broker.host, place.native_port > 0 ? place.native_port : broker.native_port, purpose);
}

Connection* Cluster::at(int32_t id, const std::string& host, int32_t port, Purpose purpose) {
    if (port <= 0 || port > UINT16_MAX || host.empty()) {
        report({PENSTOCK_UNSUPPORTED, fmt::format("the broker at {} does not listen on the {} road", host,
                                                  native() ? "udp" : "tcp")});
        stale_ = true;
        return nullptr;
    }
    return connect({.host = host, .port = static_cast<uint16_t>(port), .road = bootstrap_.road}, purpose, id);
}

void Cluster::forget(const Requester& requester) {
    for (const auto& place : places_) {
        if (place->connection) place->connection->forget(requester);
    }
}

// Topics.

void Cluster::watch(const std::string& topic, bool create) {
    Watched& watched = topics_[topic];
    ++watched.watchers;
    watched.create |= create;
    if (!watched.topic) stale_ = true;
    wake();
}

void Cluster::unwatch(const std::string& topic) {
    const auto found = topics_.find(topic);
    PENSTOCK_ASSERT(found != topics_.end());
    if (--found->second.watchers == 0) topics_.erase(found);
}

const Topic* Cluster::find(const std::string& topic) const {
    const auto found = topics_.find(topic);
    return found == topics_.end() || !found->second.topic ? nullptr : &*found->second.topic;
}

void Cluster::step_metadata() {
    if (fresh_until_ <= time_.now) {
        stale_ = true;
        fresh_until_ = never;   // until the answer comes it is no deadline any more
    }
    stale_ |= somebody_is_silent();
    if (!stale_ || asking() || ask_not_before_ > time_.now) return;
    Connection* connection = any(Purpose::control);
    if (connection == nullptr) {
        ask_not_before_ = time_.now + backoff_first_ns;
        return;
    }
    const auto version = connection->version_of(ApiKey::metadata);
    if (!version) return connection->close(version.error());
    bool create = false;
    std::vector<MetadataRequest::Topic> topics;
    for (const auto& [name, watched] : topics_) {
        topics.push_back({.name = std::string_view(name)});
        create |= watched.create && !watched.topic;
    }
    // Without a topic an old version would answer all of them.
    MetadataRequest request;
    request.topics = wire::Array<MetadataRequest::Topic>(topics);
    request.allow_auto_topic_creation = create;
    const auto asked = connection->ask(*this, request, *version,
                                       {.deadline = time_.now + options_.request_timeout_ns, .expected = time_.now});
    if (!asked) return report(asked.error());
    asked_ = connection;
    ask_backoff_ns_ = longer(ask_backoff_ns_);   // until one answers, and all is well
    ask_not_before_ = time_.now + ask_backoff_ns_;
    stale_ = false;
}

/// A broker that was away answers by what it knew before, maybe that it still leads. Who has heard of a later epoch
/// goes by that: an old leader refuses offsets that it does not have as out of range.
void Cluster::on_answer(uint64_t, const Answer& answer, Nanos now) {
    asked_ = nullptr;
    Arena arena(limits::client_answer_arena_bytes_max);
    MetadataResponse message;
    if (!answer.decode(arena, message)) {
        report({PENSTOCK_MALFORMED, "a malformed answer to Metadata"});
        return metadata_failed();
    }
    brokers_.clear();
    for (const MetadataResponse::Broker& broker : message.brokers) {
        if (brokers_.size() == limits::client_brokers_max) break;
        brokers_[broker.node_id] = {.host = std::string(broker.host), .port = broker.port,
                                    .native_port = broker.native_port};
    }
    controller_ = message.controller_id;
    recognize_brokers();
    close_those_who_left();
    bool settled = !somebody_is_silent();
    for (const MetadataResponse::Topic& row : message.topics) {
        const auto found = row.name ? topics_.find(std::string(*row.name)) : topics_.end();
        if (found == topics_.end()) continue;
        settled &= row.error_code == wire::kafka::ErrorCode::none;
        Topic topic{.error = code_of(row.error_code), .id = row.topic_id, .internal = row.is_internal};
        // One that is being created, or not known everywhere yet: keep what is known, and ask again.
        const bool passing = penstock_error_is_transient(topic.error) != 0 &&
                             (topic.error != PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION || found->second.create);
        if (passing) continue;
        for (const MetadataResponse::Partition& partition : row.partitions) {
            const auto index = static_cast<size_t>(partition.partition_index);
            if (partition.partition_index < 0 || index >= row.partitions.size()) continue;
            topic.partitions.resize(row.partitions.size());
            PartitionPlace& place = topic.partitions[index];
            place = {.leader = partition.leader_id, .leader_epoch = partition.leader_epoch,
                     .native_port = partition.native_port};
            const PartitionPlace* known = place_of(found->second.topic, topic.id, index);
            const bool went_back = known != nullptr && known->leader_epoch > place.leader_epoch;
            if (went_back) place = *known;
            settled &= place.leader >= 0 && !went_back;
        }
        found->second.topic = std::move(topic);
    }
    ++revision_;
    fresh_until_ = now + options_.metadata_age_ns;
    if (settled) ask_backoff_ns_ = 0;
    ask_not_before_ = now + std::max(ask_backoff_ns_, backoff_first_ns);
    stale_ |= !settled;
    for (const auto& [name, watched] : topics_) stale_ |= !watched.topic;
}

void Cluster::on_lost(uint64_t, const Failure& why, Nanos) {
    asked_ = nullptr;
    report(why);
    metadata_failed();
}

void Cluster::metadata_failed() {
    stale_ = true;
    ask_not_before_ = time_.now + ask_backoff_ns_;
}

}  // namespace penstock::client
