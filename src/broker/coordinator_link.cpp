#include "broker/coordinator_link.h"

#include <algorithm>
#include <utility>

#include "broker/coordinator_link_impl.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/broker_heartbeat.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

constexpr int32_t watch_wait_ms = 30'000;

}  // namespace

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
    link.connection = link.closing = link.want_close = link.may_stop = false;
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
    link.lose_all_in_sync();
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
    link.send_in_sync();
    link.send_admin();
}

// --- Commands

void CoordinatorLink::want_producer_ids() { impl_->producer_ids_wanted = true; }

void CoordinatorLink::want_to_stop() { impl_->wants_to_stop = true; }
bool CoordinatorLink::may_stop() const { return impl_->may_stop; }

void CoordinatorLink::confirm_applied(uint64_t revision) {
    impl_->applied_revision = std::max(impl_->applied_revision, revision);
    impl_->gather.confirm_applied(revision);
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
    request.rack = options.rack;
    request.clean = options.clean;
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
    request.wants_to_stop = wants_to_stop;
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
    if (auto asked = in_sync_under_way.find(id); asked != in_sync_under_way.end()) {
        InSyncRequest request = std::move(asked->second);
        in_sync_under_way.erase(asked);
        return on_in_sync_answer(std::move(request), reader, now);
    }
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
    may_stop = wants_to_stop && response.may_stop;
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

std::optional<InSyncResult> CoordinatorLink::poll_in_sync_result() {
    Impl& link = *impl_;
    if (link.in_sync_results.empty()) return {};
    InSyncResult result = std::move(link.in_sync_results.front());
    link.in_sync_results.pop_front();
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
