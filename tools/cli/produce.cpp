// penstock produce: lines to records
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/sender.h"
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
    std::string via = "tcp";
};

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
    ProduceRun(Context& context, const ProduceOptions& options, SdkClient& client, Sender& sender, int fd)
        : context_(context), options_(options), client_(client), sender_(sender), fd_(fd) {
        if (options.partition >= 0) partition_ = static_cast<int32_t>(options.partition);
        for (const std::string& header : options.headers) pairs_.push_back(*parse_pair(header));
        for (const auto& [key, value] : pairs_) {
            headers_.push_back({.name = key.data(), .name_size = key.size(), .value = {value.data(), value.size()}});
        }
    }

    Outcome<int> run() {
        while (true) {
            const bool full = !add_lines();
            const bool happened = sender_.step();
            if (ended_ && !full && sender_.idle()) return report();
            if (auto waited = wait(!full, happened ? Duration() : std::chrono::hours(1)); !waited) {
                if (waited.error().kind != FailureKind::interrupted) return std::unexpected(waited.error());
                Interrupt::acknowledge();
                complain("penstock: interrupted; finishing what was read (Ctrl-C again to stop at once)");
                ended_ = true;
            }
        }
    }

private:
    Outcome<void> wait(bool room, Duration most) {
        std::vector<pollfd> waits;
        const bool reading = !ended_ && room;
        if (reading) waits.push_back({.fd = fd_, .events = POLLIN, .revents = 0});
        if (auto waited = client_.wait(waits, Clock::now() + most); !waited) return waited;
        if (reading && waits.front().revents != 0) return read_some();
        return {};
    }

    Outcome<void> read_some() {
        chunk_.resize(read_bytes);
        const ssize_t n = ::read(fd_, chunk_.data(), chunk_.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
        if (n < 0) return refuse(fmt::format("cannot read the input: {}", std::strerror(errno)));
        if (n == 0) lines_.end();
        lines_.feed(std::string_view(chunk_.data(), static_cast<size_t>(n)));
        ended_ = n == 0;
        return {};
    }

    /// Gives the lines that are there to the sender; false when it has no room for the next one.
    bool add_lines() {
        while (!input_failure_ && (line_ || (line_ = lines_.next()))) {
            const auto split = split_key(*line_, options_.key_separator, line_number_ + 1);
            if (!split) {
                fail_input(split.error());
            } else if (!sender_.add(partition_, split->key, split->value, headers_)) {
                return false;
            }
            ++line_number_;
            line_.reset();
        }
        if (!input_failure_ && lines_.pending() > line_bytes_max) {
            fail_input({.message = fmt::format("line {} is longer than 64 MiB", line_number_ + 1),
                        .hint = "Records are lines of text."});
        }
        if (ended_) sender_.finish();
        return true;
    }

    void fail_input(Failure failure) {
        input_failure_ = std::move(failure);
        ended_ = true;
    }

    Outcome<int> report() {
        const SendReport& report = sender_.report();
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
    SdkClient& client_;
    Sender& sender_;
    int fd_;
    std::optional<int32_t> partition_;
    std::vector<std::pair<std::string, std::string>> pairs_;
    std::vector<penstock_header> headers_;
    LineSplitter lines_;
    std::optional<std::string_view> line_;   ///< the one that there was no room for
    std::vector<char> chunk_;
    uint64_t line_number_ = 0;
    bool ended_ = false;
    std::optional<Failure> input_failure_;
};

/// How many partitions the topic has; waits until it can be used.
Outcome<int64_t> partition_count(Context& context, const ProduceOptions& options) {
    Client client(context.globals);
    const auto topic = client.topic(options.topic, options.create_topic ? IfAbsent::create : IfAbsent::refuse,
                                    client.deadline());
    if (!topic) return std::unexpected(topic.error());
    if (topic->partitions.empty()) return refuse(fmt::format("topic '{}' has no partitions", topic->name));
    return static_cast<int64_t>(topic->partitions.size());
}

Outcome<int> produce(Context& context, const ProduceOptions& options) {
    Interrupt::install();
    Input input;
    if (auto opened = input.open(options.file); !opened) return std::unexpected(opened.error());
    const auto partitions = partition_count(context, options);
    if (!partitions) return std::unexpected(partitions.error());
    if (options.partition >= *partitions) {
        return misuse(fmt::format("'{}' has no partition {}", options.topic, options.partition),
                      fmt::format("Its partitions are 0 to {}.", *partitions - 1));
    }
    auto client = SdkClient::create(context.globals, options.via);
    if (!client) return std::unexpected(client.error());
    auto sender = Sender::create(
        *client, {.topic = options.topic,
                  .acks = options.acks == "all" ? -1 : options.acks == "1" ? 1 : 0,
                  .compression = static_cast<penstock_compression>(*wire::parse_codec(options.compression)),
                  .batch_bytes = options.batch_bytes,
                  .linger = std::chrono::milliseconds(options.linger_ms),
                  .delivery_timeout = options.delivery_timeout});
    if (!sender) return std::unexpected(sender.error());
    if (input.fd() == STDIN_FILENO && ::isatty(STDIN_FILENO) == 1) {
        complain("Each line becomes a record. End with Ctrl-D.");
    }
    return ProduceRun(context, options, *client, *sender, input.fd()).run();
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
    add_via(*verb, options->via);
    verb->add_flag("--create-topic", options->create_topic, "Let the broker create the topic if it does not exist");
    add_examples(*verb,
                 "  echo 'Kick-off' | penstock produce games\n"
                 "  penstock produce games --file updates.txt --key-separator '|'\n"
                 "  seq 1000 | penstock produce numbers --partition 0 --compression zstd --acks 1\n"
                 "  seq 1000000 | penstock produce numbers --via udp\n"
                 "  tail -f app.log | penstock produce logs --header host=web-1 --linger-ms 50\n"
                 "\nExit code 1 if any record was not acknowledged.");
    verb->callback([options, &selected] { selected = [options](Context& c) { return produce(c, *options); }; });
}

}  // namespace penstock::cli
