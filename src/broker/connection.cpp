#include "broker/connection.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "limits.h"
#include "wire/kafka/api.h"
#include "wire/node/api.h"

namespace penstock::broker {

namespace {

bool appends(int16_t api_key) {
    return api_key == static_cast<int16_t>(wire::kafka::ApiKey::produce) ||
           api_key == static_cast<int16_t>(wire::node::NodeKey::replicate) ||
           api_key == static_cast<int16_t>(wire::node::NodeKey::replica_state);   // so that they stay in order
}

uint64_t response_bytes(const Request& request) { return total_size(request.response); }

}  // namespace

Connection::Connection(io::ConnectionId connection_id, io::Streams& streams, FrameMemory& memory,
                       uint32_t frame_bytes_max, Nanos now)
    : id(connection_id), frames(memory, frame_bytes_max), streams_(streams), last_received_(now), last_sent_(now) {}

void Connection::on_received(const io::ReceiveBuffer& buffer, Nanos now) {
    last_received_ = now;
    frames.on_received(buffer);
}

void Connection::pause() {
    if (!paused_) streams_.pause(id);
    paused_ = true;
}

void Connection::resume() {
    if (paused_) streams_.resume(id);
    paused_ = false;
}

bool Connection::may_start(int16_t api_key) const {
    if (requests() >= limits::requests_per_connection || unsent_bytes_ >= limits::send_piece_bytes) return false;
    return in_flight_count_ == 0 || (appends(api_key) && appending_in_flight_ == in_flight_count_);
}

void Connection::add(Request& request) {
    in_flight_.push_back(request);
    ++in_flight_count_;
    if (appends(request.header.key)) ++appending_in_flight_;
}

Request* Connection::front_answered() {
    Request* front = in_flight_.front();
    return front != nullptr && front->stage == RequestStage::answered ? front : nullptr;
}

Request* Connection::pop_in_flight() {
    Request* front = in_flight_.pop_front();
    if (front == nullptr) return nullptr;
    --in_flight_count_;
    if (appends(front->header.key)) --appending_in_flight_;
    return front;
}

bool Connection::start_sending(Request& request, Nanos now) {
    PENSTOCK_ASSERT(in_flight_.front() == &request);
    pop_in_flight();
    if (request.response.empty()) return false;
    if (sending_count_ == 0) last_sent_ = now;
    request.stage = RequestStage::sending;
    sending_.push_back(request);
    ++sending_count_;
    unsent_bytes_ += response_bytes(request);
    if (next_to_hand_ == nullptr) next_to_hand_ = &request;
    return true;
}

bool Connection::hand_over() {
    while (next_to_hand_ != nullptr) {
        bool accepted = false;
        if (!hand_piece(*next_to_hand_, accepted)) return false;
        if (!accepted) return true;
        if (next_to_hand_->fragments_handed == next_to_hand_->response.size())
            next_to_hand_ = sending_.next(*next_to_hand_);
    }
    return true;
}

/// Hands the next piece of a response: so many fragments and bytes as one send may have.
bool Connection::hand_piece(Request& request, bool& accepted) {
    std::array<Fragment, io::max_send_fragments> piece;
    size_t count = 0;
    uint64_t bytes = 0;
    size_t at = request.fragments_handed;
    uint32_t offset = request.offset_in_fragment;
    while (at < request.response.size() && count < piece.size() && bytes < limits::send_piece_bytes) {
        const Fragment& fragment = request.response[at];
        const uint32_t n =
            static_cast<uint32_t>(std::min<uint64_t>(fragment.size - offset, limits::send_piece_bytes - bytes));
        if (n > 0) piece[count++] = {fragment.data + offset, n};
        bytes += n;
        offset += n;
        if (offset < fragment.size) break;
        ++at;
        offset = 0;
    }
    const Result<void> sent = streams_.send(id, std::span(piece).first(count), 0);
    if (!sent) return sent.error().code == Errc::would_block;
    accepted = true;
    request.fragments_handed = at;
    request.offset_in_fragment = offset;
    ++request.sends_open;
    return true;
}

Request* Connection::on_sent(Nanos now) {
    last_sent_ = now;
    Request* front = sending_.front();
    PENSTOCK_ASSERT(front != nullptr && front->sends_open > 0);
    --front->sends_open;
    if (front->sends_open > 0 || front->fragments_handed < front->response.size()) return nullptr;
    return pop_sending();
}

Request* Connection::pop_sending() {
    Request* front = sending_.pop_front();
    if (front == nullptr) return nullptr;
    --sending_count_;
    unsent_bytes_ -= response_bytes(*front);
    if (next_to_hand_ == front) next_to_hand_ = sending_.front();
    return front;
}

void Connection::note_frame(Nanos now) {
    if (!frames.half_received() || paused_) frame_began_ = never;
    else if (frame_began_ == never) frame_began_ = now;
}

Nanos Connection::check_time(Nanos now) const {
    if (sending_count_ > 0 || frame_began_ != never || in_flight_count_ > 0) return now + check_interval_ns;
    return last_received_ + limits::connection_idle_timeout_ns;
}

bool Connection::overdue(Nanos now) const {
    if (sending_count_ > 0 && now - last_sent_ >= limits::send_stall_timeout_ns) return true;
    if (frame_began_ != never) {
        const int64_t size_allowance = static_cast<int64_t>(frames.frame_size() / mib) * second_ns;
        return now - frame_began_ >= limits::frame_timeout_ns + size_allowance;
    }
    return drained() && now - last_received_ >= limits::connection_idle_timeout_ns;
}

}  // namespace penstock::broker
