// Two connections wired to each other by hand: what one fills into a burst, the other is given packet by packet.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "transport/connection.h"
#include "lending_link.h"

namespace penstock::transport {

inline Parameters generous() {
    return {.idle_timeout_ms = 30'000, .acknowledgement_delay_us = 1000, .connection_credit = 1 << 20,
            .stream_credit = 1 << 20, .streams = 8, .datagram_bytes_max = 1472};
}

class Pair {
public:
    explicit Pair(const Parameters& of_opener = generous(), const Parameters& of_acceptor = generous())
        : opener({.opener = true, .own = ConnectionId(1), .peer = ConnectionId(2), .granted = of_opener,
                  .grants = of_acceptor, .datagram_bytes_max = 1472}, buffers, scratch, now),
          acceptor({.opener = false, .own = ConnectionId(2), .peer = ConnectionId(1), .granted = of_acceptor,
                    .grants = of_opener, .datagram_bytes_max = 1472}, buffers, scratch, now) {}

    Connection& other(Connection& one) { return &one == &opener ? acceptor : opener; }

    /// What `from` wants to send now, as packets.
    std::vector<std::vector<std::byte>> take(Connection& from) {
        std::vector<std::vector<std::byte>> packets;
        while (from.wants_to_send(now)) {
            burst_.clear();
            from.fill(burst_, now);
            if (burst_.empty()) break;
            const io::OutgoingBurst burst = burst_.outgoing({});
            std::vector<std::byte> bytes;
            for (const Fragment& piece : burst.fragments)
                bytes.insert(bytes.end(), piece.data, piece.data + piece.size);
            for (size_t at = 0; at < bytes.size(); at += burst.datagram_bytes) {
                const size_t end = std::min<size_t>(at + burst.datagram_bytes, bytes.size());
                packets.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(end));
            }
        }
        return packets;
    }
    void give(Connection& to, const std::vector<std::byte>& packet) {
        const std::string text(reinterpret_cast<const char*>(packet.data()), packet.size());
        const io::IncomingBurst burst = link.lend(text);
        const uint32_t buffer = buffers.take(burst);
        const std::span<const std::byte> bytes{burst.data, burst.size};
        EXPECT_TRUE(checksum_fits(bytes));
        const auto header = parse_data_header(bytes);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->to, to.own_id());
        to.on_packet(*header, bytes, buffer, now);
        buffers.release(buffer);
    }
    /// A packet of the peer's, made of these frames.
    void give_frames(Connection& to, uint32_t number, const std::function<void(FrameWriter&)>& write) {
        std::array<std::byte, datagram_bytes_min> row;
        FrameWriter writer{row};
        write(writer);
        give_row(to, number, std::span(row).first(writer.size()));
    }
    void give_row(Connection& to, uint32_t number, std::span<const std::byte> row) {
        std::vector<std::byte> packet(data_header_bytes + row.size() + checksum_bytes);
        put_data_header(packet.data(), {to.own_id(), number, false});
        std::ranges::copy(row, packet.begin() + data_header_bytes);
        put_checksum(packet);
        give(to, packet);
    }
    /// Both ways, a millisecond each, until nobody has anything to say at once.
    void exchange() {
        for (int round = 0; round < 1000; ++round) {
            bool worked = false;
            for (Connection* from : {&opener, &acceptor}) {
                const auto packets = take(*from);
                now += millisecond_ns / 2;
                for (const auto& packet : packets) give(other(*from), packet);
                worked |= !packets.empty();
            }
            if (!worked) return;
        }
        ADD_FAILURE() << "they never come to rest";
    }
    bool push(Connection& connection, uint32_t stream, std::string_view text, uint64_t token = 0) {
        const Fragment fragment{std::as_bytes(std::span(text)).data(), static_cast<uint32_t>(text.size())};
        return connection.push(stream, {&fragment, 1}, token);
    }
    std::string read(Connection& connection, uint32_t stream) {
        std::string text;
        while (const auto slice = connection.read(stream)) {
            text.append(reinterpret_cast<const char*>(slice->bytes.data()), slice->bytes.size());
            buffers.release(slice->buffer);
        }
        return text;
    }
    std::vector<Event> events(Connection& connection) {
        std::vector<Event> events;
        while (const auto event = connection.next_event()) events.push_back(*event);
        return events;
    }
    /// What ended it; nothing while it is open.
    std::optional<CloseCode> closed(Connection& connection) {
        if (!connection.closed()) return std::nullopt;
        return events(connection).back().code;
    }

    Nanos now{1000 * second_ns};
    LendingLink link;
    ReceivedBuffers buffers{link, 1 << 20};
    Scratch scratch;
    Connection opener, acceptor;

private:
    Burst burst_;
};

}  // namespace penstock::transport
