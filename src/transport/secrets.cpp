#include "transport/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "base/assert.h"
#include "base/bytes.h"

namespace penstock::transport {

Hash hmac_sha256(std::span<const std::byte> key, std::span<const std::span<const std::byte>> message) {
    std::vector<std::byte> whole;
    for (const auto piece : message) whole.insert(whole.end(), piece.begin(), piece.end());
    Hash hash;
    unsigned int size = 0;
    const unsigned char* made =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(whole.data()), whole.size(),
             reinterpret_cast<unsigned char*>(hash.data()), &size);
    PENSTOCK_ASSERT(made != nullptr && size == hash.size());
    return hash;
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Hash SecretBits::next() {
    std::array<std::byte, 8> count;
    store_le(count.data(), count_++);
    const std::span<const std::byte> message = count;
    return hmac_sha256(seed_, {&message, 1});
}

}  // namespace penstock::transport
