#include <CLI/CLI.hpp>

#include <gtest/gtest.h>

#include "cli/command.h"
#include "contains.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

Invocation good(const Words& words) {
    auto parsed = parse_arguments(words);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    return parsed ? std::move(*parsed) : Invocation{};
}

/// The failure's message and hint in one.
std::string bad(const Words& words) {
    const auto parsed = parse_arguments(words);
    EXPECT_FALSE(parsed);
    if (parsed) return {};
    EXPECT_EQ(parsed.error().kind, FailureKind::usage);
    return parsed.error().message + " | " + parsed.error().hint;
}

TEST(Arguments, DefaultsAndGlobals) {
    const auto plain = good({"topic", "list"});
    EXPECT_EQ(plain.globals.bootstrap, (std::vector<Address>{{"127.0.0.1", 9092}}));
    EXPECT_FALSE(plain.globals.json);
    EXPECT_EQ(plain.globals.timeout, 10s);
    EXPECT_TRUE(plain.action);
    // Globals are taken before and behind the command.
    for (const Words& words : {Words{"--json", "--bootstrap", "a:1,b:2", "--timeout", "500ms", "topic", "list"},
                               Words{"topic", "list", "--json", "-b", "a:1,b:2", "--timeout=500ms"}}) {
        const auto given = good(words);
        EXPECT_EQ(given.globals.bootstrap, (std::vector<Address>{{"a", 1}, {"b", 2}}));
        EXPECT_TRUE(given.globals.json);
        EXPECT_EQ(given.globals.timeout, 500ms);
    }
}

TEST(Arguments, BootstrapFromTheEnvironment) {
    ::setenv("PENSTOCK_BOOTSTRAP", "env:1234", 1);
    EXPECT_EQ(good({"topic", "list"}).globals.bootstrap, (std::vector<Address>{{"env", 1234}}));
    EXPECT_EQ(good({"topic", "list", "-b", "arg:1"}).globals.bootstrap, (std::vector<Address>{{"arg", 1}}));
    ::unsetenv("PENSTOCK_BOOTSTRAP");
}

TEST(Arguments, EveryExampleOfEveryHelpParses) {
    Globals globals;
    Selected selected;
    CLI::App app("", "penstock");
    add_all(app, globals, selected);
    size_t examples = 0;
    const std::function<void(CLI::App&)> walk = [&](CLI::App& command) {
        const std::string footer = command.get_footer();
        EXPECT_TRUE(footer.starts_with("Examples:\n")) << command.get_name();
        std::istringstream lines(footer);
        for (std::string line; std::getline(lines, line);) {
            const size_t begin = line.find("penstock ");
            if (!line.starts_with("  ") || begin == std::string::npos) continue;
            std::string call = line.substr(begin + 9);
            call = call.substr(0, call.find_first_of(">#;"));
            call = call.substr(0, call.find(" | "));
            if (call.find("$") != std::string::npos) continue;
            Words words = CLI::detail::split_up(call);
            for (std::string& word : words) CLI::detail::remove_quotes(word);
            const auto parsed = parse_arguments(words);
            EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().message);
            ++examples;
        }
        for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) walk(*sub);
    };
    walk(app);
    EXPECT_GT(examples, 20u);
}

TEST(Arguments, HelpNamesTheWholeCommandAndIsNotAFailure) {
    const auto help = good({"topic", "create", "--help"});
    EXPECT_FALSE(help.action);
    EXPECT_TRUE(contains(help.text, "Usage: penstock topic create"));
    EXPECT_TRUE(contains(help.text, "Examples:"));
    EXPECT_TRUE(contains(help.text, "--bootstrap"));
    EXPECT_TRUE(contains(good({"--version"}).text, "penstock "));
}

TEST(Arguments, WrongCommandsGetASuggestion) {
    EXPECT_TRUE(contains(bad({"topci", "list"}), "Did you mean 'topic'?"));
    EXPECT_TRUE(contains(bad({"topic", "lst"}), "Did you mean 'list'?"));
    EXPECT_TRUE(contains(bad({"bench", "prodcue"}), "Did you mean 'produce'?"));
    EXPECT_TRUE(contains(bad({"frobnicate"}), "Commands are topic"));
    EXPECT_TRUE(contains(bad({}), "penstock --help"));
    EXPECT_TRUE(contains(bad({"topic"}), "'penstock topic' needs a command: create"));
}

TEST(Arguments, WrongOptionsGetASuggestion) {
    EXPECT_TRUE(contains(bad({"consume", "games", "--from-begining"}), "Did you mean '--from-beginning'?"));
    EXPECT_TRUE(contains(bad({"consume", "games", "--ofset", "5"}), "Did you mean '--offset'?"));
    EXPECT_TRUE(contains(bad({"topic", "list", "--bootsrap=x:1"}), "Did you mean '--bootstrap'?"));
    EXPECT_TRUE(contains(bad({"produce", "games", "--compression", "zstandard"}), "zstd"));
    EXPECT_TRUE(contains(bad({"produce", "games", "--compression", "snapy"}), "Did you mean 'snappy'?"));
    EXPECT_TRUE(contains(bad({"topic", "list", "games"}), "does not take the argument 'games'"));
}

TEST(Arguments, WrongValuesSayWhatIsExpected) {
    EXPECT_TRUE(contains(bad({"topic", "create", "bad name"}), "letters, digits"));
    EXPECT_TRUE(contains(bad({"topic", "create", ".."}), "cannot be a topic name"));
    EXPECT_TRUE(contains(bad({"topic", "create", std::string(250, 'a')}), "at most 249"));
    EXPECT_TRUE(contains(bad({"topic", "create", "a", "--partitions", "0"}), "outside 1 to"));
    EXPECT_TRUE(contains(bad({"topic", "create", "a", "--partitions", "x"}), "not a whole number"));
    EXPECT_TRUE(contains(bad({"topic", "create", "a", "--config", "x"}), "NAME=VALUE"));
    EXPECT_TRUE(contains(bad({"topic", "create"}), "TOPIC is required"));
    EXPECT_TRUE(contains(bad({"topic", "list", "--timeout", "soon"}), "not a duration"));
    EXPECT_TRUE(contains(bad({"topic", "list", "--bootstrap", "host:x"}), "not a port"));
    EXPECT_TRUE(contains(bad({"topic", "list", "--bootstrap"}), "--bootstrap"));
    EXPECT_TRUE(contains(bad({"consume", "a", "--offset", "x"}), "not an offset"));
    EXPECT_TRUE(contains(bad({"consume", "a", "--offset", "1", "--from-beginning"}), "exclude"));
    EXPECT_TRUE(contains(bad({"consume", "a", "--format", "%q"}), "unknown field"));
    EXPECT_TRUE(contains(bad({"produce", "a", "--batch-bytes", "many"}), "not a size"));
    EXPECT_TRUE(contains(bad({"produce", "a", "--batch-bytes", "1TiB"}), "outside 1 to 64MiB"));
}

TEST(Arguments, NamesThatLookLikeCommandsOrNumbersAreTopics) {
    EXPECT_TRUE(good({"topic", "describe", "list"}).action);
    EXPECT_TRUE(good({"topic", "delete", "create", "topic"}).action);
    EXPECT_TRUE(good({"consume", "produce", "--offset", "-5"}).action);
}

TEST(Arguments, ControlCharactersDoNotReachTheTerminal) {
    EXPECT_FALSE(contains(bad({"\x1b[31mtopic"}), "\x1b"));
    EXPECT_FALSE(contains(bad({"topic", "list", "--\x1b[31m"}), "\x1b"));
    EXPECT_FALSE(contains(bad({"topic", "create", "a", "--partitions", "\x1b[31m"}), "\x1b"));
}

}  // namespace
}  // namespace penstock::cli
