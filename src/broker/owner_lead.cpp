// The leader's side of partitions with other replicas: one replica::Leadership each, stepped when anything moved, and
// what its followers are to be sent.
#include <algorithm>
#include <array>

#include "base/assert.h"
#include "broker/owner.h"
#include "limits.h"
#include "wire/batch.h"
#include "wire/reader.h"

namespace penstock::broker {

namespace {

/// Of all reads for followers: WaiterTable gives no such number.
constexpr uint64_t replica_waiter = UINT64_MAX;
/// When who could not be served is looked at again.
constexpr int64_t look_again_ns = 50 * millisecond_ns;

std::vector<replica::EpochBegin> begins_of(std::span<const log::EpochRange> epochs) {
    std::vector<replica::EpochBegin> begins;
    begins.reserve(epochs.size());
    for (const log::EpochRange& epoch : epochs) begins.push_back({epoch.epoch, epoch.start});
    return begins;
}

struct BatchSpan {
    Offset first, end;
};

/// Which offsets a row of whole batches has.
BatchSpan span_of(std::span<const log::Slice> slices) {
    std::vector<Fragment> fragments;
    for (const log::Slice& slice : slices) fragments.push_back({slice.data, slice.size});
    Arena arena(0);
    wire::Reader reader(fragments, arena);
    BatchSpan span{Offset(-1), Offset(-1)};
    while (reader.remaining() > 0) {
        std::array<std::byte, wire::batch_header_bytes> bytes{};
        reader.copy(bytes);
        const wire::BatchHeader header = wire::parse_batch_header(bytes);
        reader.skip(static_cast<uint64_t>(header.total_bytes()) - bytes.size());
        PENSTOCK_ASSERT(reader.ok());
        if (span.first < Offset(0)) span.first = header.base_offset;
        span.end = header.last_offset() + 1;
    }
    return span;
}

Partition& led_by(const replica::Follower& follower) {
    return *static_cast<Partition*>(follower.leadership->owner);
}

FollowerName name_of(const replica::Follower& follower) {
    return {led_by(follower).log->key(), follower.broker, follower.leadership->epoch(), follower.session};
}

}  // namespace

/// By a record that names us. Alone, a partition needs no leadership: what is settled here is replicated.
void Owner::lead(Partition& partition, const PartitionView& view) {
    const replica::Record record{view.leader_epoch, view.partition_epoch, view.replicas, view.isr};
    partition.leading = true;
    if (view.replicas.size() <= 1) {
        end_leadership(partition);
        partition.unsettled.take(partition.unreplicated);
        show(partition);
        store_.keep_from(*partition.log, Offset(INT64_MAX));
        return;
    }
    if (partition.leadership != nullptr && partition.leadership->epoch() == view.leader_epoch) {
        partition.leadership->on_record(record, now_);
        return moved(partition);
    }
    end_leadership(partition);
    const replica::LeadershipOptions options{.self = options_.node_id, .incarnation = options_.incarnation,
                                             .lag_max_ns = options_.replica_lag_max_ns};
    const Offset end = partition.log->end_offset();
    partition.leadership = std::make_unique<replica::Leadership>(
        options, record, end, std::min(partition.high_watermark, end), partition.in_memory, now_);
    partition.leadership->owner = &partition;
    partition.confirmation_shown = false;
    store_.keep_from(*partition.log, partition.high_watermark);
    moved(partition);
}

void Owner::stop_leading(Partition& partition) {
    partition.leading = false;
    end_leadership(partition);
    refuse_appends(partition, ErrorCode::not_leader_or_follower);
    refuse_deletes(partition, ErrorCode::not_leader_or_follower);
    wake_watches(partition);
}

/// A proposal that is under way is answered to nobody.
void Owner::end_leadership(Partition& partition) {
    if (partition.leadership == nullptr) return;
    timers_.cancel(partition);
    static_cast<ListLink<MovedList>&>(partition).unlink();
    partition.leadership.reset();
    if (partition.proposal != nullptr) orphans_.push_back(std::move(partition.proposal));
}

void Owner::moved(Partition& partition) {
    if (!static_cast<ListLink<MovedList>&>(partition).linked()) moved_.push_back(partition);
}

/// Draws the conclusions from whatever happened to it since the last time.
void Owner::step(Partition& partition) {
    replica::Leadership& leadership = *partition.leadership;
    log::Log& log = *partition.log;
    leadership.set_in_memory(partition.in_memory, now_);
    leadership.on_own(log.end_offset(), partition.settled(), now_);
    if (log.failed()) leadership.on_own_failed();
    while (AppendCall* call = partition.unreplicated.front()) {
        if (call->end > leadership.high_watermark()) break;
        answer_replicated(partition, *call);
    }
    const bool confirmed_now = leadership.confirmed() && !partition.confirmation_shown;
    if (leadership.high_watermark() > partition.high_watermark || confirmed_now) {
        partition.confirmation_shown = leadership.confirmed();
        show(partition);
        store_.keep_from(log, partition.high_watermark);
    }
    for (const auto& follower : leadership.followers())
        if (!follower->linked() && leadership.wants(*follower, now_)) wanting_.push_back(*follower);
    propose(partition);
    // What is overdue waits for a connection, or an answer.
    const Nanos next = leadership.next_deadline(now_);
    if (next == never) timers_.cancel(partition);
    else timers_.set(partition, next <= now_ ? now_ + look_again_ns : next);
}

void Owner::look_again(const replica::Follower& follower) {
    Partition& partition = led_by(follower);
    const Nanos at = now_ + look_again_ns;
    if (!partition.set() || partition.deadline() > at) timers_.set(partition, at);
}

void Owner::propose(Partition& partition) {
    const auto incarnation_of = [&](NodeId id) {
        const BrokerView* broker = find_broker(brokers_, id);
        return broker != nullptr ? broker->incarnation : Uuid{};
    };
    if (stopping_) return;
    const std::optional<replica::Proposal> proposal = partition.leadership->propose(incarnation_of, now_);
    if (!proposal) return;
    PENSTOCK_ASSERT(partition.proposal == nullptr);
    ++counters_.proposals;
    ++proposals_open_;
    partition.proposal = std::make_unique<InSyncCall>();
    InSyncProposal& wanted = partition.proposal->proposal;
    wanted = {.topic = partition.log->key().topic_id, .partition = partition.log->key().partition,
              .leader_epoch = proposal->leader_epoch, .partition_epoch = proposal->partition_epoch, .isr = {}};
    for (const replica::Member& member : proposal->in_sync) wanted.isr.push_back({member.broker, member.incarnation});
    proposals_.push_back(partition.proposal.get());
}

InSyncCall* Owner::poll_proposal() {
    if (proposals_.empty()) return nullptr;
    InSyncCall* call = proposals_.front();
    proposals_.pop_front();
    return call;
}

void Owner::on_proposal_answered(InSyncCall& call) {
    --proposals_open_;
    Partition* partition = find(log::LogKey{call.proposal.topic, call.proposal.partition});
    if (partition == nullptr || partition->proposal.get() != &call) {
        std::erase_if(orphans_, [&](const auto& orphan) { return orphan.get() == &call; });
        return;
    }
    const std::unique_ptr<InSyncCall> over = std::move(partition->proposal);
    replica::Leadership& leadership = *partition->leadership;
    const InSyncOutcome& outcome = call.outcome;
    const bool on_record = call.decided && std::ranges::find(outcome.isr, options_.node_id) != outcome.isr.end();
    if (on_record) {
        const replica::Record record{outcome.leader_epoch, outcome.partition_epoch, partition->replicas, outcome.isr};
        leadership.on_proposal_decided(record, outcome.error == ErrorCode::none, now_);
    } else {
        leadership.on_proposal_lost(now_);
    }
    moved(*partition);
}

replica::Follower* Owner::find_follower(const FollowerName& name) {
    const Partition* partition = find(name.key);
    if (partition == nullptr || partition->leadership == nullptr) return nullptr;
    if (partition->leadership->epoch() != name.epoch) return nullptr;
    replica::Follower* follower = partition->leadership->find(name.broker);
    return follower != nullptr && follower->session == name.session ? follower : nullptr;
}

FollowerName Owner::ask_state(replica::Follower& follower) {
    follower.leadership->on_asked(follower);
    return name_of(follower);
}

bool Owner::pack(replica::Follower& follower, uint64_t bytes_max, Parcel& parcel) {
    using wire::node::Cut;
    Partition& partition = led_by(follower);
    log::Log& log = *partition.log;
    const bool cutting = follower.stage == replica::Follower::Stage::cutting;
    parcel.to = name_of(follower);
    parcel.cut = !cutting ? Cut::none : follower.fork.anew ? Cut::anew : Cut::at;
    parcel.from = follower.next;
    parcel.high_watermark = partition.high_watermark;
    parcel.log_start = log.start_offset();
    Offset next = follower.next;
    // Where a cut ends is known when it was made; a log made anew takes what follows at once.
    if (next < log.end_offset() && parcel.cut != Cut::at) {
        const log::ReadRequest request{.from = next, .limit = log.end_offset(),
                                       .bytes_max = static_cast<uint32_t>(bytes_max), .at_least_one = true,
                                       .waiter = replica_waiter};
        const log::ReadStatus status = store_.read(log, request, parcel.slices);
        if (status == log::ReadStatus::pending) reading_.push_back(follower);
        if (status == log::ReadStatus::busy) look_again(follower);
        if (status == log::ReadStatus::pending || status == log::ReadStatus::busy) return false;
        if (status != log::ReadStatus::ready || parcel.slices.empty()) {
            // Retention was faster than it, or the disk refuses: what there is to be had shows when it is asked again.
            if (status == log::ReadStatus::corrupt) follower.leadership->on_unreadable(next);
            follower.leadership->on_lost(follower, now_);
            moved(partition);
            return false;
        }
    }
    for (const log::Slice& slice : parcel.slices) parcel.bytes += slice.size;
    if (!parcel.slices.empty()) {
        const BatchSpan span = span_of(parcel.slices);
        // The log may begin within a batch: that goes whole.
        if (parcel.cut == Cut::anew) parcel.from = std::min(parcel.from, span.first);
        next = span.end;
    }
    follower.leadership->on_sent(follower, next, parcel.bytes);
    return true;
}

void Owner::release(std::span<const log::Slice> slices) {
    for (const log::Slice& slice : slices) store_.release(slice);
}

void Owner::on_replica_state(const FollowerName& name, const Uuid& incarnation, const replica::LogShape& its,
                             Offset durable) {
    replica::Follower* follower = find_follower(name);
    if (follower == nullptr || follower->stage != replica::Follower::Stage::asked) return;
    Partition& partition = led_by(*follower);
    const log::Log& log = *partition.log;
    const std::vector<replica::EpochBegin> epochs = begins_of(store_.epochs(log));
    partition.leadership->on_own(log.end_offset(), partition.settled(), now_);
    partition.leadership->on_shape(*follower, incarnation, {log.start_offset(), log.end_offset(), epochs}, its, durable,
                                   now_);
    moved(partition);
}

void Owner::on_replica_settled(const FollowerName& name, Offset end, Offset durable, uint64_t bytes) {
    replica::Follower* follower = find_follower(name);
    if (follower == nullptr) return;
    Partition& partition = led_by(*follower);
    partition.leadership->on_own(partition.log->end_offset(), partition.settled(), now_);
    partition.leadership->on_settled(*follower, end, durable, bytes, now_);
    moved(partition);
}

void Owner::on_replica_lost(const FollowerName& name) {
    replica::Follower* follower = find_follower(name);
    if (follower == nullptr) return;
    follower->leadership->on_lost(*follower, now_);
    moved(led_by(*follower));
}

void Owner::on_replica_disk_failed(const FollowerName& name) {
    replica::Follower* follower = find_follower(name);
    if (follower == nullptr) return;
    follower->leadership->on_disk_failed(*follower, now_);
    moved(led_by(*follower));
}

}  // namespace penstock::broker
