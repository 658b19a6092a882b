// How commands plug in: each noun has a file with one function that adds its verbs to the CLI11 application, and every
// verb, once parsed, becomes an Action that runs against a Context.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/values.h"

namespace CLI {
class App;
class Option;
}

namespace penstock::cli {

struct Globals {
    std::vector<Address> bootstrap;
    bool json = false;
    Duration timeout = std::chrono::seconds(10);
};

struct Context {
    const Globals& globals;
    Output& out;
};

/// Runs a command; the value is the exit code.
using Action = std::function<Outcome<int>(Context&)>;

/// Where a parsed verb puts its action.
using Selected = Action;

void add_topic(CLI::App& app, Selected& selected);
void add_produce(CLI::App& app, Selected& selected);
void add_consume(CLI::App& app, Selected& selected);
void add_group(CLI::App& app, Selected& selected);
void add_config(CLI::App& app, Selected& selected);
void add_partition(CLI::App& app, Selected& selected);
void add_broker(CLI::App& app, Selected& selected);
void add_cluster(CLI::App& app, Selected& selected);
void add_log(CLI::App& app, Selected& selected);
void add_bench(CLI::App& app, Selected& selected);
void add_doctor(CLI::App& app, Selected& selected);

/// What the arguments ask for: an action, or a text to print (help, version).
struct Invocation {
    Globals globals;
    Action action;
    std::string text;
};

/// `arguments` without the program's name. Failures are of kind usage.
Outcome<Invocation> parse_arguments(std::vector<std::string> arguments);

/// Builds all commands on `app`; for parse_arguments and for tests that walk the help.
void add_all(CLI::App& app, Globals& globals, Selected& selected);

}  // namespace penstock::cli
