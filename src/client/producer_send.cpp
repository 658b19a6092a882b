// The producer's way from batches to requests, and from answers to completions.
#include <fmt/format.h>

#include <algorithm>

#include "client/backoff.h"
#include "client/producer.h"
#include "limits.h"
#include "wire/kafka/init_producer_id.h"
#include "wire/kafka/produce.h"

namespace penstock::client {

using wire::kafka::ErrorCode;
using wire::kafka::ProduceRequest;
using wire::kafka::ProduceResponse;

namespace {

constexpr int64_t late_interval_ns = 20 * millisecond_ns;

bool leader_moved(penstock_error error) {
    switch (static_cast<ErrorCode>(error)) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::leader_not_available:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_leader_epoch:
        case ErrorCode::kafka_storage_error: return true;
        default: return false;
    }
}

/// The broker may have appended it, and could not say so, or has ceased to lead before it could.
bool leaves_open(penstock_error error) {
    switch (static_cast<ErrorCode>(error)) {
        case ErrorCode::request_timed_out:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::kafka_storage_error: return true;
        default: return error == PENSTOCK_UNREACHABLE;
    }
}

bool sequence_lost(penstock_error error) {
    return error == static_cast<penstock_error>(ErrorCode::out_of_order_sequence_number) ||
           error == static_cast<penstock_error>(ErrorCode::unknown_producer_id) ||
           error == static_cast<penstock_error>(ErrorCode::invalid_producer_epoch);
}

}  // namespace

// A turn.

void Producer::step(const Time& time) {
    take_topic();
    if (active_.empty()) return;
    close_due(time.now);
    give_up_late(time.now);
    if (options_.idempotent && producer_id_ < 0) step_producer_id(time.now);
    dispatch(time.now);
    std::erase_if(active_, [&](int32_t index) {
        Partition& partition = *partitions_[static_cast<size_t>(index)];
        partition.active = partition.open != nullptr || !partition.closed.empty();
        return !partition.active;
    });
}

Nanos Producer::next_deadline() const {
    Nanos next = never;
    if (active_.empty()) return next;
    for (const int32_t index : active_) {
        const Partition& partition = *partitions_[static_cast<size_t>(index)];
        if (partition.closed.empty()) {
            if (partition.open) next = std::min(next, partition.open->opened + options_.linger_ns);
            continue;
        }
        next = std::min(next, partition.closed.front()->opened + options_.delivery_timeout_ns);
        if (partition.not_before > cluster_.stepped_at()) next = std::min(next, partition.not_before);
    }
    if (options_.idempotent && producer_id_ < 0 && id_ask_ == 0) next = std::min(next, id_not_before_);
    // What could not be done in this turn is not tried again at once: an answer or a connection wakes us.
    return std::max(next, cluster_.stepped_at() + millisecond_ns);
}

void Producer::close_due(Nanos now) {
    for (const int32_t index : active_) {
        Partition& partition = *partitions_[static_cast<size_t>(index)];
        if (!partition.open || partition.open->writer.count() == 0) continue;
        // A partition whose batches still wait gains nothing by a small one more.
        const bool idle = partition.closed.empty();
        const bool due = now - partition.open->opened >= options_.linger_ns;
        if (pushing_ || (due && idle)) close_batch(partition);
    }
    pushing_ = false;
}

/// Batches that nobody will answer for in time: the first ones of their partitions.
void Producer::give_up_late(Nanos now) {
    if (now < next_late_) return;
    next_late_ = now + late_interval_ns;
    for (const int32_t index : active_) {
        Partition& partition = *partitions_[static_cast<size_t>(index)];
        while (!partition.closed.empty() && partition.under_way == 0) {
            const Batch& batch = *partition.closed.front();
            if (now - batch.opened < options_.delivery_timeout_ns) break;
            if (batch.sequence >= 0) renew_producer_id();
            complete(partition, index, batch.maybe_written ? PENSTOCK_UNKNOWN : PENSTOCK_TIMED_OUT, -1, -1);
        }
    }
}

// The producer id.

void Producer::renew_producer_id() { renewing_ = true; }

void Producer::step_producer_id(Nanos now) {
    if (id_ask_ != 0 || now < id_not_before_) return;
    Connection* connection = cluster_.any(Purpose::produce);
    if (connection == nullptr) {
        id_not_before_ = now + backoff_first_ns;
        return;
    }
    const auto version = connection->version_of(ApiKey::init_producer_id);
    if (!version) {
        id_not_before_ = now + backoff_last_ns;
        return cluster_.report(version.error());
    }
    wire::kafka::InitProducerIdRequest request;
    request.transaction_timeout_ms = 60'000;
    const auto asked = connection->ask(*this, request, *version,
                                       {.deadline = now + cluster_.options().request_timeout_ns, .expected = now});
    PENSTOCK_ASSERT(asked.has_value());
    id_ask_ = *asked;
    sent_.push_back(std::make_shared<Sent>(Sent{.ask = *asked, .connection = connection, .batches = {}}));
}

void Producer::stamp(Partition& partition, Batch& batch) {
    if (!batch.finished) {
        batch.writer.finish(options_.codec);
        batch.finished = true;
    } else if (batch.sequence >= 0 || !options_.idempotent) {
        return;   // as it was sent before
    }
    ProducerStamp stamp;
    if (options_.idempotent) {
        batch.sequence = partition.next_sequence;
        // Kafka's sequences are counted modulo 2^31.
        partition.next_sequence =
            static_cast<int32_t>((int64_t{batch.sequence} + batch.writer.count()) & INT32_MAX);
        stamp = {.id = producer_id_, .epoch = producer_epoch_, .sequence = batch.sequence};
    }
    batch.writer.stamp(stamp);
}

// Requests.

Producer::BatchPtr Producer::next_to_send(Partition& partition, Nanos now) {
    if (partition.closed.size() <= partition.under_way || now < partition.not_before) return nullptr;
    if (partition.going_back) {
        if (partition.under_way > 0) return nullptr;
        partition.going_back = false;
    }
    const uint32_t most = options_.idempotent ? limits::producer_batches : 1;
    if (partition.under_way >= most) return nullptr;
    BatchPtr batch = partition.closed[partition.under_way];
    // While an id ends, only what may have been written under it is sent, to learn of its fate.
    if (renewing_ && !batch->maybe_written) return nullptr;
    return batch;
}

Connection* Producer::connection_of(int32_t partition) {
    const Topic* topic = cluster_.find(topic_);
    if (topic == nullptr || static_cast<size_t>(partition) >= topic->partitions.size()) return nullptr;
    const PartitionPlace& place = topic->partitions[static_cast<size_t>(partition)];
    if (place.leader < 0) {
        cluster_.refresh();
        return nullptr;
    }
    return cluster_.leader(place, Purpose::produce);
}

void Producer::dispatch(Nanos now) {
    if (renewing_) {
        const bool open_fates = std::any_of(active_.begin(), active_.end(), [&](int32_t index) {
            const Partition& partition = *partitions_[static_cast<size_t>(index)];
            return std::any_of(partition.closed.begin(), partition.closed.end(),
                               [](const BatchPtr& batch) { return batch->maybe_written || batch->under_way; });
        });
        if (!open_fates) {
            renewing_ = false;
            producer_id_ = -1;
            for (const auto& partition : partitions_) {
                partition->next_sequence = 0;
                for (const BatchPtr& batch : partition->closed) batch->sequence = -1;
            }
            step_producer_id(now);
        }
    }
    if (options_.idempotent && producer_id_ < 0) return;
    // Round after round, one batch of each partition to a request, until nobody has one that may go.
    bool progress = true;
    while (progress) {
        progress = false;
        std::vector<std::pair<Connection*, SentPtr>> requests;
        for (size_t i = 0; i < active_.size(); ++i) {
            const int32_t index = active_[(i + dispatch_first_) % active_.size()];
            Partition& partition = *partitions_[static_cast<size_t>(index)];
            const BatchPtr batch = next_to_send(partition, now);
            if (!batch) continue;
            Connection* connection = connection_of(index);
            if (connection == nullptr || connection->under_way() >= limits::client_requests_under_way) continue;
            auto found = std::find_if(requests.begin(), requests.end(),
                                      [&](const auto& one) { return one.first == connection; });
            if (found == requests.end()) {
                found = requests.insert(requests.end(), {connection, std::make_shared<Sent>()});
            }
            Sent& sent = *found->second;
            uint64_t bytes = batch->writer.size();
            for (const auto& [other, taken] : sent.batches) bytes += taken->writer.size();
            if (!sent.batches.empty() && (bytes > limits::client_produce_bytes_max ||
                                          sent.batches.size() == limits::client_produce_batches_max)) continue;
            stamp(partition, *batch);
            batch->under_way = true;
            ++partition.under_way;
            sent.batches.emplace_back(index, batch);
            progress = true;
        }
        ++dispatch_first_;
        for (auto& [connection, sent] : requests) send_request(*connection, std::move(sent), now);
    }
}

void Producer::send_request(Connection& connection, SentPtr sent, Nanos now) {
    const auto version = connection.version_of(ApiKey::produce);
    std::vector<Fragment> fragments(sent->batches.size());
    std::vector<ProduceRequest::Partition> rows(sent->batches.size());
    for (size_t i = 0; i < rows.size(); ++i) {
        fragments[i] = sent->batches[i].second->writer.bytes();
        rows[i].index = sent->batches[i].first;
        rows[i].records = {&fragments[i], 1};
    }
    ProduceRequest::Topic topic;
    topic.name = topic_;
    topic.partitions = rows;
    ProduceRequest request;
    request.acks = options_.acks;
    request.timeout_ms = static_cast<int32_t>(cluster_.options().request_timeout_ns / millisecond_ns);
    request.topics = {&topic, 1};
    Outcome<uint64_t> asked = version ? connection.ask(*this, request, *version,
        {.deadline = now + cluster_.options().request_timeout_ns + second_ns, .expected = now,
         .answered = options_.acks != 0, .held = sent}) : std::unexpected(version.error());
    if (!asked) {
        cluster_.report(asked.error());
        for (auto& [index, batch] : sent->batches) {
            batch->under_way = false;
            --partitions_[static_cast<size_t>(index)]->under_way;
            settle(index, *batch, asked.error().code, -1, -1, now);
        }
        return;
    }
    sent->ask = *asked;
    sent->connection = &connection;
    sent_.push_back(std::move(sent));
}

// Answers.

Producer::SentPtr Producer::take_sent(uint64_t ask) {
    const auto found = std::find_if(sent_.begin(), sent_.end(), [&](const SentPtr& one) { return one->ask == ask; });
    PENSTOCK_ASSERT(found != sent_.end());
    SentPtr sent = std::move(*found);
    sent_.erase(found);
    return sent;
}

void Producer::on_answer(uint64_t ask, const Answer& answer, Nanos now) {
    const SentPtr sent = take_sent(ask);
    Arena arena(limits::client_answer_arena_bytes_max);
    if (sent->batches.empty()) {
        wire::kafka::InitProducerIdResponse message;
        id_ask_ = 0;
        id_not_before_ = now + backoff_first_ns;
        if (!answer.decode(arena, message)) {
            return cluster_.report({PENSTOCK_MALFORMED, "a malformed answer to InitProducerId"});
        }
        if (message.error_code != ErrorCode::none) {
            return cluster_.report({code_of(message.error_code), "no producer id was given"});
        }
        producer_id_ = message.producer_id;
        producer_epoch_ = message.producer_epoch;
        return;
    }
    ProduceResponse message;
    const bool readable = options_.acks == 0 || answer.decode(arena, message);
    if (!readable) cluster_.report({PENSTOCK_MALFORMED, "a malformed answer to Produce"});
    for (const auto& [index, batch] : sent->batches) {
        batch->under_way = false;
        --partitions_[static_cast<size_t>(index)]->under_way;
    }
    for (const auto& [index, batch] : sent->batches) {
        if (options_.acks == 0) {
            settle(index, *batch, PENSTOCK_OK, -1, -1, now);
            continue;
        }
        const ProduceResponse::Partition* row = nullptr;
        for (const ProduceResponse::Topic& topic : message.topics) {
            for (const ProduceResponse::Partition& one : topic.partitions) {
                if (one.index == index && topic.name == topic_) row = &one;
            }
        }
        if (row == nullptr) {
            settle(index, *batch, PENSTOCK_UNREACHABLE, -1, -1, now);
            continue;
        }
        if (row->error_message) cluster_.report({code_of(row->error_code), std::string(*row->error_message)});
        settle(index, *batch, code_of(row->error_code), row->base_offset, row->log_append_time_ms, now);
    }
}

void Producer::on_lost(uint64_t ask, const Failure& why, Nanos now) {
    const SentPtr sent = take_sent(ask);
    if (sent->batches.empty()) {
        id_ask_ = 0;
        id_not_before_ = now + backoff_first_ns;
        return cluster_.report(why);
    }
    for (const auto& [index, batch] : sent->batches) {
        batch->under_way = false;
        --partitions_[static_cast<size_t>(index)]->under_way;
    }
    for (const auto& [index, batch] : sent->batches) settle(index, *batch, PENSTOCK_UNREACHABLE, -1, -1, now);
}

/// A batch that is not under way any more. It may not be the partition's first only if an earlier one failed.
void Producer::settle(int32_t index, Batch& batch, penstock_error error, int64_t first_offset, int64_t append_time,
                      Nanos now) {
    Partition& partition = *partitions_[static_cast<size_t>(index)];
    const bool lost = error == PENSTOCK_UNREACHABLE;
    // What an earlier attempt may have done, the refusal of a later one leaves open, unless the leader looked for it.
    if (error == PENSTOCK_OK || leaves_open(error)) batch.maybe_written = true;
    if (sequence_lost(error)) batch.maybe_written = false;
    if (error == static_cast<penstock_error>(ErrorCode::duplicate_sequence_number)) {
        error = PENSTOCK_OK;
        first_offset = -1;
    }
    const bool first = partition.closed.front().get() == &batch;
    if (error == PENSTOCK_OK && first) {
        partition.backoff_ns = 0;
        return complete(partition, index, PENSTOCK_OK, first_offset, append_time);
    }
    // Sent again, a batch that was written behind a failed one is recognised by its sequence.
    if (error == PENSTOCK_OK) return try_again(partition, now);
    if (options_.idempotent && sequence_lost(error)) {
        if (first) renew_producer_id();   // what came before is settled: the broker has lost its memory of us
        return try_again(partition, now);
    }
    if (lost && options_.acks == 0) {
        if (first) return complete(partition, index, PENSTOCK_UNKNOWN, -1, -1);
        return try_again(partition, now);
    }
    if (lost || penstock_error_is_transient(error) != 0) {
        if (!lost) {
            cluster_.report({error, fmt::format("topic {} partition {}: {} ({})", topic_, index,
                                                penstock_error_name(error), error)});
        }
        if (lost || leader_moved(error)) cluster_.refresh();
        return try_again(partition, now);
    }
    if (batch.sequence >= 0) renew_producer_id();   // what is behind it has sequences that will never fit
    if (!first) return try_again(partition, now);
    cluster_.report({error, fmt::format("topic {} partition {}: {} records were refused: {}", topic_, index,
                                        batch.tags.size(), penstock_error_name(error))});
    complete(partition, index, error, -1, -1);
}

void Producer::try_again(Partition& partition, Nanos now) {
    ++retried_batches_;
    partition.going_back = true;
    if (partition.not_before > now) return;
    partition.backoff_ns = longer(partition.backoff_ns);
    partition.not_before = now + partition.backoff_ns;
}

}  // namespace penstock::client
