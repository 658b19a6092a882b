#include "transport/handshake.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::transport {
namespace {

Hello a_hello() {
    Hello hello{.has_proof = true, .opener = ConnectionId(0x1122334455667788)};
    hello.nonce.fill(std::byte{0xaa});
    hello.cookie.fill(std::byte{0xbb});
    hello.proof.fill(std::byte{0xcc});
    hello.parameters = {.idle_timeout_ms = 1, .acknowledgement_delay_us = 2, .connection_credit = 3,
                        .stream_credit = 4, .streams = 5, .datagram_bytes_max = 6};
    return hello;
}

std::span<const std::byte> secret() {
    static const std::vector<std::byte> secret(20, std::byte{'s'});
    return secret;
}

TEST(Handshake, hello_comes_back_and_lies_where_it_should) {
    std::array<std::byte, hello_bytes> packet;
    const Hello hello = a_hello();
    put(packet, hello);
    EXPECT_TRUE(checksum_fits(packet));
    EXPECT_EQ(packet[0], std::byte{0xa0});
    EXPECT_EQ(packet[1], std::byte{1});
    EXPECT_EQ(packet[2], std::byte{1});
    EXPECT_EQ(packet[8], std::byte{0x88});
    EXPECT_EQ(packet[16], std::byte{0xaa});
    EXPECT_EQ(packet[32], std::byte{0xbb});
    EXPECT_EQ(packet[64], std::byte{0xcc});
    EXPECT_EQ(packet[96], std::byte{1});
    EXPECT_EQ(packet[124], std::byte{6});
    EXPECT_EQ(packet[128], std::byte{0});
    const auto parsed = parse_hello(packet);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->opener, hello.opener);
    EXPECT_EQ(parsed->nonce, hello.nonce);
    EXPECT_EQ(parsed->cookie, hello.cookie);
    EXPECT_EQ(parsed->proof, hello.proof);
    EXPECT_TRUE(parsed->has_proof);
    EXPECT_EQ(parsed->parameters, hello.parameters);
    EXPECT_FALSE(parse_hello(std::span(packet).first(hello_bytes - 1)));
}

TEST(Handshake, a_hello_of_another_version_is_read_as_far_as_the_nonce) {
    std::array<std::byte, hello_bytes> packet;
    Hello hello = a_hello();
    hello.version = 7;
    put(packet, hello);
    const auto parsed = parse_hello(packet);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->version, 7);
    EXPECT_EQ(parsed->nonce, hello.nonce);
    EXPECT_EQ(parsed->cookie, Cookie{});
}

TEST(Handshake, answers_come_back) {
    const Hello hello = a_hello();
    std::array<std::byte, welcome_bytes> welcome;
    put(welcome, Welcome{.opener = hello.opener, .nonce = hello.nonce, .acceptor = ConnectionId(99),
                         .parameters = hello.parameters});
    const auto parsed = parse_welcome(welcome);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->acceptor, ConnectionId(99));
    EXPECT_EQ(parsed->parameters, hello.parameters);
    EXPECT_FALSE(parsed->has_proof);
    std::array<std::byte, cookie_bytes> cookie;
    put(cookie, CookieReply{hello.opener, hello.nonce, hello.cookie});
    EXPECT_EQ(parse_cookie(cookie)->cookie, hello.cookie);
    std::array<std::byte, versions_bytes> versions;
    put(versions, Versions{.opener = hello.opener, .lowest = 1, .highest = 3});
    EXPECT_EQ(parse_versions(versions)->highest, 3);
    std::array<std::byte, refusal_bytes> refusal;
    put(refusal, Refusal{hello.opener, hello.nonce, CloseCode::no_room});
    EXPECT_EQ(parse_refusal(refusal)->code, CloseCode::no_room);
    std::array<std::byte, reset_bytes> reset;
    put_reset(reset, ConnectionId(7));
    EXPECT_EQ(parse_reset(reset), ConnectionId(7));
    // None is another, and none is read beyond its end.
    EXPECT_FALSE(parse_welcome(cookie));
    EXPECT_FALSE(parse_cookie(welcome));
    EXPECT_FALSE(parse_reset(refusal));
    welcome[2] = std::byte{8};
    EXPECT_FALSE(parse_welcome(welcome));
}

TEST(Handshake, a_cookie_is_good_for_whom_it_was_made_and_not_for_long) {
    const Hash key{};
    io::Endpoint from{.port = 5};
    Hello hello = a_hello();
    const Nanos made(1000 * second_ns);
    hello.cookie = make_cookie(key, from, hello, made);
    EXPECT_TRUE(cookie_holds(key, from, hello, made));
    EXPECT_TRUE(cookie_holds(key, from, hello, made + cookie_life_ns));
    EXPECT_FALSE(cookie_holds(key, from, hello, made + cookie_life_ns + millisecond_ns));
    EXPECT_FALSE(cookie_holds(key, from, hello, made - millisecond_ns));
    io::Endpoint other = from;
    other.port = 6;
    EXPECT_FALSE(cookie_holds(key, other, hello, made));
    other = from;
    other.ip[3] = std::byte{1};
    EXPECT_FALSE(cookie_holds(key, other, hello, made));
    Hash another_key{};
    another_key[0] = std::byte{1};
    EXPECT_FALSE(cookie_holds(another_key, from, hello, made));
    Hello stranger = hello;
    stranger.nonce[0] = std::byte{1};
    EXPECT_FALSE(cookie_holds(key, from, stranger, made));
    for (size_t i = 0; i < hello.cookie.size(); ++i) {
        Hello damaged = hello;
        damaged.cookie[i] ^= std::byte{1};
        EXPECT_FALSE(cookie_holds(key, from, damaged, made)) << i;
    }
}

TEST(Handshake, proofs_cover_what_they_vouch_for) {
    const Hello hello = a_hello();
    const Hash proof = prove(secret(), hello);
    Hello changed = hello;
    changed.proof = {};
    EXPECT_EQ(prove(secret(), changed), proof);   // not itself
    changed.cookie[0] ^= std::byte{1};
    EXPECT_NE(prove(secret(), changed), proof);
    changed = hello;
    changed.parameters.streams = 0;
    EXPECT_NE(prove(secret(), changed), proof);
    Welcome welcome{.has_proof = true, .opener = hello.opener, .nonce = hello.nonce, .acceptor = ConnectionId(1)};
    const Hash answer = prove(secret(), welcome, hello.cookie);
    EXPECT_NE(answer, proof);
    EXPECT_NE(prove(secret(), welcome, Cookie{}), answer);
    welcome.acceptor = ConnectionId(2);
    EXPECT_NE(prove(secret(), welcome, hello.cookie), answer);
}

}  // namespace
}  // namespace penstock::transport
