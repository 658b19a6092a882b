// The producing load of `penstock bench produce`.
//
// Everything is made before the clock starts: one record batch, and for each partition the bytes before and after it
// in a request. A request is then three pieces of memory and a correlation id, gathered into writes with its
// neighbours, so one thread can offer more than a broker takes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/assert.h"
#include "cli/bench.h"
#include "cli/bench_connection.h"
#include "cli/socket.h"
#include "wire/kafka/produce.h"
#include "wire/records.h"

namespace penstock::cli {

namespace {

using wire::kafka::ProduceRequest;
using wire::kafka::ProduceResponse;

constexpr int64_t in_flight_closed = 8;    // a connection's default: enough to hide a disk's write behind the next
constexpr int64_t in_flight_open = 1024;   // open load: enough for a stall of a second at usual rates
constexpr size_t correlation_at = 8;       // size, key and version come before it
constexpr uint64_t errors_max = 1000;      // give up: the load is not what was asked for
constexpr size_t produce_answer_memory_max = 1024 * 1024;

struct Request {
    std::vector<std::byte> head;
    Clock::time_point started{};
    int32_t correlation_id = 0;
    uint64_t end_byte = 0;  ///< of the connection's output
};

/// The constant parts of a partition's request.
struct Target {
    std::vector<std::byte> head, tail;
};

struct ProduceLane {
    explicit ProduceLane(Connection connection) : link(std::move(connection)) {}

    BenchConnection link;
    int16_t version = 0;
    std::vector<Target> targets;
    size_t next_target = 0;
    std::vector<Request> ring;  ///< requests under way: `count` of them from `first` on
    size_t first = 0, count = 0;

    bool full() const { return count == ring.size(); }
};

std::vector<std::byte> joined(std::span<const Fragment> chain) {
    std::vector<std::byte> bytes;
    for (const Fragment& f : chain) bytes.insert(bytes.end(), f.data, f.data + f.size);
    return bytes;
}

class ProduceLoad {
public:
    ProduceLoad(Client& client, const BenchOptions& options, BenchMeter& meter)
        : client_(client), options_(options), meter_(meter),
          acks_(static_cast<int16_t>(options.acks == "all" ? -1 : options.acks == "1" ? 1 : 0)) {}

    Outcome<void> prepare(const std::vector<TopicInfo>& topics) {
        if (auto built = build_batch(); !built) return built;
        std::map<int32_t, std::vector<size_t>> of_broker;  // broker → lanes
        for (const TopicInfo& topic : topics) {
            for (const PartitionInfo& partition : topic.partitions) {
                if (auto opened = open_lanes(partition.leader, of_broker[partition.leader]); !opened) return opened;
                ++outcome_.partitions;
            }
        }
        // Partitions go round over their leader's connections; where there are more connections, partitions repeat.
        for (const auto& [broker, lanes] : of_broker) {
            std::vector<std::pair<const TopicInfo*, int32_t>> led;
            for (const TopicInfo& topic : topics) {
                for (const PartitionInfo& p : topic.partitions) {
                    if (p.leader == broker) led.emplace_back(&topic, p.index);
                }
            }
            for (size_t i = 0; i < std::max(led.size(), lanes.size()); ++i) {
                const auto& [topic, partition] = led[i % led.size()];
                if (auto added = add_target(*lanes_[lanes[i % lanes.size()]], topic->name, partition); !added) {
                    return added;
                }
            }
        }
        return {};
    }

    Outcome<BenchOutcome> run() {
        begin_ = next_due_ = Clock::now();
        meter_.begin(begin_);
        while (true) {
            const auto now = Clock::now();
            if (over(now) && ((in_flight() == 0 && !owes()) || now >= drain_end())) break;
            issue(now);
            for (const auto& lane : lanes_) {
                if (auto flushed = lane->link.flush(); !flushed) return std::unexpected(flushed.error());
                if (acks_ == 0) settle_written(*lane);
            }
            meter_.progress(now, in_flight());
            if (auto waited = wait(); !waited) return std::unexpected(waited.error());
            for (const auto& lane : lanes_) {
                if (auto received = receive(*lane); !received) return std::unexpected(received.error());
            }
            if (errors_ >= errors_max) break;
        }
        outcome_.unanswered = in_flight();
        if (owes()) {
            const auto never_sent = meter_.window_end() - next_due_;
            outcome_.unanswered += 1 + static_cast<uint64_t>(static_cast<double>(never_sent.count()) / interval_ns_);
        }
        return outcome_;
    }

private:
    bool over(Clock::time_point now) const { return now >= meter_.window_end() || outcome_.interrupted; }
    /// Open load: requests that were due in the window and could not be sent yet. Leaving them out would hide a stall.
    bool owes() const { return options_.rate > 0 && !outcome_.interrupted && next_due_ < meter_.window_end(); }
    Clock::time_point drain_end() const { return std::min(meter_.window_end(), stopped_) + client_.timeout(); }

    Outcome<void> build_batch() {
        std::vector<std::byte> value(options_.record_bytes);
        uint64_t state = 0x9e3779b97f4a7c15;  // fixed: runs are to be compared
        wire::BatchBuilder builder;
        const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch()).count();
        do {
            for (std::byte& b : value) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                b = static_cast<std::byte>('a' + (state >> 60));  // sixteen letters: compresses to about a half
            }
            builder.add(now_ms, {}, std::span<const std::byte>(value));
        } while (builder.size() + value.size() + wire::BatchBuilder::record_overhead_max / 4 <= options_.batch_bytes);
        outcome_.batch_records = static_cast<uint64_t>(builder.count());
        if (!builder.finish(*wire::parse_codec(options_.compression), batch_)) {
            return refuse("the batch is too large to build", "Give a smaller --batch-bytes or --record-bytes.");
        }
        outcome_.batch_wire_bytes = batch_.size();
        if (options_.rate > 0) interval_ns_ = static_cast<double>(outcome_.batch_records) / options_.rate * 1e9;
        return {};
    }

    Outcome<void> open_lanes(int32_t broker, std::vector<size_t>& indices) {
        while (static_cast<int64_t>(indices.size()) < options_.connections) {
            auto connection = client_.dedicated(broker, client_.deadline());
            if (!connection) return std::unexpected(std::move(connection.error()));
            const auto version = connection->version_of(ApiKey::produce);
            if (!version) return std::unexpected(version.error());
            auto& lane = lanes_.emplace_back(std::make_unique<ProduceLane>(std::move(*connection)));
            lane->version = *version;
            const int64_t depth = options_.in_flight > 0 ? options_.in_flight
                                                         : options_.rate > 0 ? in_flight_open : in_flight_closed;
            lane->ring.resize(static_cast<size_t>(depth));
            outcome_.in_flight = depth;
            indices.push_back(lanes_.size() - 1);
        }
        return {};
    }

    Outcome<void> add_target(ProduceLane& lane, const std::string& topic_name, int32_t index) {
        const Fragment records{.data = batch_.data(), .size = static_cast<uint32_t>(batch_.size())};
        ProduceRequest::Partition partition;
        partition.index = index;
        partition.records = {&records, 1};
        ProduceRequest::Topic topic;
        topic.name = topic_name;
        topic.partitions = {&partition, 1};
        ProduceRequest request;
        request.acks = acks_;
        request.timeout_ms = client_.timeout_ms();
        request.topics = {&topic, 1};
        Arena arena(frame_bytes_max);
        const auto frame = wire::request_frame(arena, 0, Connection::client_id, request, lane.version);
        if (!frame) return refuse("the request is too large to send", "Give a smaller --batch-bytes.");
        const auto at = std::ranges::find(*frame, batch_.data(), &Fragment::data);
        PENSTOCK_ASSERT(at != frame->end());
        lane.targets.push_back({.head = joined({frame->begin(), at}), .tail = joined({at + 1, frame->end()})});
        return {};
    }

    /// Queues every request that is due and fits.
    void issue(Clock::time_point now) {
        if (outcome_.interrupted) return;
        size_t without_room = 0;
        while (without_room < lanes_.size()) {
            const auto due = options_.rate > 0 ? next_due_ : now;
            if (due > now || due >= meter_.window_end()) return;
            ProduceLane& lane = *lanes_[next_lane_];
            next_lane_ = (next_lane_ + 1) % lanes_.size();
            if (lane.full() || lane.targets.empty()) {
                ++without_room;
                continue;
            }
            without_room = 0;
            enqueue(lane, due);
            if (options_.rate > 0) {
                ++issued_;
                next_due_ = begin_ + Duration(static_cast<int64_t>(interval_ns_ * static_cast<double>(issued_)));
            }
        }
    }

    void enqueue(ProduceLane& lane, Clock::time_point started) {
        Request& request = lane.ring[(lane.first + lane.count) % lane.ring.size()];
        ++lane.count;
        const Target& target = lane.targets[lane.next_target];
        lane.next_target = (lane.next_target + 1) % lane.targets.size();
        request.head = target.head;
        request.started = started;
        request.correlation_id = static_cast<int32_t>(next_correlation_id_++ & 0x7fffffff);
        store_be<int32_t>(&request.head[correlation_at], request.correlation_id);
        lane.link.enqueue(request.head);
        lane.link.enqueue(batch_);
        lane.link.enqueue(target.tail);
        request.end_byte = lane.link.queued_bytes();
    }

    Outcome<void> wait() {
        waits_.clear();
        bool room = false;
        for (const auto& lane : lanes_) {
            const short events = static_cast<short>(POLLIN | (lane->link.has_output() ? POLLOUT : 0));
            waits_.push_back({.fd = lane->link.fd(), .events = events, .revents = 0});
            room = room || (!lane->full() && !lane->targets.empty());
        }
        const auto now = Clock::now();
        auto until = now + bench_tick;
        if (room && owes()) until = std::min(until, next_due_);
        // With acks=0 there is room as soon as the socket has taken everything, and no answer to wake us.
        if (room && options_.rate == 0 && !over(now)) until = now;
        const auto waited = wait_precisely(waits_, until);
        if (waited) return {};
        if (waited.error().kind != FailureKind::interrupted) return std::unexpected(waited.error());
        Interrupt::acknowledge();
        outcome_.interrupted = true;
        stopped_ = Clock::now();
        meter_.end_early(stopped_);
        return {};
    }

    Outcome<void> receive(ProduceLane& lane) {
        const auto more = lane.link.read_some();
        if (!more) return std::unexpected(more.error());
        if (!*more) return {};
        const auto now = Clock::now();
        while (true) {
            const auto frame = lane.link.next_frame();
            if (!frame) return std::unexpected(frame.error());
            if (!*frame) return {};
            if (acks_ == 0) continue;  // nobody should have answered; what was written is settled already
            if (auto settled = settle(lane, **frame, now); !settled) return settled;
        }
    }

    Outcome<void> settle(ProduceLane& lane, std::span<const std::byte> frame, Clock::time_point now) {
        arena_.reset();
        const Fragment whole{.data = frame.data(), .size = static_cast<uint32_t>(frame.size())};
        wire::Reader reader({&whole, 1}, arena_);
        int32_t correlation_id = 0;
        ProduceResponse response;
        wire::decode_response_header(reader, wire::kafka::api_of(ApiKey::produce), lane.version, correlation_id);
        if (!wire::decode(reader, response, lane.version)) {
            return refuse(fmt::format("{} sent a malformed answer to Produce",
                                      lane.link.negotiated().address().text()));
        }
        if (lane.count == 0 || lane.ring[lane.first].correlation_id != correlation_id) {
            return refuse(fmt::format("{} answered out of order", lane.link.negotiated().address().text()));
        }
        ErrorCode error = ErrorCode::unknown_server_error;
        for (const auto& topic : response.topics) {
            for (const auto& p : topic.partitions) error = p.error_code;
        }
        finish(lane, now, error);
        return {};
    }

    void finish(ProduceLane& lane, Clock::time_point now, ErrorCode error) {
        const Request& request = lane.ring[lane.first];
        lane.first = (lane.first + 1) % lane.ring.size();
        --lane.count;
        if (error == ErrorCode::none) {
            outcome_.wire_bytes += batch_.size();
            meter_.answered(request.started, now, outcome_.batch_records,
                            outcome_.batch_records * options_.record_bytes);
            return;
        }
        ++errors_;
        meter_.failed(outcome_.batch_records);
        if (outcome_.first_error.empty()) outcome_.first_error = show_error(error);
    }

    void settle_written(ProduceLane& lane) {
        const auto now = Clock::now();
        while (lane.count > 0 && lane.ring[lane.first].end_byte <= lane.link.written_bytes()) {
            finish(lane, now, ErrorCode::none);
        }
    }

    uint64_t in_flight() const {
        uint64_t n = 0;
        for (const auto& lane : lanes_) n += lane->count;
        return n;
    }

    Client& client_;
    const BenchOptions& options_;
    BenchMeter& meter_;
    int16_t acks_;
    std::vector<std::byte> batch_;
    std::vector<std::unique_ptr<ProduceLane>> lanes_;
    std::vector<pollfd> waits_;
    Arena arena_{produce_answer_memory_max};
    size_t next_lane_ = 0;
    uint32_t next_correlation_id_ = 1;
    Clock::time_point begin_{}, next_due_{};
    Clock::time_point stopped_ = Clock::time_point::max();
    double interval_ns_ = 0;
    uint64_t issued_ = 0;
    uint64_t errors_ = 0;
    BenchOutcome outcome_;
};

}  // namespace

Outcome<BenchOutcome> run_produce_load(Client& client, const BenchOptions& options, BenchMeter& meter,
                                       const std::vector<TopicInfo>& topics) {
    ProduceLoad load(client, options, meter);
    if (auto prepared = load.prepare(topics); !prepared) return std::unexpected(std::move(prepared.error()));
    return load.run();
}

}  // namespace penstock::cli
