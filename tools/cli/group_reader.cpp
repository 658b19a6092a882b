#include "cli/group_reader.h"

#include <algorithm>

#include "cli/offsets.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

/// The SDK joins again by itself, and what was not committed comes again.
bool is_passing(penstock_error error) {
    const auto code = static_cast<ErrorCode>(error);
    return error == PENSTOCK_UNKNOWN || penstock_error_is_transient(error) != 0 ||
           code == ErrorCode::rebalance_in_progress || code == ErrorCode::illegal_generation ||
           code == ErrorCode::unknown_member_id;
}

/// Where the SDK begins by itself. Other places are sought; until then a partition without a commit rests.
int64_t start_of(const StartOffset& start) {
    switch (start.kind) {
        case StartOffset::Kind::earliest: return PENSTOCK_OFFSET_EARLIEST;
        case StartOffset::Kind::latest: return PENSTOCK_OFFSET_LATEST;
        default: return PENSTOCK_OFFSET_COMMITTED;
    }
}

}  // namespace

Outcome<GroupReader> GroupReader::create(Client& client, SdkClient& sdk, const GroupReaderOptions& options) {
    penstock_consumer_options given = PENSTOCK_CONSUMER_OPTIONS_INIT;
    given.group = options.group.c_str();
    given.start = start_of(options.start);
    given.session_timeout_ms = whole_ms(options.times.session);
    given.rebalance_timeout_ms = whole_ms(options.times.rebalance);
    given.heartbeat_interval_ms = whole_ms(options.times.heartbeat);
    auto reader = Reader::create(client, sdk, options.topic, given);
    if (!reader) return std::unexpected(std::move(reader.error()));
    const char* topic = options.topic.c_str();
    if (const penstock_error error = penstock_consumer_subscribe((*reader)->consumer(), &topic, 1);
        error != PENSTOCK_OK) {
        return refuse(fmt::format("cannot join group '{}': {}", options.group, show_sdk_error(error)));
    }
    return GroupReader(client, options, std::move(*reader));
}

Outcome<bool> GroupReader::step(Deadline until, const RecordVisitor& visitor) {
    if (auto taken = take_events(); !taken) return std::unexpected(std::move(taken.error()));
    return reader_->step(until, visitor);
}

Failure GroupReader::refused(const std::string& what, penstock_error error) const {
    const std::string sentence = fmt::format("{} group '{}'", what, options_.group);
    if (error <= PENSTOCK_FULL) return {.message = sentence + ": " + show_sdk_error(error)};
    Failure failure = refusal(sentence, static_cast<ErrorCode>(error));
    if (static_cast<ErrorCode>(error) == ErrorCode::inconsistent_group_protocol)
        failure.hint = "Its other members do not use the range assignor of consumers.";
    return failure;
}

Outcome<void> GroupReader::take_events() {
    penstock_event event;
    while (penstock_consumer_next_event(reader_->consumer(), &event) == PENSTOCK_OK) {
        switch (event.kind) {
            case PENSTOCK_EVENT_ASSIGNED:
                if (auto placed = on_assigned(); !placed) return placed;
                break;
            case PENSTOCK_EVENT_REVOKED:
                reader_->forget();
                reader_->set_ends({});
                break;
            case PENSTOCK_EVENT_COMMITTED:
                if (event.error == PENSTOCK_OK || is_passing(event.error)) break;
                return std::unexpected(refused("cannot commit to", event.error));
            case PENSTOCK_EVENT_FAILED:
                return std::unexpected(refused("cannot join", event.error));
        }
    }
    return {};
}

std::vector<int32_t> GroupReader::partitions() const {
    std::vector<int32_t> found;
    const penstock_position* positions = nullptr;
    const size_t count = penstock_consumer_positions(reader_->consumer(), &positions);
    for (const penstock_position& position : std::span(positions, count)) found.push_back(position.partition);
    return found;
}

Outcome<void> GroupReader::on_assigned() {
    const std::vector<int32_t> ours = partitions();
    const bool by_name = start_of(options_.start) != PENSTOCK_OFFSET_COMMITTED;
    if (by_name && !options_.stop_at_end) return {};
    std::map<int32_t, int64_t> ends;
    if (!ours.empty()) {
        auto found = list_offsets(client_, options_.topic, ours, wire::kafka::latest_timestamp, client_.deadline());
        if (!found) return std::unexpected(std::move(found.error()));
        ends = std::move(*found);
    }
    if (!by_name && !ours.empty()) {
        if (auto sought = seek(ours, ends); !sought) return sought;
    }
    if (options_.stop_at_end) reader_->set_ends(std::move(ends));
    return {};
}

/// To what the group has committed, or to the start that the SDK has no word for.
Outcome<void> GroupReader::seek(const std::vector<int32_t>& partitions, const std::map<int32_t, int64_t>& ends) {
    const Deadline deadline = client_.deadline();
    const auto ask = [&](int64_t timestamp) {
        return list_offsets(client_, options_.topic, partitions, timestamp, deadline);
    };
    const auto first = ask(wire::kafka::earliest_timestamp);
    if (!first) return std::unexpected(first.error());
    const bool timed = options_.start.kind == StartOffset::Kind::timestamp;
    const auto at_time = timed ? ask(options_.start.number) : ends;
    if (!at_time) return std::unexpected(at_time.error());
    std::vector<TopicPartition> wanted;
    for (const int32_t partition : partitions) wanted.emplace_back(options_.topic, partition);
    const auto committed = GroupClient(client_, options_.group).committed(wanted, deadline);
    if (!committed) return std::unexpected(committed.error());
    for (const int32_t p : partitions) {
        penstock_position position{.topic = options_.topic.c_str(), .partition = p, .offset = 0, .timestamp = -1};
        const auto found = committed->find({options_.topic, p});
        if (found != committed->end() && found->second >= first->at(p) && found->second <= ends.at(p)) {
            position.offset = found->second;
        } else {
            const auto next = resolve(options_.start, first->at(p), ends.at(p), at_time->at(p));
            if (!next) return std::unexpected(next.error());
            position.offset = *next;
        }
        penstock_consumer_seek(reader_->consumer(), &position);
    }
    return {};
}

Outcome<void> GroupReader::finish() {
    reader_->release_all();
    const int timeout_ms = client_.timeout_ms();
    const penstock_error committed = penstock_consumer_commit(reader_->consumer(), timeout_ms);
    penstock_consumer_leave(reader_->consumer(), timeout_ms);
    if (committed == PENSTOCK_OK || (committed != PENSTOCK_TIMED_OUT && is_passing(committed))) return {};
    return std::unexpected(refused("cannot commit to", committed));
}

}  // namespace penstock::cli
