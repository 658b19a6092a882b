// penstock produce: lines to records
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/partition_choice.h"
#include "cli/producer.h"
#include "wire/compression.h"

namespace penstock::cli {

namespace {

constexpr size_t line_bytes_max = 64 * 1024 * 1024;  // a "line" beyond it is a binary file by mistake
constexpr size_t read_bytes = 256 * 1024;

struct ProduceOptions {
    std::string topic, file, key_separator;
    std::string acks = "all", compression = "none";
    int64_t partition = -1;
    std::vector<std::string> headers;
    int64_t linger_ms = 5;
    Duration delivery_timeout = std::chrono::seconds(30);
    uint64_t batch_bytes = 64 * 1024;
    bool create_topic = false;
};

int64_t wall_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The input's descriptor, closed at the end unless it is standard input.
class Input {
public:
    ~Input() {
        if (fd_ > STDIN_FILENO) ::close(fd_);
    }
    Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    Outcome<void> open(const std::string& path) {
        if (path.empty() || path == "-") return {};
        fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd_ < 0) return refuse(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
        return {};
    }
    int fd() const { return fd_; }

private:
    int fd_ = STDIN_FILENO;
};

class ProduceRun {
public:
    ProduceRun(Context& context, const ProduceOptions& options, Producer& producer, int fd)
        : context_(context), options_(options), producer_(producer), fd_(fd),
          choice_(static_cast<int32_t>(producer.topic().partitions.size()),
                  options.partition < 0 ? std::nullopt : std::optional(static_cast<int32_t>(options.partition)),
                  std::random_device{}()) {
        for (const std::string& header : options.headers) pairs_.push_back(*parse_pair(header));
        for (const auto& [key, value] : pairs_) headers_.push_back({.key = key, .value = bytes_of(value)});
    }

    Outcome<int> run() {
        while (!ended_ || !producer_.idle()) {
            if (auto waited = wait(); !waited) {
                if (waited.error().kind != FailureKind::interrupted) return std::unexpected(waited.error());
                Interrupt::acknowledge();
                complain("penstock: interrupted; finishing what was read (Ctrl-C again to stop at once)");
                end_input();
            }
            if (auto stepped = producer_.step(); !stepped) {
                if (stepped.error().kind != FailureKind::interrupted) return std::unexpected(stepped.error());
            }
        }
        return report();
    }

private:
    Outcome<void> wait() {
        std::vector<pollfd> waits;
        producer_.append_waits(waits);
        const bool reading = !ended_ && !producer_.full();
        if (reading) waits.push_back({.fd = fd_, .events = POLLIN, .revents = 0});
        const auto far = Clock::now() + std::chrono::hours(1);
        const auto ready = wait_for_any(waits, std::min<Deadline>(producer_.next_deadline(), far));
        if (!ready) return std::unexpected(ready.error());
        if (reading && waits.back().revents != 0) return read_some();
        return {};
    }

    Outcome<void> read_some() {
        chunk_.resize(read_bytes);
        const ssize_t n = ::read(fd_, chunk_.data(), chunk_.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
        if (n < 0) return refuse(fmt::format("cannot read the input: {}", std::strerror(errno)));
        if (n == 0) lines_.end();
        lines_.feed(std::string_view(chunk_.data(), static_cast<size_t>(n)));
        while (const auto line = lines_.next()) {
            if (auto added = add(*line); !added) {
                input_failure_ = std::move(added.error());
                end_input();
                return {};
            }
        }
        if (lines_.pending() > line_bytes_max) {
            input_failure_ = Failure{.message = fmt::format("line {} is longer than 64 MiB", line_number_ + 1),
                                     .hint = "Records are lines of text."};
            end_input();
        }
        if (n == 0) end_input();
        return {};
    }

    Outcome<void> add(std::string_view line) {
        ++line_number_;
        const auto split = split_key(line, options_.key_separator, line_number_);
        if (!split) return std::unexpected(split.error());
        const int32_t partition = choice_.choose(split->key);
        const auto key = split->key ? wire::OptionalBytes(bytes_of(*split->key)) : std::nullopt;
        if (producer_.add(partition, wall_ms(), key, bytes_of(split->value), headers_)) choice_.batch_closed(partition);
        return {};
    }

    void end_input() {
        ended_ = true;
        producer_.finish();
    }

    Outcome<int> report() {
        const ProducerReport& report = producer_.report();
        const bool confirmed = options_.acks != "0";
        if (context_.globals.json) {
            const nlohmann::ordered_json json{{"topic", options_.topic},
                                              {confirmed ? "delivered" : "sent", report.delivered},
                                              {"failed", report.failed}, {"retried_batches", report.retried_batches},
                                              {"failures", report.failures}};
            context_.out.write(json.dump() + "\n");
        } else {
            complain(fmt::format("{} {} record{} to '{}', {} failed{}", confirmed ? "Delivered" : "Sent",
                                 show_count(report.delivered), report.delivered == 1 ? "" : "s", options_.topic,
                                 show_count(report.failed), confirmed ? "" : " (acks=0: nobody confirmed them)"));
        }
        for (const auto& [reason, records] : report.failures) {
            complain(fmt::format("penstock: {} record{} failed: {}", show_count(records), records == 1 ? "" : "s",
                                 reason));
        }
        if (input_failure_) return std::unexpected(*input_failure_);
        return report.failed == 0 ? exit_ok : exit_failed;
    }

    Context& context_;
    const ProduceOptions& options_;
    Producer& producer_;
    int fd_;
    PartitionChoice choice_;
    std::vector<std::pair<std::string, std::string>> pairs_;
    std::vector<wire::RecordHeader> headers_;
    LineSplitter lines_;
    std::vector<char> chunk_;
    uint64_t line_number_ = 0;
    bool ended_ = false;
    std::optional<Failure> input_failure_;
};

Outcome<int> produce(Context& context, const ProduceOptions& options) {
    Interrupt::install();
    Input input;
    if (auto opened = input.open(options.file); !opened) return std::unexpected(opened.error());
    Client client(context.globals);
    Producer producer(client, {.topic = options.topic,
                               .acks = static_cast<int16_t>(options.acks == "all" ? -1 : options.acks == "1" ? 1 : 0),
                               .codec = *wire::parse_codec(options.compression),
                               .batch_bytes = options.batch_bytes,
                               .linger = std::chrono::milliseconds(options.linger_ms),
                               .delivery_timeout = options.delivery_timeout});
    if (auto opened = producer.open(options.create_topic ? IfAbsent::create : IfAbsent::refuse); !opened) {
        return std::unexpected(opened.error());
    }
    const auto partitions = static_cast<int64_t>(producer.topic().partitions.size());
    if (options.partition >= partitions) {
        return misuse(fmt::format("'{}' has no partition {}", options.topic, options.partition),
                      fmt::format("Its partitions are 0 to {}.", partitions - 1));
    }
    if (input.fd() == STDIN_FILENO && ::isatty(STDIN_FILENO) == 1) {
        complain("Each line becomes a record. End with Ctrl-D.");
    }
    return ProduceRun(context, options, producer, input.fd()).run();
}

std::string header_fault(std::string& text) {
    return parse_pair(text) ? std::string{} : fmt::format("'{}' is not KEY=VALUE", printable(text));
}

}  // namespace

void add_produce(CLI::App& app, Selected& selected) {
    auto options = std::make_shared<ProduceOptions>();
    CLI::App* verb = app.add_subcommand("produce", "Produce lines as records");
    add_topic_name(*verb, options->topic);
    verb->add_option("--file,-f", options->file, "Read this file instead of standard input")->type_name("PATH");
    const auto set_separator = [options](const std::string& text) {
        const auto separator = unescape(text);
        if (!separator) throw CLI::ValidationError("--key-separator", separator.error().message);
        if (separator->empty()) throw CLI::ValidationError("--key-separator", "it cannot be empty");
        options->key_separator = *separator;
    };
    verb->add_option_function<std::string>("--key-separator,-k", set_separator,
                                           "What stands between key and value in each line, such as '|' or '\\t'")
        ->type_name("TEXT");
    add_number(*verb, "--partition,-p", options->partition, 0, 1'000'000, "Put all records into this partition", false);
    verb->add_option("--header,-H", options->headers, "A header for every record; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator(header_fault, ""));
    add_choice(*verb, "--acks", options->acks, {"all", "1", "0"},
               "Who must have a record before it counts as delivered");
    add_choice(*verb, "--compression,-z", options->compression, {"none", "gzip", "snappy", "lz4", "zstd"},
               "Compress batches");
    add_number(*verb, "--linger-ms", options->linger_ms, 0, 3'600'000, "Wait so many milliseconds for a batch to fill");
    add_bytes(*verb, "--batch-bytes", options->batch_bytes, 1, 64 * 1024 * 1024, "Send a batch when it is this large");
    add_duration(*verb, "--delivery-timeout", options->delivery_timeout, std::chrono::milliseconds(1),
                 "Give a record up after trying for this long");
    verb->add_flag("--create-topic", options->create_topic, "Let the broker create the topic if it does not exist");
    add_examples(*verb,
                 "  echo 'Kick-off' | penstock produce games\n"
                 "  penstock produce games --file updates.txt --key-separator '|'\n"
                 "  seq 1000 | penstock produce numbers --partition 0 --compression zstd --acks 1\n"
                 "  tail -f app.log | penstock produce logs --header host=web-1 --linger-ms 50\n"
                 "\nExit code 1 if any record was not acknowledged.");
    verb->callback([options, &selected] { selected = [options](Context& c) { return produce(c, *options); }; });
}

}  // namespace penstock::cli
