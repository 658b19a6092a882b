// The way of frames that are not ours to the kernel's stack, and of the kernel's frames out of our port: so TCP, ping
// and ssh reach the address that our datagrams have.
//
//     device -> link (any lane) -> to_kernel()  -> ring -> thread -> Tap -> kernel
//     device <- link of lane 0 <- from_kernel() <- ring <- thread <- Tap <- kernel
//
// The thread is its own, and all calls to the tap are its: a shard puts a frame into a ring, and only wakes the thread
// if that sleeps. It inherits what cores it may run on from who opens the path, and should not share one with a shard:
// who frees a frame waits for another one that was interrupted while it freed one.
// A frame that does not find room is lost, as any network may lose it, and counted; what the kernel sends waits in the
// kernel instead. Frames are an rte_mbuf each: who has the pointer frees it or passes it on. Those to the kernel are of
// a lane's pool, and so freed here, beside the lane's thread; those from it are of a pool of the path's own, so that
// lane 0 sends frames of two pools: no device may be told that a queue has but one (MBUF_FAST_FREE).
// Frames to the kernel lose their tag, and get the checksum that a neighbour on this machine did not fill in; those
// from it get the port's tag.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "dpdk/failure.h"
#include "dpdk/tap.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace penstock::dpdk {

struct ExceptionPathOptions {
    TapOptions tap;
    Vlan vlan = 0;
    uint32_t frames_sent = 1024;   ///< of the kernel's, that the device and the link of lane 0 hold at most
    std::string prefix;            ///< of the names, unique in the process, of what is made
};

struct ExceptionPathCounters {
    uint64_t to_kernel = 0, from_kernel = 0;   ///< frames
    uint64_t dropped = 0;                      ///< either way: no room, or the kernel did not take them
};

class ExceptionPath {
public:
    static constexpr uint32_t frames_max = 1024;   ///< that wait, each way
    static constexpr uint32_t burst_max = 32;      ///< that the thread moves in one go

    static Opened<std::unique_ptr<ExceptionPath>> open(const ExceptionPathOptions& options);
    /// When the device holds no frame of the kernel's any more, and nobody calls.
    ~ExceptionPath();
    ExceptionPath(const ExceptionPath&) = delete;
    ExceptionPath& operator=(const ExceptionPath&) = delete;

    /// Any lane's thread. Takes the frame, which is in one piece; false: and dropped it.
    bool to_kernel(rte_mbuf* frame);
    /// Lane 0's thread. How many frames there were: complete, to be sent as they are.
    size_t from_kernel(std::span<rte_mbuf*> out);

    ExceptionPathCounters counters() const;

private:
    explicit ExceptionPath(const ExceptionPathOptions& options) : options_(options) {}
    Opened<void> start();

    // The thread.
    void run();
    size_t write_to_tap();
    size_t read_from_tap();
    void sleep();

    void wake();

    const ExceptionPathOptions options_;
    std::unique_ptr<Tap> tap_;
    int eventfd_ = -1;
    rte_mempool* pool_ = nullptr;
    rte_ring* to_kernel_ = nullptr;
    rte_ring* from_kernel_ = nullptr;

    // The thread's.
    rte_mbuf* spare_ = nullptr;   ///< to read into
    bool has_room_ = true;        ///< for what the kernel sends
    bool tap_gone_ = false;

    alignas(64) std::atomic<bool> sleeps_ = false;
    std::atomic<bool> stopping_ = false;
    std::atomic<uint64_t> frames_to_kernel_ = 0, frames_from_kernel_ = 0, dropped_ = 0;
    std::thread thread_;
};

}  // namespace penstock::dpdk
