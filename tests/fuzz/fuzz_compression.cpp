// Any bytes to each decompressor. Input: codec | bytes. The bound holds whatever the input claims, and what was
// decompressed survives being compressed again.
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "wire/compression.h"

using namespace penstock;
using namespace penstock::wire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t bound = 64 * 1024;
    if (size < 1) return 0;
    auto codec = static_cast<Codec>(data[0] % 6);
    std::span<const std::byte> input = std::as_bytes(std::span(data, size)).subspan(1);
    std::vector<std::byte> plain, shrunk, again;
    bool ok = decompress(codec, input, bound, plain).has_value();
    PENSTOCK_ASSERT(plain.size() <= bound);
    PENSTOCK_ASSERT(ok || plain.empty());
    if (!ok) return 0;
    PENSTOCK_ASSERT(compress(codec, plain, shrunk).has_value());
    PENSTOCK_ASSERT(decompress(codec, shrunk, plain.size(), again).has_value());
    PENSTOCK_ASSERT(again == plain);
    return 0;
}
