#include "cli/reader.h"

#include <algorithm>

#include "cli/offsets.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

std::optional<std::string_view> text_of(const penstock_bytes& bytes) {
    if (bytes.data == nullptr) return {};
    return std::string_view(static_cast<const char*>(bytes.data), bytes.size);
}

}  // namespace

Outcome<std::unique_ptr<Reader>> Reader::create(Client& client, SdkClient& sdk, std::string topic,
                                                penstock_consumer_options options) {
    options.fetch_wait_ms = fetch_wait_ms;
    if (options.group == nullptr) options.start = PENSTOCK_OFFSET_COMMITTED;   // what is gone is a failure
    penstock_consumer* consumer = nullptr;
    const penstock_error error = penstock_consumer_create(sdk.get(), &options, &consumer);
    if (error != PENSTOCK_OK) return refuse(fmt::format("cannot read '{}': {}", topic, show_sdk_error(error)));
    return std::unique_ptr<Reader>(new Reader(client, sdk, std::move(topic), consumer));
}

Reader::~Reader() { forget(); }

Outcome<void> Reader::assign(const std::vector<ReadPosition>& positions, bool stop_at_end) {
    std::vector<penstock_position> wanted;
    if (stop_at_end) ends_.emplace();
    for (const ReadPosition& position : positions) {
        wanted.push_back({.topic = topic_.c_str(), .partition = position.partition, .offset = position.next,
                          .timestamp = -1});
        if (stop_at_end) (*ends_)[position.partition] = position.end;
    }
    const penstock_error error = penstock_consumer_assign(consumer_.get(), wanted.data(), wanted.size());
    if (error != PENSTOCK_OK) return refuse(fmt::format("cannot read '{}': {}", topic_, show_sdk_error(error)));
    return {};
}

bool Reader::at_end() const {
    if (!ends_) return false;
    const penstock_position* positions = nullptr;
    const size_t count = penstock_consumer_positions(consumer_.get(), &positions);
    return std::all_of(positions, positions + count, [&](const penstock_position& position) {
        const auto end = ends_->find(position.partition);
        return end != ends_->end() && position.offset >= end->second;
    });
}

Outcome<bool> Reader::step(Deadline until, const RecordVisitor& visitor) {
    if (stopped_) return true;
    release_visited();
    const bool happened = sdk_.poll();
    const auto taken = take(visitor);
    if (!taken) return std::unexpected(taken.error());
    if (stopped_ || at_end()) return true;
    if (*taken) return false;
    std::vector<pollfd> nothing;
    const Deadline wait_until = happened ? Clock::now() : until;
    if (auto waited = sdk_.wait(nothing, wait_until); !waited) return std::unexpected(waited.error());
    if (auto looked = look_for_brokers(); !looked) return std::unexpected(looked.error());
    return false;
}

/// Every batch that is there; false if none was.
Outcome<bool> Reader::take(const RecordVisitor& visitor) {
    bool any = false;
    while (!stopped_) {
        penstock_batch* batch = nullptr;
        const penstock_error error = penstock_consumer_next(consumer_.get(), &batch);
        if (error == PENSTOCK_EMPTY) break;
        if (error != PENSTOCK_OK) return std::unexpected(failure_of(error));
        any = true;
        if (auto visited = visit(batch, visitor); !visited) return std::unexpected(std::move(visited.error()));
    }
    if (any) heard_ = Clock::now();
    return any;
}

Outcome<void> Reader::visit(penstock_batch* batch, const RecordVisitor& visitor) {
    const int32_t partition = penstock_batch_partition(batch);
    const int64_t end = ends_ && ends_->contains(partition) ? ends_->at(partition) : INT64_MAX;
    visited_.push_back(batch);
    const auto keep_from = [&](int64_t next) {
        visited_.pop_back();
        if (!kept_.try_emplace(partition, batch, next).second) visited_.push_back(batch);
    };
    penstock_record_view record;
    int64_t next = penstock_batch_offset(batch);
    while (true) {
        const penstock_error error = penstock_batch_next(batch, &record);
        if (error == PENSTOCK_EMPTY) break;
        if (error != PENSTOCK_OK) {
            return refuse(fmt::format("the batch at offset {} of {}/{} holds malformed records",
                                      penstock_batch_offset(batch), topic_, partition),
                          "The broker or the network damaged it; 'penstock log inspect' on the broker finds damage on "
                          "disk.");
        }
        if (record.offset >= end) break;
        read_headers(batch);
        const ShownRecord shown{.topic = topic_, .partition = partition, .offset = record.offset,
                                .timestamp_ms = record.timestamp, .key = text_of(record.key),
                                .value = text_of(record.value), .headers = headers_};
        stopped_ = !visitor(shown);
        next = record.offset + 1;
        if (stopped_) return keep_from(next), Outcome<void>{};
    }
    if (penstock_batch_next_offset(batch) > end) keep_from(std::max(next, end));
    return {};
}

void Reader::read_headers(penstock_batch* batch) {
    headers_.clear();
    penstock_header header;
    while (penstock_batch_next_header(batch, &header) == PENSTOCK_OK) {
        headers_.push_back({.key = {header.name, header.name_size}, .value = text_of(header.value)});
    }
}

void Reader::release_visited() {
    for (penstock_batch* batch : visited_) penstock_batch_release(batch);
    visited_.clear();
}

void Reader::release_all() {
    release_visited();
    for (const auto& [partition, kept] : kept_) {
        // Where the group goes on is in the middle of this batch; the seek makes its release void.
        const penstock_position position{.topic = topic_.c_str(), .partition = partition, .offset = kept.next,
                                         .timestamp = -1};
        penstock_consumer_seek(consumer_.get(), &position);
    }
    forget();
}

void Reader::forget() {
    release_visited();
    for (const auto& [partition, kept] : kept_) penstock_batch_release(kept.batch);
    kept_.clear();
}

// What goes wrong.

Failure Reader::failure_of(penstock_error error) {
    if (error == PENSTOCK_OFFSET_OUT_OF_RANGE) return out_of_range();
    std::string why = sdk_.last_error();
    why = why.substr(0, why.find("; assign"));   // advice for programs
    return {.message = printable(why), .kafka_error = static_cast<int16_t>(error > PENSTOCK_FULL ? error : 0)};
}

Failure Reader::out_of_range() {
    Failure failure{.message = fmt::format("an offset of '{}' is out of range", topic_),
                    .hint = "Records may have been deleted by retention meanwhile. Use --offset earliest or latest.",
                    .kafka_error = static_cast<int16_t>(ErrorCode::offset_out_of_range)};
    const penstock_position* found = nullptr;
    const size_t count = penstock_consumer_positions(consumer_.get(), &found);
    std::map<int32_t, int64_t> positions;
    std::vector<int32_t> partitions;
    for (const penstock_position& position : std::span(found, count)) {
        positions[position.partition] = position.offset;
        partitions.push_back(position.partition);
    }
    const Deadline deadline = client_.deadline();
    const auto first = list_offsets(client_, topic_, partitions, wire::kafka::earliest_timestamp, deadline);
    const auto end = list_offsets(client_, topic_, partitions, wire::kafka::latest_timestamp, deadline);
    if (!first || !end) return failure;
    for (const auto& [partition, offset] : positions) {
        if (offset >= first->at(partition) && offset <= end->at(partition)) continue;
        failure.message = fmt::format("offset {} of {}/{} is out of range: there are {} to {}", offset, topic_,
                                      partition, first->at(partition), end->at(partition));
        break;
    }
    return failure;
}

/// The SDK tries again without end. When it has trouble, or says nothing for long, the leaders are asked for a sign of
/// life; what comes of that within the client's timeout is what the user wants to know.
Outcome<void> Reader::look_for_brokers() {
    std::string error = sdk_.last_error();
    const bool trouble = error != last_error_;
    if (!trouble && Clock::now() - heard_ < std::max<Duration>(client_.timeout(), std::chrono::seconds(1))) return {};
    last_error_ = std::move(error);
    std::vector<int32_t> partitions;
    const penstock_position* positions = nullptr;
    const size_t count = penstock_consumer_positions(consumer_.get(), &positions);
    for (const penstock_position& position : std::span(positions, count)) partitions.push_back(position.partition);
    const auto ends = list_offsets(client_, topic_, partitions, wire::kafka::latest_timestamp, client_.deadline());
    if (!ends) return std::unexpected(ends.error());
    heard_ = Clock::now();
    return {};
}

}  // namespace penstock::cli
