// Blocking one-line disk operations, for tests: each submits one operation and waits for it.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "io/disk.h"
#include "sim/disk.h"

namespace penstock::sim {

struct FreeMemory {
    void operator()(std::byte* at) const { std::free(at); }
};

/// Aligned memory of whole blocks, every byte `fill`.
class Buffer {
public:
    explicit Buffer(size_t blocks, uint8_t fill = 0)
        : size_(blocks * io::block_size),
          bytes_(static_cast<std::byte*>(std::aligned_alloc(io::block_size, size_))) {
        std::memset(bytes_.get(), fill, size_);
        fragment_ = {bytes_.get(), static_cast<uint32_t>(size_)};
    }
    std::byte* data() const { return bytes_.get(); }
    size_t size() const { return size_; }
    std::span<const io::MutableFragment> fragments() const { return {&fragment_, 1}; }
    bool all(uint8_t value) const {
        for (size_t i = 0; i < size_; ++i)
            if (bytes_.get()[i] != std::byte{value}) return false;
        return true;
    }

private:
    size_t size_;
    std::unique_ptr<std::byte, FreeMemory> bytes_;
    io::MutableFragment fragment_;
};

inline io::DiskCompletion finish(Disk& disk) {
    io::DiskCompletion completion;
    disk.wait();
    disk.poll({&completion, 1});
    return completion;
}

inline io::DiskCompletion run(Disk& disk, const io::DiskOp& op) {
    disk.submit({&op, 1});
    return finish(disk);
}

inline io::DiskCompletion write(Disk& disk, io::FileId file, uint64_t block, const Buffer& buffer,
                                io::DiskOpKind kind = io::DiskOpKind::write) {
    return run(disk, {.kind = kind, .file = file, .offset = block * io::block_size, .fragments = buffer.fragments()});
}

inline io::DiskCompletion read(Disk& disk, io::FileId file, uint64_t block, const Buffer& buffer) {
    return write(disk, file, block, buffer, io::DiskOpKind::read);
}

inline io::DiskCompletion create(Disk& disk, io::FileId file) {
    return run(disk, {.kind = io::DiskOpKind::create, .file = file});
}

}  // namespace penstock::sim
