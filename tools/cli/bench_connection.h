// A non-blocking connection for load: many requests under way, gathered writes, answers cut into frames.
//
// Queued bytes are not copied: what enqueue() names must stay until written_bytes() has passed it. Failures are
// sentences; after one the connection is of no use. One thread.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "cli/connection.h"

namespace penstock::cli {

class BenchConnection {
public:
    explicit BenchConnection(Connection connection) : connection_(std::move(connection)) {}

    const Connection& negotiated() const { return connection_; }
    int fd() const { return connection_.fd(); }

    void enqueue(std::span<const std::byte> bytes);
    bool has_output() const { return at_ < queue_.size(); }
    /// Writes what the socket takes.
    Outcome<void> flush();
    uint64_t queued_bytes() const { return queued_bytes_; }    ///< ever
    uint64_t written_bytes() const { return written_bytes_; }  ///< ever

    /// Reads what is there, up to a bound. False once nothing more was there.
    Outcome<bool> read_some();
    /// The next whole frame (without its size prefix), or nothing. Valid until the next read_some().
    Outcome<std::optional<std::span<const std::byte>>> next_frame();

private:
    Connection connection_;
    std::vector<iovec> queue_;
    size_t at_ = 0;  // first of queue_ that is not fully written
    uint64_t queued_bytes_ = 0, written_bytes_ = 0;
    std::vector<std::byte> buffer_;
    size_t begin_ = 0, end_ = 0;  // of what is received and not yet taken
};

}  // namespace penstock::cli
