// A small seeded random generator: xoshiro256**, its state filled from the seed by splitmix64.
//
// The only source of randomness in the core and in every simulation: whoever needs numbers holds one and is given its
// seed from outside, so that a run can be replayed. Equal seeds give equal sequences on every machine.
// What it is not: a source of secrets, nor safe to share between threads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/assert.h"

namespace penstock {

/// One step of splitmix64: mixes any 64 bits well. Also good for turning (seed, index) into an independent seed.
constexpr uint64_t mix64(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

class Random {
public:
    constexpr explicit Random(uint64_t seed) {
        for (uint64_t& word : state_) {
            word = mix64(seed);
            seed += 0x9e3779b97f4a7c15;
        }
    }

    constexpr uint64_t next() {
        const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// Uniform in [0, bound); bound > 0. The bias of a product instead of a loop is below 2^-32 for bounds that fit
    /// 32 bits, and nothing here needs better.
    constexpr uint64_t below(uint64_t bound) {
        PENSTOCK_ASSERT(bound > 0);
        __extension__ using Wide = unsigned __int128;
        return static_cast<uint64_t>((Wide{next()} * bound) >> 64);
    }

    /// Uniform in [low, high], both included.
    constexpr uint64_t between(uint64_t low, uint64_t high) {
        PENSTOCK_ASSERT(low <= high);
        return high - low == UINT64_MAX ? next() : low + below(high - low + 1);
    }

    /// True `numerator` times in `denominator`.
    constexpr bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }
    constexpr bool per_million(uint64_t numerator) { return chance(numerator, 1'000'000); }

    /// A generator of its own, so that what one part draws does not shift what another part sees.
    constexpr Random fork() { return Random(next()); }

    void fill(std::span<std::byte> out) {
        while (!out.empty()) {
            const uint64_t word = next();
            const size_t n = out.size() < sizeof word ? out.size() : sizeof word;
            std::memcpy(out.data(), &word, n);
            out = out.subspan(n);
        }
    }

private:
    uint64_t state_[4] = {};
};

}  // namespace penstock
