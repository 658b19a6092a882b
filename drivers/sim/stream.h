// TCP in memory, under virtual time and from a seed: the same promises as the kernel's, and all the freedom it takes.
//
// One Network holds every connection of a simulation; each node has a Streams on it, under a host name of its own.
// Bytes arrive after random delays in pieces of random sizes that have nothing to do with how they were sent; a sender
// feels a window; connections may be reset at random. Equal seeds and calls give equal runs.
// Given-back receive buffers are overwritten, so that whoever still looks at one reads nonsense.
// What it does not do: hosts are names without addresses, and nothing gets lost but whole connections.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "io/stream.h"
#include "sim/clock.h"

namespace penstock::sim {

class Streams;

struct NetworkOptions {
    int64_t delay_ns_min = 20 * microsecond_ns, delay_ns_max = 200 * microsecond_ns;
    uint32_t piece_bytes_max = 64 * 1024;
    uint64_t window_bytes = 256 * 1024;      ///< of a direction: on the way, or not received by a paused peer
    uint32_t resets_per_million_pieces = 0;
};

class Network {
public:
    /// The clock must outlive the network, the network all its Streams.
    Network(Clock& clock, uint64_t seed, const NetworkOptions& options = {});
    ~Network();

    /// When something happens next; never if nothing is under way.
    Nanos next_event() const;
    /// Lets everything happen that is due.
    void run();
    /// Moves the clock to the next event and runs it. False if there is none.
    bool step();

    /// From then on.
    void set_options(const NetworkOptions& options);
    /// While it is cut, bytes from one host to the other wait, as do connections that are to be made either way. What
    /// ends a connection passes.
    void set_cut(const std::string& from, const std::string& to, bool cut);

private:
    friend class Streams;
    struct Half;
    enum class Verb : uint8_t { connect, carry, deliver, reset };
    struct Event {
        Nanos at;
        uint64_t sequence = 0;  ///< events of one moment happen in the order they were made
        Verb verb = Verb::connect;
        uint64_t half = 0;
        bool operator>(const Event& other) const {
            return std::pair(at, sequence) > std::pair(other.at, other.sequence);
        }
    };
    using Listeners = std::map<std::pair<std::string, uint16_t>, std::vector<Streams*>>;

    Half* find(uint64_t half) const;
    Half& make(Streams& owner);
    bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
    Nanos after_delay();
    void schedule(Verb verb, uint64_t half, Nanos at);
    void schedule_carry(Half& half, int64_t after_ns);
    void happen(const Event& event);
    void connect(Half& half);
    void carry(Half& half);
    void take_piece(Half& half, uint64_t size, std::vector<std::byte>& out);
    void deliver(Half& half);
    uint32_t fill(Half& half, std::byte* to, uint32_t size);
    void send_end(Half& half);
    void end(Half& half, int32_t os_error);

    Clock& clock_;
    Random random_;
    NetworkOptions options_;
    std::map<uint64_t, std::unique_ptr<Half>> halves_;
    uint64_t next_half_ = 1, next_sequence_ = 0;
    uint16_t next_port_ = 20'000;
    Listeners listeners_;
    std::set<std::pair<std::string, std::string>> cuts_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

struct StreamOptions {
    std::string host = "127.0.0.1";
    uint32_t connections_max = 4096;
    uint32_t receive_buffers = 256;
    uint32_t receive_buffer_bytes = 64 * 1024;
};

class Streams final : public io::Streams {
public:
    explicit Streams(Network& network, const StreamOptions& options = {});
    ~Streams() override;  ///< as when the node dies: its peers find their connections reset

    Result<uint16_t> listen(const io::Address& address) override;
    void stop_listening() override;
    Result<io::ConnectionId> connect(const io::Address& address) override;
    Result<void> send(io::ConnectionId connection, std::span<const Fragment> fragments, uint64_t token) override;
    void pause(io::ConnectionId connection) override;
    void resume(io::ConnectionId connection) override;
    void release(const io::ReceiveBuffer& buffer) override;
    double free_buffer_share() const override;
    void close(io::ConnectionId connection) override;
    size_t poll(std::span<io::StreamEvent> out) override;

    /// As shutdown(SHUT_WR): what is queued still goes, then the peer sees the end; receiving goes on. The connection
    /// must be open, and nothing may be sent any more.
    void end_sending(io::ConnectionId connection);

    /// Whether poll() has something to give.
    bool has_events() const { return !events_.empty(); }
    /// The node is cut off for ever: its peers find their connections reset, as it does, and it makes no new ones.
    void sever();

private:
    friend class Network;
    Network::Half* find(io::ConnectionId id) const;
    bool full() const { return connections_ >= options_.connections_max; }

    Network& network_;
    StreamOptions options_;
    std::pair<std::string, uint16_t> listening_;  ///< port 0: it does not
    bool severed_ = false;
    uint32_t connections_ = 0;                    ///< until their `closed` is polled
    std::vector<std::byte> memory_;
    std::vector<uint32_t> free_;
    std::vector<bool> lent_;
    std::vector<uint32_t> filled_;                ///< bytes of each buffer that are not poison
    std::set<uint64_t> starved_;                  ///< halves that wait for a buffer
    std::deque<io::StreamEvent> events_;
};

}  // namespace penstock::sim
