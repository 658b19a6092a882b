// One partition at its owner: its log, how far that is settled, replicated and visible, and everybody who waits for it
// to move.
//
// Stepped by its Owner. Invariant: the high watermark never goes back, also when the topic's durability changes or
// another broker begins to lead, unless a leader that was elected unclean says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer_heap.h"
#include "broker/call.h"
#include "log/store.h"
#include "replica/leadership.h"

namespace penstock::broker {

struct PartitionList;
struct UnreadyList;
struct GrownList;
struct MovedList;

/// The timer is its leadership's: somebody is to be told, asked, or given up.
class Partition : public Timer,
                  public ListLink<PartitionList>,
                  public ListLink<UnreadyList>,
                  public ListLink<GrownList>,
                  public ListLink<MovedList> {
public:
    explicit Partition(log::Log& its_log) : log(&its_log), high_watermark(its_log.start_offset()) {}

    /// Producers are answered for what is below: durable, or appended where the topic asks for no more.
    Offset settled() const { return in_memory && !log->failed() ? log->end_offset() : log->durable_offset(); }
    /// The same for those who ask for all in-sync replicas.
    Offset replicated() const { return leadership ? leadership->high_watermark() : settled(); }
    /// All that is visible is known (see replica::Leadership), and shown: what was just confirmed is so only once the
    /// partition was stepped.
    bool confirmed() const {
        return leadership == nullptr || (leadership->confirmed() && high_watermark >= leadership->high_watermark());
    }
    size_t in_sync_count() const { return leadership ? leadership->in_sync_count() : 1; }
    void raise_high_watermark() {
        const Offset now = leading ? replicated() : std::min(leaders_watermark, log->end_offset());
        high_watermark = std::max(high_watermark, now);
        if (high_watermark == log->end_offset()) visible_bytes = appended_bytes;
    }

    log::Log* log;
    log::LogConfig config;
    std::vector<NodeId> replicas;   ///< on record; empty: this broker alone
    LeaderEpoch heard{-1};          ///< the highest that a view or a leader named: older ones are refused
    bool leading = false;           ///< this broker leads it, by the latest view
    bool in_memory = false;         ///< durability=memory
    Offset high_watermark;          ///< clients see what is below
    uint64_t appended_bytes = 0;    ///< since this object was made: watches measure growth by it
    uint64_t visible_bytes = 0;     ///< of these, what was appended when all of it was visible the last time
    IntrusiveList<Call, OwnerQueue> parked;           ///< not appended, in order: the log waits for a file or its tail
    IntrusiveList<AppendCall, OwnerQueue> unsettled;  ///< wait to be settled, in offset order but for duplicates
    IntrusiveList<AppendCall, OwnerQueue> unreplicated;     ///< wait to be replicated, in the same order
    IntrusiveList<DeleteRecordsCall, OwnerQueue> deleting;  ///< wait for the log's start to be durable
    IntrusiveList<FetchPart, WatchList> watches;      ///< fetches that found too little, or came too early

    // While it leads and there are other replicas; null: it is alone, or follows.
    std::unique_ptr<replica::Leadership> leadership;
    std::unique_ptr<InSyncCall> proposal;   ///< under way
    bool confirmation_shown = false;        ///< to those who watch

    // While it follows.
    LeaderEpoch session_epoch{-1};  ///< of the leader that asked last, and its session
    int64_t session = -1;
    Offset leaders_watermark, leaders_start;          ///< as it said
    IntrusiveList<ReplicateCall, OwnerQueue> replicating;   ///< wait to be settled, in order
};

}  // namespace penstock::broker
