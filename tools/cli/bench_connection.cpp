#include "cli/bench_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace penstock::cli {

namespace {

constexpr size_t iovec_max = 1024;  // the kernel's
constexpr size_t read_bytes_min = 256 * 1024;

Failure broken(const Connection& connection, std::string_view what) {
    return {.message = fmt::format("{} {}", connection.address().text(), what), .connection_lost = true};
}

}  // namespace

void BenchConnection::enqueue(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    queue_.push_back({.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()});
    queued_bytes_ += bytes.size();
}

Outcome<void> BenchConnection::flush() {
    while (at_ < queue_.size()) {
        msghdr message{};
        message.msg_iov = &queue_[at_];
        message.msg_iovlen = std::min(queue_.size() - at_, iovec_max);
        const ssize_t n = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return {};
        if (n < 0) return std::unexpected(broken(connection_, "closed the connection while requests were sent"));
        written_bytes_ += static_cast<uint64_t>(n);
        auto left = static_cast<size_t>(n);
        while (left > 0 && left >= queue_[at_].iov_len) left -= queue_[at_++].iov_len;
        if (left > 0) {
            queue_[at_].iov_base = static_cast<std::byte*>(queue_[at_].iov_base) + left;
            queue_[at_].iov_len -= left;
        }
    }
    queue_.clear();
    at_ = 0;
    return {};
}

Outcome<bool> BenchConnection::read_some() {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    // Room for the rest of a large frame that has begun, so that it comes in few reads.
    size_t room = read_bytes_min;
    if (end_ >= sizeof(uint32_t)) {
        const size_t frame = sizeof(uint32_t) + std::min(load_be<uint32_t>(buffer_.data()), frame_bytes_max);
        if (frame > end_) room = std::max(room, frame - end_);
    }
    if (buffer_.size() < end_ + room) buffer_.resize(end_ + room);
    const ssize_t n = ::recv(fd(), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (n > 0) {
        end_ += static_cast<size_t>(n);
        return true;
    }
    if (n == 0) return std::unexpected(broken(connection_, "closed the connection"));
    if (errno == EAGAIN || errno == EINTR) return false;
    return std::unexpected(broken(connection_, fmt::format("lost: {}", std::strerror(errno))));
}

Outcome<std::optional<std::span<const std::byte>>> BenchConnection::next_frame() {
    if (end_ - begin_ < sizeof(uint32_t)) return std::nullopt;
    const auto size = load_be<uint32_t>(&buffer_[begin_]);
    if (size > frame_bytes_max) return std::unexpected(broken(connection_, "sent a frame that is too large"));
    if (end_ - begin_ - sizeof(uint32_t) < size) return std::nullopt;
    const std::span<const std::byte> frame(&buffer_[begin_ + sizeof(uint32_t)], size);
    begin_ += sizeof(uint32_t) + size;
    return frame;
}

}  // namespace penstock::cli
