#include "client/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "limits.h"

namespace penstock::client {

Consumer::Consumer(Cluster& cluster, const ConsumerOptions& options)
    : cluster_(cluster), options_(options), fetcher_(cluster, options.fetcher) {
    if (options_.group) group_.emplace(cluster_, *options_.group, static_cast<GroupListener&>(*this));
    cluster_.add(*this);
}

Consumer::~Consumer() { cluster_.remove(*this); }

// What is read.

penstock_error Consumer::assign(std::span<const penstock_position> positions) {
    if (subscribed_) return PENSTOCK_INVALID;
    std::vector<PartitionPtr> partitions;
    for (const penstock_position& position : positions) {
        const bool known = position.offset >= PENSTOCK_OFFSET_COMMITTED;
        if (position.topic == nullptr || position.partition < 0 || !known) return PENSTOCK_INVALID;
        if (position.offset == PENSTOCK_OFFSET_COMMITTED && !group_) return PENSTOCK_INVALID;
        auto partition = std::make_shared<FetchedPartition>();
        partition->topic = position.topic;
        partition->index = position.partition;
        partition->next = position.offset;
        partition->timestamp = position.timestamp;
        if (position.offset >= 0) partition->position = partition->released = position.offset;
        partitions.push_back(std::move(partition));
    }
    set(std::move(partitions));
    return PENSTOCK_OK;
}

penstock_error Consumer::subscribe(std::vector<std::string> topics) {
    if (!group_ || (!subscribed_ && !fetcher_.partitions().empty()) || topics.empty()) return PENSTOCK_INVALID;
    subscribed_ = true;
    group_->subscribe(std::move(topics));
    return PENSTOCK_OK;
}

penstock_error Consumer::seek(const penstock_position& position) {
    if (position.topic == nullptr || position.offset < PENSTOCK_OFFSET_TIME) return PENSTOCK_INVALID;
    const PartitionPtr partition = fetcher_.find(position.topic, position.partition);
    if (partition == nullptr) return PENSTOCK_INVALID;
    fetcher_.seek(*partition, position.offset, position.timestamp);
    return PENSTOCK_OK;
}

void Consumer::set(std::vector<PartitionPtr> partitions) {
    std::vector<GroupOffset> wanted;
    for (const PartitionPtr& partition : partitions) {
        if (partition->next == PENSTOCK_OFFSET_COMMITTED) wanted.push_back({partition->topic, partition->index, -1});
    }
    if (group_) group_->fetch_offsets(std::move(wanted));
    fetcher_.assign(std::move(partitions));
}

std::span<const penstock_position> Consumer::positions() {
    positions_.clear();
    for (const PartitionPtr& partition : fetcher_.partitions()) {
        positions_.push_back({partition->topic.c_str(), partition->index, partition->position, -1});
    }
    return positions_;
}

// Batches.

std::unique_ptr<ReceivedBatch> Consumer::next(penstock_error& error) {
    error = PENSTOCK_OK;
    if (auto batch = fetcher_.take()) return batch;
    Failure failure;
    error = fetcher_.take_failure(failure) ? failure.code : PENSTOCK_EMPTY;
    if (error != PENSTOCK_EMPTY) cluster_.report(std::move(failure));
    return nullptr;
}

void Consumer::release(std::unique_ptr<ReceivedBatch> batch) {
    FetchedPartition& partition = *batch->partition;
    // Void if the partition moved since.
    const uint64_t first_out = partition.handed_out - partition.out.size();
    const bool current = batch->hand_out >= first_out && batch->hand_out < partition.handed_out;
    if (!current) return;
    auto& mine = partition.out[batch->hand_out - first_out];
    if (mine.first != batch->next_offset()) return;
    mine.second = true;
    while (!partition.out.empty() && partition.out.front().second) {
        partition.released = partition.out.front().first;
        partition.out.pop_front();
    }
}

// The group.

void Consumer::step(const Time& time) {
    if (group_) {
        group_->step(time.now);
        if (options_.commit_interval_ns > 0 && time.now >= next_commit_ && !committing()) {
            next_commit_ = time.now + options_.commit_interval_ns;
            if (has_to_commit()) commit();
        }
    }
    fetcher_.step(time.now);
}

Nanos Consumer::next_deadline() const {
    const Nanos next = std::min(fetcher_.next_deadline(), group_ ? group_->next_deadline() : never);
    return std::min(next, next_commit_);
}

bool Consumer::has_to_commit() const {
    return std::any_of(fetcher_.partitions().begin(), fetcher_.partitions().end(), [](const PartitionPtr& one) {
        return one->released >= 0 && one->released != one->committed;
    });
}

bool Consumer::commit() {
    if (!group_) return false;
    std::vector<GroupOffset> offsets;
    for (const PartitionPtr& partition : fetcher_.partitions()) {
        if (partition->released < 0 || partition->released == partition->committed) continue;
        offsets.push_back({partition->topic, partition->index, partition->released});
        partition->committed = partition->released;
    }
    commit_error_ = PENSTOCK_OK;
    if (offsets.empty()) return true;
    ++commits_;
    group_->commit(offsets);
    return true;
}

void Consumer::leave() {
    if (!group_) return;
    commit();
    set({});
    group_->leave();
}

void Consumer::on_assigned(const Assignment& assignment) {
    std::vector<PartitionPtr> partitions;
    for (const auto& [topic, indexes] : assignment) {
        for (const int32_t index : indexes) {
            if (index < 0 || partitions.size() == limits::client_partitions_max) continue;
            auto partition = std::make_shared<FetchedPartition>();
            partition->topic = topic;
            partition->index = index;
            partition->next = PENSTOCK_OFFSET_COMMITTED;
            partitions.push_back(std::move(partition));
        }
    }
    set(std::move(partitions));
    if (options_.commit_interval_ns > 0) next_commit_ = cluster_.time().now + options_.commit_interval_ns;
    tell(PENSTOCK_EVENT_ASSIGNED);
}

void Consumer::on_revoked(bool may_commit) {
    if (may_commit) commit();
    set({});
    next_commit_ = never;
    tell(PENSTOCK_EVENT_REVOKED);
}

void Consumer::on_offsets(const std::vector<GroupOffset>& offsets) {
    for (const GroupOffset& one : offsets) {
        const PartitionPtr partition = fetcher_.find(one.topic, one.partition);
        if (partition == nullptr || partition->next != PENSTOCK_OFFSET_COMMITTED) continue;
        if (one.offset >= 0) {
            partition->next = partition->position = partition->released = partition->committed = one.offset;
        } else if (options_.fetcher.reset != PENSTOCK_OFFSET_COMMITTED) {
            partition->next = options_.fetcher.reset;
        } else {
            fetcher_.refuse(*partition, PENSTOCK_OFFSET_OUT_OF_RANGE, "the group committed no offset");
        }
    }
    if (options_.commit_interval_ns > 0 && next_commit_ == never) {
        next_commit_ = cluster_.time().now + options_.commit_interval_ns;
    }
    cluster_.wake();
}

void Consumer::on_committed(penstock_error error) {
    if (commits_ > 0) --commits_;
    commit_error_ = error;
    if (error != PENSTOCK_OK) {
        cluster_.report({error, fmt::format("group {}: the commit failed: {}", options_.group->name,
                                            penstock_error_name(error))});
        for (const PartitionPtr& partition : fetcher_.partitions()) partition->committed = -1;   // once more, later
    }
    tell(PENSTOCK_EVENT_COMMITTED, error);
}

void Consumer::on_group_failed(penstock_error error) {
    cluster_.report({error, fmt::format("group {}: {}", options_.group->name, penstock_error_name(error))});
    tell(PENSTOCK_EVENT_FAILED, error);
}

void Consumer::tell(penstock_event_kind kind, penstock_error error) {
    if (events_.size() == limits::client_events_max) events_.pop_front();
    events_.push_back({kind, error});
}

std::optional<penstock_event> Consumer::next_event() {
    if (events_.empty()) return std::nullopt;
    const penstock_event event = events_.front();
    events_.pop_front();
    return event;
}

}  // namespace penstock::client
