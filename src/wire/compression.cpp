#include "wire/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "base/bytes.h"

namespace penstock::wire {

namespace {

constexpr size_t input_bytes_max = std::numeric_limits<int32_t>::max();  // Kafka's lengths and zlib's counts

// The end of a vector that grows as a stream is decompressed into it, never beyond its bound. It asks for one byte more
// than the bound, so that a stream which fills it exactly can still be told from one that goes on.
class Output {
public:
    Output(std::vector<std::byte>& out, size_t expected, size_t bytes_max)
        : out_(out), start_(out.size()), used_(out.size()), end_max_(out.size() + bytes_max + 1) {
        out_.resize(std::min(end_max_, start_ + std::max<size_t>(expected, 4096)));
    }
    ~Output() { out_.resize(used_); }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // Where to write next; never empty unless over().
    std::span<std::byte> room() {
        if (used_ == out_.size()) out_.resize(std::min(end_max_, start_ + 2 * (out_.size() - start_)));
        return std::span(out_).subspan(used_);
    }
    void written(size_t bytes) { used_ += bytes; }
    bool over() const { return used_ == end_max_; }
    // On error nothing is appended.
    std::unexpected<Error> fail(Errc code) {
        used_ = start_;
        return penstock::fail(code);
    }

private:
    std::vector<std::byte>& out_;
    size_t start_;
    size_t used_;
    size_t end_max_;
};

char* chars(std::byte* bytes) { return reinterpret_cast<char*>(bytes); }
const char* chars(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }

// What records usually shrink to; only a first guess of the room to take.
size_t expected_size(std::span<const std::byte> input, size_t bytes_max) {
    return std::min(bytes_max, 4 * input.size());
}

// Makes room for `bytes` behind out's end; `take` writes there and answers how many, or 0 for failure.
template <class Take>
Result<void> append(std::vector<std::byte>& out, size_t bytes, Take take) {
    size_t start = out.size();
    out.resize(start + bytes);
    size_t written = take(out.data() + start);
    out.resize(start + written);
    if (written == 0) return fail(Errc::failed);
    return {};
}

// gzip

constexpr int gzip_window_bits = 16 + MAX_WBITS;  // 16: a gzip header instead of zlib's

Result<void> gzip_compress(std::span<const std::byte> input, std::vector<std::byte>& out) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return fail(Errc::failed);
    }
    size_t bound = deflateBound(&stream, input.size());
    Result<void> result = append(out, bound, [&](std::byte* to) -> size_t {
        stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
        stream.avail_in = static_cast<uInt>(input.size());
        stream.next_out = reinterpret_cast<Bytef*>(to);
        stream.avail_out = static_cast<uInt>(bound);
        return deflate(&stream, Z_FINISH) == Z_STREAM_END ? bound - stream.avail_out : 0;
    });
    deflateEnd(&stream);
    return result;
}

Result<void> gzip_decompress(std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out) {
    z_stream stream{};
    if (inflateInit2(&stream, gzip_window_bits) != Z_OK) return fail(Errc::failed);
    std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream.avail_in = static_cast<uInt>(input.size());
    Output output(out, expected_size(input, bytes_max), bytes_max);
    for (;;) {
        std::span<std::byte> room = output.room();
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = static_cast<uInt>(std::min(room.size(), input_bytes_max));
        size_t offered = stream.avail_out;
        int status = inflate(&stream, Z_NO_FLUSH);
        output.written(offered - stream.avail_out);
        if (output.over()) return output.fail(Errc::too_large);
        if (status == Z_STREAM_END) {
            if (stream.avail_in == 0) return {};
            if (inflateReset(&stream) != Z_OK) return output.fail(Errc::failed);
        } else if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
            return output.fail(Errc::malformed);  // not gzip, or it ends too early
        }
    }
}

// snappy

constexpr std::array<unsigned char, 8> framing_magic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t framing_header_bytes = 16;
constexpr size_t framing_block_bytes = 32 * 1024;

Result<void> snappy_compress(std::span<const std::byte> input, std::vector<std::byte>& out) {
    size_t start = out.size();
    out.resize(start + framing_header_bytes);
    std::copy_n(reinterpret_cast<const std::byte*>(framing_magic.data()), framing_magic.size(), out.data() + start);
    store_be(out.data() + start + 8, int32_t{1});   // version
    store_be(out.data() + start + 12, int32_t{1});  // lowest compatible version
    while (!input.empty()) {
        std::span<const std::byte> block = input.first(std::min(input.size(), framing_block_bytes));
        size_t at = out.size(), size = 0;
        out.resize(at + sizeof(int32_t) + snappy::MaxCompressedLength(block.size()));
        snappy::RawCompress(chars(block.data()), block.size(), chars(out.data() + at + sizeof(int32_t)), &size);
        store_be(out.data() + at, static_cast<int32_t>(size));
        out.resize(at + sizeof(int32_t) + size);
        input = input.subspan(block.size());
    }
    return {};
}

Result<void> snappy_block(std::span<const std::byte> block, size_t bytes_max, std::vector<std::byte>& out) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(chars(block.data()), block.size(), &size)) return fail(Errc::malformed);
    if (size > bytes_max) return fail(Errc::too_large);
    size_t start = out.size();
    out.resize(start + size);
    if (!snappy::RawUncompress(chars(block.data()), block.size(), chars(out.data() + start))) {
        return fail(Errc::malformed);
    }
    return {};
}

Result<void> snappy_decompress(std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out) {
    bool framed = input.size() >= framing_header_bytes &&
                  std::equal(framing_magic.begin(), framing_magic.end(),
                             reinterpret_cast<const unsigned char*>(input.data()));
    if (!framed) return snappy_block(input, bytes_max, out);
    size_t start = out.size();
    input = input.subspan(framing_header_bytes);
    while (!input.empty()) {
        if (input.size() < sizeof(int32_t)) return fail(Errc::malformed);
        auto size = load_be<uint32_t>(input.data());
        input = input.subspan(sizeof(int32_t));
        if (size > input.size()) return fail(Errc::malformed);
        Result<void> block = snappy_block(input.first(size), bytes_max - (out.size() - start), out);
        if (!block) return block;
        input = input.subspan(size);
    }
    return {};
}

// lz4

Result<void> lz4_compress(std::span<const std::byte> input, std::vector<std::byte>& out) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.autoFlush = 1;
    size_t bound = LZ4F_compressFrameBound(input.size(), &preferences);
    return append(out, bound, [&](std::byte* to) -> size_t {
        size_t size = LZ4F_compressFrame(to, bound, input.data(), input.size(), &preferences);
        return LZ4F_isError(size) != 0 ? 0 : size;
    });
}

Result<void> lz4_decompress(std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out) {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) return fail(Errc::failed);
    std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> guard(context, LZ4F_freeDecompressionContext);
    Output output(out, expected_size(input, bytes_max), bytes_max);
    for (;;) {
        std::span<std::byte> room = output.room();
        size_t written = room.size(), taken = input.size();
        size_t wanted = LZ4F_decompress(context, room.data(), &written, input.data(), &taken, nullptr);
        if (LZ4F_isError(wanted) != 0) return output.fail(Errc::malformed);
        output.written(written);
        input = input.subspan(taken);
        if (output.over()) return output.fail(Errc::too_large);
        if (wanted == 0 && input.empty()) return {};
        if (written < room.size() && input.empty()) return output.fail(Errc::malformed);
        if (written == 0 && taken == 0) return output.fail(Errc::malformed);
    }
}

// zstd

Result<void> zstd_compress(std::span<const std::byte> input, std::vector<std::byte>& out) {
    size_t bound = ZSTD_compressBound(input.size());
    return append(out, bound, [&](std::byte* to) -> size_t {
        size_t size = ZSTD_compress(to, bound, input.data(), input.size(), ZSTD_CLEVEL_DEFAULT);
        return ZSTD_isError(size) != 0 ? 0 : size;
    });
}

// In one pass, where the window is the output itself. A stream would set aside what the frame asks for, and bytes from
// outside ask for 128 MiB; refusing large windows instead would refuse Java's highest levels.
Result<void> zstd_decompress(std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out) {
    if (input.empty()) return fail(Errc::malformed);
    std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (context == nullptr) return fail(Errc::failed);
    const size_t start = out.size();
    for (size_t room = std::min(bytes_max, std::max<size_t>(expected_size(input, bytes_max), 4096));;
         room = std::min(bytes_max, 4 * room)) {
        out.resize(start + room);
        const size_t written =
            ZSTD_decompressDCtx(context.get(), out.data() + start, room, input.data(), input.size());
        const ZSTD_ErrorCode error = ZSTD_getErrorCode(written);
        if (error == ZSTD_error_dstSize_tooSmall && room < bytes_max) continue;
        out.resize(error == ZSTD_error_no_error ? start + written : start);
        if (error == ZSTD_error_no_error) return {};
        return fail(error == ZSTD_error_dstSize_tooSmall ? Errc::too_large : Errc::malformed);
    }
}

constexpr std::array<std::string_view, 5> codec_names{"none", "gzip", "snappy", "lz4", "zstd"};

}  // namespace

std::string_view to_string(Codec codec) noexcept {
    auto index = static_cast<size_t>(codec);
    return index < codec_names.size() ? codec_names[index] : "unknown";
}

std::optional<Codec> parse_codec(std::string_view name) noexcept {
    for (size_t i = 0; i < codec_names.size(); ++i) {
        if (codec_names[i] == name) return static_cast<Codec>(i);
    }
    return std::nullopt;
}

Result<void> compress(Codec codec, std::span<const std::byte> input, std::vector<std::byte>& out) {
    if (input.size() > input_bytes_max) return fail(Errc::too_large);
    switch (codec) {
        case Codec::none: out.insert(out.end(), input.begin(), input.end()); return {};
        case Codec::gzip: return gzip_compress(input, out);
        case Codec::snappy: return snappy_compress(input, out);
        case Codec::lz4: return lz4_compress(input, out);
        case Codec::zstd: return zstd_compress(input, out);
    }
    return fail(Errc::unsupported);
}

Result<void> decompress(Codec codec, std::span<const std::byte> input, size_t bytes_max, std::vector<std::byte>& out) {
    if (input.size() > input_bytes_max || bytes_max > input_bytes_max) return fail(Errc::too_large);
    size_t start = out.size();
    Result<void> result = fail(Errc::unsupported);
    switch (codec) {
        case Codec::none:
            if (input.size() > bytes_max) return fail(Errc::too_large);
            out.insert(out.end(), input.begin(), input.end());
            return {};
        case Codec::gzip: result = gzip_decompress(input, bytes_max, out); break;
        case Codec::snappy: result = snappy_decompress(input, bytes_max, out); break;
        case Codec::lz4: result = lz4_decompress(input, bytes_max, out); break;
        case Codec::zstd: result = zstd_decompress(input, bytes_max, out); break;
    }
    if (!result) out.resize(start);
    return result;
}

}  // namespace penstock::wire
