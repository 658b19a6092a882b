#include "group/groups.h"

#include <algorithm>

#include "base/assert.h"
#include "broker/group_place.h"
#include "limits.h"

namespace penstock::group {

using namespace broker;

Groups::Groups(const BrokerOptions& options, Exchange& exchange)
    : options_(options),
      exchange_(exchange),
      context_{.options = options.groups,
               .time = {},
               .timers = {},
               .random = Random(mix64(options.seed) + options.shard),
               .answers = {},
               .memory = 0,
               .staged = false} {}

Groups::~Groups() {
    for (auto& [_, hosted] : hosted_) {
        PENSTOCK_ASSERT(hosted->quiet());
        hosted->drop(ErrorCode::not_coordinator);
    }
}

bool Groups::quiet() const {
    return std::ranges::all_of(hosted_, [](const auto& h) { return h.second->quiet(); });
}

/// Takes over the partitions that are led from here now, and lets go of those that are not any more.
void Groups::on_view(const TopicTable& topics, Time time) {
    context_.time = time;
    if (sweep_at_ == never) sweep_at_ = time.now + limits::group_sweep_ns;
    for (auto& [_, hosted] : hosted_) hosted->wanted = false;
    if (const Topic* topic = topics.find(offsets_topic)) {
        for (size_t i = 0; i < topic->view->partitions.size(); ++i) {
            const log::LogKey key{topic->view->id, static_cast<int32_t>(i)};
            if (log::shard_of(key, options_.shard_count) != options_.shard) continue;
            const PartitionView& record = topic->view->partitions[i];
            if (record.leader != options_.node_id) continue;
            auto& hosted = hosted_[key];
            if (hosted == nullptr) hosted = std::make_unique<Hosted>(key, context_);
            hosted->wanted = true;
            hosted->append.min_in_sync = topic->settings.min_insync_replicas;
            // Another may have led it in between.
            if (hosted->epoch != record.leader_epoch) hosted->drop(ErrorCode::not_coordinator);
            hosted->epoch = record.leader_epoch;
        }
    }
    for (auto& [_, hosted] : hosted_)
        if (!hosted->wanted) hosted->drop(ErrorCode::not_coordinator);
    look_at_ = time.now;
}

bool Groups::on_turn(Time time) {
    context_.time = time;
    bool worked = false;
    while (Timer* timer = context_.timers.expire(time.now)) {
        auto& expired = static_cast<GroupTimer&>(*timer);
        expired.group->on_timer(expired);
        worked = true;
    }
    if (sweep_at_ <= time.now) {
        sweep_at_ = time.now + limits::group_sweep_ns;
        for (auto& [_, hosted] : hosted_) {
            if (hosted->state == HostedState::active) hosted->remove_expired(options_.groups.offsets_retention_ms);
        }
    }
    if (look_at_ <= time.now) worked |= look_after_partitions();
    return worked;
}

/// Begins to load those that are not, or goes on where a load waits to be confirmed, and forgets those that are led
/// elsewhere, as soon as their last call is answered.
bool Groups::look_after_partitions() {
    bool worked = false;
    look_at_ = never;
    for (auto at = hosted_.begin(); at != hosted_.end();) {
        Hosted& hosted = *at->second;
        if (!hosted.wanted && hosted.quiet()) {
            at = hosted_.erase(at);
            continue;
        }
        ++at;
        if (!hosted.wanted || hosted.state == HostedState::active || !hosted.quiet()) continue;
        if (hosted.reload_at > context_.time.now) {
            look_at_ = std::min(look_at_, hosted.reload_at);
            continue;
        }
        hosted.state = HostedState::loading;
        load_more(hosted);
        worked = true;
    }
    return worked;
}

Nanos Groups::next_deadline() const { return std::min({context_.timers.next_deadline(), sweep_at_, look_at_}); }

bool Groups::flush() {
    if (!context_.staged) return false;
    context_.staged = false;
    bool worked = false;
    for (auto& [_, hosted] : hosted_) {
        if (!hosted->begin_write(context_.time)) continue;
        ask(hosted->append, Ask::start);
        worked = true;
    }
    return worked;
}

void Groups::ask(Call& call, Ask what) {
    call.home = call.owner = options_.shard;
    exchange_.ask(call, what);
}

void Groups::load_more(Hosted& hosted) {
    hosted.part.key = hosted.key;
    hosted.part.from = hosted.next;
    hosted.part.bytes_max = limits::group_load_bytes;
    hosted.fetch.parts = {&hosted.part, 1};
    hosted.fetch.bytes_max = limits::group_load_bytes;
    hosted.fetch.bytes_wanted = 0;
    ask(hosted.fetch, Ask::start);
}

void Groups::on_answered(Call& call) {
    --call.asks;
    look_at_ = context_.time.now;
    if (call.kind == CallKind::fetch) {
        const auto at = hosted_.find(static_cast<FetchCall&>(call).parts.front().key);
        PENSTOCK_ASSERT(at != hosted_.end());
        return on_fetched(*at->second);
    }
    const auto& append = static_cast<const AppendCall&>(call);
    const auto at = hosted_.find(append.key);
    PENSTOCK_ASSERT(at != hosted_.end());
    Hosted& hosted = *at->second;
    if (!hosted.writing) return;  // it was dropped meanwhile
    if (append.error != ErrorCode::none) return fail(hosted);
    hosted.end_write();
}

void Groups::on_fetched(Hosted& hosted) {
    read_.clear();
    for (const log::Slice& slice : hosted.fetch.slices) read_.insert(read_.end(), slice.data, slice.data + slice.size);
    if (!hosted.fetch.slices.empty()) ask(hosted.fetch, Ask::release);
    if (hosted.state != HostedState::loading) return;  // it was dropped meanwhile
    // Retention or DeleteRecords may have raised the start: that is where the rest is.
    const bool behind = hosted.part.error == ErrorCode::offset_out_of_range &&
                        hosted.next.value < hosted.part.log_start_offset;
    if (behind) hosted.next = Offset(hosted.part.log_start_offset);
    else if (hosted.part.error != ErrorCode::none) return fail(hosted);
    else if (!hosted.part.confirmed) {
        // Nothing is given yet: what was committed under the leader before may lie beyond what is known.
        hosted.reload_at = context_.time.now + limits::group_confirm_ns;
        return;
    } else if (!hosted.take_batches(read_) && hosted.next.value >= hosted.part.high_watermark) {
        return hosted.end_load();
    }
    load_more(hosted);
}

/// What is in memory may not be what the log has: it is read again.
void Groups::fail(Hosted& hosted) {
    hosted.drop(ErrorCode::coordinator_not_available);
    hosted.reload_at = context_.time.now + limits::group_reload_ns;
}

}  // namespace penstock::group
