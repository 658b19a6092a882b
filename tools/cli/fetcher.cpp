#include "cli/fetcher.h"

#include <algorithm>

namespace penstock::cli {

using wire::kafka::FetchRequest;
using wire::kafka::FetchResponse;

bool Fetcher::done() const {
    return stopped_ || std::ranges::all_of(positions_, [](const FetchPosition& p) { return p.done(); });
}

Outcome<bool> Fetcher::step(Deadline until, const RecordVisitor& visitor) {
    if (done()) return true;
    if (stale_) {
        if (auto refreshed = refresh(); !refreshed) return std::unexpected(std::move(refreshed.error()));
    }
    if (auto sent = dispatch(); !sent) return std::unexpected(std::move(sent.error()));
    std::vector<pollfd> waits;
    Deadline wake = until;
    for (const auto& lane : lanes_) {
        if (!lane->waiting) continue;
        waits.push_back({.fd = lane->connection.fd(), .events = POLLIN, .revents = 0});
        wake = std::min(wake, lane->answer_by);
    }
    if (waits.empty()) return done();
    const auto ready = wait_for_any(waits, wake);
    if (!ready) return std::unexpected(ready.error());
    for (const auto& lane : lanes_) {
        if (!lane->waiting || stopped_) continue;
        const bool readable = std::ranges::any_of(
            waits, [&](const pollfd& w) { return w.fd == lane->connection.fd() && w.revents != 0; });
        Outcome<void> taken;
        if (readable) {
            taken = receive(*lane, visitor);
        } else if (Clock::now() >= lane->answer_by) {
            taken = lane_lost(*lane, {.message = fmt::format("{} did not answer in time",
                                                             lane->connection.address().text())});
        }
        if (!taken) return std::unexpected(std::move(taken.error()));
    }
    return done();
}

Outcome<void> Fetcher::refresh() {
    auto topic = client_.topic(topic_name_, IfAbsent::refuse, client_.deadline());
    if (!topic) return std::unexpected(std::move(topic.error()));
    topic_ = std::move(*topic);
    stale_ = false;
    return {};
}

Outcome<void> Fetcher::dispatch() {
    std::map<int32_t, std::vector<FetchPosition*>> wanted;
    for (FetchPosition& position : positions_) {
        if (position.done()) continue;
        const PartitionInfo* partition = topic_.find(position.partition);
        if (partition == nullptr) {
            return refuse(fmt::format("'{}' has no partition {}", topic_name_, position.partition));
        }
        wanted[partition->leader].push_back(&position);
    }
    for (const auto& [leader, positions] : wanted) {
        const auto lane = open_lane(leader);
        if (!lane && !lane.error().connection_lost) return std::unexpected(lane.error());
        if (!lane) {
            Lane none;
            if (auto lost = lane_lost(none, lane.error()); !lost) return lost;
            continue;
        }
        if ((*lane)->waiting) continue;
        if (auto sent = send(**lane, positions); !sent) return sent;
    }
    return {};
}

Outcome<Fetcher::Lane*> Fetcher::open_lane(int32_t broker) {
    Lane* lane = nullptr;
    for (const auto& held : lanes_) {
        if (held->broker == broker) lane = held.get();
    }
    if (lane != nullptr && lane->connection.is_open()) return lane;
    auto connection = client_.dedicated(broker, client_.deadline());
    if (!connection) return std::unexpected(std::move(connection.error()));
    if (lane == nullptr) lane = lanes_.emplace_back(std::make_unique<Lane>()).get();
    lane->broker = broker;
    lane->connection = std::move(*connection);
    lane->waiting = false;
    return lane;
}

Outcome<void> Fetcher::send(Lane& lane, const std::vector<FetchPosition*>& wanted) {
    const auto version = lane.connection.version_of(ApiKey::fetch);
    if (!version) return std::unexpected(version.error());
    std::vector<FetchRequest::Partition> partitions;
    for (const FetchPosition* position : wanted) {
        partitions.push_back({.partition = position->partition, .fetch_offset = position->next,
                              .partition_max_bytes = partition_bytes_});
    }
    FetchRequest::Topic topic;
    topic.name = topic_name_;
    topic.partitions = partitions;
    FetchRequest request;
    request.max_wait_ms = wait_ms_max;
    request.min_bytes = 1;
    request.max_bytes = std::max(answer_bytes_max, partition_bytes_);
    request.topics = {&topic, 1};
    const Deadline deadline = client_.deadline() + std::chrono::milliseconds(wait_ms_max);
    const auto sent = lane.connection.send(request, *version, deadline);
    if (!sent) return lane_lost(lane, sent.error());
    lane.correlation_id = *sent;
    lane.version = *version;
    lane.answer_by = deadline;
    lane.waiting = true;
    return {};
}

Outcome<void> Fetcher::receive(Lane& lane, const RecordVisitor& visitor) {
    const auto reply = lane.connection.receive<FetchResponse>(lane.correlation_id, lane.version, lane.answer_by);
    if (!reply) return lane_lost(lane, reply.error());
    lane.waiting = false;
    if (reply->message.error_code != ErrorCode::none) {
        const Failure failure = refusal(fmt::format("cannot read '{}'", topic_name_), reply->message.error_code);
        return wire::kafka::is_retriable(reply->message.error_code) ? lane_lost(lane, failure)
                                                                    : std::unexpected(failure);
    }
    failing_since_ = Deadline::max();
    for (const auto& topic : reply->message.topics) {
        for (const auto& answer : topic.partitions) {
            if (stopped_) return {};
            if (auto taken = take(answer, visitor); !taken) return taken;
        }
    }
    return {};
}

Outcome<void> Fetcher::take(const FetchResponse::Partition& answer, const RecordVisitor& visitor) {
    const auto position = std::ranges::find(positions_, answer.partition_index, &FetchPosition::partition);
    if (position == positions_.end()) return {};
    if (answer.error_code == ErrorCode::offset_out_of_range) return std::unexpected(out_of_range(answer, *position));
    if (answer.error_code != ErrorCode::none) {
        const Failure failure =
            refusal(fmt::format("cannot read {}/{}", topic_name_, answer.partition_index), answer.error_code);
        if (!wire::kafka::is_retriable(answer.error_code)) return std::unexpected(failure);
        Lane none;
        return lane_lost(none, failure);
    }
    std::span<const std::byte> bytes;
    if (answer.records.size() == 1) {
        bytes = answer.records.front().span();
    } else {
        joined_.clear();
        for (const Fragment& f : answer.records) joined_.insert(joined_.end(), f.data, f.data + f.size);
        bytes = joined_;
    }
    const int64_t end = position->end;
    const auto bounded = [&](const ShownRecord& record) { return record.offset >= end || visitor(record); };
    const auto walked = walk_.visit(bytes, topic_name_, position->partition, position->next, bounded);
    if (!walked) return std::unexpected(walked.error());
    // Old brokers cut even the first batch off at the limit: ask for more next time.
    if (!bytes.empty() && walked->whole_batches == 0) {
        if (partition_bytes_ > static_cast<int32_t>(frame_bytes_max) / 4) {
            return refuse(fmt::format("the batch at offset {} of {}/{} is too large to read", position->next,
                                      topic_name_,
                                      position->partition));
        }
        partition_bytes_ *= 2;
    }
    position->next = walked->next_offset;
    stopped_ = stopped_ || walked->stopped;
    return {};
}

Outcome<void> Fetcher::lane_lost(Lane& lane, Failure failure) {
    if (failure.kind != FailureKind::operation) return std::unexpected(std::move(failure));
    lane.connection.socket().close();
    lane.waiting = false;
    stale_ = true;
    const Deadline now = Clock::now();
    failing_since_ = std::min(failing_since_, now);
    if (now - failing_since_ >= client_.timeout()) return std::unexpected(std::move(failure));
    return Client::wait(Client::backoff_first * 5);
}

Failure Fetcher::out_of_range(const FetchResponse::Partition& answer, const FetchPosition& position) const {
    std::string message = fmt::format("offset {} of {}/{} is out of range", position.next, topic_name_,
                                      position.partition);
    if (answer.high_watermark >= 0 && answer.log_start_offset >= 0) {
        message += fmt::format(": there are {} to {}", answer.log_start_offset, answer.high_watermark);
    }
    return {.message = std::move(message),
            .hint = "Records may have been deleted by retention meanwhile. Use --offset earliest or latest.",
            .kafka_error = static_cast<int16_t>(answer.error_code)};
}

}  // namespace penstock::cli
