#include "dpdk/environment.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>

#include <cstdlib>

namespace penstock::dpdk {

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
    cpu_set_t cores;
    const bool known = ::sched_getaffinity(0, sizeof cores, &cores) == 0;
    const int done = rte_eal_init(static_cast<int>(pointers.size()), pointers.data());
    const int error = rte_errno;
    if (known) ::sched_setaffinity(0, sizeof cores, &cores);
    if (done < 0) {
        std::string given;
        for (const std::string& word : arguments) given += " " + word;
        return std::unexpected(failure_of("DPDK cannot start with the arguments" + given +
            " (are there enough huge pages, and are the devices bound to vfio-pci?)", error));
    }
    return std::unique_ptr<Environment>(new Environment);
}

Environment::~Environment() { rte_eal_cleanup(); }

}  // namespace penstock::dpdk
