#include "scenario/node_world.h"

#include <algorithm>
#include <array>

namespace penstock::scenario {

Client::Client(NodeWorld& world, const std::string& name, const io::Address& broker,
               const transport::StreamsOptions& native)
    : world_(world) {
    if (broker.road == io::Road::tcp) {
        tcp_ = std::make_unique<sim::Streams>(world.network, sim::StreamOptions{.host = name, .receive_buffers = 16});
        streams_ = tcp_.get();
    } else {
        link_ = std::make_unique<sim::Link>(world.datagrams, sim::LinkOptions{.host = name, .receive_buffers = 16});
        native_ = std::make_unique<transport::Streams>(*link_, native);
        streams_ = native_.get();
    }
    id_ = *streams_->connect(broker);
}

Client::~Client() {
    if (!native_) return;
    native_->shut_down();
    native_->turn(world_.clock.now());
}

bool Client::turn() {
    if (native_) native_->turn(world_.clock.now());
    std::array<io::StreamEvent, 16> events;
    const size_t count = streams_->poll(events);
    for (const io::StreamEvent& event : std::span(events).first(count)) {
        switch (event.kind) {
            case io::StreamEventKind::connected: connected_ = true; break;
            case io::StreamEventKind::received:
                received_.insert(received_.end(), event.buffer.data, event.buffer.data + event.buffer.size);
                received_total_ += event.buffer.size;
                streams_->release(event.buffer);
                break;
            case io::StreamEventKind::sent:
                outgoing_.pop_front();
                --sending_;
                break;
            case io::StreamEventKind::ended: streams_->close(id_); break;
            case io::StreamEventKind::closed: closed_ = true; break;
            case io::StreamEventKind::accepted: break;
        }
    }
    while (connected_ && !closed_ && sending_ < outgoing_.size()) {
        const std::vector<std::byte>& next = outgoing_[sending_];
        const Fragment fragment{next.data(), static_cast<uint32_t>(next.size())};
        if (!streams_->send(id_, {&fragment, 1}, 0)) break;
        ++sending_;
    }
    if (ends_ && connected_ && !closed_ && sending_ == outgoing_.size()) {
        if (tcp_) tcp_->end_sending(id_);
        else native_->end_sending(id_);
    }
    if (native_) native_->turn(world_.clock.now());
    return count > 0;
}

void Client::send_bytes(std::vector<std::byte> bytes) { outgoing_.push_back(std::move(bytes)); }

bool Client::has_frame() const {
    return received_.size() >= 4 && received_.size() - 4 >= load_be<uint32_t>(received_.data());
}

bool Client::wait_for_frame(int64_t ns_max) {
    return world_.run_until([&] { return has_frame(); }, ns_max);
}

std::vector<std::byte> Client::take_frame() {
    const size_t size = load_be<uint32_t>(received_.data());
    std::vector<std::byte> frame(received_.begin() + 4, received_.begin() + 4 + static_cast<ptrdiff_t>(size));
    received_.erase(received_.begin(), received_.begin() + 4 + static_cast<ptrdiff_t>(size));
    return frame;
}

bool Client::wait_for_close(int64_t ns_max) {
    return world_.run_until([&] { return closed_; }, ns_max);
}

void Client::stop_reading() { streams_->pause(id_); }
void Client::go_on_reading() { streams_->resume(id_); }
void Client::close() { streams_->close(id_); }

NodeWorld::NodeWorld(uint64_t seed, const sim::NetworkOptions& options)
    : network(clock, seed, options), datagrams(clock, seed), seed_(seed) {}

transport::StreamsOptions NodeWorld::native_options() {
    transport::StreamsOptions native;
    store_le(native.endpoint.seed.data(), next_seed());
    return native;
}

transport::StreamsOptions NodeWorld::node_options(const std::string& secret) {
    transport::StreamsOptions nodes = native_options();
    const auto bytes = std::as_bytes(std::span(secret));
    nodes.endpoint.secret.assign(bytes.begin(), bytes.end());
    nodes.proves = nodes.endpoint.proven_only = !secret.empty();
    return nodes;
}

bool NodeWorld::turn() {
    network.run();
    datagrams.run();
    bool worked = turn_nodes();
    for (auto& client : clients) worked |= client->turn();
    for (Participant* participant : participants) worked |= participant->turn();
    return worked;
}

void NodeWorld::settle() {
    for (int round = 0; turn(); ++round) ASSERT_LT(round, 100'000) << "it never comes to rest";
}

bool NodeWorld::move_time(Nanos end) {
    Nanos next = std::min({network.next_event(), datagrams.next_event(), next_of_nodes(), end});
    for (const auto& client : clients) next = std::min(next, client->next_deadline());
    for (const Participant* participant : participants) next = std::min(next, participant->next_deadline());
    if (next == never) return false;
    clock.advance_to(std::max(next, clock.now() + 1));
    return true;
}

}  // namespace penstock::scenario
