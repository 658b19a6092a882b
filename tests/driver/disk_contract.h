// What every io::Disk must do, as tests that a driver's own test file instantiates with its name and its world.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"

namespace penstock::tests {

/// An empty data directory and the disk on it.
class DiskWorld {
public:
    virtual ~DiskWorld() = default;
    virtual io::Disk& disk() = 0;
    /// Ends the disk in an orderly way and opens the same directory again.
    virtual void reopen() = 0;
};

struct DiskDriver {
    const char* name;
    std::unique_ptr<DiskWorld> (*make)();  ///< null where the machine lacks what it takes: the test is skipped
};

/// Block-aligned memory.
class Blocks {
public:
    explicit Blocks(size_t blocks)
        : size_(blocks * io::block_size),
          data_(static_cast<std::byte*>(std::aligned_alloc(io::block_size, size_))) {}
    std::byte* data() { return data_.get(); }
    std::span<std::byte> block(size_t i) { return {data() + i * io::block_size, io::block_size}; }
    std::span<std::byte> all() { return {data(), size_}; }
    io::MutableFragment fragment(size_t from = 0, size_t count = SIZE_MAX) {
        const size_t at = from * io::block_size;
        return {data() + at, static_cast<uint32_t>(count == SIZE_MAX ? size_ - at : count * io::block_size)};
    }

private:
    struct Free {
        void operator()(std::byte* p) const { std::free(p); }
    };
    size_t size_;
    std::unique_ptr<std::byte, Free> data_;
};

class DiskContract : public testing::TestWithParam<DiskDriver> {
protected:
    void SetUp() override;
    io::Disk& disk() { return world_->disk(); }

    io::DiskCompletion run(io::DiskOpKind kind, io::FileId file, uint64_t offset = 0,
                           std::span<const io::MutableFragment> fragments = {});
    io::DiskCompletion write(io::FileId file, uint64_t offset, io::MutableFragment fragment);
    io::DiskCompletion read(io::FileId file, uint64_t offset, io::MutableFragment fragment);
    /// Submits all, however often it takes, and collects all completions by token.
    std::map<uint64_t, io::DiskCompletion> run_all(std::span<const io::DiskOp> ops);

    std::unique_ptr<DiskWorld> world_;
    uint64_t next_token_ = 1;
};

inline std::string disk_driver_name(const testing::TestParamInfo<DiskDriver>& info) { return info.param.name; }

}  // namespace penstock::tests
