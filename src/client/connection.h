// One connection to a broker: what it can speak, requests that wait for their answers, answers put together.
//
// Stepped by Cluster: on_event() for what the streams report, expire() as time passes. It says ApiVersions first;
// then any number of requests may be under way, whose answers come in their order. Invariants: what a request points
// to stays referenced until its Requester heard on_answer() or on_lost(), exactly one of them, or was forgotten; then
// the `held` that came with it keeps it alive. Any failure, malformed bytes among them, ends the connection, and all
// requests are lost.
// What it does not do: choose brokers, or try again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/units.h"
#include "client/failure.h"
#include "io/stream.h"
#include "wire/frame.h"
#include "wire/kafka/api.h"

namespace penstock::client {

using wire::kafka::ApiKey;

/// An answer's bytes behind its header, shared by all who look into them.
struct Answer {
    std::shared_ptr<const std::byte[]> bytes;
    uint32_t size = 0;
    int16_t version = 0;

    /// Views in `message` point into the bytes and the arena. False: malformed.
    template <class M>
    bool decode(Arena& arena, M& message) const {
        const std::span<Fragment> whole = arena.make_array<Fragment>(1);
        if (whole.empty()) return false;
        whole[0] = {bytes.get(), size};
        wire::Reader reader(whole, arena);
        int32_t correlation_id = 0;
        wire::decode_response_header(reader, wire::kafka::api_of(M::key), version, correlation_id);
        wire::decode(reader, message, version);
        return reader.ok();
    }
};

/// What brokers are told of us.
struct ClientName {
    std::string id = "penstock";
    std::string software_version = "0";   ///< of the library
};

/// Who asks.
class Requester {
public:
    virtual ~Requester() = default;
    /// To a request without an answer: it was handed over, and the answer has no bytes.
    virtual void on_answer(uint64_t ask, const Answer& answer, Nanos now) = 0;
    /// There will be no answer. Whether the broker did what was asked is not known.
    virtual void on_lost(uint64_t ask, const Failure& why, Nanos now) = 0;
};

struct VersionRange {
    int16_t first = 0;
    int16_t last = -1;
};

/// The versions that we use: of those that the codec knows, the ones that name topics by name and carry batches of the
/// present format.
VersionRange own_versions(ApiKey key);

struct AskOptions {
    Nanos deadline = never;          ///< the connection is given up if there is no answer by then
    Nanos expected = never;          ///< when the answer comes as long as all is well; never: nobody can say
    bool answered = true;            ///< false: on_answer() comes when it is handed over
    std::shared_ptr<const void> held;   ///< keeps what the request points to
};

class Connection {
public:
    enum class State : uint8_t { connecting, negotiating, ready, closing, closed };

    /// Already connecting; the streams and the name must outlive it.
    /// `numbers` counts the requests of all connections of a client.
    Connection(io::Streams& streams, io::ConnectionId id, io::Address address, const ClientName& name,
               uint64_t& numbers, Nanos connect_deadline);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    io::ConnectionId id() const { return id_; }
    const io::Address& address() const { return address_; }
    bool ready() const { return state_ == State::ready; }
    bool closed() const { return state_ == State::closed; }
    size_t under_way() const { return asks_.size(); }

    /// The version to use, or why there is none.
    Outcome<int16_t> version_of(ApiKey key) const;

    /// Sends a request while ready(); its number, or that it cannot be encoded.
    template <class Request>
    Outcome<uint64_t> ask(Requester& requester, const Request& request, int16_t version, AskOptions options) {
        auto arena = take_arena();
        const auto frame = wire::request_frame(*arena, next_correlation_id_, name_.id, request, version);
        if (!frame) return refuse(PENSTOCK_TOO_LARGE, "the request is too large to send");
        return enqueue(&requester, std::move(arena), *frame, version, std::move(options));
    }
    /// Its answers interest nobody any more.
    void forget(const Requester& requester);

    void on_event(const io::StreamEvent& event, Nanos now);
    /// Gives the connection up if something did not come in time.
    void expire(Nanos now);
    Nanos next_deadline() const;
    /// The earliest that an answer was expected which has not come, and how much later answers usually come.
    Nanos expected() const;
    int64_t usual_delay_ns() const { return usual_delay_ns_; }
    /// `why` is what the requests hear.
    void close(Failure why);
    const Failure& failure() const { return failure_; }

private:
    struct Ask {
        uint64_t number = 0;
        Requester* requester = nullptr;   ///< null: forgotten, or our own
        std::unique_ptr<Arena> arena;
        std::span<const Fragment> frame;
        int32_t correlation_id = 0;
        int16_t version = 0;
        bool queued = false;              ///< with the streams
        bool sent = false, done = false;
        Answer answer;
        AskOptions options;
    };

    std::unique_ptr<Arena> take_arena();
    uint64_t enqueue(Requester* requester, std::unique_ptr<Arena> arena, std::span<const Fragment> frame,
                     int16_t version, AskOptions options);
    void send_queued();
    void on_sent(uint64_t number, Nanos now);
    void on_received(std::span<const std::byte> bytes, Nanos now);
    bool begin_frame();
    void on_frame(Nanos now);
    void deliver_done(Nanos now);
    void on_closed(const Error& error, Nanos now);
    void ask_versions(int16_t version);
    void on_versions(const Answer& answer);

    io::Streams& streams_;
    io::ConnectionId id_;
    io::Address address_;
    const ClientName& name_;
    uint64_t& numbers_;
    State state_ = State::connecting;
    Nanos connect_deadline_;
    Failure failure_;
    std::vector<std::pair<int16_t, VersionRange>> offered_;
    int16_t asked_versions_ = 0;

    std::deque<Ask> asks_;                 ///< in the order of sending
    int64_t usual_delay_ns_ = 0;
    int32_t next_correlation_id_ = 1;
    std::vector<std::unique_ptr<Arena>> arenas_;

    std::byte size_bytes_[4] = {};
    uint32_t size_filled_ = 0;
    std::shared_ptr<std::byte[]> frame_;
    uint32_t frame_size_ = 0, frame_filled_ = 0;
};

}  // namespace penstock::client
