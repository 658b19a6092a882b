// Keyed hashes, and bits that nobody can guess.
//
// HMAC-SHA256 is OpenSSL's. Whoever makes an endpoint gives it 32 bytes of the system's entropy once; all that must be
// unpredictable (ids, nonces, the key of the cookies) follows from them, so that a simulation can replay it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::transport {

using Hash = std::array<std::byte, 32>;
using Seed = std::array<std::byte, 32>;

/// Of the pieces one behind the other.
Hash hmac_sha256(std::span<const std::byte> key, std::span<const std::span<const std::byte>> message);

/// Takes the same time wherever they differ, so that nobody can find a hash byte by byte.
bool same(std::span<const std::byte> a, std::span<const std::byte> b);

class SecretBits {
public:
    explicit SecretBits(const Seed& seed) : seed_(seed) {}
    Hash next();

private:
    Seed seed_;
    uint64_t count_ = 0;
};

}  // namespace penstock::transport
