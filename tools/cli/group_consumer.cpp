#include "cli/group_consumer.h"

#include <algorithm>

#include "cli/offsets.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

Outcome<std::vector<FetchPosition>> GroupConsumer::positions(const std::vector<int32_t>& partitions) {
    std::vector<FetchPosition> result;
    if (partitions.empty()) return result;
    const Deadline deadline = client_.deadline();
    const auto ask = [&](int64_t timestamp) { return list_offsets(client_, topic_, partitions, timestamp, deadline); };
    const auto first = ask(wire::kafka::earliest_timestamp);
    if (!first) return std::unexpected(first.error());
    const auto end = ask(wire::kafka::latest_timestamp);
    if (!end) return std::unexpected(end.error());
    const bool timed = start_.kind == StartOffset::Kind::timestamp;
    const auto at_time = timed ? ask(start_.number) : end;
    if (!at_time) return std::unexpected(at_time.error());
    std::vector<TopicPartition> wanted;
    for (const int32_t partition : partitions) wanted.emplace_back(topic_, partition);
    const auto committed = member_.group().committed(wanted, deadline);
    if (!committed) return std::unexpected(committed.error());
    for (const int32_t p : partitions) {
        FetchPosition& position = result.emplace_back();
        position.partition = p;
        if (stop_at_end_) position.end = end->at(p);
        const auto found = committed->find({topic_, p});
        if (found != committed->end() && found->second >= first->at(p) && found->second <= end->at(p)) {
            position.next = found->second;
            continue;
        }
        const auto next = resolve(start_, first->at(p), end->at(p), at_time->at(p));
        if (!next) return std::unexpected(next.error());
        position.next = *next;
    }
    return result;
}

Outcome<void> GroupConsumer::rejoin() {
    fetcher_.reset();
    committed_.clear();
    const auto partitions = member_.join();
    if (!partitions) return std::unexpected(partitions.error());
    auto from = positions(*partitions);
    if (!from) return std::unexpected(std::move(from.error()));
    for (const FetchPosition& position : *from) committed_[{topic_, position.partition}] = position.next;
    fetcher_.emplace(client_, topic_, std::move(*from));
    next_commit_ = Clock::now() + commit_interval;
    return {};
}

Outcome<bool> GroupConsumer::commit() {
    if (!fetcher_) return true;
    Offsets moved;
    for (const FetchPosition& position : fetcher_->positions()) {
        const TopicPartition where{topic_, position.partition};
        // A batch may reach beyond where we stop; what lies there was not shown.
        const int64_t next = std::min(position.next, position.end);
        if (next != committed_[where]) moved[where] = next;
    }
    next_commit_ = Clock::now() + commit_interval;
    auto done = member_.commit(moved);
    if (done && *done)
        for (const auto& [where, next] : moved) committed_[where] = next;
    return done;
}

Outcome<bool> GroupConsumer::step(Deadline until, const RecordVisitor& visitor) {
    if (!fetcher_) {
        if (auto joined = rejoin(); !joined) return std::unexpected(std::move(joined.error()));
    }
    if (Clock::now() >= next_commit_) {
        const auto committed = commit();
        if (!committed) return std::unexpected(committed.error());
        if (!*committed) return fetcher_.reset(), false;
    }
    const auto alive = member_.keep_alive();
    if (!alive) return std::unexpected(alive.error());
    if (!*alive) {
        // The others wait for us: whatever comes of the commit, join again.
        if (const auto committed = commit(); !committed) return std::unexpected(committed.error());
        return fetcher_.reset(), false;
    }
    const Deadline wake = std::min({until, member_.next_heartbeat(), next_commit_});
    if (!fetcher_->positions().empty() || stop_at_end_) return fetcher_->step(wake, visitor);
    if (auto waited = Client::wait(wake - Clock::now()); !waited) return std::unexpected(std::move(waited.error()));
    return false;
}

Outcome<void> GroupConsumer::finish() {
    const auto committed = commit();
    member_.leave();
    fetcher_.reset();
    if (!committed) return std::unexpected(committed.error());
    return {};
}

}  // namespace penstock::cli
