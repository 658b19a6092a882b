#include "broker/listener.h"

#include <algorithm>

#include "base/assert.h"
#include "limits.h"

namespace penstock::broker {

namespace {

/// Of "1.2.3.4:5678" or "[::1]:5678".
std::string_view host_of(std::string_view peer) {
    std::string_view host = peer.substr(0, peer.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host;
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "0:0:0:0:0:0:0:1"; }

}  // namespace

Listener::Listener(const BrokerOptions& its_options, const TopicTable& its_topics, io::Streams& streams,
                   Exchange& its_exchange)
    : Serving(its_options, its_topics),
      streams_(streams),
      exchange_(its_exchange),
      memory_(its_options.request_memory_bytes, streams),
      node_memory_(its_options.request_memory_bytes, streams) {}

Listener::~Listener() {
    // The shard has stopped, or the process ends: whatever is under way is dropped, not answered.
    for (auto& [_, connection] : connections_) {
        while (connection->pop_in_flight() != nullptr) {}
        while (connection->pop_sending() != nullptr) {}
        leave_lists(*connection);
    }
    connections_.clear();
    for (auto& request : all_requests_) {
        if (request->memory != nullptr) FrameAssembler::release(request->frame, *request->memory);
        timers_.cancel(*request);
        static_cast<ListLink<RequestList>&>(*request).unlink();
    }
}

void Listener::begin_turn(Time now) {
    time = now;
    started_this_turn_ = 0;
}

void Listener::on_event(const io::StreamEvent& event) {
    if (event.kind == io::StreamEventKind::accepted) return accept(event);
    auto at = connections_.find(event.connection.value);
    if (at == connections_.end()) {
        // Refused when it was accepted.
        if (event.kind == io::StreamEventKind::received) streams_.release(event.buffer);
        return;
    }
    Connection& connection = *at->second;
    switch (event.kind) {
        case io::StreamEventKind::received:
            if (connection.closing()) return streams_.release(event.buffer);
            connection.on_received(event.buffer, time.now);
            work_on(connection);
            break;
        case io::StreamEventKind::sent:
            if (Request* over = connection.on_sent(time.now)) end(*over);
            work_on(connection);
            break;
        case io::StreamEventKind::ended:
            on_ended(connection);
            break;
        case io::StreamEventKind::closed: on_closed(connection); break;
        case io::StreamEventKind::accepted:
        case io::StreamEventKind::connected: break;
    }
}

void Listener::accept(const io::StreamEvent& event) {
    if (stopping_ || connections_.size() >= options.connections_max) {
        ++counters_.connections_refused;
        return streams_.close(event.connection);
    }
    ++counters_.connections_accepted;
    const std::string_view host = host_of(event.peer);
    const bool node = event.proven || (options.loopback_is_node && event.road == io::Road::native && is_loopback(host));
    auto connection = std::make_unique<Connection>(event.connection, streams_, node ? node_memory_ : memory_,
                                                   options.request_bytes_max, time.now);
    connection->node = node;
    connection->road = event.road;
    connection->client_host = "/" + std::string(host);
    connection_timers_.set(*connection, connection->check_time(time.now));
    connections_.emplace(event.connection.value, std::move(connection));
}

/// The driver goes on sending from the responses that it has until its `closed` comes; the rest ends here.
void Listener::close(Connection& connection) {
    if (connection.closing()) return;
    connection.begin_close();
    leave_lists(connection);
    streams_.close(connection.id);
    while (Request* request = connection.pop_in_flight()) abandon(*request);
}

/// The client has gone, or waits for the answers to what it sent: sending them tells.
void Listener::on_ended(Connection& connection) {
    connection.on_ended();
    IntrusiveList<Request, FlightList>& requests = connection.in_flight();
    for (Request* request = requests.front(); request != nullptr; request = requests.next(*request)) hurry(*request);
    work_on(connection);
}

void Listener::on_closed(Connection& connection) {
    ++counters_.connections_closed;
    leave_lists(connection);
    while (Request* request = connection.pop_sending()) end(*request);
    while (Request* request = connection.pop_in_flight()) abandon(*request);
    memory_freed_ = true;
    connections_.erase(connection.id.value);
}

void Listener::leave_lists(Connection& connection) {
    connection_timers_.cancel(connection);
    static_cast<ListLink<WorkList>&>(connection).unlink();
    static_cast<ListLink<StarvedList>&>(connection).unlink();
}

void Listener::work_on(Connection& connection) {
    if (!connection.closing() && !static_cast<ListLink<WorkList>&>(connection).linked()) work_.push_back(connection);
}

bool Listener::step() {
    bool worked = false;
    if (memory_freed_) retry_starved();
    // Connections that come back to the list in this step are looked at again only until the budget is used up.
    while (started_this_turn_ < limits::requests_started_per_turn) {
        Connection* connection = work_.pop_front();
        if (connection == nullptr) break;
        work(*connection);
        worked = true;
    }
    return worked;
}

/// Everything that can be done for a connection now.
void Listener::work(Connection& connection) {
    if (!answer_in_order(connection)) return;
    if (!connection.ending() && !stopping_) read_frames(connection);
    else if (connection.drained()) close(connection);
}

/// False: the connection has ended.
bool Listener::answer_in_order(Connection& connection) {
    while (Request* request = connection.front_answered()) {
        if (request->closes) {
            connection.end_when_drained();
            if (connection.sending()) break;
            return close(connection), false;
        }
        if (!connection.start_sending(*request, time.now)) end(*request);
    }
    if (!connection.hand_over()) return close(connection), false;
    watch_time(connection);
    return true;
}

void Listener::read_frames(Connection& connection) {
    if (!serving_) return wait_for_memory(connection);
    while (true) {
        const FrameStatus status = connection.frames.next();
        if (status == FrameStatus::malformed) {
            ++counters_.frames_malformed;
            connection.end_when_drained();
            connection.pause();
            if (connection.drained()) close(connection);
            return;
        }
        if (status == FrameStatus::bytes_wanted && connection.peer_ended()) {
            connection.end_when_drained();
            if (connection.drained()) close(connection);
            return;
        }
        if (status == FrameStatus::bytes_wanted) {
            connection.resume();
            connection.note_frame(time.now);
            return watch_time(connection);
        }
        if (status == FrameStatus::memory_wanted) return wait_for_memory(connection);
        if (!connection.may_start(connection.frames.ready().api_key())) break;
        if (!room_for_request(connection)) return wait_for_memory(connection);
        if (started_this_turn_ >= limits::requests_started_per_turn) {
            work_on(connection);
            break;
        }
        start(connection);
        if (connection.ending()) return;
    }
    // A frame that has to wait. A client that sends no more meanwhile costs no pause.
    if (!connection.frames.has_input()) return;
    if (settle(connection)) connection.note_frame(time.now);
}

void Listener::wait_for_memory(Connection& connection) {
    if (!settle(connection)) return;
    connection.note_frame(time.now);
    if (static_cast<ListLink<StarvedList>&>(connection).linked()) return;
    ++counters_.memory_waits;
    starved_.push_back(connection);
}

/// Stops reading. False: there was no memory for what is here already, and the connection has ended.
bool Listener::settle(Connection& connection) {
    connection.pause();
    if (connection.frames.settle()) return true;
    close(connection);
    return false;
}

void Listener::retry_starved() {
    memory_freed_ = false;
    memory_.try_again();
    node_memory_.try_again();
    IntrusiveList<Connection, StarvedList> waiting;
    waiting.take(starved_);
    while (Connection* connection = waiting.pop_front()) work_on(*connection);
}

void Listener::watch_time(Connection& connection) {
    const Nanos at = connection.check_time(time.now);
    if (!connection.set() || at < connection.deadline()) connection_timers_.set(connection, at);
}

bool Listener::on_timers() {
    bool worked = false;
    while (Timer* timer = timers_.expire(time.now)) {
        auto& request = static_cast<Request&>(*timer);
        request.timed_out = true;
        cancel_calls(request);
        worked = true;
    }
    while (Timer* timer = connection_timers_.expire(time.now)) {
        auto& connection = static_cast<Connection&>(*timer);
        worked = true;
        if (connection.overdue(time.now)) {
            ++counters_.connections_timed_out;
            close(connection);
        } else {
            connection_timers_.set(connection, connection.check_time(time.now));
        }
    }
    return worked;
}

Nanos Listener::next_deadline() const {
    return std::min(timers_.next_deadline(), connection_timers_.next_deadline());
}

void Listener::begin_serving() {
    serving_ = true;
    memory_freed_ = true;
}

void Listener::begin_stop() {
    stopping_ = true;
    for (auto& [_, connection] : connections_) {
        if (connection->closing()) continue;
        connection->pause();
        for (Request* request = connection->in_flight().front(); request != nullptr;
             request = connection->in_flight().next(*request)) {
            // Produces are let finish: they are on their way to the disk.
            if (request->stage != RequestStage::running || request->header.key == 0) continue;
            request->timed_out = true;
            cancel_calls(*request);
        }
        work_on(*connection);
    }
}

void Listener::close_all() {
    for (auto& [_, connection] : connections_) close(*connection);
}

}  // namespace penstock::broker
