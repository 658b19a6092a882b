// The thread of one shard: its ring, its drivers and the loop around Shard::turn(), with an idle strategy.
//
// Made and joined by main. The ring and what lives on it are built and destroyed on the thread itself. All shards of a
// process share a ShardGroup: wakers to reach each other, and the steps of a graceful stop, which they take together.
#pragma once

#include <atomic>
#include <barrier>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/histogram.h"
#include "dpdk/device.h"
#include "main/settings.h"
#include "shard/shard.h"
#include "uring/directory.h"
#include "uring/link.h"
#include "uring/ring.h"
#include "uring/stream.h"

namespace penstock {

/// What the threads share. Everything in it is safe to use from any of them.
class ShardGroup {
public:
    explicit ShardGroup(uint32_t shard_count);

    shard::Mailboxes mailboxes;
    /// A shard's waker, null until its thread has made its ring.
    std::vector<std::atomic<uring::Waker*>> wakers;
    std::atomic<bool> leaving{false};           ///< the broker wants to stop, and asks others to take over
    std::atomic<bool> may_stop{false};          ///< the wait for that is over; shard 0 said why
    std::atomic<bool> stopping{false};
    std::atomic<uint32_t> requests_stopped{0};  ///< shards that have no requests under way any more
    std::atomic<uint32_t> stores_stopped{0};    ///< shards whose store has drained
    std::atomic<bool> failed{false};            ///< a shard gave up and said why
    /// Of the shards and stop(): before it nobody may destroy a ring, which others may still wake.
    std::barrier<> end;

    void wake(uint32_t shard);
    void wake_all();
    /// Before stop(), from any thread but a shard's: others are to take over, meanwhile everything goes on.
    void leave();
    /// Once, from any thread but a shard's. The threads end only after it.
    void stop();
};

struct ShardThreadOptions {
    shard::ShardOptions shard;
    uring::StreamOptions streams;
    std::optional<io::Address> native;          ///< where this shard takes datagrams; none: there is only TCP
    uring::LinkOptions link;                    ///< of the datagrams, with what follows
    dpdk::Device* device = nullptr;             ///< that carries them instead of the kernel; must outlive the thread
    transport::StreamsOptions native_streams;
    std::optional<transport::StreamsOptions> node_streams;   ///< to other nodes: all shards replicate
    IdleStrategy idle = IdleStrategy::block;
    std::optional<uint32_t> core;               ///< to pin to
};

class ShardThread {
public:
    /// Starts the thread and waits until it has its drivers and listens, where port 0 asks for it.
    ShardThread(ShardThreadOptions options, log::StoreImage image, const uring::DataDirectory& directory,
                ShardGroup& group);
    ~ShardThread();  ///< joins
    ShardThread(const ShardThread&) = delete;
    ShardThread& operator=(const ShardThread&) = delete;

    /// The port that is listened on, also where the kernel chose it.
    uint16_t port() const { return options_.shard.broker.listen.port; }
    /// The same of datagrams; 0: it takes none.
    uint16_t native_port() const { return options_.native ? options_.native->port : uint16_t{0}; }
    /// Why it could not start; empty if it did. A thread that did not start waits for the group to stop.
    const std::string& failure() const { return failure_; }

private:
    void run();
    std::string run_shard();
    socket::Opened<std::unique_ptr<io::Link>> make_native_link(uring::Ring& ring) const;
    socket::Opened<std::unique_ptr<io::Link>> make_node_link(uring::Ring& ring) const;
    void loop(shard::Shard& shard, uring::Ring& ring);
    void idle(uring::Ring& ring, const shard::TurnResult& turned, Nanos now);
    void take_leave_steps(shard::Shard& shard);
    bool take_stop_steps(shard::Shard& shard, Nanos now);
    void report(const shard::Shard& shard, Nanos now);
    void report_link(const shard::ClusterSeat& seat);
    void report_turns() const;
    void report_rot(const log::StoreCounters& counters, Nanos now);
    uint32_t shard_number() const { return options_.shard.broker.shard; }
    void started(std::string failure);

    ShardThreadOptions options_;
    log::StoreImage image_;
    const uring::DataDirectory& directory_;
    ShardGroup& group_;
    std::string failure_;
    std::atomic<bool> started_{false};

    // The thread's own.
    Nanos last_work_{0};
    Histogram turns_ns_;   ///< how long those took that had something to do: what everybody else waited
    bool leave_seen_ = false, leave_ended_ = false;
    bool stop_seen_ = false, requests_stopped_ = false, store_stop_begun_ = false;
    bool serving_reported_ = false;
    uint64_t rot_reported_ = 0, repairs_reported_ = 0;   ///< what the counters said then
    Nanos rot_report_at_{0};
    uint64_t link_changes_reported_ = 0;
    std::set<std::string> refusals_reported_;   ///< since the last registration
    std::thread thread_;
};

}  // namespace penstock
