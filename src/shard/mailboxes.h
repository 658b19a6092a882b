// The rings between all shards of a broker: for each pair and direction one that carries asks and one that carries
// answers.
//
// Made before the shards, shared by their threads; a shard sees its side of it through a Mailbox. Invariant: a shard
// has at most `capacity` asks under way to another, so the ring that brings the answers always has room: answering
// never waits, and full rings cannot deadlock. What finds no room waits at home, in order.
// What it does not do: wake the other shard's thread (see woken()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/spsc_ring.h"
#include "broker/call.h"

namespace penstock::shard {

struct Mail {
    broker::Call* call = nullptr;
    broker::Ask what = broker::Ask::start;
};

class Mailboxes {
public:
    explicit Mailboxes(uint32_t shard_count);

    uint32_t shard_count() const { return shard_count_; }
    size_t capacity() const { return capacity_; }

private:
    friend class Mailbox;
    using Ring = SpscRing<Mail>;
    Ring& asks(uint32_t from, uint32_t to) { return *rings_[2 * (from * shard_count_ + to)]; }
    Ring& answers(uint32_t from, uint32_t to) { return *rings_[2 * (from * shard_count_ + to) + 1]; }

    uint32_t shard_count_;
    size_t capacity_;
    std::vector<std::unique_ptr<Ring>> rings_;  ///< none from a shard to itself
};

/// One shard's side. Only its thread may use it.
class Mailbox {
public:
    Mailbox(Mailboxes& all, uint32_t shard);

    /// To call.owner.
    void ask(broker::Call& call, broker::Ask what);
    /// To call.home.
    void answer(broker::Call& call, broker::Ask what);

    /// The next ask of shard `from`, false when there is none.
    bool next_ask(uint32_t from, Mail& mail);
    /// The next answer of shard `from`. Makes room for an ask that waits.
    bool next_answer(uint32_t from, Mail& mail);

    uint32_t shard_count() const { return all_.shard_count(); }
    /// Shards that something was sent to since the last call: their threads may sleep.
    std::span<const uint32_t> to_wake();

private:
    struct Peer {
        size_t asked = 0;          ///< asks in the ring or at the owner
        std::deque<Mail> waiting;  ///< asks without room
        bool wake = false;
    };

    void send(uint32_t to, const Mail& mail);
    void mark(uint32_t to);

    Mailboxes& all_;
    const uint32_t shard_;
    std::vector<Peer> peers_;
    std::vector<uint32_t> marked_, waking_;
};

}  // namespace penstock::shard
