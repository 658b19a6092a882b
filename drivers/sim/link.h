// One port on a DatagramNetwork.
//
// Bursts are cut into datagrams when they are sent, and each goes its own way; some of those that arrive one behind the
// other become bursts again, as a kernel with receive offload does. Given-back receive buffers are overwritten, so that
// whoever still looks at one reads nonsense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/link.h"
#include "sim/datagram_network.h"

namespace penstock::sim {

struct LinkOptions {
    std::string host = "10.0.0.1";
    uint32_t datagram_bytes_max = 1'472;      ///< of the first hop: larger ones are lost
    uint32_t receive_buffers = 64;            ///< what arrives while all are lent is lost
    uint32_t receive_buffer_bytes = 65'536;   ///< the largest burst that arrives
    uint32_t coalesced_per_million = 500'000;
    uint32_t shortages_per_million = 0;       ///< calls of send() that take fewer bursts than they got
};

class Link final : public io::Link {
public:
    explicit Link(DatagramNetwork& network, const LinkOptions& options = {});
    ~Link() override;  ///< as when the node dies: what is under way to it finds nobody

    Result<uint16_t> open(const io::Address& address) override;
    Result<io::Endpoint> resolve(const io::Address& address) override;
    uint32_t datagram_bytes_max(const io::Endpoint& to) override;
    size_t send(std::span<const io::OutgoingBurst> bursts) override;
    size_t receive(std::span<io::IncomingBurst> out) override;
    void release(const io::IncomingBurst& burst) override;
    double free_buffer_share() const override;

    /// Whether receive() has something to give.
    bool has_arrivals() const { return !arrived_.empty(); }
    /// The node is cut off for ever: what it sends is lost, and nothing arrives any more. Its port is free again.
    void sever();
    /// Once it is open.
    const io::Endpoint& endpoint() const { return endpoint_; }

private:
    friend class DatagramNetwork;
    bool take(const io::Endpoint& from, std::span<const std::byte> datagram);
    bool coalesces(const io::Endpoint& from, std::span<const std::byte> datagram);
    void send(const io::OutgoingBurst& burst);
    std::byte* memory_of(uint32_t index) { return &memory_[size_t{index} * options_.receive_buffer_bytes]; }

    DatagramNetwork& network_;
    LinkOptions options_;
    Random random_;
    io::Endpoint endpoint_;        ///< port 0: not open
    bool severed_ = false;
    std::vector<std::byte> memory_;
    std::vector<uint32_t> free_;
    std::vector<bool> lent_;       ///< until release(), from when it holds something
    std::deque<io::IncomingBurst> arrived_;
};

}  // namespace penstock::sim
