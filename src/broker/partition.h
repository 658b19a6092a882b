// One partition at its owner: its log, how far that is settled and visible, and everybody who waits for it to move.
//
// Stepped by its Owner. Invariant: the high watermark never goes back, also when the topic's durability changes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/intrusive_list.h"
#include "broker/call.h"
#include "log/store.h"

namespace penstock::broker {

struct PartitionList;
struct UnreadyList;
struct GrownList;

class Partition : public ListLink<PartitionList>, public ListLink<UnreadyList>, public ListLink<GrownList> {
public:
    explicit Partition(log::Log& its_log) : log(&its_log), high_watermark(its_log.durable_offset()) {}

    /// Producers are answered for what is below: durable, or appended where the topic asks for no more.
    Offset settled() const { return in_memory && !log->failed() ? log->end_offset() : log->durable_offset(); }
    void raise_high_watermark() { high_watermark = std::max(high_watermark, settled()); }

    log::Log* log;
    bool leading = false;           ///< this broker leads it, by the latest view
    bool in_memory = false;         ///< durability=memory
    Offset high_watermark;          ///< clients see what is below
    uint64_t appended_bytes = 0;    ///< since this object was made: watches measure growth by it
    IntrusiveList<AppendCall, OwnerQueue> parked;     ///< not appended, in order: the log waits for a file or its tail
    IntrusiveList<AppendCall, OwnerQueue> unsettled;  ///< wait to be settled, in offset order but for duplicates
    IntrusiveList<DeleteRecordsCall, OwnerQueue> deleting;  ///< wait for the log's start to be durable
    IntrusiveList<FetchPart, WatchList> watches;      ///< fetches that found too little
};

}  // namespace penstock::broker
