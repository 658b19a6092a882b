// What the contracts of links and of streams ask for, over any stations; and what single tests do with a link.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "../link_contract.h"
#include "../native_options.h"
#include "../stream_contract.h"
#include "dpdk/clock.h"
#include "dpdk/endpoint.h"
#include "dpdk/link.h"
#include "wire.h"

namespace penstock::dpdk {

inline constexpr uint16_t our_port = 1000, their_port = 2000;

/// One datagram. How many were taken.
inline size_t send_one(Link& link, Ipv4 to, uint16_t port, std::span<const std::byte> payload) {
    const Fragment one{payload.data(), static_cast<uint32_t>(payload.size())};
    const io::OutgoingBurst burst{endpoint_of(to, port), one.size, {&one, 1}};
    return link.send({&burst, 1});
}

/// What has arrived; its buffers are given back.
inline tests::Datagrams receive_all(Link& link) {
    tests::Datagrams all;
    io::IncomingBurst in[8];
    while (const size_t n = link.receive(in)) {
        for (const io::IncomingBurst& burst : std::span(in).first(n)) {
            all.emplace_back(burst.data, burst.data + burst.size);
            link.release(burst);
        }
    }
    return all;
}

/// The last station has all links that are left when each of the others has one, in lanes of their own: only the first
/// station is sent to.
class DpdkLinkWorld final : public tests::LinkWorld {
public:
    DpdkLinkWorld(std::unique_ptr<Stations> stations, const tests::LinkLimits& limits)
        : stations_(std::move(stations)) {
        const LinkOptions link{.receive_buffers = limits.receive_buffers, .waiting_max = 1024};
        for (size_t i = 0; i < links; ++i) {
            const auto lane = static_cast<uint16_t>(i - station_of(i));
            all_[i] = std::make_unique<Link>(stations_->port(station_of(i)), lane, link);
        }
    }
    io::Link& link(size_t index) override { return *all_[index]; }
    std::string host(size_t index) const override { return name_of(station_of(index)); }
    bool step() override { return stations_->step(); }

    static constexpr uint16_t lanes_of_a_pair = links - 1;

private:
    size_t station_of(size_t link) const { return std::min(link, stations_->count() - 1); }

    std::unique_ptr<Stations> stations_;
    std::unique_ptr<Link> all_[links];
};

/// Between the first two.
class DpdkNativeWorld final : public tests::StreamWorld {
public:
    DpdkNativeWorld(std::unique_ptr<Stations> stations, const tests::StreamLimits& limits)
        : stations_(std::move(stations)),
          server_link_(stations_->port(0), 0, {.receive_buffers = limits.receive_buffers}),
          client_link_(stations_->port(1), 0, {.receive_buffers = limits.receive_buffers}),
          server_(server_link_, tests::native_options(limits, 1)),
          client_(client_link_, tests::native_options(limits, 2)) {}
    io::Streams& server() override { return server_; }
    io::Streams& client() override { return client_; }
    void end_sending(io::ConnectionId at_client, const std::string&) override { client_.end_sending(at_client); }
    void step() override {
        for (const Nanos until = monotonic_now() + 200 * microsecond_ns; monotonic_now() < until;) {
            server_.turn(monotonic_now());
            client_.turn(monotonic_now());
            stations_->step();
        }
    }
    std::string host() const override { return name_of(0); }
    std::string client_host() const override { return name_of(1); }

private:
    std::unique_ptr<Stations> stations_;
    Link server_link_, client_link_;
    transport::Streams server_, client_;
};

}  // namespace penstock::dpdk
