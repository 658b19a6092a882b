// What every io::Link must do, as tests that a driver's own test file instantiates with its name and its world.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/link.h"

namespace penstock::tests {

struct LinkLimits {
    uint32_t receive_buffers = 64;  ///< of each link
};

/// Links that reach each other over a quiet network, and time.
class LinkWorld {
public:
    static constexpr size_t links = 4;
    virtual ~LinkWorld() = default;
    virtual io::Link& link(size_t index) = 0;
    virtual std::string host(size_t index) const = 0;
    /// Lets things happen: returns after something did, or after a moment of quiet. True if it knows that more will.
    virtual bool step() = 0;
};

struct LinkDriver {
    const char* name;
    std::unique_ptr<LinkWorld> (*make)(const LinkLimits& limits);
    std::string (*missing)() = [] { return std::string(); };   ///< why it cannot be had here; empty: it can
};

using Datagrams = std::vector<std::vector<std::byte>>;

/// One link's end: keeps what arrived, by peer, and checks what holds for every burst.
class LinkSide {
public:
    explicit LinkSide(io::Link& link) : link_(link) {}
    ~LinkSide() { release_held(); }

    void poll();
    void release_held();
    io::Link& link() { return link_; }
    const Datagrams& from(const io::Endpoint& peer) { return arrived_[peer]; }
    size_t peers() const { return arrived_.size(); }

    bool hold = false;  ///< keep received buffers instead of giving them back
    size_t datagrams = 0, bursts = 0;

private:
    io::Link& link_;
    std::map<io::Endpoint, Datagrams> arrived_;
    std::vector<io::IncomingBurst> held_;
};

/// What a burst of these bytes is cut into.
Datagrams cut(std::span<const std::byte> bytes, uint32_t datagram_bytes);

class LinkContract : public testing::TestWithParam<LinkDriver> {
protected:
    void SetUp() override;
    /// Opens all links, each at an endpoint of its own.
    void start(const LinkLimits& limits = {});
    void TearDown() override;
    /// Steps until `done`, or fails after a bound that no healthy run reaches.
    template <class Done>
    [[nodiscard]] bool run_until(Done done) {
        for (int i = 0; i < steps_max; ++i) {
            for (const auto& side : sides_) side->poll();
            if (done()) return true;
            world_->step();
        }
        return false;
    }
    /// Until nothing is under way any more.
    void settle();
    io::Link& link(size_t index) { return world_->link(index); }
    /// One burst of these fragments from one link to another. False when there was no room.
    bool send(size_t from, const io::Endpoint& to, uint32_t datagram_bytes, std::span<const Fragment> fragments);
    void send_all(size_t from, const io::Endpoint& to, uint32_t datagram_bytes, std::span<const std::byte> bytes);

    static constexpr int steps_max = 20'000;
    std::unique_ptr<LinkWorld> world_;
    std::vector<std::unique_ptr<LinkSide>> sides_;
    std::vector<io::Endpoint> endpoints_;
};

inline std::string link_driver_name(const testing::TestParamInfo<LinkDriver>& info) { return info.param.name; }

}  // namespace penstock::tests
