// From arguments to an action, and from CLI11's errors to messages that name the nearest right word.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/suggest.h"

#ifndef PENSTOCK_VERSION
#error "the build gives PENSTOCK_VERSION"
#endif

namespace penstock::cli {

namespace {

constexpr const char* default_bootstrap = "127.0.0.1:9092";

/// The last subcommand that was recognised.
CLI::App& deepest(CLI::App& app) {
    CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
}

std::string full_name(CLI::App& app) {
    std::string name = app.get_name();
    for (CLI::App* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent()) {
        name = parent->get_name() + " " + name;
    }
    return name;
}

std::vector<std::string> option_names(CLI::App& app) {
    std::vector<std::string> names;
    for (CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
        for (const CLI::Option* option : at->get_options()) {
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
        }
    }
    return names;
}

std::vector<std::string> command_names(CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
        names.push_back(command->get_name());
    }
    return names;
}

std::string list(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

/// What to say about the first argument that nothing wanted.
Failure explain_extra(CLI::App& app, const std::vector<std::string>& extras) {
    CLI::App& command = deepest(app);
    std::string extra = extras.front();
    for (const std::string& candidate : extras) {
        if (candidate.starts_with('-')) {
            extra = candidate;
            break;
        }
    }
    const std::string see = fmt::format("See '{} --help'.", full_name(command));
    Failure failure{.message = {}, .kind = FailureKind::usage};
    if (extra.starts_with('-') && extra.size() > 1) {
        const std::string name = extra.substr(0, extra.find('='));
        failure.message = fmt::format("'{}' has no option '{}'", full_name(command), printable(name));
        failure.hint = did_you_mean(name, option_names(command));
    } else if (const auto names = command_names(command); !names.empty()) {
        failure.message = fmt::format("'{}' has no command '{}'", full_name(command), printable(extra));
        failure.hint = did_you_mean(extra, names);
        if (failure.hint.empty()) failure.hint = fmt::format("Commands are {}.", list(names));
    } else {
        failure.message = fmt::format("'{}' does not take the argument '{}'", full_name(command), printable(extra));
    }
    failure.hint += (failure.hint.empty() ? "" : " ") + see;
    return failure;
}

Failure explain(CLI::App& app, const CLI::ParseError& error) {
    CLI::App& command = deepest(app);
    const std::string see = fmt::format("See '{} --help'.", full_name(command));
    const std::vector<std::string> extras = app.remaining(true);
    const bool no_value = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr;
    if (!extras.empty() && !no_value && dynamic_cast<const CLI::ValidationError*>(&error) == nullptr) {
        return explain_extra(app, extras);
    }
    if (const auto names = command_names(command); !names.empty() && dynamic_cast<const CLI::RequiredError*>(&error)) {
        return {.message = fmt::format("'{}' needs a command: {}", full_name(command), list(names)),
                .hint = see,
                .kind = FailureKind::usage};
    }
    return {.message = printable(error.what()), .hint = see, .kind = FailureKind::usage};
}

/// CLI11's help, under the command's full name, and with a word on the options that every command takes.
std::string help_of(CLI::App& command) {
    if (command.get_parent() == nullptr) return command.help();
    std::string text = command.help(full_name(*command.get_parent()));
    const size_t examples = text.find("\nExamples:");
    text.insert(examples == std::string::npos ? text.size() : examples,
                "\nEvery command takes --bootstrap, --json and --timeout: see 'penstock --help'.\n");
    return text;
}

}  // namespace

void add_all(CLI::App& app, Globals& globals, Selected& selected) {
    app.fallthrough();
    app.require_subcommand(1);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const auto set_bootstrap = [&globals](const std::string& text) {
        auto addresses = parse_addresses(text);
        if (!addresses) {
            throw CLI::ValidationError("--bootstrap", addresses.error().message + ". " + addresses.error().hint);
        }
        globals.bootstrap = std::move(*addresses);
    };
    app.add_option_function<std::string>("--bootstrap,-b", set_bootstrap, "Brokers to ask first")
        ->type_name("HOST:PORT,…")
        ->envname("PENSTOCK_BOOTSTRAP")
        ->default_str(default_bootstrap);
    app.add_flag("--json", globals.json, "Print JSON instead of tables");
    add_duration(app, "--timeout", globals.timeout, std::chrono::milliseconds(1),
                 "Give up on an unanswered request after this");
    app.set_version_flag("--version", std::string("penstock ") + PENSTOCK_VERSION);
    add_topic(app, selected);
    add_produce(app, selected);
    add_consume(app, selected);
    add_group(app, selected);
    add_config(app, selected);
    add_partition(app, selected);
    add_broker(app, selected);
    add_cluster(app, selected);
    add_log(app, selected);
    add_bench(app, selected);
    add_doctor(app, selected);
    add_examples(app,
                 "  penstock cluster status\n"
                 "  penstock topic create games --partitions 3\n"
                 "  echo 'ham:ars|Kick-off' | penstock produce games --key-separator '|'\n"
                 "  penstock consume games --from-beginning --exit-at-end\n"
                 "  penstock group describe scores\n"
                 "  penstock --bootstrap kafka-1:9092,kafka-2:9092 topic list --json\n"
                 "\nExit codes: 0 done, 1 failed, 2 wrong usage ('cluster status' and 'doctor': by health).");
}

Outcome<Invocation> parse_arguments(std::vector<std::string> arguments) {
    Invocation invocation;
    invocation.globals.bootstrap = *parse_addresses(default_bootstrap);
    CLI::App app("Operate a Penstock cluster, or any that speaks Kafka's protocol", "penstock");
    add_all(app, invocation.globals, invocation.action);
    if (arguments.empty()) {
        return misuse("a command is needed: " + list(command_names(app)), "See 'penstock --help'.");
    }
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        invocation.text = help_of(deepest(app));
    } catch (const CLI::CallForAllHelp&) {
        invocation.text = app.help("", CLI::AppFormatMode::All);
    } catch (const CLI::CallForVersion& version) {
        invocation.text = std::string(version.what()) + "\n";
    } catch (const CLI::ParseError& error) {
        return std::unexpected(explain(app, error));
    }
    return invocation;
}

}  // namespace penstock::cli
