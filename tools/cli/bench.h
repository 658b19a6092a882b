// `penstock bench`: what its two loads share.
//
// Closed load keeps a number of requests under way. Open load (--rate) sends by the clock: request n is due at n / rate
// whether or not earlier ones were answered, and its latency counts from when it was due, so a broker that stalls
// cannot hide the requests that it kept from being sent.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_meter.h"
#include "cli/client.h"
#include "cli/machine.h"
#include "wire/compression.h"

namespace penstock::cli {

struct BenchOptions {
    std::string topic = "bench";
    int64_t topics = 1;
    int64_t partitions = -1;    ///< of topics that are created; -1: one, or whatever an existing topic has
    int64_t replication_factor = -1;
    int64_t connections = 1;    ///< to each broker
    int64_t in_flight = 0;      ///< requests under way on each connection; 0: the load's default
    double rate = 0;            ///< 0: closed load
    Duration duration = std::chrono::seconds(10);
    Duration warmup = std::chrono::seconds(2);
    bool allow_loaded = false;
    // produce
    uint64_t record_bytes = 100;
    uint64_t batch_bytes = 16 * 1024;
    std::string acks = "all", compression = "none";
    // consume
    uint64_t fetch_bytes = 1024 * 1024;
    bool repeat = false;
};

inline constexpr Duration bench_tick = std::chrono::milliseconds(100);  ///< the loads look at the clock that often

/// Names of the topics: the one given, or NAME-0, NAME-1, …
std::vector<std::string> bench_topics(const BenchOptions& options);

/// What a load found, beside what its meter counted.
struct BenchOutcome {
    int64_t in_flight = 0;        ///< the bound on each connection that was used
    uint64_t unanswered = 0;      ///< requests that got no answer before the drain ended
    uint64_t wire_bytes = 0;      ///< of record batches, as sent or received
    uint64_t batch_records = 0;   ///< produce: records in each batch
    uint64_t batch_wire_bytes = 0;
    uint64_t partitions = 0;
    std::string first_error{};
    bool interrupted = false;
};

Outcome<BenchOutcome> run_produce_load(Client& client, const BenchOptions& options, BenchMeter& meter,
                                       const std::vector<TopicInfo>& topics);
Outcome<BenchOutcome> run_consume_load(Client& client, const BenchOptions& options, BenchMeter& meter,
                                       const std::vector<TopicInfo>& topics);

/// Sleeps until one of `waits` is ready or `until`, with a resolution far below a millisecond. True if one is; failing
/// only when interrupted.
Outcome<bool> wait_precisely(std::vector<pollfd>& waits, Clock::time_point until);

}  // namespace penstock::cli
