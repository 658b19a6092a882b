// The leader's knowledge of one partition: how far each replica has come, what is replicated, and who is in sync.
//
// Stepped by the partition's owner: on_record() when the coordinator's record of the partition changed, on_own() when
// the leader's own log moved, on_*() of a follower for what was heard of it; then high_watermark(), ask() and propose()
// say what follows. It holds no bytes and sends nothing.
//
// Invariants, which are what "replicated" means (src/README.md):
// - The high watermark is at most what every member of the in-sync set on record has settled, and of the set that is
//   proposed and not decided. It never goes back.
// - A new leader shows nothing beyond what it knew as a follower until every in-sync replica has settled the log as it
//   was at the election: before, its log may hold records that nobody was promised, and lack none that somebody was.
//   The leader before may have shown more than this one knows of, so its owner shows nothing at all until then.
// - One proposal is under way at a time, made from the partition epoch that it would replace, and it names the
//   incarnations of its members. Until it is decided both sets count.
// - A follower is asked for its log before it is sent anything, after each connection that was lost: what it holds is
//   cut where it parts from the leader's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "base/units.h"
#include "base/uuid.h"
#include "replica/fork.h"

namespace penstock::replica {

/// What the coordinator has on record.
struct Record {
    LeaderEpoch leader_epoch{0};
    int32_t partition_epoch = 0;       ///< counts its changes
    std::span<const NodeId> replicas;  ///< this broker among them
    std::span<const NodeId> in_sync;
};

struct Member {
    NodeId broker;
    Uuid incarnation;
    friend bool operator==(const Member&, const Member&) = default;
};

struct Proposal {
    LeaderEpoch leader_epoch{0};
    int32_t partition_epoch = 0;
    std::vector<Member> in_sync;
};

class Leadership;
struct SendList;

/// Another replica. Linked while it waits for its turn to be asked or sent something.
struct Follower : ListLink<SendList> {
    enum class Stage : uint8_t {
        unknown,   ///< to be asked for its log
        asked,
        cutting,   ///< told where its log ends; until it says that it does, nothing else is sent
        following,
    };

    Leadership* leadership = nullptr;
    NodeId broker;
    Uuid incarnation;            ///< as it said itself; of the connection that it is heard on
    Stage stage = Stage::unknown;
    Offset next;                 ///< what is sent next
    Offset end, durable;         ///< as it said
    Fork fork;                   ///< cutting: where its log is to end
    Nanos tell_at = never;       ///< it does not know the high watermark: told then, if not with records before
    uint32_t session = 0;        ///< counts how often it was lost: what was sent before is not answered any more
    uint32_t under_way = 0;      ///< requests
    uint64_t bytes_under_way = 0;
    Nanos retry_at;              ///< nothing is sent before: it refused
    bool disk_failed = false;    ///< as it said

    Offset mark;                 ///< the leader's end at mark_at
    Nanos mark_at;
    Nanos caught_up_at;          ///< it had then what the leader had
};

struct LeadershipOptions {
    NodeId self;
    Uuid incarnation;            ///< our own
    int64_t lag_max_ns = 10 * second_ns;         ///< replica.lag.time.max.ms
    int64_t retry_ns = 100 * millisecond_ns;     ///< after a refusal
    int64_t proposal_retry_ns = second_ns;       ///< when nothing was heard of a proposal, or it was refused
    /// A follower needs the high watermark only should it become the leader: it goes with records, or this much later.
    int64_t tell_ns = 50 * millisecond_ns;
};

class Leadership {
public:
    void* owner = nullptr;   ///< free for whoever steps it

    /// Of an epoch that begins now, with the log as it is: `known` is the high watermark as far as it was known here.
    /// `in_memory`: settled means appended.
    Leadership(const LeadershipOptions& options, const Record& record, Offset end, Offset known, bool in_memory,
               Nanos now);
    Leadership(const Leadership&) = delete;
    Leadership& operator=(const Leadership&) = delete;
    ~Leadership();

    LeaderEpoch epoch() const { return leader_epoch_; }
    int32_t partition_epoch() const { return partition_epoch_; }
    Offset high_watermark() const { return high_watermark_; }
    /// Every in-sync replica has the log as it was at the election: what it holds may be shown.
    bool confirmed() const { return confirmed_; }
    size_t in_sync_count() const { return in_sync_.size(); }
    bool alone() const { return followers_.empty(); }
    std::span<const std::unique_ptr<Follower>> followers() const { return followers_; }
    Follower* find(NodeId broker) const;

    /// The same epoch, but replicas or in-sync set changed. Who is no replica any more is no follower afterwards.
    void on_record(const Record& record, Nanos now);
    void set_in_memory(bool in_memory, Nanos now);
    /// Our own log: its end, and what is settled of it.
    void on_own(Offset end, Offset settled, Nanos now);
    /// Our own log takes and gives nothing any more: from now on a set without us is proposed, if it has members.
    void on_own_failed() { own_failed_ = true; }
    /// What it has at `offset` has rotted, and no replica has it, so nobody was promised it: a set without us is
    /// proposed, if it has members, whose leader goes on with what they have. Until it could be read after all.
    void on_unreadable(Offset offset) { unreadable_ = offset; }

    /// True: it may be asked, or sent what is there, now.
    bool wants(const Follower& follower, Nanos now) const;
    /// When it is to be looked at again although nothing happened.
    Nanos next_deadline(Nanos now) const;

    // What became of a follower. What was sent in a session before the present one is not reported any more.
    void on_asked(Follower& follower) const { follower.stage = Follower::Stage::asked; }
    /// Its log, and who it is. What it holds beyond the fork will be cut.
    void on_shape(Follower& follower, const Uuid& incarnation, const LogShape& own, const LogShape& its, Offset durable,
                  Nanos now);
    /// Records up to `next` are on their way to it, or only the news of the cut or of the watermark.
    void on_sent(Follower& follower, Offset next, uint64_t bytes);
    void on_settled(Follower& follower, Offset end, Offset durable, uint64_t bytes, Nanos now);
    /// It refused, or the connection was lost: it is asked again.
    void on_lost(Follower& follower, Nanos now) const;
    /// It refused because its disk fails: it leaves the in-sync set at once, and need not lag before.
    void on_disk_failed(Follower& follower, Nanos now) const;

    /// A change of the in-sync set that should be made, once. `incarnation_of` says under which incarnation a broker is
    /// registered.
    template <class F>
    std::optional<Proposal> propose(F incarnation_of, Nanos now) {
        if (!may_propose(now)) return std::nullopt;
        const std::vector<NodeId> wanted = wanted_in_sync(now);
        // One that was lost must be decided, also when nothing is to change any more.
        if (wanted == in_sync_ && proposed_.empty()) return std::nullopt;
        Proposal proposal{leader_epoch_, partition_epoch_, {}};
        for (const NodeId id : wanted) {
            const Follower* follower = find(id);
            // Who joins does so as the one that was sent the log.
            const bool joins = follower != nullptr && !in_sync(id);
            proposal.in_sync.push_back({id, id == options_.self ? options_.incarnation
                                            : joins             ? follower->incarnation
                                                                : incarnation_of(id)});
        }
        note_proposed(wanted);
        return proposal;
    }
    /// It was accepted or refused: `record` is what counts now.
    void on_proposal_decided(const Record& record, bool accepted, Nanos now);
    /// Nothing was heard of it: it may have been accepted.
    void on_proposal_lost(Nanos now);

    bool in_sync(NodeId broker) const;

private:
    bool may_propose(Nanos now) const;
    void note_proposed(std::span<const NodeId> wanted);
    std::vector<NodeId> wanted_in_sync(Nanos now) const;
    Offset settled_of(const Follower& follower) const { return in_memory_ ? follower.end : follower.durable; }
    Offset settled_of(NodeId broker) const;
    bool lags(const Follower& follower, Nanos now) const;
    void take_replicas(std::span<const NodeId> replicas, Nanos now);
    void note_progress(Follower& follower, Nanos now) const;
    void advance(Nanos now);

    LeadershipOptions options_;
    LeaderEpoch leader_epoch_;
    int32_t partition_epoch_;
    std::vector<NodeId> in_sync_;             ///< on record, in order of ids
    std::vector<NodeId> proposed_;            ///< members of proposals that are not decided
    bool proposal_under_way_ = false;
    Nanos propose_after_;
    std::vector<std::unique_ptr<Follower>> followers_;

    bool in_memory_;
    Offset end_, settled_;                    ///< our own
    bool own_failed_ = false;
    std::optional<Offset> unreadable_;
    Offset election_end_;
    bool confirmed_ = false;
    Offset high_watermark_;
};

}  // namespace penstock::replica
