#include "client/fetcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "limits.h"
#include "wire/kafka/fetch.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::client {

using wire::kafka::ErrorCode;
using wire::kafka::FetchRequest;
using wire::kafka::FetchResponse;
using wire::kafka::ListOffsetsRequest;
using wire::kafka::ListOffsetsResponse;

namespace {

constexpr int64_t fetch_pause_ns = 50 * millisecond_ns;

/// Rows of a request, gathered by topic.
template <class Topic, class Row>
struct Rows {
    std::vector<std::pair<std::string_view, std::vector<Row>>> by_topic;
    std::vector<Topic> topics;

    std::vector<Row>& of(std::string_view topic) {
        for (auto& [name, rows] : by_topic) {
            if (name == topic) return rows;
        }
        return by_topic.emplace_back(topic, std::vector<Row>()).second;
    }
    std::span<const Topic> finish() {
        for (const auto& [name, rows] : by_topic) {
            Topic& topic = topics.emplace_back();
            topic.name = name;
            topic.partitions = rows;
        }
        return topics;
    }
};

template <class Response>
auto find_row(const Response& response, const FetchedPartition& partition, auto index_of)
    -> decltype(response.topics[0].partitions.data()) {
    for (const auto& topic : response.topics) {
        if (topic.name != partition.topic) continue;
        for (const auto& row : topic.partitions) {
            if (index_of(row) == partition.index) return &row;
        }
    }
    return nullptr;
}

}  // namespace

Fetcher::Fetcher(Cluster& cluster, const FetcherOptions& options) : cluster_(cluster), options_(options) {}

Fetcher::~Fetcher() {
    cluster_.forget(*this);
    for (const PartitionPtr& partition : partitions_) cluster_.unwatch(partition->topic);
}

// The application's side.

void Fetcher::assign(std::vector<PartitionPtr> partitions) {
    for (const PartitionPtr& partition : partitions) cluster_.watch(partition->topic, false);
    for (const PartitionPtr& partition : partitions_) {
        drop_queue(*partition);
        partition->assigned = false;
        cluster_.unwatch(partition->topic);
    }
    partitions_ = std::move(partitions);
    failures_.clear();
    cluster_.wake();
}

PartitionPtr Fetcher::find(const std::string& topic, int32_t index) const {
    for (const PartitionPtr& partition : partitions_) {
        if (partition->index == index && partition->topic == topic) return partition;
    }
    return nullptr;
}

void Fetcher::seek(FetchedPartition& partition, int64_t offset, int64_t timestamp) {
    drop_queue(partition);
    ++partition.moves;
    partition.next = offset;
    partition.timestamp = timestamp;
    partition.position = partition.released = offset >= 0 ? offset : -1;
    partition.handed_out = 0;
    partition.out.clear();
    partition.failed = false;
    partition.high_watermark = -1;
    cluster_.wake();
}

void Fetcher::drop_queue(FetchedPartition& partition) {
    queued_bytes_ -= partition.queued_bytes;
    partition.queued_bytes = 0;
    partition.queue.clear();
    partition.aborted.clear();
}

std::unique_ptr<ReceivedBatch> Fetcher::take() {
    if (queued_bytes_ == 0) return nullptr;
    for (size_t i = 0; i < partitions_.size(); ++i) {
        const PartitionPtr& partition = partitions_[(next_taken_ + i) % partitions_.size()];
        if (partition->queue.empty()) continue;
        next_taken_ = (next_taken_ + i + 1) % partitions_.size();
        std::unique_ptr<ReceivedBatch> batch = std::move(partition->queue.front());
        partition->queue.pop_front();
        partition->queued_bytes -= batch->size();
        queued_bytes_ -= batch->size();
        partition->position = batch->next_offset();
        partition->out.emplace_back(batch->next_offset(), false);
        batch->hand_out = partition->handed_out++;
        cluster_.wake();
        return batch;
    }
    return nullptr;
}

bool Fetcher::take_failure(Failure& failure) {
    if (failures_.empty()) return false;
    failure = std::move(failures_.front());
    failures_.pop_front();
    return true;
}

// Asking.

const PartitionPlace* Fetcher::place_of(const FetchedPartition& partition) const {
    const Topic* topic = cluster_.find(partition.topic);
    if (topic == nullptr || static_cast<size_t>(partition.index) >= topic->partitions.size()) return nullptr;
    const PartitionPlace& place = topic->partitions[static_cast<size_t>(partition.index)];
    return place.leader < 0 ? nullptr : &place;
}

void Fetcher::add_to(std::vector<Request>& requests, const PartitionPtr& partition, Purpose purpose) {
    const PartitionPlace* place = place_of(*partition);
    if (place == nullptr) return cluster_.refresh();
    Connection* connection = cluster_.leader(*place, purpose);
    if (connection == nullptr) return;
    const bool busy = std::any_of(asked_.begin(), asked_.end(), [&](const Asked& asked) {
        return asked.connection == connection && asked.purpose == purpose;
    });
    if (busy) return;
    const auto found = std::find_if(requests.begin(), requests.end(),
                                    [&](const Request& one) { return one.connection == connection; });
    if (found != requests.end()) found->partitions.push_back(partition);
    else requests.push_back({connection, purpose, {partition}});
}

void Fetcher::step(Nanos now) {
    std::vector<Request> positions, records;
    for (size_t i = 0; i < partitions_.size(); ++i) {
        const PartitionPtr& partition = partitions_[(i + next_asked_) % partitions_.size()];
        const Topic* topic = cluster_.find(partition->topic);
        if (partition->asked || partition->failed || partition->not_before > now || topic == nullptr) continue;
        const bool missing = static_cast<size_t>(partition->index) >= topic->partitions.size();
        if (topic->error != PENSTOCK_OK || missing) {
            refuse(*partition, topic->error != PENSTOCK_OK ? topic->error : PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION,
                 "it does not exist");
        } else if (partition->next == PENSTOCK_OFFSET_COMMITTED) {
            continue;   // the group is being asked
        } else if (partition->next < 0) {
            add_to(positions, partition, Purpose::control);
        } else if (partition->queued_bytes < options_.partition_bytes * uint64_t{2}) {
            const bool behind = partition->next < partition->high_watermark;
            add_to(records, partition, behind ? Purpose::fetch_behind : Purpose::fetch);
        }
    }
    ++next_asked_;
    for (Request& request : positions) ask_positions(request, now);
    for (Request& request : records) ask_records(request, now);
}

Nanos Fetcher::next_deadline() const {
    Nanos next = never;
    for (const PartitionPtr& partition : partitions_) {
        if (partition->not_before > cluster_.stepped_at()) next = std::min(next, partition->not_before);
    }
    return next;
}

void Fetcher::ask_positions(Request& request, Nanos now) {
    const auto version = request.connection->version_of(ApiKey::list_offsets);
    if (!version) return cluster_.report(version.error());
    Rows<ListOffsetsRequest::Topic, ListOffsetsRequest::Partition> rows;
    Asked asked{.connection = request.connection, .purpose = request.purpose, .positions = true, .partitions = {}};
    for (const PartitionPtr& partition : request.partitions) {
        auto& row = rows.of(partition->topic).emplace_back();
        row.partition_index = partition->index;
        row.current_leader_epoch = place_of(*partition)->leader_epoch;
        row.timestamp = partition->next == PENSTOCK_OFFSET_EARLIEST ? wire::kafka::earliest_timestamp
                        : partition->next == PENSTOCK_OFFSET_TIME ? partition->timestamp
                                                                  : wire::kafka::latest_timestamp;
        partition->asked = true;
        asked.partitions.emplace_back(partition, partition->moves);
    }
    ListOffsetsRequest message;
    message.isolation_level = options_.read_committed ? 1 : 0;
    message.topics = rows.finish();
    message.timeout_ms = static_cast<int32_t>(cluster_.options().request_timeout_ns / millisecond_ns);
    const auto sent = request.connection->ask(
        *this, message, *version, {.deadline = now + cluster_.options().request_timeout_ns, .expected = now});
    PENSTOCK_ASSERT(sent.has_value());
    asked.ask = *sent;
    asked_.push_back(std::move(asked));
}

void Fetcher::ask_records(Request& request, Nanos now) {
    const auto version = request.connection->version_of(ApiKey::fetch);
    if (!version) return cluster_.report(version.error());
    const uint64_t taken = queued_bytes_ + asked_bytes_;
    if (taken >= options_.buffer_bytes) return;
    const uint64_t room = std::min<uint64_t>(options_.buffer_bytes - taken, INT32_MAX / 2);
    Rows<FetchRequest::Topic, FetchRequest::Partition> rows;
    Asked asked{.connection = request.connection, .purpose = request.purpose, .partitions = {}};
    for (const PartitionPtr& partition : request.partitions) {
        auto& row = rows.of(partition->topic).emplace_back();
        row.partition = partition->index;
        row.current_leader_epoch = place_of(*partition)->leader_epoch;
        row.fetch_offset = partition->next;
        row.partition_max_bytes = static_cast<int32_t>(options_.partition_bytes);
        partition->asked = true;
        asked.partitions.emplace_back(partition, partition->moves);
    }
    asked.bytes = std::min(room, asked.partitions.size() * uint64_t{options_.partition_bytes});
    FetchRequest message;
    message.max_wait_ms = request.purpose == Purpose::fetch ? options_.wait_ms : 0;
    message.min_bytes = 1;
    message.max_bytes = static_cast<int32_t>(asked.bytes);
    message.isolation_level = options_.read_committed ? 1 : 0;
    message.topics = rows.finish();
    const int64_t patience_ns = cluster_.options().request_timeout_ns + message.max_wait_ms * millisecond_ns;
    const auto sent = request.connection->ask(*this, message, *version,
        {.deadline = now + patience_ns, .expected = now + message.max_wait_ms * millisecond_ns});
    PENSTOCK_ASSERT(sent.has_value());
    asked.ask = *sent;
    asked_bytes_ += asked.bytes;
    asked_.push_back(std::move(asked));
}

// Answers.

Fetcher::Asked Fetcher::take_asked(uint64_t ask) {
    const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& one) { return one.ask == ask; });
    PENSTOCK_ASSERT(found != asked_.end());
    Asked asked = std::move(*found);
    asked_.erase(found);
    asked_bytes_ -= asked.bytes;
    for (const auto& [partition, moves] : asked.partitions) partition->asked = false;
    return asked;
}

void Fetcher::on_lost(uint64_t ask, const Failure& why, Nanos now) {
    const Asked asked = take_asked(ask);
    cluster_.report(why);
    for (const auto& [partition, moves] : asked.partitions) partition->not_before = now + fetch_pause_ns;
}

void Fetcher::on_answer(uint64_t ask, const Answer& answer, Nanos now) {
    const Asked asked = take_asked(ask);
    if (asked.positions) take_positions(asked, answer, now);
    else take_records(asked, answer, now);
}

void Fetcher::take_positions(const Asked& asked, const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    ListOffsetsResponse message;
    const bool readable = answer.decode(arena, message);
    for (const auto& [partition, moves] : asked.partitions) {
        if (!partition->assigned || partition->moves != moves) continue;
        const auto* row = readable ? find_row(message, *partition, [](const auto& one) { return one.partition_index; })
                                   : nullptr;
        if (row == nullptr) {
            refuse(*partition, PENSTOCK_MALFORMED, "the broker's answer to ListOffsets makes no sense");
        } else if (row->error_code != ErrorCode::none) {
            on_error(*partition, code_of(row->error_code), now);
        } else if (row->offset < 0) {
            partition->next = PENSTOCK_OFFSET_LATEST;   // nothing is as late as the time that was asked for
        } else {
            partition->next = partition->position = partition->released = row->offset;
        }
    }
}

void Fetcher::take_records(const Asked& asked, const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    FetchResponse message;
    const bool readable = answer.decode(arena, message);
    if (readable && message.error_code != ErrorCode::none) {
        for (const auto& [partition, moves] : asked.partitions) partition->not_before = now + fetch_pause_ns;
        return cluster_.report({code_of(message.error_code), "a fetch was refused"});
    }
    for (const auto& [partition, moves] : asked.partitions) {
        if (!partition->assigned || partition->moves != moves) continue;
        const auto* row = readable ? find_row(message, *partition, [](const auto& one) { return one.partition_index; })
                                   : nullptr;
        if (row == nullptr) {
            refuse(*partition, PENSTOCK_MALFORMED, "the broker's answer to Fetch makes no sense");
            continue;
        }
        if (row->error_code != ErrorCode::none) {
            on_error(*partition, code_of(row->error_code), now);
            continue;
        }
        partition->high_watermark = options_.read_committed ? row->last_stable_offset : row->high_watermark;
        if (row->aborted_transactions) {
            for (const auto& one : *row->aborted_transactions) {
                partition->aborted.emplace_back(one.producer_id, one.first_offset);
            }
        }
        // One answer lies in one piece, and so does what is inside.
        if (!row->records.empty()) take_partition(*partition, partition, answer, row->records[0].span());
    }
}

void Fetcher::take_partition(FetchedPartition& partition, const PartitionPtr& pointer, const Answer& answer,
                             std::span<const std::byte> bytes) {
    const int64_t before = partition.next;
    const bool well_formed = for_each_batch(bytes, options_.check_crcs,
                                            [&](const wire::BatchHeader& header, std::span<const std::byte> whole) {
        const int64_t first = std::max(partition.next, header.base_offset.value);
        const int64_t behind = header.last_offset().value + 1;
        if (behind <= partition.next) return;
        const bool skipped = is_aborted(partition, header, whole) || header.is_control() || header.record_count == 0;
        partition.next = behind;
        if (skipped) {
            // Nothing of it is for the application: it is done with as soon as all before it is.
            if (partition.queue.empty() && partition.out.empty()) {
                partition.position = partition.released = behind;
            }
            return;
        }
        auto batch = std::make_unique<ReceivedBatch>(answer.bytes, whole, header, first);
        batch->partition = pointer;
        batch->high_watermark = partition.high_watermark;
        partition.queued_bytes += batch->size();
        queued_bytes_ += batch->size();
        partition.queue.push_back(std::move(batch));
    });
    if (!well_formed) {
        refuse(partition, PENSTOCK_MALFORMED,
             fmt::format("the batch at offset {} is damaged or of an unknown format", partition.next));
    } else if (partition.next == before) {
        refuse(partition, PENSTOCK_TOO_LARGE,
             fmt::format("the batch at offset {} came cut off: raise partition_bytes", before));
    }
}

/// Whether its transaction was aborted; the marker of the end of one ends it here.
bool Fetcher::is_aborted(FetchedPartition& partition, const wire::BatchHeader& header,
                         std::span<const std::byte> bytes) {
    if (!options_.read_committed || !header.is_transactional()) return false;
    const auto found = std::find_if(partition.aborted.begin(), partition.aborted.end(), [&](const auto& one) {
        return one.first == header.producer_id && one.second <= header.base_offset.value;
    });
    if (found == partition.aborted.end()) return false;
    if (header.is_control()) {
        // Its record's key: int16 version, int16 type; 0 is an abort.
        wire::RecordCursor cursor(bytes.subspan(wire::batch_header_bytes), header.record_count);
        wire::Record marker;
        const bool abort = cursor.next(marker) && marker.key && marker.key->size() >= 4 &&
                           load_be<int16_t>(marker.key->data() + 2) == 0;
        if (abort) partition.aborted.erase(found);
    }
    return true;
}

void Fetcher::on_error(FetchedPartition& partition, penstock_error error, Nanos now) {
    partition.not_before = now + fetch_pause_ns;
    if (error == PENSTOCK_OFFSET_OUT_OF_RANGE) {
        if (options_.reset == PENSTOCK_OFFSET_COMMITTED || partition.next < 0) {
            return refuse(partition, error, fmt::format("offset {} does not exist (any more)", partition.next));
        }
        partition.next = options_.reset;
        return;
    }
    if (penstock_error_is_transient(error) == 0) return refuse(partition, error, "the broker refuses");
    cluster_.refresh();
}

void Fetcher::refuse(FetchedPartition& partition, penstock_error error, const std::string& why) {
    partition.failed = true;
    failures_.push_back({error, fmt::format("topic {} partition {}: {} ({}); assign or seek it to go on",
                                            partition.topic, partition.index, why, penstock_error_name(error))});
}

}  // namespace penstock::client
