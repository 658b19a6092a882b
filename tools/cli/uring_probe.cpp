#include "cli/uring_probe.h"

#include "uring/receive_pool.h"
#include "uring/ring.h"

namespace penstock::cli {

UringProbe probe_uring() {
    const auto ring = uring::Ring::create();
    if (!ring) return {ring.error().detail};
    // What needs the newest kernel of all that is set up at start: buffers that the kernel picks from.
    const auto pool = uring::ReceivePool::create(**ring, 0, 16, 4096);
    if (!pool) return {pool.error().detail};
    return {};
}

}  // namespace penstock::cli
