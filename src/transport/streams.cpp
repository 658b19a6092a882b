#include "transport/streams.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/assert.h"

namespace penstock::transport {

namespace {

/// "1.2.3.4:5678", or "[fd00:0:0:0:0:0:0:1]:5678".
void write_text(const io::Endpoint& endpoint, char (&out)[48]) {
    const auto byte = [&](size_t i) { return std::to_integer<unsigned>(endpoint.ip[i]); };
    bool mapped = byte(10) == 0xff && byte(11) == 0xff;
    for (size_t i = 0; i < 10; ++i) mapped &= byte(i) == 0;
    if (mapped) {
        std::snprintf(out, sizeof out, "%u.%u.%u.%u:%u", byte(12), byte(13), byte(14), byte(15), endpoint.port);
        return;
    }
    const auto group = [&](size_t i) { return byte(2 * i) << 8 | byte(2 * i + 1); };
    std::snprintf(out, sizeof out, "[%x:%x:%x:%x:%x:%x:%x:%x]:%u", group(0), group(1), group(2), group(3), group(4),
                  group(5), group(6), group(7), endpoint.port);
}

/// What the kernel would say of a TCP connection that ended so.
Error error_of(CloseCode code) {
    switch (code) {
        case CloseCode::none:
        case CloseCode::shutting_down: return {};
        case CloseCode::idle:
        case CloseCode::unreachable: return {Errc::io, ETIMEDOUT};
        case CloseCode::no_room: return {Errc::io, ECONNREFUSED};
        case CloseCode::not_proven: return {Errc::io, EACCES};
        case CloseCode::wrong_version: return {Errc::io, EPROTONOSUPPORT};
        case CloseCode::protocol_violation:
        case CloseCode::credit_exceeded: return {Errc::io, EPROTO};
        case CloseCode::cancelled: break;
    }
    return {Errc::io, ECONNRESET};
}

}  // namespace

Streams::Streams(io::Link& link, const StreamsOptions& options) : link_(link), options_(options) {}

Streams::~Streams() {
    for (const auto& [id, open] : open_) open->unlink();
}

Result<uint16_t> Streams::open(const io::Address& address) {
    const Result<uint16_t> port = link_.open(address);
    if (port) endpoint_ = std::make_unique<Endpoint>(link_, options_.endpoint);
    return port;
}

Result<uint16_t> Streams::listen(const io::Address& address) {
    if (endpoint_ == nullptr) {
        const Result<uint16_t> port = open(address);
        if (!port) return port;
        port_ = *port;
    }
    endpoint_->set_accepting(true);
    return port_;
}

void Streams::stop_listening() {
    if (endpoint_ != nullptr) endpoint_->set_accepting(false);
}

Result<io::ConnectionId> Streams::connect(const io::Address& address) {
    if (endpoint_ == nullptr)
        if (const Result<uint16_t> port = open({"", 0, io::Road::native}); !port) return std::unexpected(port.error());
    if (open_.size() >= options_.connections_max) return fail(Errc::would_block);
    const Result<io::Endpoint> peer = link_.resolve(address);
    if (!peer) return std::unexpected(peer.error());
    auto made = std::make_unique<Open>();
    made->id = {next_id_++};
    made->peer = *peer;
    const io::ConnectionId id = made->id;
    open_.emplace(id.value, std::move(made));
    to_begin_.push_back(id);
    return id;
}

bool Streams::turn(Nanos now) {
    if (endpoint_ == nullptr) return false;
    const bool began = !to_begin_.empty();
    begin_connections(now);
    return endpoint_->turn(now) || began;
}

Nanos Streams::next_deadline() const {
    if (!to_begin_.empty() || !events_.empty() || !readable_.empty()) return Nanos(0);
    return endpoint_ == nullptr ? never : endpoint_->next_deadline();
}

void Streams::begin_connections(Nanos now) {
    for (const io::ConnectionId id : to_begin_) {
        Open* open = find(id);
        if (open == nullptr) continue;   // closed meanwhile
        auto shared = connections_.find(open->peer);
        if (shared == connections_.end()) {
            const ConnectionId made = endpoint_->connect(open->peer, options_.proves, now);
            shared = connections_.emplace(open->peer, made).first;
            openers_[made.value].peer = open->peer;
        }
        open->connection = shared->second;
        Opener& opener = openers_.at(shared->second.value);
        opener.waiting.push_back(id);
        if (opener.connected) open_waiting(shared->second);
    }
    to_begin_.clear();
}

Streams::Open* Streams::find(io::ConnectionId id) const {
    const auto at = open_.find(id.value);
    return at == open_.end() ? nullptr : at->second.get();
}

Streams::Open* Streams::find(ConnectionId connection, uint32_t stream) const {
    const auto at = by_stream_.find({connection.value, stream});
    return at == by_stream_.end() ? nullptr : at->second;
}

void Streams::emit(io::StreamEventKind kind, io::ConnectionId id, uint64_t token, Error error) {
    io::StreamEvent event;
    event.kind = kind;
    event.connection = id;
    event.token = token;
    event.error = error;
    events_.push_back(event);
}

/// As many of those that wait as the peer allows; the others wait until it allows more.
void Streams::open_waiting(ConnectionId connection) {
    Opener& opener = openers_.at(connection.value);
    Connection* transport = endpoint_->find(connection);
    size_t begun = 0;
    for (; transport != nullptr && begun < opener.waiting.size(); ++begun) {
        Open* open = find(opener.waiting[begun]);
        if (open == nullptr) continue;
        open->stream = transport->open_stream();
        if (!open->stream) break;
        by_stream_[{connection.value, *open->stream}] = open;
        emit(io::StreamEventKind::connected, open->id);
        for (const EarlySend& early : open->early) transport->push(*open->stream, early.fragments, early.token);
        open->early.clear();
    }
    opener.waiting.erase(opener.waiting.begin(), opener.waiting.begin() + static_cast<std::ptrdiff_t>(begun));
}

void Streams::accept(ConnectionId connection, uint32_t stream) {
    if (open_.size() >= options_.connections_max) {
        if (Connection* transport = endpoint_->find(connection)) transport->cancel(stream);
        return;
    }
    auto made = std::make_unique<Open>();
    made->id = {next_id_++};
    made->peer = *endpoint_->peer_of(connection);
    made->connection = connection;
    made->stream = stream;
    by_stream_[{connection.value, stream}] = made.get();
    io::StreamEvent event;
    event.kind = io::StreamEventKind::accepted;
    event.connection = made->id;
    event.road = io::Road::native;
    event.proven = endpoint_->proven(connection);
    write_text(made->peer, event.peer);
    events_.push_back(event);
    open_.emplace(made->id.value, std::move(made));
}

void Streams::take_events() {
    if (endpoint_ == nullptr) return;
    while (const auto event = endpoint_->next_event()) {
        if (event->kind == EndpointEventKind::accepted) continue;   // its streams count
        if (event->kind == EndpointEventKind::connected) {
            openers_.at(event->connection.value).connected = true;
            open_waiting(event->connection);
        } else {
            on_stream_event(*event);
        }
    }
}

void Streams::on_stream_event(const EndpointEvent& event) {
    const ConnectionId connection = event.connection;
    if (event.event.kind == EventKind::closed) return on_closed(connection, event.event.code);
    if (event.event.kind == EventKind::stream_opened) return accept(connection, event.event.stream);
    if (event.event.kind == EventKind::streams_granted) return open_waiting(connection);
    Open* open = find(connection, event.event.stream);
    if (open == nullptr) return;
    if (event.event.kind == EventKind::pushed) {
        emit(io::StreamEventKind::sent, open->id, event.event.token);
    } else if (event.event.kind == EventKind::readable) {
        open->readable = true;
        if (!open->paused && !open->linked()) readable_.push_back(*open);
    } else if (event.event.kind == EventKind::stream_over) {
        const io::ConnectionId id = open->id;
        if (Connection* transport = endpoint_->find(connection)) transport->cancel(event.event.stream);
        forget(*open);
        emit(io::StreamEventKind::closed, id, 0, error_of(event.event.code));
    }
}

void Streams::on_closed(ConnectionId connection, CloseCode code) {
    std::vector<Open*> over;
    for (const auto& [id, open] : open_)
        if (open->connection == connection) over.push_back(open.get());
    std::ranges::sort(over, {}, [](const Open* open) { return open->id; });
    for (Open* open : over) {
        Error error = error_of(code);
        if (!open->stream && error.os_error == 0) error = {Errc::io, ECONNREFUSED};
        emit(io::StreamEventKind::closed, open->id, 0, error);
        forget(*open);
    }
    const auto opener = openers_.find(connection.value);
    if (opener == openers_.end()) return;
    const auto shared = connections_.find(opener->second.peer);
    if (shared != connections_.end() && shared->second == connection) connections_.erase(shared);
    openers_.erase(opener);
}

void Streams::forget(Open& open) {
    const ConnectionId connection = open.connection;
    open.unlink();
    if (open.stream) by_stream_.erase({connection.value, *open.stream});
    open_.erase(open.id.value);
}

Result<void> Streams::send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token) {
    PENSTOCK_ASSERT(fragments.size() <= io::max_send_fragments);
    Open* open = find(id);
    if (open == nullptr) return fail(Errc::not_found);
    if (!open->stream) {
        if (open->early.size() >= io::max_sends_queued) return fail(Errc::would_block);
        open->early.push_back({{fragments.begin(), fragments.end()}, token});
        return {};
    }
    Connection* connection = endpoint_->find(open->connection);
    if (connection == nullptr || connection->closed()) return fail(Errc::not_found);
    if (!connection->push(*open->stream, fragments, token)) return fail(Errc::would_block);
    return {};
}

void Streams::pause(io::ConnectionId id) {
    Open* open = find(id);
    if (open == nullptr) return;
    open->paused = true;
    open->unlink();
}

void Streams::resume(io::ConnectionId id) {
    Open* open = find(id);
    if (open == nullptr || !open->paused) return;
    open->paused = false;
    if (open->readable && !open->linked()) readable_.push_back(*open);
}

void Streams::release(const io::ReceiveBuffer& buffer) { endpoint_->release(buffer.index); }

double Streams::free_buffer_share() const { return link_.free_buffer_share(); }

void Streams::close(io::ConnectionId id) {
    Open* open = find(id);
    if (open == nullptr) return;
    const ConnectionId connection = open->connection;
    Connection* transport = endpoint_->find(connection);
    if (transport != nullptr && open->stream) {
        if (transport->pushes(*open->stream) > 0) transport->cancel(*open->stream);
        else transport->finish(*open->stream);
    }
    forget(*open);
    emit(io::StreamEventKind::closed, id);
}

void Streams::shut_down() {
    if (endpoint_ != nullptr) endpoint_->close_all();
}

void Streams::end_sending(io::ConnectionId id) {
    Open* open = find(id);
    if (open == nullptr || !open->stream) return;
    if (Connection* connection = endpoint_->find(open->connection)) connection->end(*open->stream);
}

size_t Streams::poll(std::span<io::StreamEvent> out) {
    take_events();
    size_t count = 0;
    while (count < out.size() && !events_.empty()) {
        out[count++] = events_.front();
        events_.pop_front();
    }
    while (count < out.size() && read_next(out[count])) ++count;
    return count;
}

/// The next bytes of the streams that have some, one stream after the other.
bool Streams::read_next(io::StreamEvent& out) {
    while (Open* open = readable_.pop_front()) {
        Connection* connection = endpoint_->find(open->connection);
        if (connection == nullptr) continue;
        out = {};
        out.connection = open->id;
        if (const auto slice = connection->read(*open->stream)) {
            out.kind = io::StreamEventKind::received;
            out.buffer = {slice->bytes.data(), static_cast<uint32_t>(slice->bytes.size()), slice->buffer};
            readable_.push_front(*open);   // to its end: its next bytes are likely to be in the same buffer
            return true;
        }
        open->readable = false;
        if (open->ended || !connection->at_end(*open->stream)) continue;
        open->ended = true;
        out.kind = io::StreamEventKind::ended;
        return true;
    }
    return false;
}

}  // namespace penstock::transport
