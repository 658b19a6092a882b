// io::Streams without a network: lends buffers that a test fills, and records what a connection does to it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "io/stream.h"

namespace penstock::broker {

class BufferStreams final : public io::Streams {
public:
    /// A buffer that holds `bytes`; all of them must come back before the end.
    io::ReceiveBuffer lend(std::string_view bytes) {
        const auto index = static_cast<uint32_t>(buffers_.size());
        buffers_.push_back(std::make_unique<std::string>(bytes));
        ++lent_;
        return {reinterpret_cast<const std::byte*>(buffers_.back()->data()), static_cast<uint32_t>(bytes.size()),
                index};
    }
    size_t lent() const { return lent_; }
    ~BufferStreams() override { EXPECT_EQ(lent_, 0u) << "buffers were not given back"; }

    Result<uint16_t> listen(const io::Address&) override { return fail(Errc::unsupported); }
    void stop_listening() override {}
    Result<io::ConnectionId> connect(const io::Address&) override { return fail(Errc::unsupported); }
    Result<void> send(io::ConnectionId, std::span<const Fragment> fragments, uint64_t) override {
        if (sends_.size() == sends_max) return fail(Errc::would_block);
        std::string bytes;
        for (const Fragment& f : fragments) bytes.append(reinterpret_cast<const char*>(f.data), f.size);
        EXPECT_LE(fragments.size(), io::max_send_fragments);
        sends_.push_back(bytes);
        sent += bytes;
        return {};
    }
    void pause(io::ConnectionId) override { paused = true; }
    void resume(io::ConnectionId) override { paused = false; }
    void release(const io::ReceiveBuffer& buffer) override {
        ASSERT_TRUE(buffers_[buffer.index] != nullptr) << "given back twice";
        buffers_[buffer.index].reset();
        --lent_;
    }
    double free_buffer_share() const override { return free_share; }
    void close(io::ConnectionId) override { closed = true; }
    size_t poll(std::span<io::StreamEvent>) override { return 0; }

    /// The oldest send is done.
    void finish_send() { sends_.pop_front(); }
    size_t sends_open() const { return sends_.size(); }

    size_t sends_max = 64;
    double free_share = 1.0;
    bool paused = false, closed = false;
    std::string sent;

private:
    std::vector<std::unique_ptr<std::string>> buffers_;
    size_t lent_ = 0;
    std::deque<std::string> sends_;
};

}  // namespace penstock::broker
