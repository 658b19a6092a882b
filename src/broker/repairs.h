// What has rotted in the logs of one shard, and which replica is asked for it: one after the other, until one has the
// very bytes or none is left.
//
// Stepped by the Owner: turn() takes what the store has found and passes on from whoever has not answered in time;
// poll() says whom to ask; on_answer() hands what came to the store. Bounded by what the store lets be asked at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/store.h"

namespace penstock::broker {

struct RepairAsk {
    log::RottenBatches batches;
    NodeId broker;
};

class Repairs {
public:
    explicit Repairs(log::Store& store) : store_(store) {}

    /// `others(key)` are the other brokers that have the partition. True if anything happened.
    template <class Others>
    bool turn(Nanos now, Others others) {
        bool worked = pass_on(now);
        while (const auto rotten = store_.poll_rotten()) {
            repairs_.push_back({*rotten, others(rotten->key), NodeId(-1), now, false});
            worked = true;
        }
        worked |= pass_on(now);
        return worked;
    }
    /// Whom to ask now, once.
    std::optional<RepairAsk> poll();
    /// What a replica had there; nothing: it refused, or cannot be asked.
    void on_answer(uint64_t id, NodeId broker, std::span<const std::byte> batches, Nanos now);
    Nanos next_deadline() const;

private:
    struct Repair {
        log::RottenBatches batches;
        std::vector<NodeId> left;    ///< not asked yet; the last is next
        NodeId asked;
        Nanos until;                 ///< then somebody else is asked
        bool to_ask = false;
    };

    bool pass_on(Nanos now);

    log::Store& store_;
    std::vector<Repair> repairs_;
};

}  // namespace penstock::broker
