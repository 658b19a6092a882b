#include "link_contract.h"

#include <algorithm>

#include "base/random.h"
#include "pattern.h"

namespace penstock::tests {

Datagrams cut(std::span<const std::byte> bytes, uint32_t datagram_bytes) {
    Datagrams datagrams;
    for (size_t at = 0; at < bytes.size(); at += datagram_bytes) {
        const auto one = bytes.subspan(at, std::min<size_t>(datagram_bytes, bytes.size() - at));
        datagrams.emplace_back(one.begin(), one.end());
    }
    return datagrams;
}

// LinkSide

void LinkSide::poll() {
    io::IncomingBurst in[3];  // few, so that rows of bursts are cut somewhere
    while (const size_t n = link_.receive(in)) {
        for (const io::IncomingBurst& burst : std::span(in).first(n)) {
            ASSERT_GT(burst.size, 0u);
            ASSERT_GT(burst.datagram_bytes, 0u);
            ASSERT_LE(burst.datagram_bytes, burst.size);
            ASSERT_NE(burst.from, io::Endpoint{});
            const Datagrams all = cut({burst.data, burst.size}, burst.datagram_bytes);
            Datagrams& row = arrived_[burst.from];
            row.insert(row.end(), all.begin(), all.end());
            datagrams += all.size();
            ++bursts;
            if (hold) held_.push_back(burst);
            else link_.release(burst);
        }
    }
}

void LinkSide::release_held() {
    for (const io::IncomingBurst& burst : held_) link_.release(burst);
    held_.clear();
}

// Fixture

void LinkContract::SetUp() {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
}

void LinkContract::start(const LinkLimits& limits) {
    world_ = GetParam().make(limits);
    ASSERT_NE(world_, nullptr);
    for (size_t i = 0; i < LinkWorld::links; ++i) {
        const auto port = link(i).open({world_->host(i), 0});
        ASSERT_TRUE(port.has_value());
        ASSERT_NE(*port, 0);
        const auto endpoint = link(i).resolve({world_->host(i), *port});
        ASSERT_TRUE(endpoint.has_value());
        endpoints_.push_back(*endpoint);
        sides_.push_back(std::make_unique<LinkSide>(link(i)));
    }
}

void LinkContract::TearDown() {
    for (const auto& side : sides_) {
        side->release_held();
        side->poll();
    }
    for (const auto& side : sides_) EXPECT_EQ(side->link().free_buffer_share(), 1.0);
    sides_.clear();
    world_.reset();
}

void LinkContract::settle() {
    for (int quiet = 0; quiet < 10;) {
        size_t before = 0, after = 0;
        for (const auto& side : sides_) before += side->datagrams;
        const bool more = world_->step();
        for (const auto& side : sides_) {
            side->poll();
            after += side->datagrams;
        }
        quiet = more || after > before ? 0 : quiet + 1;
    }
}

bool LinkContract::send(size_t from, const io::Endpoint& to, uint32_t datagram_bytes,
                        std::span<const Fragment> fragments) {
    const io::OutgoingBurst burst{to, datagram_bytes, fragments};
    return link(from).send({&burst, 1}) == 1;
}

void LinkContract::send_all(size_t from, const io::Endpoint& to, uint32_t datagram_bytes,
                            std::span<const std::byte> bytes) {
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    ASSERT_TRUE(run_until([&] { return send(from, to, datagram_bytes, {&one, 1}); }));
}

// The contract

TEST_P(LinkContract, opens_a_port_that_nobody_else_has) {
    start();
    for (size_t i = 1; i < endpoints_.size(); ++i) EXPECT_NE(endpoints_[i], endpoints_[i - 1]);
}

TEST_P(LinkContract, refuses_a_port_that_is_in_use) {
    world_ = GetParam().make({});
    const uint16_t port = link(0).open({world_->host(0), 0}).value();
    // The second link may have a host of its own: then the port is free there.
    const auto second = link(1).open({world_->host(0), port});
    ASSERT_FALSE(second.has_value());
    EXPECT_TRUE(second.error().code == Errc::exists || world_->host(0) != world_->host(1));
}

TEST_P(LinkContract, bursts_arrive_with_their_boundaries) {
    start();
    struct Case {
        uint32_t datagram_bytes, size;
    };
    const Case cases[] = {{1, 1}, {1, 64}, {100, 1}, {100, 100}, {100, 101}, {100, 6400}, {1000, 7999}, {1000, 8000},
                          {1000, 64'000}, {1015, 64'960}, {1200, 1199}, {1200, 2401}, {7, 20}};
    Datagrams expected;
    for (const Case& one : cases) {
        const std::vector<std::byte> bytes = pattern_bytes(one.size, one.size);
        const Datagrams more = cut(bytes, one.datagram_bytes);
        expected.insert(expected.end(), more.begin(), more.end());
        send_all(1, endpoints_[0], one.datagram_bytes, bytes);
        ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == expected.size(); })) << one.size;
    }
    EXPECT_EQ(sides_[0]->from(endpoints_[1]), expected);
    EXPECT_EQ(sides_[0]->peers(), 1u);
}

TEST_P(LinkContract, carries_datagrams_of_any_size_up_to_the_largest) {
    start();
    const uint32_t largest = link(1).datagram_bytes_max(endpoints_[0]);
    ASSERT_GE(largest, 1232u);
    ASSERT_LE(largest, io::burst_bytes_max);
    Random random(3);
    std::vector<uint32_t> sizes = {1, 2, largest - 1, largest};
    for (int i = 0; i < 200; ++i) sizes.push_back(1 + static_cast<uint32_t>(random.below(largest)));
    Datagrams expected;
    for (const uint32_t size : sizes) {
        expected.push_back(pattern_bytes(size, size));
        send_all(1, endpoints_[0], size, expected.back());
        ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == expected.size(); })) << size;
    }
    EXPECT_EQ(sides_[0]->from(endpoints_[1]), expected);
}

TEST_P(LinkContract, fragments_need_not_end_where_datagrams_do) {
    start();
    Random random(4);
    Datagrams expected;
    for (int round = 0; round < 100; ++round) {
        const auto datagram_bytes = 1 + static_cast<uint32_t>(random.below(round % 2 == 0 ? 1000 : 40));
        const uint32_t size = 1 + static_cast<uint32_t>(random.below(uint64_t{datagram_bytes} * 64));
        const std::vector<std::byte> bytes = pattern_bytes(random.next(), size);
        std::vector<Fragment> fragments;
        for (uint32_t at = 0; at < size;) {
            // Empty ones among them; the last place takes what is left.
            auto n = static_cast<uint32_t>(random.below(std::min<uint64_t>(size - at, size / 100 + 20) + 1));
            if (fragments.size() + 1 == io::burst_fragments_max) n = size - at;
            fragments.push_back({bytes.data() + at, n});
            at += n;
        }
        ASSERT_TRUE(run_until([&] { return send(1, endpoints_[0], datagram_bytes, fragments); }));
        const Datagrams more = cut(bytes, datagram_bytes);
        expected.insert(expected.end(), more.begin(), more.end());
        ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == expected.size(); })) << round;
    }
    EXPECT_EQ(sides_[0]->from(endpoints_[1]), expected);
}

TEST_P(LinkContract, takes_many_bursts_in_one_call_and_gives_their_bytes_back) {
    start();
    std::vector<std::byte> bytes = pattern_bytes(5, 300 * 150);
    const Datagrams expected = cut(bytes, 100);
    std::vector<Fragment> fragments;
    std::vector<io::OutgoingBurst> bursts;
    for (size_t i = 0; i < 150; ++i) fragments.push_back({&bytes[i * 300], 300});
    for (const Fragment& one : fragments) bursts.push_back({endpoints_[0], 100, {&one, 1}});
    size_t taken = 0;
    while (taken < bursts.size()) {
        const size_t before = taken;
        taken += link(1).send(std::span(bursts).subspan(taken));
        std::fill(bytes.begin() + static_cast<ptrdiff_t>(before * 300),
                  bytes.begin() + static_cast<ptrdiff_t>(taken * 300), std::byte{0xee});
        world_->step();
    }
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == expected.size(); }));
    EXPECT_EQ(sides_[0]->from(endpoints_[1]), expected);
}

TEST_P(LinkContract, tells_peers_apart) {
    start();
    Random random(6);
    Datagrams expected[LinkWorld::links];
    size_t sent = 0;
    for (int round = 0; round < 150; ++round) {
        const size_t from = 1 + random.below(LinkWorld::links - 1);
        const auto datagram_bytes = 10 + static_cast<uint32_t>(random.below(500));
        const std::vector<std::byte> bytes = pattern_bytes(random.next(), 1 + random.below(datagram_bytes * 8));
        send_all(from, endpoints_[0], datagram_bytes, bytes);
        const Datagrams more = cut(bytes, datagram_bytes);
        expected[from].insert(expected[from].end(), more.begin(), more.end());
        sent += more.size();
        if (random.chance(1, 2)) {
            ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == sent; }));
        }
    }
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == sent; }));
    for (size_t from = 1; from < LinkWorld::links; ++from) {
        EXPECT_EQ(sides_[0]->from(endpoints_[from]), expected[from]) << from;
    }
}

TEST_P(LinkContract, answers_go_to_whom_they_came_from) {
    start();
    const std::vector<std::byte> question = pattern_bytes(1, 40), answer = pattern_bytes(2, 50);
    send_all(1, endpoints_[0], 40, question);
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == 1; }));
    ASSERT_EQ(sides_[0]->from(endpoints_[1]).size(), 1u);
    send_all(0, endpoints_[1], 50, answer);
    ASSERT_TRUE(run_until([&] { return sides_[1]->datagrams == 1; }));
    EXPECT_EQ(sides_[1]->from(endpoints_[0]), Datagrams{answer});
}

TEST_P(LinkContract, without_buffers_datagrams_are_lost_until_some_come_back) {
    start({.receive_buffers = 8});
    sides_[0]->hold = true;
    const std::vector<std::byte> bytes = pattern_bytes(0, 1000);
    constexpr size_t count = 3'000;
    for (size_t i = 0; i < count; ++i) {
        send_all(1 + i % 3, endpoints_[0], 1000, bytes);
    }
    settle();
    EXPECT_EQ(sides_[0]->link().free_buffer_share(), 0.0);
    EXPECT_EQ(sides_[0]->bursts, 8u);
    sides_[0]->hold = false;
    sides_[0]->release_held();
    settle();
    EXPECT_LT(sides_[0]->datagrams, count) << "somebody kept more than any bound";
    EXPECT_EQ(sides_[0]->link().free_buffer_share(), 1.0);
    const size_t before = sides_[0]->datagrams;
    send_all(1, endpoints_[0], 1000, bytes);
    EXPECT_TRUE(run_until([&] { return sides_[0]->datagrams == before + 1; }));
}

TEST_P(LinkContract, a_buffer_comes_back_once) {
    start();
    sides_[0]->hold = true;
    send_all(1, endpoints_[0], 10, pattern_bytes(0, 10));
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == 1; }));
    EXPECT_LT(sides_[0]->link().free_buffer_share(), 1.0);
    sides_[0]->release_held();
    EXPECT_EQ(sides_[0]->link().free_buffer_share(), 1.0);
}

TEST_P(LinkContract, what_is_sent_to_nobody_harms_nobody) {
    start();
    io::Endpoint nobody = endpoints_[0];
    nobody.port = 1;
    const std::vector<std::byte> bytes = pattern_bytes(0, 3000);
    for (int i = 0; i < 20; ++i) {
        send_all(1, nobody, 1000, bytes);
        world_->step();
    }
    send_all(1, endpoints_[0], 1000, bytes);
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == 3; }));
    send_all(0, endpoints_[1], 1000, bytes);
    ASSERT_TRUE(run_until([&] { return sides_[1]->datagrams == 3; }));
}

TEST_P(LinkContract, what_is_too_large_for_the_first_hop_is_lost) {
    start();
    const uint32_t largest = link(1).datagram_bytes_max(endpoints_[0]);
    if (largest >= io::burst_bytes_max / 3) GTEST_SKIP() << "this network carries whatever a burst holds";
    const std::vector<std::byte> bytes = pattern_bytes(0, largest * 3);
    send_all(1, endpoints_[0], largest + 1, std::span(bytes).first(largest + 1));
    send_all(1, endpoints_[0], largest + 1, bytes);
    settle();
    const size_t rest = sides_[0]->datagrams;
    EXPECT_LE(rest, 1u) << "at most the short one behind two that are too large";
    send_all(1, endpoints_[0], largest, bytes);
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == rest + 3; }));
}

TEST_P(LinkContract, what_cannot_be_addressed_is_lost) {
    start();
    const std::vector<std::byte> bytes = pattern_bytes(0, 3000);
    io::Endpoint no_port = endpoints_[0];
    no_port.port = 0;
    send_all(1, no_port, 1000, bytes);
    send_all(1, no_port, 3000, bytes);
    send_all(1, endpoints_[0], 1000, bytes);
    ASSERT_TRUE(run_until([&] { return sides_[0]->datagrams == 3; }));
    settle();
    EXPECT_EQ(sides_[0]->datagrams, 3u);
}

}  // namespace penstock::tests
