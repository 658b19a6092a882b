#include "cli/confirm.h"

#include <unistd.h>

namespace penstock::cli {

Outcome<void> confirm(const std::string& consequence) {
    return confirm(consequence, STDIN_FILENO, STDERR_FILENO, ::isatty(STDIN_FILENO) == 1);
}

Outcome<void> confirm(const std::string& consequence, int in, int out, bool terminal) {
    if (!terminal) return misuse(consequence, "Nobody is there to be asked: give --yes if that is what you want.");
    const std::string question = consequence + "\nType 'yes' to go on: ";
    if (::write(out, question.data(), question.size()) < 0) return refuse("cannot ask");
    std::string answer;
    char byte = 0;
    while (answer.size() < 64 && ::read(in, &byte, 1) == 1 && byte != '\n') answer += byte;
    if (answer == "yes") return {};
    return refuse("nothing was changed");
}

}  // namespace penstock::cli
