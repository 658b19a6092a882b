#include "shard/cluster_seat.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "wire/kafka/errors.h"

namespace penstock::shard {

using broker::AdminResult;
using broker::ErrorCode;
using broker::ProducerIdCall;
using broker::TopicsCall;
using broker::TopicsChange;

ClusterSeat::ClusterSeat(broker::LinkOptions options, std::vector<io::Address> coordinators, io::Streams& streams,
                         Nanos now)
    : link_(std::move(options), now),
      coordinators_(std::move(coordinators)),
      coordinator_(coordinators_.size() - 1),
      streams_(streams) {
    PENSTOCK_ASSERT(!coordinators_.empty());
}

namespace {

std::string why_closed(const Error& error) {
    switch (error.os_error) {
        case 0: return "the coordinator closed the connection";
        case EACCES: return "it and this broker do not know the same secret: check cluster.secret_file of both";
        case ETIMEDOUT: return "no answer";
        case ECONNREFUSED: return "it takes no connections now: it stands by, stops, or has too many";
        case ECONNRESET: return "the connection is gone: the coordinator ended";
        default: return std::string(to_string(error.code)) + ": " + std::strerror(error.os_error);
    }
}

}  // namespace

void ClusterSeat::on_event(const io::StreamEvent& event, Nanos now) {
    if (!connection_open_ || event.connection != connection_) {
        if (event.kind == io::StreamEventKind::received) streams_.release(event.buffer);
        return;
    }
    switch (event.kind) {
        case io::StreamEventKind::connected: link_.on_connected(now); break;
        case io::StreamEventKind::received:
            link_.on_received({event.buffer.data, event.buffer.size}, now);
            streams_.release(event.buffer);
            break;
        case io::StreamEventKind::sent: link_.on_sent(); break;
        case io::StreamEventKind::ended: streams_.close(connection_); break;
        case io::StreamEventKind::closed:
            connection_open_ = false;
            link_.on_closed(why_closed(event.error), now);
            break;
        case io::StreamEventKind::accepted: break;
    }
}

void ClusterSeat::on_call(TopicsCall& call) {
    call.held = true;
    call.token = ++last_token_;
    call.answered_by_coordinator = false;
    calls_.push_back(&call);
    Result<void> asked = fail(Errc::would_block);
    if (!closed_ && calls_.size() <= limits::topic_changes) asked = forward(call);
    if (asked) return;
    // Retriable: clients look for the controller again, and by then there may be room.
    call.result.error = wire::kafka::ErrorCode::not_controller;
    call.result.message = "The broker cannot forward the change to the coordinator now";
    answer(calls_.size() - 1);
}

Result<void> ClusterSeat::forward(const TopicsCall& call) {
    switch (call.change) {
        case TopicsChange::create:
            return link_.create_topics(call.token, call.created, call.validate_only, call.deadline);
        case TopicsChange::remove: return link_.delete_topics(call.token, call.removed, call.deadline);
        case TopicsChange::grow:
            return link_.create_partitions(call.token, call.grown, call.validate_only, call.deadline);
        case TopicsChange::alter:
            return link_.alter_configs(call.token, call.altered, call.validate_only, call.deadline);
        case TopicsChange::elect:
            return link_.elect_leaders(call.token, call.election, call.elected, call.deadline);
        case TopicsChange::reassign: return link_.reassign(call.token, call.reassigned, call.deadline);
    }
    PENSTOCK_ASSERT(false);
}

void ClusterSeat::on_cancel(TopicsCall& call) {
    const auto at = std::ranges::find(calls_, &call);
    if (at == calls_.end()) return;
    if (!call.answered_by_coordinator) {
        call.result.error = wire::kafka::ErrorCode::request_timed_out;
        call.result.message = "The coordinator has not answered in time; the change may still happen";
    }
    answer(static_cast<size_t>(at - calls_.begin()));
}

/// Nobody can cancel it: while there is no session it is answered at once, and when one ends, too.
void ClusterSeat::on_call(broker::InSyncCall& call) {
    call.held = true;
    call.decided = false;
    proposals_.push_back(&call);
    if (closed_) propose();
}

/// All that came in a turn, together.
void ClusterSeat::propose() {
    while (!proposals_.empty()) {
        const size_t count = std::min(proposals_.size(), limits::proposals_per_request);
        std::vector<broker::InSyncProposal> wanted;
        for (broker::InSyncCall* call : std::span(proposals_).first(count)) wanted.push_back(call->proposal);
        const Result<void> asked = closed_ ? fail(Errc::not_ready) : link_.alter_partitions(++last_token_, wanted);
        for (broker::InSyncCall* call : std::span(proposals_).first(count)) {
            call->token = last_token_;
            if (asked) proposed_.push_back(call);
            else answer(*call);
        }
        proposals_.erase(proposals_.begin(), proposals_.begin() + static_cast<ptrdiff_t>(count));
    }
}

void ClusterSeat::on_result(const broker::InSyncResult& result) {
    const auto of_result = [&](const broker::InSyncCall* call) { return call->token == result.token; };
    size_t at = 0;   // the partitions are in the order of the request
    for (broker::InSyncCall* call : proposed_) {
        if (!of_result(call)) continue;
        call->decided = result.error == ErrorCode::none;
        if (call->decided) call->outcome = result.partitions[at++];
        answer(*call);
    }
    std::erase_if(proposed_, of_result);
}

void ClusterSeat::answer(broker::InSyncCall& call) {
    call.held = false;
    answers_.push_back(&call);
}

bool ClusterSeat::on_turn(Nanos now) {
    if (closed_) return false;
    bool worked = give_producer_ids();  // before the link's turn: it may ask for more
    worked |= !proposals_.empty();
    propose();
    link_.on_turn(now);
    if (link_.poll_connect()) connect(now);
    if (link_.poll_close() && connection_open_) streams_.close(connection_);
    if (connection_open_) send(now);
    while (std::optional<AdminResult> result = link_.poll_result()) {
        on_result(std::move(*result));
        worked = true;
    }
    while (const std::optional<broker::InSyncResult> result = link_.poll_in_sync_result()) {
        on_result(*result);
        worked = true;
    }
    if (confirm_at_ <= now) {
        link_.confirm_applied(confirmed_revision_ = applied_revision_);
        confirm_at_ = never;
    }
    return worked;
}

void ClusterSeat::on_call(ProducerIdCall& call) {
    call.held = true;
    id_calls_.push_back(call);
    if (closed_) return answer(call, ErrorCode::coordinator_load_in_progress, -1);
    give_producer_ids();
}

void ClusterSeat::on_cancel(ProducerIdCall& call) {
    if (call.held) answer(call, ErrorCode::coordinator_load_in_progress, -1);
}

/// To those who wait; and asks for more in good time, so that as a rule nobody does. While there is no session nobody
/// is kept waiting: the coordinator may be away for long, and clients come back by themselves.
bool ClusterSeat::give_producer_ids() {
    bool worked = false;
    for (;;) {
        if (ids_.count == 0) ids_ = std::exchange(next_ids_, {});
        if (next_ids_.count == 0) {
            if (const auto block = link_.poll_producer_ids()) (ids_.count == 0 ? ids_ : next_ids_) = *block;
        }
        if (ids_.count + next_ids_.count <= limits::producer_id_block / 2) link_.want_producer_ids();
        if (id_calls_.empty()) return worked;
        worked = true;
        if (ids_.count > 0) {
            --ids_.count;
            answer(*id_calls_.front(), ErrorCode::none, ids_.first++);
        } else if (link_.state() != broker::LinkState::registered) {
            answer(*id_calls_.front(), ErrorCode::coordinator_load_in_progress, -1);
        } else {
            return false;
        }
    }
}

void ClusterSeat::answer(ProducerIdCall& call, ErrorCode error, int64_t id) {
    static_cast<ListLink<broker::OwnerQueue>&>(call).unlink();
    call.held = false;
    call.error = error;
    call.producer_id = id;
    answers_.push_back(&call);
}

void ClusterSeat::connect(Nanos now) {
    coordinator_ = (coordinator_ + 1) % coordinators_.size();
    const io::Address& to = coordinator();
    const Result<io::ConnectionId> connecting = streams_.connect(to);
    if (!connecting) {
        std::string why = "cannot connect to " + to.host + ":" + std::to_string(to.port) + ": " +
                          to_string(connecting.error().code);
        return link_.on_closed(why, now);
    }
    connection_ = *connecting;
    connection_open_ = true;
}

void ClusterSeat::send(Nanos now) {
    const std::span<const std::byte> bytes = link_.poll_send();
    if (bytes.empty()) return;
    const Fragment fragment{bytes.data(), static_cast<uint32_t>(bytes.size())};
    // One send at a time, so the driver's queue cannot be full: whatever it says, this connection is of no more use.
    if (!streams_.send(connection_, {&fragment, 1}, 0)) streams_.close(connection_);
    static_cast<void>(now);
}

void ClusterSeat::on_result(AdminResult result) {
    const auto at = std::ranges::find(calls_, result.token, &TopicsCall::token);
    if (at == calls_.end()) return;  // cancelled
    (*at)->answered_by_coordinator = true;
    (*at)->result = std::move(result);
    answer_applied();
}

void ClusterSeat::on_applied(uint64_t revision, Nanos now) {
    applied_revision_ = revision;
    if (confirm_at_ == never) confirm_at_ = now + limits::removal_settle_ns;
    answer_applied();
}

void ClusterSeat::answer_applied() {
    for (size_t i = calls_.size(); i-- > 0;) {
        if (calls_[i]->answered_by_coordinator && calls_[i]->result.revision <= applied_revision_) answer(i);
    }
}

void ClusterSeat::answer(size_t index) {
    TopicsCall* call = calls_[index];
    calls_[index] = calls_.back();
    calls_.pop_back();
    call->held = false;
    answers_.push_back(call);
}

broker::Call* ClusterSeat::poll_answer() {
    if (answers_.empty()) return nullptr;
    broker::Call* call = answers_.back();
    answers_.pop_back();
    return call;
}

Nanos ClusterSeat::next_deadline() const {
    return closed_ ? never : std::min(link_.next_deadline(), confirm_at_);
}

void ClusterSeat::close() {
    closed_ = true;
    if (connection_open_) streams_.close(connection_);
    for (broker::InSyncCall* call : proposed_) answer(*call);
    proposed_.clear();
    propose();
    while (!id_calls_.empty()) answer(*id_calls_.front(), ErrorCode::coordinator_load_in_progress, -1);
    while (!calls_.empty()) {
        calls_.back()->result.error = wire::kafka::ErrorCode::not_controller;
        calls_.back()->result.message = "The broker is stopping";
        answer(calls_.size() - 1);
    }
}

}  // namespace penstock::shard
