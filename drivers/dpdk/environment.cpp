#include "dpdk/environment.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace penstock::dpdk {

namespace {

/// What DPDK says at first: the reason of a failure is ours to say, in a line.
struct Said {
    static constexpr size_t bytes_max = 16 * 1024;
    std::string text;
    bool held = true;
};

Said& said() {
    static Said all;
    return all;
}

ssize_t take(void*, const char* bytes, size_t size) {
    if (!said().held) {
        std::fprintf(stderr, "dpdk: %.*s", static_cast<int>(size), bytes);
        return static_cast<ssize_t>(size);
    }
    const size_t room = Said::bytes_max - std::min(Said::bytes_max, said().text.size());
    said().text.append(bytes, std::min(size, room));
    return static_cast<ssize_t>(size);
}

/// A stream of the process while DPDK starts, which prints its usage where it is given a wrong word, and a verdict.
/// What others print meanwhile comes a moment later.
class HeldStream {
public:
    explicit HeldStream(FILE*& stream) : stream_(stream), real_(stream) {
        FILE* const held = ::open_memstream(&text_, &size_);
        if (held != nullptr) stream_ = held;
    }
    ~HeldStream() {
        release();
        if (size_ > 0) std::fwrite(text_, 1, size_, real_);
        std::free(text_);
    }
    HeldStream(const HeldStream&) = delete;
    HeldStream& operator=(const HeldStream&) = delete;

    /// What was printed, which nobody will see.
    std::string take() {
        release();
        return {text_, std::exchange(size_, 0)};
    }

private:
    void release() {
        if (stream_ != real_) std::fclose(std::exchange(stream_, real_));
    }

    FILE*& stream_;
    FILE* const real_;
    char* text_ = nullptr;
    size_t size_ = 0;
};

/// The first thing that it complained of, in a line: what follows are consequences.
std::string first_complaint(std::string_view text) {
    std::string_view line = text.substr(0, text.find('\n'));
    constexpr std::string_view prefix = "EAL: ";
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
    return std::string(line);
}

}  // namespace

Failure failure_of(std::string what, int code) {
    const int os_error = std::abs(code);
    return {{Errc::io, os_error}, std::move(what) + ": " + rte_strerror(os_error)};
}

Opened<std::unique_ptr<Environment>> Environment::start(const std::vector<std::string>& arguments) {
    // It keeps pointers, and changes their order.
    std::vector<std::string> words{"penstock"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    FILE* const log = ::fopencookie(nullptr, "w", {.write = take});
    if (log != nullptr) {
        std::setvbuf(log, nullptr, _IOLBF, 1024);
        rte_openlog_stream(log);
    }
    cpu_set_t cores;
    const bool known = ::sched_getaffinity(0, sizeof cores, &cores) == 0;
    HeldStream output(stdout), errors(stderr);
    rte_log_set_global_level(RTE_LOG_ERR);
    const int complains = std::exchange(opterr, 0);
    const int done = rte_eal_init(static_cast<int>(pointers.size()), pointers.data());
    const int error = rte_errno;
    opterr = complains;
    if (known) ::sched_setaffinity(0, sizeof cores, &cores);
    if (log != nullptr) std::fflush(log);
    if (done < 0) {
        output.take();
        std::string given;
        for (const std::string& word : arguments) given += " " + word;
        const std::string why = first_complaint(said().text + errors.take());
        return std::unexpected(Failure{{Errc::io, error}, "DPDK cannot start: " + why + " (its arguments:" + given +
            "; are there enough huge pages, sysctl vm.nr_hugepages=N, and has vfio-pci the device, penstock-bind?)"});
    }
    return std::unique_ptr<Environment>(new Environment);
}

std::string Environment::complaint() const { return first_complaint(said().text); }

void Environment::let_speak() { said().held = false; }

Environment::~Environment() { rte_eal_cleanup(); }

/// Refused, it works without.
void introduce_thread() {
    struct Introduced {
        Introduced() : here(rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0) {}
        ~Introduced() {
            if (here) rte_thread_unregister();
        }
        const bool here;   ///< not before
    };
    thread_local const Introduced introduced;
    static_cast<void>(introduced);
}

}  // namespace penstock::dpdk
