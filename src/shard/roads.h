// Both roads as one: TCP through the kernel, and streams of the transport. Whoever serves connections need not know on
// which road each of them came.
//
// Stepped by its shard, as the two are. A connection's id and a buffer's index carry the road that they belong to.
#pragma once

#include "io/stream.h"
#include "transport/streams.h"

namespace penstock::shard {

class Roads final : public io::Streams {
public:
    /// Both must outlive it. `native` may be null: then there is only TCP.
    Roads(io::Streams& tcp, transport::Streams* native) : tcp_(tcp), native_(native) {}

    /// By the address' road.
    Result<uint16_t> listen(const io::Address& address) override;
    void stop_listening() override;
    Result<io::ConnectionId> connect(const io::Address& address) override;
    Result<void> send(io::ConnectionId connection, std::span<const Fragment> fragments, uint64_t token) override;
    void pause(io::ConnectionId connection) override;
    void resume(io::ConnectionId connection) override;
    void release(const io::ReceiveBuffer& buffer) override;
    /// Of the road that has less.
    double free_buffer_share() const override;
    void close(io::ConnectionId connection) override;
    size_t poll(std::span<io::StreamEvent> out) override;

    static bool is_native(io::ConnectionId connection) { return (connection.value & native_connection) != 0; }

private:
    static constexpr uint64_t native_connection = uint64_t{1} << 63;
    static constexpr uint32_t native_buffer = uint32_t{1} << 31;

    io::Streams& road_of(io::ConnectionId connection);
    static io::ConnectionId own(io::ConnectionId connection) { return {connection.value & ~native_connection}; }

    io::Streams& tcp_;
    transport::Streams* native_;
    bool native_first_ = false;   ///< they take turns, so that neither is starved by the other
};

}  // namespace penstock::shard
