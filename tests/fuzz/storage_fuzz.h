// What the storage fuzz targets share: a small valid data directory, left by a crash, of which each input gets a copy
// to put its bytes into; and the life that follows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "log/format.h"
#include "sim/directory.h"

namespace penstock::fuzz {

/// Shards of the directory, and of every life on it.
inline constexpr uint32_t shard_count = 2;

/// A copy of the directory as the crash left it.
std::unique_ptr<sim::Directory> copy_directory();

/// Of the run that crashed: what seals its commits and frames.
const log::Generation& generation();
const log::SuperBlock& super_block();

/// Takes bytes from the front; zeros when they have run out.
class Input {
public:
    Input(const uint8_t* data, size_t size) : bytes_(std::as_bytes(std::span(data, size))) {}
    template <std::integral T>
    T number() {
        std::byte raw[sizeof(T)] = {};
        const auto some = bytes(sizeof(T));
        std::ranges::copy(some, raw);
        return load_le<T>(raw);
    }
    std::span<const std::byte> bytes(size_t count) {
        const auto taken = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }
    size_t left() const { return bytes_.size(); }

private:
    std::span<const std::byte> bytes_;
};

/// Overwrites a part of a file, which grows if need be.
void overwrite(sim::Directory& directory, io::FileId file, uint64_t offset, std::span<const std::byte> bytes);

/// Opens it, reads and appends to all that came back, and stops. Whatever the bytes were, this ends, and either
/// recovery refuses with a reason or the stores answer; an endless life asserts.
void open_and_use(sim::Directory& directory);

}  // namespace penstock::fuzz
