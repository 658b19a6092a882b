// A link that only lends buffers, and knows which of them are out.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/link.h"

namespace penstock::transport {

class LendingLink final : public io::Link {
public:
    io::IncomingBurst lend(std::string_view text) {
        std::string& kept = *texts_.emplace_back(std::make_unique<std::string>(text));
        const auto index = static_cast<uint32_t>(texts_.size() - 1);
        lent_.insert(index);
        return {.datagram_bytes = static_cast<uint32_t>(kept.size()), .data = std::as_bytes(std::span(kept)).data(),
                .size = static_cast<uint32_t>(kept.size()), .index = index};
    }
    size_t lent() const { return lent_.size(); }

    Result<uint16_t> open(const io::Address&) override { return fail(Errc::unsupported); }
    Result<io::Endpoint> resolve(const io::Address&) override { return fail(Errc::unsupported); }
    uint32_t datagram_bytes_max(const io::Endpoint&) override { return 0; }
    size_t send(std::span<const io::OutgoingBurst>) override { return 0; }
    size_t receive(std::span<io::IncomingBurst>) override { return 0; }
    void release(const io::IncomingBurst& burst) override {
        EXPECT_EQ(lent_.erase(burst.index), 1u);
        texts_[burst.index]->assign(texts_[burst.index]->size(), '#');   // whoever still looks reads nonsense
    }
    double free_buffer_share() const override { return share; }

    double share = 1;

private:
    std::vector<std::unique_ptr<std::string>> texts_;
    std::set<uint32_t> lent_;
};

}  // namespace penstock::transport
