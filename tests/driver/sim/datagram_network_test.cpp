#include "sim/datagram_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "../pattern.h"
#include "base/crc32c.h"
#include "sim/link.h"

namespace penstock::tests {
namespace {

constexpr uint32_t million = 1'000'000;

/// Three hosts, and what arrives at the second of them, with its time.
class Hosts {
public:
    struct Arrival {
        io::Endpoint from;
        Nanos at;
        std::vector<std::byte> bytes;
        uint32_t number() const { return bytes.size() < 4 ? UINT32_MAX : load_le<uint32_t>(bytes.data()); }
    };

    explicit Hosts(const sim::PathOptions& paths = {}, uint64_t seed = 1)
        : network(clock, seed, paths), start(clock.now()) {
        a = open("10.0.0.1");
        b = open("10.0.0.2");
        c = open("10.0.0.3");
    }

    std::unique_ptr<sim::Link> open(const std::string& host, uint16_t port = 9092) {
        auto link = std::make_unique<sim::Link>(
            network, sim::LinkOptions{.host = host, .datagram_bytes_max = 9000, .coalesced_per_million = 0});
        EXPECT_EQ(link->open({host, port}).value(), port);
        return link;
    }
    /// Datagrams that begin with their numbers, from `first` on.
    void send(sim::Link& from, const sim::Link& to, uint32_t count = 1, uint32_t bytes = 100, uint32_t first = 0) {
        for (uint32_t i = first; i < first + count; ++i) {
            std::vector<std::byte> datagram = pattern_bytes(i, bytes);
            store_le(datagram.data(), i);
            const Fragment one{datagram.data(), bytes};
            const io::OutgoingBurst burst{to.endpoint(), bytes, {&one, 1}};
            EXPECT_EQ(from.send({&burst, 1}), 1u);
        }
    }
    /// Lets all that is under way arrive, or happen what is due.
    void finish() {
        while (network.step()) take(*b);
    }
    void take(sim::Link& at) {
        for (io::IncomingBurst burst; at.receive({&burst, 1}) == 1; at.release(burst)) {
            arrived.push_back({burst.from, clock.now(), {burst.data, burst.data + burst.size}});
        }
    }
    /// In the order of their arrival.
    std::vector<uint32_t> numbers() const {
        std::vector<uint32_t> all;
        for (const Arrival& one : arrived) all.push_back(one.number());
        return all;
    }

    sim::Clock clock;
    sim::DatagramNetwork network;
    Nanos start;
    std::unique_ptr<sim::Link> a, b, c;
    std::vector<Arrival> arrived;
};

uint32_t trace_of_datagrams(uint64_t seed) {
    Hosts hosts({.reordered_per_million = 100'000, .lost_per_million = 50'000, .losses_in_a_row_max = 3,
                 .repeated_per_million = 50'000, .damaged_per_million = 50'000, .bytes_per_second = 10'000'000}, seed);
    hosts.send(*hosts.a, *hosts.b, 500);
    hosts.finish();
    uint32_t trace = 0;
    for (const Hosts::Arrival& one : hosts.arrived) {
        trace = crc32c(trace, one.bytes);
        trace = crc32c(trace, std::as_bytes(std::span(&one.at, 1)));
    }
    return trace;
}

TEST(DatagramNetwork, replays_a_seed_and_varies_with_it) {
    EXPECT_EQ(trace_of_datagrams(1), trace_of_datagrams(1));
    EXPECT_NE(trace_of_datagrams(1), trace_of_datagrams(2));
}

TEST(DatagramNetwork, a_quiet_path_loses_nothing_and_keeps_the_order) {
    Hosts hosts;
    hosts.send(*hosts.a, *hosts.b, 1000);
    hosts.finish();
    ASSERT_EQ(hosts.arrived.size(), 1000u);
    EXPECT_TRUE(std::ranges::is_sorted(hosts.numbers()));
    EXPECT_EQ(hosts.network.counters().arrived, 1000u);
    EXPECT_EQ(hosts.arrived[7].from, hosts.a->endpoint());
}

TEST(DatagramNetwork, datagrams_take_their_time) {
    Hosts hosts({.delay_ns_min = 3 * millisecond_ns, .delay_ns_max = 3 * millisecond_ns});
    EXPECT_EQ(hosts.network.next_event(), never);
    EXPECT_FALSE(hosts.network.step());
    hosts.send(*hosts.a, *hosts.b);
    EXPECT_EQ(hosts.network.next_event(), hosts.start + 3 * millisecond_ns);
    hosts.clock.advance(3 * millisecond_ns - 1);
    hosts.network.run();
    hosts.take(*hosts.b);
    EXPECT_EQ(hosts.arrived.size(), 0u);
    hosts.clock.advance(1);
    hosts.network.run();
    hosts.take(*hosts.b);
    EXPECT_EQ(hosts.arrived.size(), 1u);
    EXPECT_EQ(hosts.network.next_event(), never);
}

TEST(DatagramNetwork, delays_vary_within_their_bounds) {
    Hosts hosts({.delay_ns_min = 1 * millisecond_ns, .delay_ns_max = 9 * millisecond_ns});
    int64_t least = INT64_MAX, most = 0, sum = 0;
    for (int i = 0; i < 500; ++i) {
        const Nanos sent = hosts.clock.now();
        hosts.send(*hosts.a, *hosts.b);
        hosts.finish();
        const int64_t took = hosts.arrived.back().at - sent;
        least = std::min(least, took);
        most = std::max(most, took);
        sum += took;
    }
    EXPECT_GE(least, 1 * millisecond_ns);
    EXPECT_LT(least, 2 * millisecond_ns);
    EXPECT_LE(most, 9 * millisecond_ns);
    EXPECT_GT(most, 8 * millisecond_ns);
    EXPECT_NEAR(static_cast<double>(sum) / 500, 5e6, 4e5);
}

TEST(DatagramNetwork, reorders_as_often_as_it_should) {
    Hosts hosts({.reordered_per_million = 100'000, .reordered_ns_max = 2 * millisecond_ns});
    for (uint32_t i = 0; i < 5000; ++i) {
        hosts.send(*hosts.a, *hosts.b, 1, 100, i);
        hosts.clock.advance(50 * microsecond_ns);
        hosts.network.run();
        hosts.take(*hosts.b);
    }
    hosts.finish();
    std::vector<uint32_t> numbers = hosts.numbers();
    size_t late = 0;
    uint32_t largest = 0;
    for (const uint32_t number : numbers) {
        late += number < largest;
        largest = std::max(largest, number);
    }
    EXPECT_NEAR(static_cast<double>(hosts.network.counters().reordered), 500, 80);
    EXPECT_GT(late, 400u);
    EXPECT_LE(late, hosts.network.counters().reordered);
    std::ranges::sort(numbers);
    for (uint32_t i = 0; i < 5000; ++i) ASSERT_EQ(numbers[i], i);
}

TEST(DatagramNetwork, loses_as_many_as_it_should) {
    Hosts hosts({.lost_per_million = 100'000});
    hosts.send(*hosts.a, *hosts.b, 10'000);
    hosts.finish();
    const uint64_t lost = hosts.network.counters().lost;
    EXPECT_NEAR(static_cast<double>(lost), 1000, 150);
    EXPECT_EQ(hosts.arrived.size(), 10'000 - lost);
}

TEST(DatagramNetwork, losses_come_in_rows) {
    Hosts hosts({.lost_per_million = 10'000, .losses_in_a_row_max = 8});
    hosts.send(*hosts.a, *hosts.b, 20'000);
    hosts.finish();
    size_t rows = 0;
    uint32_t longest = 0;
    std::vector<uint32_t> numbers = hosts.numbers();
    numbers.push_back(20'000);
    uint32_t expected = 0;
    for (const uint32_t number : numbers) {
        rows += number > expected;
        longest = std::max(longest, number - expected);
        expected = number + 1;
    }
    const auto lost = static_cast<double>(hosts.network.counters().lost);
    EXPECT_NEAR(static_cast<double>(rows), 190, 50);
    EXPECT_NEAR(lost / static_cast<double>(rows), 4.5, 0.8);
    EXPECT_GE(longest, 8u);
}

TEST(DatagramNetwork, repeats_as_many_as_it_should) {
    Hosts hosts({.repeated_per_million = 200'000});
    hosts.send(*hosts.a, *hosts.b, 5000);
    hosts.finish();
    const uint64_t repeated = hosts.network.counters().repeated;
    EXPECT_NEAR(static_cast<double>(repeated), 1000, 150);
    ASSERT_EQ(hosts.arrived.size(), 5000 + repeated);
    std::vector<uint32_t> numbers = hosts.numbers();
    std::ranges::sort(numbers);
    numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
    EXPECT_EQ(numbers.size(), 5000u);
}

TEST(DatagramNetwork, damages_bits_and_ends) {
    Hosts hosts({.damaged_per_million = million});
    hosts.send(*hosts.a, *hosts.b, 3000);
    hosts.finish();
    ASSERT_EQ(hosts.arrived.size(), 3000u);
    size_t shorter = 0, longer = 0, flipped = 0;
    for (uint32_t i = 0; i < 3000; ++i) {
        std::vector<std::byte> sent = pattern_bytes(i, 100);
        store_le(sent.data(), i);
        const std::vector<std::byte>& got = hosts.arrived[i].bytes;
        ASSERT_FALSE(got.empty());
        EXPECT_NE(got, sent);
        shorter += got.size() < 100;
        longer += got.size() > 100;
        int bits = 0;
        for (size_t at = 0; at < std::min<size_t>(100, got.size()); ++at) {
            bits += std::popcount(static_cast<unsigned>(got[at] ^ sent[at]));
        }
        EXPECT_EQ(bits, got.size() == 100 ? 1 : 0);
        flipped += bits == 1;
    }
    EXPECT_GT(std::min({shorter, longer, flipped}), 800u);
    EXPECT_EQ(hosts.network.counters().damaged, 3000u);
}

TEST(DatagramNetwork, damages_as_many_as_it_should) {
    Hosts hosts({.damaged_per_million = 50'000});
    hosts.send(*hosts.a, *hosts.b, 10'000);
    hosts.finish();
    EXPECT_NEAR(static_cast<double>(hosts.network.counters().damaged), 500, 100);
}

TEST(DatagramNetwork, a_narrow_path_takes_its_time_and_drops_at_the_tail) {
    Hosts hosts({.delay_ns_min = 0, .delay_ns_max = 0, .bytes_per_second = 1'000'000, .queue_bytes = 50'000});
    hosts.send(*hosts.a, *hosts.b, 100, 1000);
    hosts.finish();
    ASSERT_EQ(hosts.arrived.size(), 50u) << "what the queue holds";
    EXPECT_EQ(hosts.network.counters().queue_full, 50u);
    EXPECT_EQ(hosts.numbers().back(), 49u) << "the last ones are lost";
    EXPECT_EQ(hosts.arrived[0].at, hosts.start + 1 * millisecond_ns);
    EXPECT_EQ(hosts.arrived[49].at, hosts.start + 50 * millisecond_ns);
    // It was idle for a second: that gives no credit.
    hosts.clock.advance(second_ns);
    const Nanos later = hosts.clock.now();
    hosts.send(*hosts.a, *hosts.b, 10, 1000);
    hosts.finish();
    EXPECT_EQ(hosts.arrived.back().at, later + 10 * millisecond_ns);
}

TEST(DatagramNetwork, a_datagram_above_the_queue_still_passes_an_idle_path) {
    Hosts hosts({.bytes_per_second = 1'000'000, .queue_bytes = 100});
    hosts.send(*hosts.a, *hosts.b, 2, 1000);
    hosts.finish();
    EXPECT_EQ(hosts.arrived.size(), 1u);
}

TEST(DatagramNetwork, large_datagrams_vanish) {
    Hosts hosts({.datagram_bytes_max = 1400});
    hosts.send(*hosts.a, *hosts.b, 1, 1400, 1);
    hosts.send(*hosts.a, *hosts.b, 1, 1401, 2);
    hosts.finish();
    EXPECT_EQ(hosts.numbers(), std::vector<uint32_t>{1});
    EXPECT_EQ(hosts.network.counters().too_large, 1u);
}

TEST(DatagramNetwork, blackouts_have_a_direction) {
    Hosts hosts;
    hosts.network.set_path(hosts.a->endpoint(), hosts.b->endpoint(), {.blackout = true});
    hosts.send(*hosts.a, *hosts.b, 1, 100, 1);
    hosts.send(*hosts.c, *hosts.b, 1, 100, 2);
    hosts.send(*hosts.b, *hosts.a, 1, 100, 3);
    hosts.finish();
    hosts.take(*hosts.a);
    EXPECT_EQ(hosts.numbers(), (std::vector<uint32_t>{2, 3}));
    sim::PathOptions path = hosts.network.path(hosts.a->endpoint(), hosts.b->endpoint());
    path.blackout = false;
    hosts.network.set_path(hosts.a->endpoint(), hosts.b->endpoint(), path);
    hosts.send(*hosts.a, *hosts.b, 1, 100, 4);
    hosts.finish();
    EXPECT_EQ(hosts.numbers().back(), 4u);
}

TEST(DatagramNetwork, a_blackout_of_all_takes_what_is_under_way) {
    Hosts hosts;
    hosts.send(*hosts.a, *hosts.b, 1, 100, 1);
    hosts.network.set_blackout(true);
    hosts.send(*hosts.c, *hosts.b, 1, 100, 2);
    hosts.finish();
    EXPECT_TRUE(hosts.arrived.empty());
    EXPECT_EQ(hosts.network.counters().blacked_out, 2u);
    hosts.network.set_blackout(false);
    hosts.send(*hosts.c, *hosts.b, 1, 100, 3);
    hosts.finish();
    EXPECT_EQ(hosts.numbers(), std::vector<uint32_t>{3});
}

TEST(DatagramNetwork, a_cut_has_a_direction_and_leaves_the_options_as_they_are) {
    Hosts hosts({.datagram_bytes_max = 200});
    hosts.network.set_cut("10.0.0.1", "10.0.0.2", true);
    hosts.send(*hosts.a, *hosts.b, 1, 100, 1);
    hosts.send(*hosts.b, *hosts.a, 1, 100, 2);
    hosts.finish();
    hosts.take(*hosts.a);
    EXPECT_EQ(hosts.numbers(), std::vector<uint32_t>{2});
    hosts.network.set_cut("10.0.0.1", "10.0.0.2", false);
    hosts.send(*hosts.a, *hosts.b, 1, 100, 3);
    hosts.send(*hosts.a, *hosts.b, 1, 300, 4);
    hosts.finish();
    EXPECT_EQ(hosts.numbers(), (std::vector<uint32_t>{2, 3}));
}

TEST(DatagramNetwork, the_nearest_options_hold) {
    Hosts hosts;
    const io::Endpoint host_a{hosts.a->endpoint().ip, 0}, host_b{hosts.b->endpoint().ip, 0};
    const auto other = hosts.open("10.0.0.1", 9093);
    hosts.network.set_path(host_a, host_b, {.datagram_bytes_max = 200});
    hosts.network.set_path(hosts.a->endpoint(), hosts.b->endpoint(), {.datagram_bytes_max = 300});
    hosts.network.set_paths({.datagram_bytes_max = 400});
    const auto passes = [&](sim::Link& from, sim::Link& to, uint32_t bytes) {
        const size_t before = hosts.arrived.size();
        hosts.send(from, to, 1, bytes);
        hosts.finish();
        hosts.take(to);
        return hosts.arrived.size() > before;
    };
    EXPECT_TRUE(passes(*hosts.a, *hosts.b, 300));
    EXPECT_FALSE(passes(*hosts.a, *hosts.b, 301));
    EXPECT_TRUE(passes(*other, *hosts.b, 200));
    EXPECT_FALSE(passes(*other, *hosts.b, 201));
    EXPECT_TRUE(passes(*hosts.b, *hosts.a, 400));
    EXPECT_FALSE(passes(*hosts.b, *hosts.a, 401));
}

TEST(DatagramNetwork, the_links_of_two_hosts_may_share_a_path) {
    for (const bool shared : {true, false}) {
        Hosts hosts;
        const sim::PathOptions narrow{.delay_ns_min = 0, .delay_ns_max = 0, .bytes_per_second = 1'000'000};
        const auto other = hosts.open("10.0.0.1", 9093);
        if (shared) {
            hosts.network.set_path({hosts.a->endpoint().ip, 0}, {hosts.b->endpoint().ip, 0}, narrow);
        } else {
            hosts.network.set_paths(narrow);
        }
        hosts.send(*hosts.a, *hosts.b, 10, 1000);
        hosts.send(*other, *hosts.b, 10, 1000);
        hosts.finish();
        ASSERT_EQ(hosts.arrived.size(), 20u);
        EXPECT_EQ(hosts.arrived.back().at, hosts.start + (shared ? 20 : 10) * millisecond_ns);
    }
}

TEST(DatagramNetwork, a_test_may_speak_for_anyone) {
    Hosts hosts;
    hosts.network.set_blackout(true);
    const io::Endpoint anyone = sim::endpoint_of("203.0.113.9", 53);
    const std::vector<std::byte> bytes = pattern_bytes(0, 20);
    hosts.network.inject(anyone, hosts.b->endpoint(), bytes);
    hosts.take(*hosts.b);
    ASSERT_EQ(hosts.arrived.size(), 1u);
    EXPECT_EQ(hosts.arrived[0].from, anyone);
    EXPECT_EQ(hosts.arrived[0].bytes, bytes);
    hosts.network.inject(anyone, anyone, bytes);
    EXPECT_EQ(hosts.network.counters().nobody, 1u);
}

TEST(DatagramNetwork, a_host_may_die_and_come_back) {
    Hosts hosts;
    const io::Endpoint endpoint = hosts.b->endpoint();
    hosts.send(*hosts.a, *hosts.b);
    hosts.b.reset();
    while (hosts.network.step()) {}
    EXPECT_EQ(hosts.network.counters().nobody, 1u);
    hosts.b = hosts.open("10.0.0.2");
    EXPECT_EQ(hosts.b->endpoint(), endpoint);
    hosts.send(*hosts.a, *hosts.b);
    hosts.finish();
    EXPECT_EQ(hosts.arrived.size(), 1u);
}

TEST(DatagramNetwork, a_severed_link_is_alone_and_gives_its_port_away) {
    Hosts hosts;
    hosts.send(*hosts.a, *hosts.b, 1, 100, 1);
    hosts.b->sever();
    hosts.finish();
    hosts.send(*hosts.b, *hosts.a, 1, 100, 2);
    hosts.finish();
    hosts.take(*hosts.a);
    EXPECT_TRUE(hosts.arrived.empty());
    const auto old = std::exchange(hosts.b, nullptr);
    hosts.b = hosts.open("10.0.0.2");
    hosts.send(*hosts.a, *hosts.b, 1, 100, 3);
    hosts.finish();
    EXPECT_EQ(hosts.numbers(), std::vector<uint32_t>{3});
    EXPECT_FALSE(old->has_arrivals());
}

TEST(DatagramNetwork, names_have_addresses_of_their_own) {
    EXPECT_EQ(sim::endpoint_of("::ffff:10.0.0.1", 7), sim::endpoint_of("10.0.0.1", 7));
    EXPECT_NE(sim::endpoint_of("10.0.0.1", 7), sim::endpoint_of("10.0.0.1", 8));
    EXPECT_EQ(sim::endpoint_of("node-1", 7), sim::endpoint_of("node-1", 7));
    EXPECT_NE(sim::endpoint_of("node-1", 7), sim::endpoint_of("node-2", 7));
    EXPECT_NE(sim::endpoint_of("node-1", 7).ip, std::decay_t<decltype(io::Endpoint::ip)>{});
}

}  // namespace
}  // namespace penstock::tests
