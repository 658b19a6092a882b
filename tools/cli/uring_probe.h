// Sets io_uring up as a shard of the broker does, and lets it go again.
#pragma once

#include <string>

namespace penstock::cli {

struct UringProbe {
    std::string failure;  ///< why a shard could not start, with what to do; empty: it could
};

/// Raises this process's soft limit of open files to the hard one, as the broker does.
UringProbe probe_uring();

}  // namespace penstock::cli
