#include "coordinator/server.h"

#include <algorithm>
#include <array>

#include "limits.h"

namespace penstock::coordinator {

namespace {
constexpr size_t events_per_poll = 64;
}

bool Server::turn(Nanos now) {
    if (store_.role(now) != io::StoreRole::active) return false;
    bool worked = streams_.turn(now);
    worked |= take_stream_events(now);
    worked |= take_store_completions(now);
    coordinator_.on_turn(now);
    worked |= give_transactions(now);
    worked |= give_frames();
    while (auto id = coordinator_.poll_close()) close(*id);
    worked |= streams_.turn(now);
    return worked;
}

void Server::close_all(Nanos now) {
    streams_.shut_down();
    streams_.turn(now);
}

void Server::begin_stop() {
    stopping_ = true;
    streams_.stop_listening();
}

bool Server::drained() const {
    return !store_busy_ &&
           std::ranges::all_of(connections_, [](const auto& entry) { return entry.second.frames.empty(); });
}

bool Server::take_stream_events(Nanos now) {
    std::array<io::StreamEvent, events_per_poll> events;
    bool worked = false;
    for (size_t count = events.size(); count == events.size();) {
        count = streams_.poll(events);
        for (size_t i = 0; i < count; ++i) on_event(events[i], now);
        worked |= count > 0;
    }
    return worked;
}

void Server::on_event(const io::StreamEvent& event, Nanos now) {
    switch (event.kind) {
        case io::StreamEventKind::accepted:
            connections_.try_emplace(event.connection,
                                     Connection{wire::node::FrameCutter(limits::node_request_bytes_max), {}, 0});
            return;
        case io::StreamEventKind::connected: return;
        case io::StreamEventKind::received: return on_received(event, now);
        case io::StreamEventKind::sent: {
            auto at = connections_.find(event.connection);
            if (at == connections_.end()) return;
            at->second.frames.pop_front();
            --at->second.sending;
            return send(at->first, at->second);
        }
        case io::StreamEventKind::ended: return close(event.connection);
        case io::StreamEventKind::closed: return on_closed(event.connection);
    }
}

void Server::on_received(const io::StreamEvent& event, Nanos now) {
    auto at = connections_.find(event.connection);
    if (at != connections_.end() && !stopping_) {
        wire::node::FrameCutter& cutter = at->second.cutter;
        cutter.push({event.buffer.data, event.buffer.size});
        while (auto frame = cutter.next()) coordinator_.on_frame(event.connection, *frame, now);
        if (cutter.broken()) close(event.connection);
    }
    streams_.release(event.buffer);
}

// The connection's memory stays until `closed`: the driver may still read from it.
void Server::close(io::ConnectionId id) {
    streams_.close(id);
    coordinator_.on_closed(id);
}

void Server::on_closed(io::ConnectionId id) {
    connections_.erase(id);
    coordinator_.on_closed(id);
}

bool Server::take_store_completions(Nanos now) {
    std::array<io::StoreCompletion, limits::store_transactions_max> completions;
    const size_t count = store_.poll(completions);
    for (size_t i = 0; i < count; ++i) {
        store_busy_ = false;
        coordinator_.on_stored(completions[i], now);
    }
    return count > 0;
}

bool Server::give_transactions(Nanos now) {
    auto transaction = coordinator_.poll_transaction();
    if (!transaction) return false;
    const uint64_t token = transaction->token;
    auto submitted = store_.submit(std::move(*transaction));
    store_busy_ = submitted.has_value();
    if (!submitted) coordinator_.on_stored({.token = token, .ok = false, .error = submitted.error()}, now);
    return true;
}

bool Server::give_frames() {
    bool worked = false;
    while (auto frame = coordinator_.poll_frame()) {
        worked = true;
        auto at = connections_.find(frame->connection);
        if (at == connections_.end()) continue;
        if (at->second.frames.size() >= limits::connection_frames_max) {
            close(at->first);
            continue;
        }
        at->second.frames.push_back(std::move(frame->bytes));
        send(at->first, at->second);
    }
    return worked;
}

void Server::send(io::ConnectionId id, Connection& connection) {
    while (connection.sending < connection.frames.size()) {
        const auto& bytes = connection.frames[connection.sending];
        const Fragment fragment{bytes.data(), static_cast<uint32_t>(bytes.size())};
        if (!streams_.send(id, std::span(&fragment, 1), 0)) return;  // full: goes on with the next `sent`
        ++connection.sending;
    }
}

}  // namespace penstock::coordinator
