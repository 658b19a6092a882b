#include "replica/leadership.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::replica {

namespace {

std::vector<NodeId> in_order(std::span<const NodeId> ids) {
    std::vector<NodeId> sorted(ids.begin(), ids.end());
    std::ranges::sort(sorted);
    return sorted;
}

}  // namespace

Leadership::Leadership(const LeadershipOptions& options, const Record& record, Offset end, Offset known, bool in_memory,
                       Nanos now)
    : options_(options),
      leader_epoch_(record.leader_epoch),
      partition_epoch_(record.partition_epoch),
      in_sync_(in_order(record.in_sync)),
      propose_after_(now),
      in_memory_(in_memory),
      end_(end),
      election_end_(end),
      high_watermark_(known) {
    PENSTOCK_ASSERT(known <= end);
    PENSTOCK_ASSERT(in_sync(options.self));
    take_replicas(record.replicas, now);
}

Leadership::~Leadership() {
    for (const auto& follower : followers_) follower->unlink();
}

Follower* Leadership::find(NodeId broker) const {
    const auto at = std::ranges::find(followers_, broker, [](const auto& follower) { return follower->broker; });
    return at == followers_.end() ? nullptr : at->get();
}

bool Leadership::in_sync(NodeId broker) const { return std::ranges::binary_search(in_sync_, broker); }

void Leadership::take_replicas(std::span<const NodeId> replicas, Nanos now) {
    std::erase_if(followers_, [&](const auto& follower) {
        const bool gone = std::ranges::find(replicas, follower->broker) == replicas.end();
        if (gone) follower->unlink();
        return gone;
    });
    for (const NodeId id : replicas) {
        if (id == options_.self || find(id) != nullptr) continue;
        auto follower = std::make_unique<Follower>();
        follower->leadership = this;
        follower->broker = id;
        // Whoever was in sync gets its time to show that it still is.
        follower->mark_at = follower->caught_up_at = now;
        follower->mark = end_;
        followers_.push_back(std::move(follower));
    }
}

void Leadership::on_record(const Record& record, Nanos now) {
    PENSTOCK_ASSERT(record.leader_epoch == leader_epoch_);
    if (record.partition_epoch < partition_epoch_) return;
    // Whatever was proposed was proposed from an epoch that is over: it has become the record, or never will.
    if (record.partition_epoch > partition_epoch_) {
        proposed_.clear();
        propose_after_ = now;
    }
    partition_epoch_ = record.partition_epoch;
    in_sync_ = in_order(record.in_sync);
    take_replicas(record.replicas, now);
    advance(now);
}

void Leadership::set_in_memory(bool in_memory, Nanos now) {
    if (in_memory_ == in_memory) return;
    in_memory_ = in_memory;
    advance(now);
}

void Leadership::on_own(Offset end, Offset settled, Nanos now) {
    PENSTOCK_ASSERT(settled <= end);
    end_ = end;
    settled_ = settled;
    advance(now);
}

Offset Leadership::settled_of(NodeId broker) const {
    if (broker == options_.self) return settled_;
    const Follower* follower = find(broker);
    // In sync on record and no replica: the record is being changed, and what it holds nobody knows.
    return follower == nullptr ? Offset(0) : settled_of(*follower);
}

/// The least that all have settled who count.
void Leadership::advance(Nanos now) {
    Offset least = settled_;
    for (const NodeId id : in_sync_) least = std::min(least, settled_of(id));
    for (const NodeId id : proposed_) least = std::min(least, settled_of(id));
    if (!confirmed_) {
        if (least < election_end_) return;
        confirmed_ = true;
    }
    if (least <= high_watermark_) return;
    high_watermark_ = least;
    for (const auto& follower : followers_) follower->tell_at = std::min(follower->tell_at, now + options_.tell_ns);
}

bool Leadership::wants(const Follower& follower, Nanos now) const {
    if (follower.retry_at > now) return false;
    switch (follower.stage) {
        case Follower::Stage::unknown: return true;
        case Follower::Stage::asked: return false;
        case Follower::Stage::cutting: return follower.under_way == 0;
        case Follower::Stage::following:
            return follower.next < end_ || (follower.tell_at <= now && follower.under_way == 0);
    }
    return false;
}

Nanos Leadership::next_deadline(Nanos now) const {
    // What was refused, or lost, is proposed again, also when nothing else moves.
    Nanos next = propose_after_ > now ? propose_after_ : never;
    for (const auto& follower : followers_) {
        if (follower->retry_at > now) next = std::min(next, follower->retry_at);
        if (follower->under_way == 0) next = std::min(next, follower->tell_at);
        if (in_sync(follower->broker) && settled_of(*follower) < end_)
            next = std::min(next, std::max(follower->caught_up_at + options_.lag_max_ns, propose_after_));
    }
    return next;
}

void Leadership::on_shape(Follower& follower, const Uuid& incarnation, const LogShape& own, const LogShape& its,
                          Offset durable, Nanos now) {
    PENSTOCK_ASSERT(follower.under_way == 0);
    follower.incarnation = incarnation;
    follower.disk_failed = false;
    follower.fork = find_fork(own, its);
    follower.next = follower.fork.offset;
    // What lies beyond the fork is as good as gone; what is below it is what we have.
    follower.end = std::min(its.end, follower.fork.offset);
    follower.durable = std::min({its.end, durable, follower.fork.offset});
    if (follower.fork.anew) follower.end = follower.durable = own.start;
    follower.tell_at = now;
    follower.stage = follower.fork.anew || follower.fork.cuts ? Follower::Stage::cutting : Follower::Stage::following;
    note_progress(follower, now);
    advance(now);
}

void Leadership::on_sent(Follower& follower, Offset next, uint64_t bytes) {
    PENSTOCK_ASSERT(next >= follower.next);
    if (unreadable_ && follower.next <= *unreadable_ && *unreadable_ < next) unreadable_.reset();
    follower.next = next;
    follower.tell_at = never;
    ++follower.under_way;
    follower.bytes_under_way += bytes;
}

void Leadership::on_settled(Follower& follower, Offset end, Offset durable, uint64_t bytes, Nanos now) {
    PENSTOCK_ASSERT(follower.under_way > 0 && follower.bytes_under_way >= bytes);
    --follower.under_way;
    follower.bytes_under_way -= bytes;
    // It cannot have more than it was sent: what it says beyond is of no worth.
    follower.end = std::max(follower.end, std::min(end, follower.next));
    follower.durable = std::max(follower.durable, std::min({durable, end, follower.next}));
    if (follower.stage == Follower::Stage::cutting) follower.stage = Follower::Stage::following;
    note_progress(follower, now);
    advance(now);
}

void Leadership::on_lost(Follower& follower, Nanos now) const {
    follower.stage = Follower::Stage::unknown;
    follower.tell_at = never;
    ++follower.session;
    follower.under_way = 0;
    follower.bytes_under_way = 0;
    follower.retry_at = now + options_.retry_ns;
}

/// When it last had all that there was. The mark is set anew each time that it is reached, so a follower that keeps
/// pace with a leader that never rests counts as caught up, however far it is behind at any moment.
void Leadership::note_progress(Follower& follower, Nanos now) const {
    const Offset settled = settled_of(follower);
    if (settled >= end_) {
        follower.caught_up_at = now;
    } else if (settled >= follower.mark) {
        follower.caught_up_at = std::max(follower.caught_up_at, follower.mark_at);
    } else {
        return;
    }
    follower.mark = end_;
    follower.mark_at = now;
}

void Leadership::on_disk_failed(Follower& follower, Nanos now) const {
    on_lost(follower, now);
    follower.disk_failed = true;
}

bool Leadership::lags(const Follower& follower, Nanos now) const {
    return settled_of(follower) < end_ && now - follower.caught_up_at > options_.lag_max_ns;
}

bool Leadership::may_propose(Nanos now) const {
    return !proposal_under_way_ && propose_after_ <= now && !followers_.empty();
}

/// Of those before it that were lost, the members still count.
void Leadership::note_proposed(std::span<const NodeId> wanted) {
    for (const NodeId id : wanted)
        if (std::ranges::find(proposed_, id) == proposed_.end()) proposed_.push_back(id);
    proposal_under_way_ = true;
}

/// Who lags, or cannot write any more, leaves. Who has all that is visible, and the log as of the election, joins: from
/// then on it holds up the watermark, and must not hold it up for long.
std::vector<NodeId> Leadership::wanted_in_sync(Nanos now) const {
    if (own_failed_ || unreadable_) {
        std::vector<NodeId> others = in_sync_;
        std::erase(others, options_.self);
        if (!others.empty()) return others;
        if (own_failed_) return in_sync_;
    }
    std::vector<NodeId> wanted{options_.self};
    for (const auto& follower : followers_) {
        if (in_sync(follower->broker)) {
            if (!follower->disk_failed && !lags(*follower, now)) wanted.push_back(follower->broker);
            continue;
        }
        const bool has_all = follower->stage == Follower::Stage::following && confirmed_ &&
                             settled_of(*follower) >= std::max(high_watermark_, election_end_);
        if (has_all) wanted.push_back(follower->broker);
    }
    std::ranges::sort(wanted);
    return wanted;
}

void Leadership::on_proposal_decided(const Record& record, bool accepted, Nanos now) {
    proposal_under_way_ = false;
    proposed_.clear();
    if (record.leader_epoch == leader_epoch_) on_record(record, now);
    // What is refused once is refused again, until those who were named have registered or the record is known.
    if (!accepted) propose_after_ = now + options_.proposal_retry_ns;
    advance(now);
}

/// Both sets go on to count. Made again from the same epoch, it is decided: only one of the two can be accepted.
void Leadership::on_proposal_lost(Nanos now) {
    proposal_under_way_ = false;
    propose_after_ = now + options_.proposal_retry_ns;
}

}  // namespace penstock::replica
