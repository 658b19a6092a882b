// penstock bench produce|consume
#include "cli/bench.h"

#include <poll.h>
#include <sys/prctl.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/create_topic.h"
#include "cli/options.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr Duration machine_sample = std::chrono::milliseconds(400);
constexpr double generator_busy = 0.9;  // of a core: beyond it the generator may be what limits

struct Verdict {
    const BenchOptions& options;
    const BenchMeter& meter;
    const BenchOutcome& outcome;
    const MachineState& machine;
    bool produce = false;
    double generator_cores = 0;
};

Json latency_json(const Histogram& h) {
    return {{"count", h.count()},
            {"min", h.min()},
            {"mean", h.mean()},
            {"p50", h.percentile(50)},
            {"p90", h.percentile(90)},
            {"p99", h.percentile(99)},
            {"p99_9", h.percentile(99.9)},
            {"p99_99", h.percentile(99.99)},
            {"max", h.max()}};
}

Json verdict_json(const Verdict& v) {
    const double seconds = v.meter.window_seconds();
    const auto per_second = [&](uint64_t n) { return seconds > 0 ? static_cast<double>(n) / seconds : 0.0; };
    Json json{{"load", v.produce ? "produce" : "consume"},
              {"mode", v.options.rate > 0 ? "open" : "closed"},
              {"topic", v.options.topic}, {"partitions", v.outcome.partitions}, {"connections", v.options.connections},
              {"in_flight", v.outcome.in_flight}, {"rate", v.options.rate}, {"window_seconds", seconds},
              {"records", v.meter.records()}, {"bytes", v.meter.bytes()}, {"requests", v.meter.requests()},
              {"records_per_second", per_second(v.meter.records())},
              {"mb_per_second", per_second(v.meter.bytes()) / 1e6},
              {"requests_per_second", per_second(v.meter.requests())}, {"latency_us", latency_json(v.meter.latency())},
              {"failed_records", v.meter.failed_records()}, {"unanswered_requests", v.outcome.unanswered},
              {"first_error", v.outcome.first_error}, {"interrupted", v.outcome.interrupted},
              {"generator_cores", v.generator_cores}};
    if (v.produce) {
        json["acks"] = v.options.acks;
        json["compression"] = v.options.compression;
        json["record_bytes"] = v.options.record_bytes;
        json["batch_records"] = v.outcome.batch_records;
        json["batch_bytes"] = v.outcome.batch_wire_bytes;
    } else {
        json["fetch_bytes"] = v.options.fetch_bytes;
    }
    json["machine"] = {{"host", v.machine.host}, {"kernel", v.machine.kernel}, {"cores", v.machine.cores},
                       {"idle_cores_before", v.machine.idle_cores}, {"loaded", v.machine.idle_cores < idle_cores_min}};
    return json;
}

std::string verdict_text(const Verdict& v) {
    const double seconds = v.meter.window_seconds();
    const auto per_second = [&](uint64_t n) { return seconds > 0 ? static_cast<double>(n) / seconds : 0.0; };
    const Histogram& h = v.meter.latency();
    std::string text = v.produce
        ? fmt::format("Produced to '{}': {} partitions, acks={}, compression {}, batches of {} records in {}\n",
                      v.options.topic, v.outcome.partitions, v.options.acks, v.options.compression,
                      v.outcome.batch_records, show_bytes(static_cast<double>(v.outcome.batch_wire_bytes)))
        : fmt::format("Consumed from '{}': {} partitions, fetches of at most {} a partition, all checked\n",
                      v.options.topic,
                      v.outcome.partitions, show_bytes(static_cast<double>(v.options.fetch_bytes)));
    text += fmt::format("  throughput  {} records/s  {:.1f} MB/s  {} requests/s  over {:.1f} s\n",
                        show_count(static_cast<uint64_t>(per_second(v.meter.records()))),
                        per_second(v.meter.bytes()) / 1e6,
                        show_count(static_cast<uint64_t>(per_second(v.meter.requests()))), seconds);
    const bool unconfirmed = v.produce && v.options.acks == "0";
    text += fmt::format("  latency     p50 {}  p99 {}  p99.9 {}  max {}  ({}{})\n", show_microseconds(h.percentile(50)),
                        show_microseconds(h.percentile(99)), show_microseconds(h.percentile(99.9)),
                        show_microseconds(h.max()), v.options.rate > 0 ? "from when each was due" : "from sending",
                        unconfirmed ? " to the socket taking it: acks=0" : "");
    text += fmt::format("  machine     {} cores, {:.1f} idle before; this generator used {:.2f}\n", v.machine.cores,
                        v.machine.idle_cores, v.generator_cores);
    if (v.meter.failed_records() > 0) {
        text += fmt::format("  FAILED      {} records: {}\n", show_count(v.meter.failed_records()),
                            v.outcome.first_error);
    }
    if (v.outcome.unanswered > 0) {
        text += fmt::format("  UNANSWERED  {} requests; their latencies are missing above\n",
                            show_count(v.outcome.unanswered));
    }
    return text;
}

Outcome<std::vector<TopicInfo>> find_topics(Client& client, const BenchOptions& options, bool create) {
    std::vector<TopicInfo> topics;
    for (const std::string& name : bench_topics(options)) {
        if (create) {
            const NewTopic wanted{.name = name,
                                  .partitions = std::max<int64_t>(1, options.partitions),
                                  .replication_factor = options.replication_factor,
                                  .configs = {},
                                  .if_not_exists = true};
            auto created = create_topic(client, wanted, client.deadline());
            if (!created) return std::unexpected(std::move(created.error()));
            const auto count = static_cast<int64_t>(created->partitions.size());
            if (options.partitions > 0 && count != options.partitions) {
                complain(fmt::format("penstock: '{}' is already there with {} partitions, not {}; using those", name,
                                     count, options.partitions));
            }
            topics.push_back(std::move(*created));
        } else {
            auto found = client.topic(name, IfAbsent::refuse, client.deadline());
            if (!found) return std::unexpected(std::move(found.error()));
            topics.push_back(std::move(*found));
        }
    }
    return topics;
}

Outcome<MachineState> quiet_machine(const BenchOptions& options) {
    const MachineState machine = measure_machine(machine_sample);
    if (machine.idle_cores >= idle_cores_min) return machine;
    const std::string busy = fmt::format("this machine is busy: only {:.1f} of its {:.0f} cores idle",
                                         machine.idle_cores, machine.cores);
    if (!options.allow_loaded) {
        return refuse(busy + ", so the numbers would measure the other load",
                      "Stop that load, or run on another machine. --allow-loaded measures anyway and says so.");
    }
    complain("penstock: WARNING: " + busy + "; the numbers below are not worth comparing");
    return machine;
}

Outcome<int> bench(Context& context, const BenchOptions& options, bool produce) {
    Interrupt::install();
    const auto machine = quiet_machine(options);
    if (!machine) return std::unexpected(machine.error());
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // the default would wake open load up to 50 us late
    Client client(context.globals);
    const auto topics = find_topics(client, options, produce);
    if (!topics) return std::unexpected(topics.error());
    BenchMeter meter(options.warmup, options.duration, true);
    const double cpu_before = own_cpu_seconds();
    const auto begun = Clock::now();
    const auto outcome = produce ? run_produce_load(client, options, meter, *topics)
                                 : run_consume_load(client, options, meter, *topics);
    if (!outcome) return std::unexpected(outcome.error());
    const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
    const Verdict verdict{.options = options, .meter = meter, .outcome = *outcome, .machine = *machine,
                          .produce = produce,
                          .generator_cores = (own_cpu_seconds() - cpu_before) / passed};
    context.out.write(context.globals.json ? verdict_json(verdict).dump(2) + "\n" : verdict_text(verdict));
    if (verdict.generator_cores > generator_busy) {
        complain("penstock: the generator used a whole core: it, not the broker, may be the limit");
    }
    return meter.failed_records() > 0 || outcome->unanswered > 0 ? exit_failed : exit_ok;
}

void add_shared(CLI::App& verb, BenchOptions& options) {
    verb.add_option("--topic", options.topic, "Topic, or the beginning of the names of several")
        ->capture_default_str()
        ->check(CLI::Validator([](std::string& name) { return topic_name_fault(name); }, ""));
    add_number(verb, "--topics", options.topics, 1, 10'000, "Topics: with more than one, TOPIC-0, TOPIC-1, …");
    add_number(verb, "--connections", options.connections, 1, 1000, "Connections to each broker");
    add_duration(verb, "--duration", options.duration, std::chrono::milliseconds(100), "Measure for so long");
    add_duration(verb, "--warmup", options.warmup, Duration{0}, "Run so long before measuring");
    verb.add_flag("--allow-loaded", options.allow_loaded, "Measure although other work keeps the machine busy");
}

void set_rate(CLI::App& verb, BenchOptions& options, const std::string& help) {
    verb.add_option("--rate", options.rate, help)->type_name("N")->check(CLI::Range(0.001, 1e12));
}

void add_bench_produce(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App* verb = noun.add_subcommand("produce", "Produce as much as the broker takes, or at a rate");
    add_shared(*verb, *options);
    set_rate(*verb, *options, "Open load: records per second over all connections;\n"
             "latencies count from when each is due");
    add_number(*verb, "--in-flight", options->in_flight, 1, 1'000'000,
               "Requests under way on each connection (default: 8; with --rate 1024)", false);
    add_number(*verb, "--partitions", options->partitions, 1, 100'000,
               "Partitions of a topic that is created (default: 1)", false);
    add_number(*verb, "--replication-factor", options->replication_factor, 1, 100,
               "Replicas of a topic that is created (default: the broker's)", false);
    add_bytes(*verb, "--record-bytes", options->record_bytes, 1, 64 * 1024 * 1024, "Size of each value");
    add_bytes(*verb, "--batch-bytes", options->batch_bytes, 1, 64 * 1024 * 1024,
              "Size of each batch before compression; a request carries one");
    add_choice(*verb, "--acks", options->acks, {"all", "1", "0"}, "Who must have a batch before it is answered");
    add_choice(*verb, "--compression", options->compression, {"none", "gzip", "snappy", "lz4", "zstd"},
               "Compression of the batches, done once before the clock starts");
    add_examples(*verb,
                 "  penstock bench produce --partitions 3 --duration 30s\n"
                 "  penstock bench produce --record-bytes 1KiB --batch-bytes 1KiB --in-flight 1   # latency\n"
                 "  penstock bench produce --rate 200000 --connections 4 --json > open-load.json\n"
                 "  penstock bench produce --topics 10 --partitions 100 --batch-bytes 64KiB");
    verb->callback([options, &selected] { selected = [options](Context& c) { return bench(c, *options, true); }; });
}

void add_bench_consume(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<BenchOptions>();
    options->warmup = Duration{0};
    CLI::App* verb = noun.add_subcommand("consume",
                                         "Read topics from their beginning as fast as the broker serves them");
    add_shared(*verb, *options);
    set_rate(*verb, *options, "Open load: fetches per second over all connections;\n"
             "latencies count from when each is due");
    add_number(*verb, "--in-flight", options->in_flight, 1, 100'000,
               "Fetches under way on each connection, each for its share of the partitions (default: 1)", false);
    add_bytes(*verb, "--fetch-bytes", options->fetch_bytes, 1, 128 * 1024 * 1024,
              "Most bytes of a partition in one fetch");
    verb->add_flag("--repeat", options->repeat, "Begin again at the end until the time is over");
    add_examples(*verb,
                 "  penstock bench consume\n"
                 "  penstock bench consume --topic games --duration 30s --repeat\n"
                 "  penstock bench consume --connections 4 --fetch-bytes 4MiB --json");
    verb->callback([options, &selected] { selected = [options](Context& c) { return bench(c, *options, false); }; });
}

}  // namespace

std::vector<std::string> bench_topics(const BenchOptions& options) {
    if (options.topics == 1) return {options.topic};
    std::vector<std::string> names;
    for (int64_t i = 0; i < options.topics; ++i) names.push_back(fmt::format("{}-{}", options.topic, i));
    return names;
}

Outcome<bool> wait_precisely(std::vector<pollfd>& waits, Clock::time_point until) {
    waits.push_back({.fd = Interrupt::fd(), .events = POLLIN, .revents = 0});
    const auto left = std::max<int64_t>(0, (until - Clock::now()).count());
    const timespec timeout{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    const int n = ::ppoll(waits.data(), waits.size(), &timeout, nullptr);
    waits.pop_back();
    if (Interrupt::requested()) {
        return std::unexpected(Failure{.message = "interrupted", .kind = FailureKind::interrupted});
    }
    if (n < 0 && errno != EINTR) return refuse(fmt::format("poll failed: {}", std::strerror(errno)));
    return n > 0;
}

void add_bench(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("bench", "Load a cluster and measure throughput and latency");
    noun->require_subcommand(1);
    add_bench_produce(*noun, selected);
    add_bench_consume(*noun, selected);
    add_examples(*noun,
                 "  penstock bench produce --duration 30s\n"
                 "  penstock bench consume");
}

}  // namespace penstock::cli
