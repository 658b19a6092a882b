// What every io::Streams must do, as tests that a driver's own test file instantiates with its name and its world.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/stream.h"
#include "pattern.h"

namespace penstock::tests {

struct StreamLimits {
    uint32_t connections_max = 256;
    uint32_t receive_buffers = 32;  ///< of each side
    uint32_t receive_buffer_bytes = 16 * 1024;
};

/// Two Streams, of which the server is reached at `host`, and time.
class StreamWorld {
public:
    virtual ~StreamWorld() = default;
    virtual io::Streams& server() = 0;
    virtual io::Streams& client() = 0;
    /// Lets things happen: returns after something did, or after a moment of quiet.
    virtual void step() = 0;
    /// The client ends its sending side and goes on receiving. `name`: as the server's `accepted` gave it.
    virtual void end_sending(io::ConnectionId at_client, const std::string& name) = 0;
    virtual std::string host() const { return "127.0.0.1"; }
    virtual std::string client_host() const { return host(); }
};

struct StreamDriver {
    const char* name;
    std::unique_ptr<StreamWorld> (*make)(const StreamLimits& limits);
    bool copies = false;   ///< lends copies when its buffers run low
    std::string (*missing)() = [] { return std::string(); };   ///< why it cannot be had here; empty: it can
};

/// One side: keeps what the events said and checks what holds for every stream of events.
class Side {
public:
    struct Connection {
        uint64_t received = 0;               ///< bytes, each checked against pattern()
        std::deque<uint64_t> tokens;         ///< sends not reported yet, in order
        std::vector<io::ReceiveBuffer> held;
        std::deque<io::ReceiveBuffer> echo_later;
        bool ended = false, closed = false;
        Error error;
        std::string peer;
    };

    explicit Side(io::Streams& streams) : streams_(streams) {}
    ~Side();

    void poll();
    /// Sends and notes the token; false when the queue is full.
    bool send(io::ConnectionId id, std::span<const Fragment> fragments, uint64_t token);
    void release_held(io::ConnectionId id);
    Connection& operator[](io::ConnectionId id) { return connections_.at(id.value); }
    bool is_open(io::ConnectionId id) const;
    bool is_closed(io::ConnectionId id) const;
    io::Streams& streams() { return streams_; }

    bool hold = false;   ///< keep received buffers instead of giving them back
    bool outstay = false;  ///< leave a connection open when its peer has ended
    bool echo = false;   ///< send received bytes back, from the received buffers themselves
    std::vector<io::ConnectionId> begun;  ///< accepted or connected, in order
    uint64_t sent = 0, closed = 0;

private:
    void on_event(const io::StreamEvent& event);
    void on_received(io::ConnectionId id, Connection& connection, const io::ReceiveBuffer& buffer);
    void on_sent(io::ConnectionId id, Connection& connection, uint64_t token);
    void echo_some(io::ConnectionId id, Connection& connection);

    io::Streams& streams_;
    std::map<uint64_t, Connection> connections_;
    std::map<uint64_t, io::ReceiveBuffer> echoing_;  ///< by token
    uint64_t next_token_ = 1'000'000;
};

class StreamContract : public testing::TestWithParam<StreamDriver> {
protected:
    void SetUp() override;
    void start(const StreamLimits& limits = {});
    void TearDown() override;
    /// Steps until `done`, or fails after a bound that no healthy run reaches.
    template <class Done>
    [[nodiscard]] bool run_until(Done done) {
        for (int quiet = 0; quiet < steps_max; ++quiet) {
            server_->poll();
            client_->poll();
            if (done()) return true;
            world_->step();
        }
        return false;
    }
    void run_quiet(int steps);
    /// Connects and waits for both ends.
    void connect(io::ConnectionId& at_client, io::ConnectionId& at_server);

    static constexpr int steps_max = 200'000;
    std::unique_ptr<StreamWorld> world_;
    std::unique_ptr<Side> server_, client_;
    uint16_t port_ = 0;
};

inline std::string stream_driver_name(const testing::TestParamInfo<StreamDriver>& info) { return info.param.name; }

}  // namespace penstock::tests
