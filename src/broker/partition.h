// One partition at its owner: its log, and everybody who waits for that log to move.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "broker/call.h"
#include "log/store.h"

namespace penstock::broker {

struct PartitionList;
struct UnreadyList;

class Partition : public ListLink<PartitionList>, public ListLink<UnreadyList> {
public:
    explicit Partition(log::Log& its_log) : log(&its_log) {}

    log::Log* log;
    bool leading = false;           ///< this broker leads it, by the latest view
    uint64_t appended_bytes = 0;    ///< since this object was made: watches measure growth by it
    IntrusiveList<AppendCall, OwnerQueue> parked;     ///< not appended, in order: the log waits for a file or its tail
    IntrusiveList<AppendCall, OwnerQueue> undurable;  ///< wait to be durable, in offset order but for duplicates
    IntrusiveList<DeleteRecordsCall, OwnerQueue> deleting;  ///< wait for the log's start to be durable
    IntrusiveList<FetchPart, WatchList> watches;      ///< fetches that found too little
};

}  // namespace penstock::broker
