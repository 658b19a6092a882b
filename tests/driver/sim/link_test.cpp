#include "sim/link.h"

#include <algorithm>

#include "../link_contract.h"
#include "../pattern.h"

namespace penstock::tests {

namespace {

class SimLinkWorld final : public LinkWorld {
public:
    SimLinkWorld(const LinkLimits& limits, uint64_t seed, const sim::PathOptions& paths, sim::LinkOptions options)
        : network(clock, seed, paths) {
        options.receive_buffers = limits.receive_buffers;
        for (size_t i = 0; i < links; ++i) {
            options.host = host(i);
            all.push_back(std::make_unique<sim::Link>(network, options));
        }
    }
    io::Link& link(size_t index) override { return *all[index]; }
    std::string host(size_t index) const override { return "10.0.0." + std::to_string(1 + index); }
    bool step() override {
        if (network.step()) return true;
        clock.advance(millisecond_ns);
        return false;
    }

    sim::Clock clock;
    sim::DatagramNetwork network;
    std::vector<std::unique_ptr<sim::Link>> all;
};

INSTANTIATE_TEST_SUITE_P(Sim, LinkContract,
    testing::Values(LinkDriver{"sim", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<SimLinkWorld>(limits, 1, sim::PathOptions{}, sim::LinkOptions{});
    }}, LinkDriver{"sim_crowded", [](const LinkLimits& limits) -> std::unique_ptr<LinkWorld> {
        return std::make_unique<SimLinkWorld>(limits, 2, sim::PathOptions{.bytes_per_second = 10'000'000},
            sim::LinkOptions{.coalesced_per_million = 900'000, .shortages_per_million = 300'000});
    }}), link_driver_name);

/// A link at 10.0.0.1 that gets what the test injects.
class SimLink : public testing::Test {
protected:
    void open(const sim::LinkOptions& options) {
        link_ = std::make_unique<sim::Link>(network_, options);
        ASSERT_TRUE(link_->open({"", 9092}).has_value());
        side_ = std::make_unique<LinkSide>(*link_);
    }
    void inject(const std::string& from, size_t bytes) {
        network_.inject(sim::endpoint_of(from, 1), link_->endpoint(), pattern_bytes(0, bytes));
    }
    size_t bursts() {
        const size_t before = side_->bursts;
        side_->poll();
        return side_->bursts - before;
    }

    sim::Clock clock_;
    sim::DatagramNetwork network_{clock_, 1};
    std::unique_ptr<sim::Link> link_;
    std::unique_ptr<LinkSide> side_;
};

TEST_F(SimLink, coalesces_only_what_a_kernel_would) {
    open({.receive_buffer_bytes = 2000, .coalesced_per_million = 1'000'000});
    for (int i = 0; i < 3; ++i) inject("10.0.0.2", 100);
    inject("10.0.0.2", 40);
    EXPECT_EQ(bursts(), 1u) << "the last may be shorter";
    inject("10.0.0.2", 40);
    inject("10.0.0.2", 100);
    EXPECT_EQ(bursts(), 2u) << "but not the first";
    inject("10.0.0.2", 100);
    inject("10.0.0.2", 40);
    inject("10.0.0.2", 40);
    EXPECT_EQ(bursts(), 2u) << "nothing follows a shorter one";
    inject("10.0.0.2", 100);
    inject("10.0.0.3", 100);
    inject("10.0.0.2", 100);
    EXPECT_EQ(bursts(), 3u) << "each of one peer";
    for (int i = 0; i < 3; ++i) inject("10.0.0.2", 900);
    EXPECT_EQ(bursts(), 2u) << "as many as fit a buffer";
    for (int i = 0; i < 65; ++i) inject("10.0.0.2", 10);
    EXPECT_EQ(bursts(), 2u) << "and a burst";
    EXPECT_EQ(side_->datagrams, 80u);
}

TEST_F(SimLink, coalesces_sometimes) {
    open({});
    size_t all = 0;
    for (int i = 0; i < 1000; ++i) {
        inject("10.0.0.2", 100);
        inject("10.0.0.2", 100);
        all += bursts();
    }
    EXPECT_NEAR(static_cast<double>(all), 1500, 100);
}

TEST_F(SimLink, a_buffer_that_went_back_holds_nonsense) {
    open({});
    inject("10.0.0.2", 100);
    io::IncomingBurst burst;
    ASSERT_EQ(link_->receive({&burst, 1}), 1u);
    const std::span bytes(burst.data, burst.size);
    EXPECT_TRUE(std::ranges::equal(bytes, pattern_bytes(0, 100)));
    link_->release(burst);
    EXPECT_EQ(std::ranges::count(bytes, std::byte{0xdb}), 100);
}

TEST_F(SimLink, what_finds_no_buffer_is_lost) {
    open({.receive_buffers = 2, .receive_buffer_bytes = 1000, .coalesced_per_million = 0});
    inject("10.0.0.2", 1001);
    EXPECT_EQ(network_.counters().no_buffer, 1u) << "too large for any";
    for (int i = 0; i < 5; ++i) inject("10.0.0.2", 100);
    EXPECT_EQ(network_.counters().no_buffer, 4u);
    EXPECT_EQ(link_->free_buffer_share(), 0.0);
    EXPECT_EQ(bursts(), 2u);
    EXPECT_EQ(link_->free_buffer_share(), 1.0);
}

TEST_F(SimLink, a_shortage_of_room_ends) {
    open({.shortages_per_million = 1'000'000});
    const std::byte byte{};
    const Fragment one{&byte, 1};
    const io::OutgoingBurst burst{link_->endpoint(), 1, {&one, 1}};
    EXPECT_EQ(link_->send({&burst, 1}), 0u);
    EXPECT_NE(network_.next_event(), never) << "whoever waits for room is woken";
    EXPECT_TRUE(network_.step());
    EXPECT_EQ(network_.next_event(), never);
    EXPECT_EQ(network_.counters().sent, 0u);
}

TEST_F(SimLink, opens_only_where_it_is) {
    open({.host = "node-1"});
    sim::Link second(network_, {.host = "node-1"}), third(network_, {.host = "node-1"});
    EXPECT_EQ(second.open({"node-1", 9092}).error().code, Errc::exists);
    EXPECT_EQ(second.open({"node-2", 9093}).error().code, Errc::io);
    EXPECT_EQ(second.open({"::", 9093}).value(), 9093);
    EXPECT_NE(third.open({"node-1", 0}).value(), 0);
    EXPECT_EQ(second.resolve({"node-1", 9092}).value(), link_->endpoint());
}

}  // namespace

}  // namespace penstock::tests
