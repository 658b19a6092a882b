// Endpoints on a simulated network, and the loop that drives them.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/clock.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "transport/endpoint.h"

namespace penstock::transport {

inline Seed seed_of(uint64_t number) {
    Seed seed{};
    store_le(seed.data(), number);
    return seed;
}

struct Node {
    Node(sim::DatagramNetwork& network, const sim::LinkOptions& link_options, const EndpointOptions& options)
        : link(network, link_options) {
        const auto port = link.open({link_options.host, 9192});
        EXPECT_TRUE(port.has_value());
        endpoint = std::make_unique<Endpoint>(link, options);
    }

    sim::Link link;
    std::unique_ptr<Endpoint> endpoint;
};

class World {
public:
    explicit World(uint64_t seed = 1, const sim::PathOptions& paths = {}) : network(clock, seed, paths) {}

    Node& add(EndpointOptions options, sim::LinkOptions link = {}) {
        options.seed = seed_of(nodes.size() + 1);
        link.host = "10.0.0." + std::to_string(nodes.size() + 1);
        return *nodes.emplace_back(std::make_unique<Node>(network, link, options));
    }
    Node& add_acceptor(EndpointOptions options = {}, const sim::LinkOptions& link = {}) {
        options.accepts = true;
        return add(options, link);
    }
    io::Endpoint address(const Node& node) const { return node.link.endpoint(); }

    /// All that can happen without time passing.
    void settle() {
        network.run();
        for (bool worked = true; worked;) {
            worked = false;
            for (auto& node : nodes) worked |= node->endpoint->turn(clock.now());
            if (after_turn) after_turn();
        }
    }
    /// Lets time pass until the condition holds; false if it does not within `ns`.
    bool run_until(const std::function<bool()>& condition, int64_t ns = 60 * second_ns) {
        const Nanos end = clock.now() + ns;
        for (;;) {
            settle();
            if (condition()) return true;
            Nanos next = network.next_event();
            for (auto& node : nodes) next = std::min(next, node->endpoint->next_deadline());
            if (next_action) next = std::min(next, next_action());
            if (next == never || next > end) {
                if (clock.now() < end) clock.advance_to(end);
                return condition();
            }
            clock.advance_to(std::max(next, clock.now()));
        }
    }
    void run_for(int64_t ns) {
        run_until([] { return false; }, ns);
    }

    sim::Clock clock;
    sim::DatagramNetwork network;
    std::vector<std::unique_ptr<Node>> nodes;
    std::function<void()> after_turn;
    std::function<Nanos()> next_action;   ///< when the applications want their turn even if nothing happens
};

}  // namespace penstock::transport
