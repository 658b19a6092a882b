// The consuming load of `penstock bench consume`.
//
// The partitions of each connection are dealt into groups, one Fetch under way for each. What comes back is checked:
// every batch by its checksum, and that each begins where the one before it ended; the records are not looked at.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/bench.h"
#include "cli/bench_connection.h"
#include "cli/offsets.h"
#include "cli/socket.h"
#include "wire/batch.h"
#include "wire/kafka/fetch.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

using wire::kafka::FetchRequest;
using wire::kafka::FetchResponse;

constexpr int32_t wait_ms = 100;          // how long the broker may hold an empty answer back
constexpr size_t fetch_answer_memory_max = 64 * 1024 * 1024;

struct Position {
    std::string_view topic;
    int32_t partition = 0;
    int64_t start = 0, next = 0, end = 0;
    bool done() const { return next >= end; }
};

/// Partitions that one Fetch asks for.
struct Group {
    std::vector<Position*> positions;
    std::vector<std::byte> request;
    bool waiting = false;
    Clock::time_point started{};
    bool done() const { return std::ranges::all_of(positions, [](const Position* p) { return p->done(); }); }
};

struct FetchLane {
    explicit FetchLane(Connection connection) : link(std::move(connection)) {}

    BenchConnection link;
    int16_t version = 0;
    std::vector<Group> groups;
    std::vector<std::pair<int32_t, size_t>> waiting;  ///< correlation id and group, in the order of the requests
};

class ConsumeLoad {
public:
    ConsumeLoad(Client& client, const BenchOptions& options, BenchMeter& meter)
        : client_(client), options_(options), meter_(meter) {}

    Outcome<void> prepare(const std::vector<TopicInfo>& topics) {
        std::map<int32_t, std::vector<Position*>> of_broker;
        for (const TopicInfo& topic : topics) {
            if (auto found = find_positions(topic, of_broker); !found) return found;
        }
        outcome_.partitions = positions_.size();
        if (std::ranges::all_of(positions_, [](const auto& p) { return p->done(); })) {
            return refuse("there is nothing to consume", "Fill the topic first: penstock bench produce.");
        }
        for (auto& [broker, positions] : of_broker) {
            if (auto opened = open_lanes(broker, positions); !opened) return opened;
        }
        if (options_.rate > 0) interval_ns_ = 1e9 / options_.rate;
        return {};
    }

    Outcome<BenchOutcome> run() {
        begin_ = next_due_ = Clock::now();
        meter_.begin(begin_);
        while (true) {
            const auto now = Clock::now();
            if (all_done()) meter_.end_early(now);
            const bool over = now >= meter_.window_end() || outcome_.interrupted || all_done();
            if (over && (in_flight() == 0 || now >= meter_.window_end() + client_.timeout())) break;
            if (!over) {
                if (auto issued = issue(now); !issued) return std::unexpected(issued.error());
            }
            for (const auto& lane : lanes_) {
                if (auto flushed = lane->link.flush(); !flushed) return std::unexpected(flushed.error());
            }
            meter_.progress(now, in_flight());
            if (auto waited = wait(); !waited) return std::unexpected(waited.error());
            for (const auto& lane : lanes_) {
                if (auto received = receive(*lane); !received) return std::unexpected(received.error());
            }
        }
        outcome_.unanswered = in_flight();
        return outcome_;
    }

private:
    Outcome<void> find_positions(const TopicInfo& topic, std::map<int32_t, std::vector<Position*>>& of_broker) {
        std::vector<int32_t> indices;
        for (const PartitionInfo& p : topic.partitions) indices.push_back(p.index);
        const auto start =
            list_offsets(client_, topic.name, indices, wire::kafka::earliest_timestamp, client_.deadline());
        if (!start) return std::unexpected(start.error());
        const auto end = list_offsets(client_, topic.name, indices, wire::kafka::latest_timestamp, client_.deadline());
        if (!end) return std::unexpected(end.error());
        for (const PartitionInfo& p : topic.partitions) {
            positions_.push_back(std::make_unique<Position>(Position{.topic = topic.name,
                                                                     .partition = p.index,
                                                                     .start = start->at(p.index),
                                                                     .next = start->at(p.index),
                                                                     .end = end->at(p.index)}));
            of_broker[p.leader].push_back(positions_.back().get());
        }
        return {};
    }

    Outcome<void> open_lanes(int32_t broker, const std::vector<Position*>& positions) {
        const size_t lane_count = std::min(static_cast<size_t>(options_.connections), positions.size());
        for (size_t l = 0; l < lane_count; ++l) {
            auto connection = client_.dedicated(broker, client_.deadline());
            if (!connection) return std::unexpected(std::move(connection.error()));
            const auto version = connection->version_of(ApiKey::fetch);
            if (!version) return std::unexpected(version.error());
            auto& lane = lanes_.emplace_back(std::make_unique<FetchLane>(std::move(*connection)));
            lane->version = *version;
            std::vector<Position*> mine;
            for (size_t i = l; i < positions.size(); i += lane_count) mine.push_back(positions[i]);
            const size_t wanted = options_.in_flight > 0 ? static_cast<size_t>(options_.in_flight) : 1;
            lane->groups.resize(std::min(wanted, mine.size()));
            outcome_.in_flight = std::max(outcome_.in_flight, static_cast<int64_t>(lane->groups.size()));
            for (size_t i = 0; i < mine.size(); ++i) lane->groups[i % lane->groups.size()].positions.push_back(mine[i]);
        }
        return {};
    }

    bool all_done() const {
        return !options_.repeat && std::ranges::all_of(positions_, [](const auto& p) { return p->done(); });
    }

    Outcome<void> issue(Clock::time_point now) {
        for (const auto& lane : lanes_) {
            for (size_t g = 0; g < lane->groups.size(); ++g) {
                Group& group = lane->groups[g];
                if (options_.rate > 0 && next_due_ > now) return {};
                if (group.waiting) continue;
                if (group.done()) {
                    if (!options_.repeat) continue;
                    for (Position* p : group.positions) p->next = p->start;
                }
                group.started = options_.rate > 0 ? next_due_ : now;
                if (auto sent = enqueue(*lane, g); !sent) return sent;
                ++issued_;
                if (options_.rate > 0) {
                    next_due_ = begin_ + Duration(static_cast<int64_t>(interval_ns_ * static_cast<double>(issued_)));
                }
            }
        }
        return {};
    }

    Outcome<void> enqueue(FetchLane& lane, size_t index) {
        Group& group = lane.groups[index];
        std::vector<FetchRequest::Topic> topics;
        std::vector<std::vector<FetchRequest::Partition>> partitions;
        for (const Position* p : group.positions) {
            if (p->done()) continue;
            if (topics.empty() || topics.back().name != p->topic) {
                topics.emplace_back().name = p->topic;
                partitions.emplace_back();
            }
            partitions.back().push_back({.partition = p->partition, .fetch_offset = p->next,
                                         .partition_max_bytes = static_cast<int32_t>(options_.fetch_bytes)});
        }
        for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = partitions[i];
        FetchRequest request;
        request.max_wait_ms = wait_ms;
        request.min_bytes = 1;
        request.topics = topics;
        Arena arena(frame_bytes_max);
        const auto correlation_id = static_cast<int32_t>(next_correlation_id_++ & 0x7fffffff);
        const auto frame = wire::request_frame(arena, correlation_id, Connection::client_id, request, lane.version);
        if (!frame) return refuse("the request is too large to send");
        group.request.clear();
        for (const Fragment& f : *frame) group.request.insert(group.request.end(), f.data, f.data + f.size);
        group.waiting = true;
        lane.waiting.emplace_back(correlation_id, index);
        lane.link.enqueue(group.request);
        return {};
    }

    Outcome<void> wait() {
        waits_.clear();
        for (const auto& lane : lanes_) {
            const short events = static_cast<short>(POLLIN | (lane->link.has_output() ? POLLOUT : 0));
            waits_.push_back({.fd = lane->link.fd(), .events = events, .revents = 0});
        }
        auto until = Clock::now() + bench_tick;
        const bool room = std::ranges::any_of(lanes_,
                                              [](const auto& l) { return l->waiting.size() < l->groups.size(); });
        if (options_.rate > 0 && room) until = std::min(until, next_due_);
        const auto waited = wait_precisely(waits_, until);
        if (waited) return {};
        if (waited.error().kind != FailureKind::interrupted) return std::unexpected(waited.error());
        Interrupt::acknowledge();
        outcome_.interrupted = true;
        meter_.end_early(Clock::now());
        return {};
    }

    Outcome<void> receive(FetchLane& lane) {
        const auto more = lane.link.read_some();
        if (!more) return std::unexpected(more.error());
        if (!*more) return {};
        while (true) {
            const auto frame = lane.link.next_frame();
            if (!frame) return std::unexpected(frame.error());
            if (!*frame) return {};
            if (auto settled = settle(lane, **frame, Clock::now()); !settled) return settled;
        }
    }

    Outcome<void> settle(FetchLane& lane, std::span<const std::byte> frame, Clock::time_point now) {
        arena_.reset();
        const Fragment whole{.data = frame.data(), .size = static_cast<uint32_t>(frame.size())};
        wire::Reader reader({&whole, 1}, arena_);
        int32_t correlation_id = 0;
        FetchResponse response;
        wire::decode_response_header(reader, wire::kafka::api_of(ApiKey::fetch), lane.version, correlation_id);
        const std::string broker = lane.link.negotiated().address().text();
        if (!wire::decode(reader, response, lane.version)) return refuse(broker + " sent a malformed answer to Fetch");
        if (lane.waiting.empty() || lane.waiting.front().first != correlation_id) {
            return refuse(broker + " answered out of order");
        }
        Group& group = lane.groups[lane.waiting.front().second];
        lane.waiting.erase(lane.waiting.begin());
        group.waiting = false;
        if (response.error_code != ErrorCode::none) return std::unexpected(refusal("Fetch", response.error_code));
        uint64_t records = 0, bytes = 0;
        for (const auto& topic : response.topics) {
            for (const auto& answer : topic.partitions) {
                if (auto taken = take(group, topic.name, answer, records, bytes); !taken) return taken;
            }
        }
        outcome_.wire_bytes += bytes;
        // An empty answer measures only how long the broker may wait.
        if (bytes > 0) meter_.answered(group.started, now, records, bytes);
        return {};
    }

    Outcome<void> take(Group& group, std::string_view topic, const FetchResponse::Partition& answer, uint64_t& records,
                       uint64_t& bytes) {
        const auto at = std::ranges::find_if(group.positions, [&](const Position* p) {
            return p->partition == answer.partition_index && p->topic == topic;
        });
        if (at == group.positions.end()) {
            return refuse(fmt::format("an answer for {}/{}, which was not asked for", topic, answer.partition_index));
        }
        if (answer.error_code != ErrorCode::none) {
            return std::unexpected(refusal(fmt::format("cannot read {}/{}", topic, answer.partition_index),
                                           answer.error_code));
        }
        // The whole answer is one piece of memory, so its records are too.
        std::span<const std::byte> rest;
        if (!answer.records.empty()) rest = answer.records.front().span();
        bool any = false;
        while (rest.size() >= wire::batch_header_bytes) {
            const auto header_bytes = rest.first<wire::batch_header_bytes>();
            const wire::BatchHeader header = wire::parse_batch_header(header_bytes);
            const int64_t size = header.total_bytes();
            if (size < static_cast<int64_t>(wire::batch_header_bytes)) {
                return bad_batch(**at, "has a nonsensical length");
            }
            if (static_cast<uint64_t>(size) > rest.size()) break;
            const auto body = rest.subspan(wire::batch_header_bytes,
                                           static_cast<size_t>(size) - wire::batch_header_bytes);
            const Fragment chain{.data = body.data(), .size = static_cast<uint32_t>(body.size())};
            if (wire::batch_crc(header_bytes, {&chain, 1}) != header.crc) return bad_batch(**at, "fails its checksum");
            const int64_t behind = header.last_offset().value + 1;
            if (behind <= (*at)->next) return bad_batch(**at, "is followed by one that lies before it");
            if (any && header.base_offset.value != (*at)->next) return bad_batch(**at, "is missing");
            any = true;
            (*at)->next = behind;
            records += static_cast<uint64_t>(std::max(0, header.record_count));
            bytes += static_cast<uint64_t>(size);
            rest = rest.subspan(static_cast<size_t>(size));
        }
        return {};
    }

    std::unexpected<Failure> bad_batch(const Position& p, std::string_view what) const {
        return refuse(fmt::format("the batch at offset {} of {}/{} {}", p.next, p.topic, p.partition, what));
    }

    uint64_t in_flight() const {
        uint64_t n = 0;
        for (const auto& lane : lanes_) n += lane->waiting.size();
        return n;
    }

    Client& client_;
    const BenchOptions& options_;
    BenchMeter& meter_;
    std::vector<std::unique_ptr<Position>> positions_;
    std::vector<std::unique_ptr<FetchLane>> lanes_;
    std::vector<pollfd> waits_;
    Arena arena_{fetch_answer_memory_max};
    uint32_t next_correlation_id_ = 1;
    Clock::time_point begin_{}, next_due_{};
    double interval_ns_ = 0;
    uint64_t issued_ = 0;
    BenchOutcome outcome_;
};

}  // namespace

Outcome<BenchOutcome> run_consume_load(Client& client, const BenchOptions& options, BenchMeter& meter,
                                       const std::vector<TopicInfo>& topics) {
    ConsumeLoad load(client, options, meter);
    if (auto prepared = load.prepare(topics); !prepared) return std::unexpected(std::move(prepared.error()));
    return load.run();
}

}  // namespace penstock::cli
