#include "cli/producer.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::cli {

using wire::kafka::ProduceRequest;
using wire::kafka::ProduceResponse;

namespace {
constexpr Duration refresh_time_max = std::chrono::seconds(2);  // other partitions wait meanwhile
}

Outcome<void> Producer::open(IfAbsent if_absent) {
    auto topic = client_.topic(options_.topic, if_absent, client_.deadline());
    if (!topic) return std::unexpected(std::move(topic.error()));
    topic_ = std::move(*topic);
    for (size_t i = 0; i < topic_.partitions.size(); ++i) {
        if (topic_.partitions[i].index != static_cast<int32_t>(i)) {
            return refuse(fmt::format("the broker left partition {} of '{}' out of its metadata", i, topic_.name));
        }
        partitions_.push_back(std::make_unique<Partition>());
    }
    if (partitions_.empty()) return refuse(fmt::format("topic '{}' has no partitions", topic_.name));
    return {};
}

bool Producer::add(int32_t index, int64_t timestamp_ms, wire::OptionalBytes key, wire::OptionalBytes value,
                   std::span<const wire::RecordHeader> headers) {
    PENSTOCK_ASSERT(index >= 0 && static_cast<size_t>(index) < partitions_.size());
    Partition& partition = *partitions_[static_cast<size_t>(index)];
    size_t size = wire::BatchBuilder::record_overhead_max + (key ? key->size() : 0) + (value ? value->size() : 0);
    for (const auto& header : headers) {
        size += wire::BatchBuilder::record_overhead_max + header.key.size() + (header.value ? header.value->size() : 0);
    }
    bool closed = false;
    if (partition.open.count() > 0 && partition.open.size() + size > options_.batch_bytes) {
        close_batch(partition);
        closed = true;
    }
    if (partition.open.count() == 0) partition.opened = Clock::now();
    const size_t before = partition.open.size();
    partition.open.add(timestamp_ms, key, value, headers);
    queued_bytes_ += partition.open.size() - before;
    if (partition.open.size() >= options_.batch_bytes) {
        close_batch(partition);
        closed = true;
    }
    return closed;
}

void Producer::close_batch(Partition& partition) {
    if (partition.open.count() == 0) return;
    Batch batch;
    batch.records = static_cast<uint64_t>(partition.open.count());
    batch.charged_bytes = partition.open.size() - wire::batch_header_bytes;
    batch.expires = Clock::now() + options_.delivery_timeout;
    const auto built = partition.open.finish(options_.codec, batch.bytes);
    partition.closed.push_back(std::move(batch));
    if (!built) {
        // Only for want of memory, or for a batch beyond what a length field can say.
        partition.closed.back().expires = {};
        last_problem_ = "the batch could not be built";
    }
}

void Producer::close_due(Deadline now) {
    for (auto& partition : partitions_) {
        const bool due = finishing_ || full() || now >= partition->opened + options_.linger;
        if (partition->open.count() > 0 && due) close_batch(*partition);
    }
}

void Producer::finish() { finishing_ = true; }

bool Producer::idle() const {
    return std::ranges::all_of(partitions_, [](const auto& p) { return p->open.count() == 0 && p->closed.empty(); });
}

void Producer::append_waits(std::vector<pollfd>& waits) const {
    for (const auto& lane : lanes_) {
        if (!lane->partitions.empty()) waits.push_back({.fd = lane->connection.fd(), .events = POLLIN, .revents = 0});
    }
}

Deadline Producer::next_deadline() const {
    Deadline next = Deadline::max();
    for (const auto& partition : partitions_) {
        if (partition->open.count() > 0) {
            next = finishing_ || full() ? Deadline{} : std::min(next, partition->opened + options_.linger);
        }
        if (!partition->closed.empty() && !partition->in_flight) {
            const Batch& front = partition->closed.front();
            next = std::min({next, std::max(front.not_before, stale_ ? refresh_not_before_ : Deadline{}),
                             front.expires});
        }
    }
    for (const auto& lane : lanes_) {
        if (!lane->partitions.empty()) next = std::min(next, lane->answer_by);
    }
    return next;
}

Outcome<void> Producer::step() {
    for (const auto& lane : lanes_) {
        if (lane->partitions.empty()) continue;
        if (auto received = receive(*lane); !received) return received;
    }
    const Deadline now = Clock::now();
    close_due(now);
    expire(now);
    if (stale_ && now >= refresh_not_before_) {
        if (auto refreshed = refresh(); !refreshed) return refreshed;
    }
    return stale_ ? Outcome<void>{} : dispatch(now);
}

void Producer::expire(Deadline now) {
    for (auto& partition : partitions_) {
        while (!partition->in_flight && !partition->closed.empty() && now >= partition->closed.front().expires) {
            settle_failed(*partition, last_problem_.empty() ? "not sent in time" : "in the end: " + last_problem_);
        }
    }
}

Outcome<void> Producer::refresh() {
    const Deadline deadline = Clock::now() + std::min<Duration>(client_.timeout(), refresh_time_max);
    auto topic = client_.topic(options_.topic, IfAbsent::wait, deadline);
    if (!topic) {
        if (topic.error().kind == FailureKind::interrupted) return std::unexpected(std::move(topic.error()));
        last_problem_ = topic.error().message;
        refresh_not_before_ = Clock::now() + Client::backoff_last;
        return {};
    }
    if (topic->partitions.size() >= partitions_.size()) topic_ = std::move(*topic);
    stale_ = false;
    return {};
}

Outcome<void> Producer::dispatch(Deadline now) {
    std::map<int32_t, std::vector<int32_t>> ready;
    std::map<int32_t, uint64_t> bytes;
    for (size_t i = 0; i < partitions_.size(); ++i) {
        const Partition& partition = *partitions_[i];
        if (partition.in_flight || partition.closed.empty() || partition.closed.front().not_before > now) continue;
        const int32_t leader = topic_.partitions[i].leader;
        const uint64_t size = partition.closed.front().bytes.size();
        if (bytes[leader] > 0 && bytes[leader] + size > request_bytes_max) continue;
        bytes[leader] += size;
        ready[leader].push_back(static_cast<int32_t>(i));
    }
    for (auto& [leader, partitions] : ready) {
        const Lane* lane = find_lane(leader);
        if (lane != nullptr && !lane->partitions.empty()) continue;
        if (auto sent = send(leader, std::move(partitions)); !sent) return sent;
    }
    return {};
}

Producer::Lane* Producer::find_lane(int32_t broker) {
    for (const auto& lane : lanes_) {
        if (lane->broker == broker) return lane.get();
    }
    return nullptr;
}

Outcome<Producer::Lane*> Producer::open_lane(int32_t broker, Deadline deadline) {
    Lane* lane = find_lane(broker);
    if (lane != nullptr && lane->connection.is_open()) return lane;
    auto connection = client_.dedicated(broker, deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    if (lane == nullptr) lane = lanes_.emplace_back(std::make_unique<Lane>()).get();
    lane->broker = broker;
    lane->connection = std::move(*connection);
    return lane;
}

Outcome<void> Producer::send(int32_t broker, std::vector<int32_t> partitions) {
    const Deadline deadline = client_.deadline();
    const auto give_back = [&](const Failure& failure) -> Outcome<void> {
        if (failure.kind == FailureKind::interrupted) return std::unexpected(failure);
        last_problem_ = failure.message;
        for (const int32_t p : partitions) try_again(p);
        return {};
    };
    const auto lane = open_lane(broker, deadline);
    if (!lane) return give_back(lane.error());
    Connection& connection = (*lane)->connection;
    const auto version = connection.version_of(ApiKey::produce);
    if (!version) {
        for (const int32_t p : partitions) settle_failed(*partitions_[static_cast<size_t>(p)], version.error().message);
        return {};
    }
    std::vector<Fragment> records;
    std::vector<ProduceRequest::Partition> asked;
    records.reserve(partitions.size());
    for (const int32_t p : partitions) {
        const auto& bytes = partitions_[static_cast<size_t>(p)]->closed.front().bytes;
        records.push_back({.data = bytes.data(), .size = static_cast<uint32_t>(bytes.size())});
        asked.push_back({.index = p, .records = {&records.back(), 1}});
    }
    ProduceRequest::Topic topic;
    topic.name = options_.topic;
    topic.partitions = asked;
    ProduceRequest request;
    request.acks = options_.acks;
    request.timeout_ms = client_.timeout_ms();
    request.topics = {&topic, 1};
    const auto sent = connection.send(request, *version, deadline);
    if (!sent) {
        connection.socket().close();
        return give_back(sent.error());
    }
    if (options_.acks == 0) {
        for (const int32_t p : partitions) settle_delivered(*partitions_[static_cast<size_t>(p)]);
        return {};
    }
    for (const int32_t p : partitions) partitions_[static_cast<size_t>(p)]->in_flight = true;
    (*lane)->correlation_id = *sent;
    (*lane)->version = *version;
    (*lane)->answer_by = deadline;
    (*lane)->partitions = std::move(partitions);
    return {};
}

Outcome<void> Producer::receive(Lane& lane) {
    const auto readable = wait_for(lane.connection.fd(), POLLIN, Clock::now());
    if (!readable) return std::unexpected(readable.error());
    if (!*readable) {
        if (Clock::now() >= lane.answer_by) {
            lane_lost(lane, fmt::format("{} did not answer in time", lane.connection.address().text()));
        }
        return {};
    }
    const auto reply = lane.connection.receive<ProduceResponse>(lane.correlation_id, lane.version, lane.answer_by);
    if (!reply) {
        if (reply.error().kind == FailureKind::interrupted) return std::unexpected(reply.error());
        lane_lost(lane, reply.error().message);
        return {};
    }
    std::vector<int32_t> unanswered = std::exchange(lane.partitions, {});
    for (const auto& topic : reply->message.topics) {
        for (const auto& p : topic.partitions) {
            if (std::erase(unanswered, p.index) == 0) continue;
            partitions_[static_cast<size_t>(p.index)]->in_flight = false;
            settle(p.index, p.error_code, p.error_message.value_or(""));
        }
    }
    for (const int32_t p : unanswered) {
        partitions_[static_cast<size_t>(p)]->in_flight = false;
        settle_failed(*partitions_[static_cast<size_t>(p)], "the broker left the partition out of its answer");
    }
    return {};
}

void Producer::settle(int32_t index, ErrorCode error, std::string_view detail) {
    Partition& partition = *partitions_[static_cast<size_t>(index)];
    if (error == ErrorCode::none) return settle_delivered(partition);
    last_problem_ = refusal(fmt::format("{}/{}", options_.topic, index), error, detail).message;
    if (wire::kafka::is_retriable(error) && Clock::now() < partition.closed.front().expires) return try_again(index);
    settle_failed(partition, last_problem_);
}

void Producer::settle_delivered(Partition& partition) {
    report_.delivered += partition.closed.front().records;
    queued_bytes_ -= partition.closed.front().charged_bytes;
    partition.closed.pop_front();
}

void Producer::settle_failed(Partition& partition, const std::string& reason) {
    report_.failed += partition.closed.front().records;
    report_.failures[reason] += partition.closed.front().records;
    queued_bytes_ -= partition.closed.front().charged_bytes;
    partition.closed.pop_front();
}

void Producer::try_again(int32_t index) {
    Batch& batch = partitions_[static_cast<size_t>(index)]->closed.front();
    batch.not_before = Clock::now() + batch.backoff;
    batch.backoff = std::min<Duration>(batch.backoff * 2, Client::backoff_last);
    ++report_.retried_batches;
    stale_ = true;
    refresh_not_before_ = batch.not_before;
}

void Producer::lane_lost(Lane& lane, const std::string& why) {
    last_problem_ = why;
    lane.connection.socket().close();
    for (const int32_t p : std::exchange(lane.partitions, {})) {
        partitions_[static_cast<size_t>(p)]->in_flight = false;
        try_again(p);
    }
}

}  // namespace penstock::cli
