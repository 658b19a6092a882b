#include "transport/secrets.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "transport/hex.h"

namespace penstock::transport {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Secrets, hash_is_that_of_rfc_4231) {
    const std::span<const std::byte> pieces[] = {bytes_of("what do ya "), bytes_of(""), bytes_of("want for nothing?")};
    EXPECT_EQ(hex(hmac_sha256(bytes_of("Jefe"), pieces)),
              "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843");
}

TEST(Secrets, bits_differ_and_follow_from_the_seed) {
    Seed seed{};
    SecretBits bits(seed), again(seed);
    seed[31] = std::byte{1};
    SecretBits others(seed);
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const Hash next = bits.next();
        EXPECT_EQ(next, again.next());
        EXPECT_TRUE(seen.insert(hex(next)).second);
        EXPECT_TRUE(seen.insert(hex(others.next())).second);
    }
}

TEST(Secrets, compares_all_bytes) {
    Hash a{}, b{};
    EXPECT_TRUE(same(a, b));
    b[31] = std::byte{1};
    EXPECT_FALSE(same(a, b));
    EXPECT_FALSE(same(a, std::span(a).first(31)));
}

}  // namespace
}  // namespace penstock::transport
