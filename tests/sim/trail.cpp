#include "trail.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace penstock::sim {

namespace {

bool parse_number(std::string_view text, uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

// Allocates, which a signal handler should not; but this one runs on a thread that called abort(), not inside malloc.
extern "C" void report_abort(int) {
    const std::string line = "replay: " + trail().text() + "\n";
    const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    (void)written;
    if (trail().hunting) std::_Exit(0);
    std::signal(SIGABRT, SIG_DFL);
}

}  // namespace

std::string Trail::text() const {
    std::string out = std::string(mode) + " --from " + std::to_string(seed) + " --seeds 1";
    if (!options.empty()) out += " " + options;
    for (size_t i = 0; i < steps.size(); ++i)
        out += (i == 0 ? " --path " : ",") + std::to_string(steps[i].cut) + ":" + steps[i].choice.text();
    return note.empty() ? out : out + "    # " + note;
}

bool Trail::parse_path(std::string_view text, std::vector<CrashStep>& out) {
    while (!text.empty()) {
        const std::string_view step = text.substr(0, text.find(','));
        text.remove_prefix(std::min(step.size() + 1, text.size()));
        const size_t colon = step.find(':');
        if (colon == std::string_view::npos) return false;
        CrashStep parsed;
        const auto choice = CrashChoice::parse(step.substr(colon + 1));
        if (!choice || !parse_number(step.substr(0, colon), parsed.cut)) return false;
        parsed.choice = *choice;
        out.push_back(parsed);
    }
    return true;
}

StorageArguments parse_storage_arguments(int argc, char** argv) {
    StorageArguments out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        if (name == "--verbose") {
            out.verbose = true;
            continue;
        }
        ++i;
        if (name == "--from") out.wrong |= !parse_number(value, out.from);
        else if (name == "--seeds") out.wrong |= !parse_number(value, out.seeds);
        else if (name == "--path") out.wrong |= !Trail::parse_path(value, out.path);
        else out.wrong = true;
    }
    if (out.wrong)
        std::fprintf(stderr, "arguments: [--from SEED] [--seeds COUNT] [--path CUT:CHOICE,...] [--verbose]\n");
    return out;
}

int run_seeds(const char* mode, uint64_t default_seeds, int argc, char** argv,
              void (*run_seed)(uint64_t seed, const StorageArguments& arguments)) {
    const StorageArguments arguments = parse_storage_arguments(argc, argv);
    if (arguments.wrong) return 2;
    trail().mode = mode;
    install_abort_report();
    const auto begun = std::chrono::steady_clock::now();
    const uint64_t seeds = arguments.seeds != 0 ? arguments.seeds : default_seeds;
    for (uint64_t seed = arguments.from; seed < arguments.from + seeds; ++seed) {
        trail().seed = seed;
        trail().steps.clear();
        trail().note.clear();
        run_seed(seed, arguments);
        if (!arguments.verbose) continue;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        std::printf("seed %lu done, %.1f s\n", seed, took.count());
        std::fflush(stdout);
    }
    return 0;
}

Trail& trail() {
    static Trail current;
    return current;
}

void fail_run(const std::string& what) {
    const char* verdict = trail().hunting ? "FOUND" : "FAILED";
    std::fprintf(stderr, "%s: %s\nreplay: %s\n", verdict, what.c_str(), trail().text().c_str());
    std::fflush(nullptr);
    std::_Exit(trail().hunting ? 0 : 1);
}

void install_abort_report() { std::signal(SIGABRT, report_abort); }

}  // namespace penstock::sim
