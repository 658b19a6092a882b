// penstock consume: records to lines
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/group_reader.h"
#include "cli/offsets.h"
#include "cli/options.h"
#include "cli/start_offset.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

constexpr Duration look_up = std::chrono::milliseconds(250);  // how often a silent consumer checks on its reader

struct ConsumeOptions {
    std::string topic;
    std::string group;                ///< empty: none
    StartOffset start;
    std::vector<int64_t> partitions;  ///< empty: all
    int64_t count = -1;
    std::string format = "%v\\n";
    bool exit_at_end = false;
    std::string via = "tcp";
};

Outcome<std::vector<ReadPosition>> start_positions(Client& client, const ConsumeOptions& options, Deadline deadline) {
    const auto topic = client.topic(options.topic, IfAbsent::refuse, deadline);
    if (!topic) return std::unexpected(topic.error());
    const auto partitions = chosen_partitions(*topic, options.partitions);
    if (!partitions) return std::unexpected(partitions.error());
    const auto ask = [&](int64_t timestamp) {
        return list_offsets(client, options.topic, *partitions, timestamp, deadline);
    };
    const auto start = ask(wire::kafka::earliest_timestamp);
    if (!start) return std::unexpected(start.error());
    const auto end = ask(wire::kafka::latest_timestamp);
    if (!end) return std::unexpected(end.error());
    std::map<int32_t, int64_t> at_time;
    if (options.start.kind == StartOffset::Kind::timestamp) {
        auto found = ask(options.start.number);
        if (!found) return std::unexpected(std::move(found.error()));
        at_time = std::move(*found);
    }
    std::vector<ReadPosition> positions;
    for (const int32_t p : *partitions) {
        const int64_t timed = at_time.contains(p) ? at_time[p] : -1;
        const auto next = resolve(options.start, start->at(p), end->at(p), timed);
        if (!next) {
            Failure failure = next.error();
            failure.message = fmt::format("{}/{}: {}", options.topic, p, failure.message);
            return std::unexpected(std::move(failure));
        }
        positions.push_back({.partition = p, .next = *next, .end = end->at(p)});
    }
    return positions;
}

/// Until the end, the count, Ctrl-C or a reader that has gone; `step` is Reader's or GroupReader's.
template <class Step>
Outcome<int> print_all(Context& context, const ConsumeOptions& options, const RecordFormat& format, Step step) {
    int64_t seen = 0;
    std::string line;
    const RecordVisitor print = [&](const ShownRecord& record) {
        line.clear();
        if (context.globals.json) print_json(record, line);
        else format.print(record, line);
        context.out.write(line);
        ++seen;
        return seen != options.count && !context.out.closed();
    };
    while (true) {
        const Outcome<bool> done = step(Clock::now() + look_up, print);
        context.out.flush();
        if (!done) {
            // Ctrl-C is how one leaves a consumer that has no end.
            if (done.error().kind == FailureKind::interrupted) return exit_ok;
            return std::unexpected(done.error());
        }
        if (*done || context.out.reader_gone()) return exit_ok;
    }
}

Outcome<int> consume_in_group(Context& context, Client& client, const ConsumeOptions& options,
                              const RecordFormat& format) {
    if (auto topic = client.topic(options.topic, IfAbsent::refuse, client.deadline()); !topic)
        return std::unexpected(std::move(topic.error()));
    if (options.count == 0) return exit_ok;
    auto sdk = SdkClient::create(context.globals, options.via);
    if (!sdk) return std::unexpected(std::move(sdk.error()));
    auto reader = GroupReader::create(client, *sdk, {.group = options.group, .topic = options.topic,
                                                     .start = options.start, .stop_at_end = options.exit_at_end});
    if (!reader) return std::unexpected(std::move(reader.error()));
    const auto result = print_all(context, options, format, [&](Deadline until, const RecordVisitor& print) {
        return reader->step(until, print);
    });
    // What was printed is committed, and the others learn at once, however it ended.
    Interrupt::acknowledge();
    const auto finished = reader->finish();
    if (result && !finished) return std::unexpected(finished.error());
    return result;
}

Outcome<int> consume(Context& context, const ConsumeOptions& options) {
    Interrupt::install();
    const auto format = RecordFormat::parse(options.format);
    if (!format) return std::unexpected(format.error());
    Client client(context.globals);
    if (!options.group.empty()) return consume_in_group(context, client, options, *format);
    auto positions = start_positions(client, options, client.deadline());
    if (!positions) return std::unexpected(std::move(positions.error()));
    if (options.count == 0) return exit_ok;
    auto sdk = SdkClient::create(context.globals, options.via);
    if (!sdk) return std::unexpected(std::move(sdk.error()));
    const penstock_consumer_options defaults = PENSTOCK_CONSUMER_OPTIONS_INIT;
    auto reader = Reader::create(client, *sdk, options.topic, defaults);
    if (!reader) return std::unexpected(std::move(reader.error()));
    if (auto assigned = (*reader)->assign(*positions, options.exit_at_end); !assigned) {
        return std::unexpected(std::move(assigned.error()));
    }
    return print_all(context, options, *format, [&](Deadline until, const RecordVisitor& print) {
        return (*reader)->step(until, print);
    });
}

void add_start_options(CLI::App& verb, const std::shared_ptr<ConsumeOptions>& options) {
    const auto set_offset = [options](const std::string& text) {
        const auto start = StartOffset::parse(text);
        if (!start) throw CLI::ValidationError("--offset", start.error().message);
        options->start = *start;
    };
    CLI::Option* offset = verb.add_option_function<std::string>("--offset,-o", set_offset,
                                                                "earliest, latest, an offset, -N (the last N of each\n"
                                                                "partition), @Unix-ms or @2026-11-22T16:00:00Z")
                              ->type_name("OFFSET")
                              ->default_str("latest");
    const auto set_beginning = [options](int64_t) { options->start.kind = StartOffset::Kind::earliest; };
    verb.add_flag_function("--from-beginning", set_beginning, "The same as --offset earliest")->excludes(offset);
}

}  // namespace

void add_consume(CLI::App& app, Selected& selected) {
    auto options = std::make_shared<ConsumeOptions>();
    CLI::App* verb = app.add_subcommand("consume", "Print records, and wait for more until Ctrl-C");
    add_topic_name(*verb, options->topic);
    add_start_options(*verb, options);
    CLI::Option* partitions = add_partitions(*verb, options->partitions);
    verb->add_option("--group,-g", options->group,
                     "Read as a member of this group: go on where it has come to\n"
                     "(else at --offset), share partitions with other members, commit")
        ->type_name("NAME")
        ->check(CLI::Validator(
            [](std::string& id) { return id.empty() ? "a group id cannot be empty" : std::string{}; }, ""))
        ->excludes(partitions);
    add_number(*verb, "--count,-n", options->count, 0, INT64_MAX, "Stop after so many records", false);
    verb->add_flag("--exit-at-end,-e", options->exit_at_end, "Stop at what is the end of each partition now");
    add_via(*verb, options->via);
    const auto set_format = [options](const std::string& text) {
        if (const auto parsed = RecordFormat::parse(text); !parsed) {
            throw CLI::ValidationError("--format", parsed.error().message + ". " + parsed.error().hint);
        }
        options->format = text;
    };
    verb->add_option_function<std::string>("--format,-f", set_format,
                                           "How to print a record: %v value, %k key, %t topic, %p partition,\n"
                                           "%o offset, %T timestamp in ms, %h headers, %V and %K sizes in bytes,\n"
                                           "%% a percent sign; \\n \\t \\r \\0 \\\\ \\xHH")
        ->type_name("TEXT")
        ->default_str(options->format);
    add_examples(*verb,
                 "  penstock consume games --from-beginning --exit-at-end\n"
                 "  penstock consume games --partition 0 --offset 100 --count 10\n"
                 "  penstock consume games --group scores --from-beginning\n"
                 "  penstock consume games --via udp\n"
                 "  penstock consume games --offset @2026-11-22T16:00:00Z --format '%p:%o %k = %v\\n'\n"
                 "  penstock consume games --from-beginning --json | jq .value");
    verb->callback([options, &selected] { selected = [options](Context& c) { return consume(c, *options); }; });
}

}  // namespace penstock::cli
