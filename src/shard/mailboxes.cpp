#include "shard/mailboxes.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "limits.h"

namespace penstock::shard {

Mailboxes::Mailboxes(uint32_t shard_count)
    : shard_count_(shard_count),
      capacity_(std::min(limits::calls_between_shards, std::bit_floor(limits::calls_towards_shard / shard_count))),
      rings_(size_t{2} * shard_count * shard_count) {
    PENSTOCK_ASSERT(shard_count >= 1 && shard_count <= limits::shards);
    for (uint32_t from = 0; from < shard_count; ++from) {
        for (uint32_t to = 0; to < shard_count; ++to) {
            if (from == to) continue;
            rings_[2 * (from * shard_count + to)] = std::make_unique<Ring>(capacity_);
            rings_[2 * (from * shard_count + to) + 1] = std::make_unique<Ring>(capacity_);
        }
    }
}

Mailbox::Mailbox(Mailboxes& all, uint32_t shard) : all_(all), shard_(shard), peers_(all.shard_count()) {}

void Mailbox::mark(uint32_t to) {
    if (peers_[to].wake) return;
    peers_[to].wake = true;
    marked_.push_back(to);
}

std::span<const uint32_t> Mailbox::to_wake() {
    for (const uint32_t peer : marked_) peers_[peer].wake = false;
    waking_.swap(marked_);
    marked_.clear();
    return waking_;
}

void Mailbox::send(uint32_t to, const Mail& mail) {
    const bool pushed = all_.asks(shard_, to).push(mail);
    PENSTOCK_ASSERT(pushed);
    ++peers_[to].asked;
    mark(to);
}

void Mailbox::ask(broker::Call& call, broker::Ask what) {
    Peer& peer = peers_[call.owner];
    if (!peer.waiting.empty() || peer.asked == all_.capacity()) peer.waiting.push_back({&call, what});
    else send(call.owner, {&call, what});
}

void Mailbox::answer(broker::Call& call, broker::Ask what) {
    // Its ask left a place for it: see the invariant.
    const bool pushed = all_.answers(shard_, call.home).push({&call, what});
    PENSTOCK_ASSERT(pushed);
    mark(call.home);
}

bool Mailbox::next_ask(uint32_t from, Mail& mail) { return all_.asks(from, shard_).pop(mail); }

bool Mailbox::next_answer(uint32_t from, Mail& mail) {
    if (!all_.answers(from, shard_).pop(mail)) return false;
    Peer& peer = peers_[from];
    PENSTOCK_ASSERT(peer.asked > 0);
    --peer.asked;
    if (!peer.waiting.empty()) {
        send(from, peer.waiting.front());
        peer.waiting.pop_front();
    }
    return true;
}

}  // namespace penstock::shard
