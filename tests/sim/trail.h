// How to get to where we are: the seed, the program's options, and the crashes taken on the way. Printed when a run
// fails or aborts, so that one line replays it. Also the command line of the storage programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/crash.h"

namespace penstock::sim {

struct CrashStep {
    uint64_t cut = 0;  ///< how many disk events of that life had passed
    CrashChoice choice;
};

struct Trail {
    const char* mode = "";        ///< which of the program's runs
    uint64_t seed = 0;
    std::string options;          ///< of the program, as they are typed: "--events 1000"; empty: none
    std::vector<CrashStep> steps;
    std::string note;             ///< what is being done, for the reader
    bool hunting = false;         ///< a bug was put in: to fail is to find it, and ends the program with 0

    std::string text() const;     ///< "crash --from 7 --path 31:front/2/5,4:none"
    static bool parse_path(std::string_view text, std::vector<CrashStep>& out);
};

struct StorageArguments {
    uint64_t from = 1;
    uint64_t seeds = 0;           ///< 0: what the default run does
    std::vector<CrashStep> path;  ///< replay just this
    bool verbose = false;
    bool wrong = false;           ///< the command line was not understood
};

/// The main of a storage program: runs `run_seed` for the seeds asked for, or the default ones. Its exit code.
int run_seeds(const char* mode, uint64_t default_seeds, int argc, char** argv,
              void (*run_seed)(uint64_t seed, const StorageArguments& arguments));

/// Takes --from N, --seeds N, --path P and --verbose.
StorageArguments parse_storage_arguments(int argc, char** argv);

/// The run that is going on; one, as everything here is one thread.
Trail& trail();
/// Prints what is wrong and the line that replays it, and ends the program with 1, or with 0 if it was hunting.
[[noreturn]] void fail_run(const std::string& what);
/// Makes an abort (an assertion of the code under test) print the line, too.
void install_abort_report();

}  // namespace penstock::sim
