// The transport on a network that loses, repeats, reorders, damages, delays and throttles what it carries, all of it
// changing while streams run in both directions of several connections. Then the network heals.
//
// What must hold: every byte of every stream arrives once, in order and as it was sent; a push is reported once, after
// all its bytes were delivered; memory stays within bounds; no connection ends that did not have to; after the healing
// all streams come to their end; at the end every buffer has been given back.
//
//   transport [--from SEED] [--seeds COUNT] [--verbose]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "transport/world.h"

namespace penstock::transport {

namespace {

uint64_t failing_seed = 0;

#define DEMAND(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::printf("transport --from %llu --seeds 1: %s:%d: %s\n",                                      \
                        static_cast<unsigned long long>(failing_seed), __FILE__, __LINE__, #condition);      \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (false)

/// What stands at each place of a stream: nothing repeats within a message, so bytes in a wrong place are noticed.
std::byte byte_at(uint64_t direction, uint64_t offset) {
    return std::byte(static_cast<unsigned char>(mix64(direction ^ offset / 8) >> (offset % 8 * 8)));
}

/// One direction of a stream, and both ends' idea of it.
struct Direction {
    uint64_t name = 0;
    uint64_t to_send = 0;                     ///< in all
    uint64_t pushed = 0, delivered = 0;
    bool ended = false, end_seen = false;
    uint64_t next_token = 0, next_done = 0;
    std::map<uint64_t, std::vector<std::byte>> bytes;   ///< of pushes that are under way, by token
    Nanos next_push_at;
    bool readable = false;
};

struct Connected {
    ConnectionId opener, acceptor;
    std::map<uint32_t, std::array<Direction, 2>> streams;   ///< of the opener, of the acceptor
    uint32_t wanted = 0;                      ///< streams that the opener still opens
    bool may_open = false;
    Nanos reads_again_at[2];
};

class History {
public:
    explicit History(uint64_t seed) : random_(mix64(seed)), world_(random_.next()) {
        EndpointOptions options;
        options.parameters.connection_credit = random_.between(20, 2000) * kib;
        options.parameters.stream_credit = random_.between(10, 1000) * kib;
        options.parameters.streams = static_cast<uint32_t>(random_.between(2, 20));
        options.copied_bytes_max = random_.between(100, 4000) * kib;
        copies_max_ = options.copied_bytes_max;
        sim::LinkOptions link;
        link.datagram_bytes_max = static_cast<uint32_t>(random_.chance(1, 4) ? 8972 : 1472);
        link.receive_buffers = static_cast<uint32_t>(random_.between(8, 64));
        link.shortages_per_million = random_.chance(1, 3) ? 50'000 : 0;
        world_.add(options, link);
        world_.add_acceptor(options, link);
        const uint64_t connections = random_.between(1, 4);
        for (uint64_t i = 0; i < connections; ++i) {
            Connected& connected = connections_.emplace_back();
            connected.opener = opener().connect(world_.address(*world_.nodes[1]), false, world_.clock.now());
            connected.wanted = static_cast<uint32_t>(random_.between(1, 8));
        }
        world_.after_turn = [this] { act(); };
        world_.next_action = [this] { return next_action(); };
    }

    void run() {
        // An opener gives up after five seconds, which in what follows might not be enough.
        DEMAND(world_.run_until([this] { return all_connected(); }, second_ns));
        const Nanos heals_at = world_.clock.now() + static_cast<int64_t>(random_.between(1, 8)) * second_ns;
        while (world_.clock.now() < heals_at) {
            disturb();
            world_.run_for(static_cast<int64_t>(random_.between(1, 400)) * millisecond_ns);
        }
        world_.network.set_blackout(false);
        world_.network.set_paths({});
        healed_ = true;
        DEMAND(world_.run_until([this] { return all_done(); }, 120 * second_ns));
        for (Connected& connected : connections_)
            if (Connection* connection = opener().find(connected.opener)) connection->close(CloseCode::none);
        DEMAND(world_.run_until([this] { return opener().connections() + acceptor().connections() == 0; },
                                60 * second_ns));
        for (auto& node : world_.nodes) DEMAND(node->link.free_buffer_share() == 1);
    }

    uint64_t delivered() const { return delivered_; }
    uint64_t packets_lost() const { return world_.network.counters().lost; }

private:
    Endpoint& opener() { return *world_.nodes[0]->endpoint; }
    Endpoint& acceptor() { return *world_.nodes[1]->endpoint; }

    void disturb() {
        sim::PathOptions path;
        path.delay_ns_min = static_cast<int64_t>(random_.between(5, 2000)) * microsecond_ns;
        path.delay_ns_max = path.delay_ns_min + static_cast<int64_t>(random_.between(0, 1000)) * microsecond_ns;
        if (random_.chance(1, 10)) path.delay_ns_min = path.delay_ns_max = 200 * millisecond_ns;
        if (random_.chance(1, 2)) path.lost_per_million = static_cast<uint32_t>(random_.below(300'000));
        path.losses_in_a_row_max = static_cast<uint32_t>(random_.between(1, 20));
        if (random_.chance(1, 3)) path.reordered_per_million = static_cast<uint32_t>(random_.below(300'000));
        if (random_.chance(1, 3)) path.repeated_per_million = static_cast<uint32_t>(random_.below(100'000));
        if (random_.chance(1, 3)) path.damaged_per_million = static_cast<uint32_t>(random_.below(100'000));
        if (random_.chance(1, 3)) path.bytes_per_second = random_.between(100, 100'000) * 1000;
        path.queue_bytes = random_.between(10, 500) * kib;
        if (random_.chance(1, 5)) path.datagram_bytes_max = static_cast<uint32_t>(random_.between(1200, 1472));
        path.blackout = random_.chance(1, 12);
        world_.network.set_paths(path);
    }

    /// What the applications do between two turns.
    void act() {
        while (const auto event = opener().next_event()) take(*event, 0);
        while (const auto event = acceptor().next_event()) take(*event, 1);
        for (Connected& connected : connections_) {
            if (connected.may_open) open_streams(connected);
            for (auto& [id, directions] : connected.streams)
                for (size_t end = 0; end < 2; ++end) push(connected, id, directions[end], end);
            for (size_t end = 0; end < 2; ++end) {
                if (!healed_ && world_.clock.now() < connected.reads_again_at[end]) continue;
                if (random_.chance(1, 500))
                    connected.reads_again_at[end] = after(random_.between(1, 1000) * millisecond_ns);
                for (auto& [id, directions] : connected.streams) read(connected, id, directions[1 - end], end);
            }
        }
    }

    Nanos after(uint64_t ns) const { return world_.clock.now() + static_cast<int64_t>(ns); }

    Nanos next_action() const {
        Nanos next = never;
        const auto consider = [&](Nanos at) {
            if (at > world_.clock.now()) next = std::min(next, at);
        };
        for (const Connected& connected : connections_) {
            for (const Nanos at : connected.reads_again_at) consider(at);
            for (const auto& [id, directions] : connected.streams)
                for (const Direction& direction : directions)
                    if (!direction.ended) consider(direction.next_push_at);
        }
        return next;
    }

    void open_streams(Connected& connected) {
        connected.may_open = false;
        Connection* connection = opener().find(connected.opener);
        DEMAND(connection != nullptr);
        while (connected.wanted > 0) {
            const auto id = connection->open_stream();
            if (!id) return;
            --connected.wanted;
            auto& directions = connected.streams[*id];
            for (Direction& direction : directions) {
                direction.name = random_.next();
                direction.next_push_at = after(0);
                direction.to_send = random_.chance(1, 4) ? random_.below(2'000'000) : random_.below(20'000);
            }
        }
    }

    Connection* connection_of(Connected& connected, size_t end) {
        return end == 0 ? opener().find(connected.opener) : acceptor().find(connected.acceptor);
    }

    void push(Connected& connected, uint32_t id, Direction& direction, size_t end) {
        if (direction.ended || world_.clock.now() < direction.next_push_at) return;
        if (end == 1 && !accepted_streams_.contains({connected.acceptor.value, id})) return;
        direction.next_push_at = after(random_.between(1, healed_ ? 1000 : 500'000) * microsecond_ns);
        Connection* connection = connection_of(connected, end);
        DEMAND(connection != nullptr);
        if (direction.pushed == direction.to_send) {
            connection->end(id);
            direction.ended = true;
            return;
        }
        const uint64_t size = std::min(direction.to_send - direction.pushed, random_.between(1, 300'000));
        std::vector<std::byte> bytes(size);
        for (uint64_t i = 0; i < size; ++i) bytes[i] = byte_at(direction.name, direction.pushed + i);
        std::vector<Fragment> fragments;
        for (uint64_t at = 0; at < size && fragments.size() < 500;) {
            const uint64_t piece = fragments.size() == 499 ? size - at : std::min(size - at, random_.between(1, 5000));
            fragments.push_back({bytes.data() + at, static_cast<uint32_t>(piece)});
            at += piece;
        }
        if (!connection->push(id, fragments, direction.next_token)) return;
        direction.pushed += size;
        direction.bytes[direction.next_token++] = std::move(bytes);
    }

    void read(Connected& connected, uint32_t id, Direction& direction, size_t end) {
        if (!direction.readable) return;
        Endpoint& endpoint = end == 0 ? opener() : acceptor();
        Connection* connection = connection_of(connected, end);
        DEMAND(connection != nullptr);
        direction.readable = false;
        while (const auto slice = connection->read(id)) {
            for (const std::byte byte : slice->bytes) DEMAND(byte == byte_at(direction.name, direction.delivered++));
            DEMAND(direction.delivered <= direction.pushed);
            delivered_ += slice->bytes.size();
            endpoint.release(slice->buffer);
        }
        direction.end_seen = connection->at_end(id);
        if (direction.end_seen) DEMAND(direction.ended && direction.delivered == direction.to_send);
    }

    void take(const EndpointEvent& event, size_t end) {
        if (event.kind == EndpointEventKind::accepted) return;   // which it is shows when its first stream does
        if (event.kind == EndpointEventKind::connected) {
            for (Connected& connected : connections_) {
                if (connected.opener != event.connection) continue;
                // The acceptor's name of the connection is what the opener sends to.
                connected.acceptor = opener().find(connected.opener)->peer_id();
                connected.may_open = true;
            }
            return;
        }
        if (event.event.kind == EventKind::stream_opened) {
            accepted_streams_[{event.connection.value, event.event.stream}] = true;
            return;
        }
        if (event.event.kind == EventKind::closed) {
            DEMAND(healed_ && all_done());   // blackouts are shorter than the idle timeout
            return;
        }
        for (Connected& connected : connections_) {
            if ((end == 0 ? connected.opener : connected.acceptor) != event.connection) continue;
            if (event.event.kind == EventKind::streams_granted) {
                connected.may_open = true;
                continue;
            }
            auto& directions = connected.streams.at(event.event.stream);
            if (event.event.kind == EventKind::readable) {
                DEMAND(!directions[1 - end].readable);   // told once until all was read
                directions[1 - end].readable = true;
                continue;
            }
            DEMAND(event.event.kind == EventKind::pushed);
            Direction& direction = directions[end];
            DEMAND(event.event.token == direction.next_done);
            ++direction.next_done;
            direction.bytes.erase(event.event.token);   // from now on nobody may look at them
        }
    }

    bool all_connected() const {
        return std::ranges::all_of(connections_, [](const Connected& c) { return c.acceptor.value != 0; });
    }

    bool all_done() {
        for (auto& node : world_.nodes) DEMAND(node->endpoint->copied_bytes() <= copies_max_);
        for (const Connected& connected : connections_) {
            if (connected.acceptor.value == 0 || connected.wanted > 0) return false;
            for (const auto& [id, directions] : connected.streams)
                for (const Direction& direction : directions)
                    if (!direction.end_seen || direction.next_done != direction.next_token) return false;
        }
        return true;
    }

    Random random_;
    World world_;
    std::vector<Connected> connections_;
    std::map<std::pair<uint64_t, uint32_t>, bool> accepted_streams_;
    uint64_t copies_max_ = 0;
    bool healed_ = false;
    uint64_t delivered_ = 0;
};

int run(int argc, char** argv) {
    uint64_t from = 0, seeds = 300;
    bool verbose = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--from" && i + 1 < argc) from = std::strtoull(argv[++i], nullptr, 10);
        else if (argument == "--seeds" && i + 1 < argc) seeds = std::strtoull(argv[++i], nullptr, 10);
        else if (argument == "--verbose") verbose = true;
        else return std::printf("usage: transport [--from SEED] [--seeds COUNT] [--verbose]\n"), 2;
    }
    uint64_t delivered = 0, lost = 0;
    for (uint64_t seed = from; seed < from + seeds; ++seed) {
        failing_seed = seed;
        if (verbose) {
            std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
            std::fflush(stdout);
        }
        History history(seed);
        history.run();
        delivered += history.delivered();
        lost += history.packets_lost();
    }
    std::printf("%llu histories: %llu MB delivered, %llu datagrams lost\n", static_cast<unsigned long long>(seeds),
                static_cast<unsigned long long>(delivered / 1'000'000), static_cast<unsigned long long>(lost));
    return 0;
}

}  // namespace

}  // namespace penstock::transport

int main(int argc, char** argv) { return penstock::transport::run(argc, argv); }
