// The data directory of a shard through io_uring: O_DIRECT reads and writes, RWF_DSYNC where they must be durable.
//
// Stepped by its Ring, on the ring's thread. Files are opened on demand into the ring's registered-file table and stay
// there until others need the slot, so the number of files is not bound by the number of descriptors.
// Invariant: an operation completes once, whole or with an error; the driver continues short transfers by itself.
// The destructor waits for the operations under way, because the kernel still writes into their memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/disk.h"
#include "socket/failure.h"
#include "uring/directory.h"
#include "uring/file_table.h"
#include "uring/ring.h"

struct iovec;

namespace penstock::uring {

struct DiskOptions {
    uint32_t operations_max = 256;    ///< under way or finished and not polled; submit() takes no more
    uint32_t files_open_max = 4096;   ///< less when the limit of descriptors is lower
};

struct DiskCounters {
    uint64_t opens = 0;             ///< files opened into a slot
    uint64_t continuations = 0;     ///< transfers that came back short
    uint64_t retries = 0;           ///< EAGAIN and EINTR
};

class Disk final : public io::Disk, private RingClient {
public:
    /// One Disk to a Ring. Both arguments must outlive it.
    static socket::Opened<std::unique_ptr<Disk>> create(Ring& ring, const DataDirectory& directory,
                                                const DiskOptions& options = {});
    ~Disk() override;

    size_t submit(std::span<const io::DiskOp> ops) override;
    size_t poll(std::span<io::DiskCompletion> out) override;
    void wait() override;
    Result<std::vector<io::FileEntry>> list() override;
    Result<io::DiskSpace> space() override;

    const DiskCounters& counters() const { return counters_; }

private:
    static constexpr uint32_t none = UINT32_MAX;
    enum class Step : uint8_t { transfer, sync_file, sync_folder, unlink };
    enum class Target : uint8_t { operation, open, close };
    struct Operation;
    struct File {
        bool open = false;
        bool create = false;
        uint8_t attempts = 0;
        uint32_t waiting = none;  ///< operations that wait for it to open, a list through `next`
        io::FileId id;
        char name[DataDirectory::name_size] = {};
    };

    Disk(Ring& ring, const DataDirectory& directory, const DiskOptions& options, uint32_t slot_count);
    void on_submit() override {}
    void on_complete(uint64_t data, int32_t result, uint32_t flags) override;
    bool has_events() const override { return finished_head_ != none; }
    io_uring_sqe* next_sqe(Target target, uint32_t index);

    bool start(const io::DiskOp& op);
    bool start_on_file(uint32_t index);
    void start_remove(uint32_t index);
    void open_file(uint32_t slot);
    void on_opened(uint32_t slot, int32_t result);
    void close_file(uint32_t slot);

    void issue(uint32_t index);
    void issue_transfer(uint32_t index);
    void on_operation(uint32_t index, int32_t result);
    void on_read(uint32_t index, uint32_t bytes);
    void on_written(uint32_t index, uint32_t bytes);
    void finish(uint32_t index);
    void finish(uint32_t index, Errc code, int32_t os_error);
    void push_finished(uint32_t index);

    Ring& ring_;
    const DataDirectory& directory_;
    uint8_t client_ = 0;
    FileTable table_;
    std::vector<File> files_;            ///< by slot
    std::vector<Operation> operations_;
    std::unique_ptr<iovec[]> vectors_;   ///< max_fragments for each operation; touched only by those with several
    uint32_t free_ = none;               ///< operations, a list through `next`
    uint32_t finished_head_ = none, finished_tail_ = none;
    uint32_t under_way_ = 0;             ///< entries given to the ring and not completed
    DiskCounters counters_;
};

}  // namespace penstock::uring
