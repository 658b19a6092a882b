// Kafka's four codecs, both ways, over whole blocks.
//
// gzip: one gzip member or several. snappy: written in the framing of Java's library (blocks of 32 KiB), read with and
// without it. lz4: the frame format with independent blocks, the only ones that Java reads. zstd: one frame or several.
// Decompression writes at most as many bytes as it is told, and takes memory in that order, whatever the input claims:
// a bomb is an error, and a zstd window costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/batch.h"

namespace penstock::wire {

/// "none", "gzip", "snappy", "lz4", "zstd".
std::string_view to_string(Codec codec) noexcept;
std::optional<Codec> parse_codec(std::string_view name) noexcept;

/// Appends the compressed form of `input` to `out`. Codec::none copies. Fails (Errc::failed) only without memory.
Result<void> compress(Codec codec, std::span<const std::byte> input, std::vector<std::byte>& out);

/// Appends the decompressed form to `out`, at most `bytes_max` more bytes. malformed: not in that format, or cut off;
/// too_large: it would be more; unsupported: a codec that nobody defined.
Result<void> decompress(Codec codec, std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out);

}  // namespace penstock::wire
