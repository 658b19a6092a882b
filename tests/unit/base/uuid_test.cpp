#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock {
namespace {

TEST(Uuid, text_is_kafkas) {
    Uuid id;
    for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = i;
    EXPECT_EQ(id.text(), "AAECAwQFBgcICQoLDA0ODw");
    id.bytes.fill(0xff);
    EXPECT_EQ(id.text(), "_____________________w");
    EXPECT_EQ(Uuid{}.text(), "AAAAAAAAAAAAAAAAAAAAAA");
}

TEST(Uuid, text_reads_back) {
    for (uint64_t i = 0; i < 200; ++i) {
        const Uuid id = make_uuid(i * 0x9e3779b97f4a7c15, ~i);
        EXPECT_EQ(Uuid::parse(id.text()), id);
    }
}

TEST(Uuid, refuses_what_is_no_id) {
    EXPECT_FALSE(Uuid::parse(""));
    EXPECT_FALSE(Uuid::parse("AAECAwQFBgcICQoLDA0OD"));    // too short
    EXPECT_FALSE(Uuid::parse("AAECAwQFBgcICQoLDA0ODwA"));  // too long
    EXPECT_FALSE(Uuid::parse("AAECAwQFBgcICQoLDA0OD+"));   // the other base64
    EXPECT_FALSE(Uuid::parse("AAECAwQFBgcICQoLDA0O w"));
}

TEST(Uuid, made_ids_are_version_4_and_usable_as_arguments) {
    std::set<Uuid> made;
    for (uint64_t i = 0; i < 2000; ++i) {
        const Uuid id = make_uuid(i << 52, i);  // all first bytes: some texts would begin with "-"
        EXPECT_FALSE(id.is_zero());
        EXPECT_EQ(id.bytes[6] >> 4, 4);
        EXPECT_EQ(id.bytes[8] >> 6, 2);
        EXPECT_NE(id.text().front(), '-');
        made.insert(id);
    }
    EXPECT_GT(made.size(), 1900u);
    EXPECT_FALSE(make_uuid(0, 0).is_zero());
}

TEST(Uuid, order_and_hash_follow_the_bytes) {
    const Uuid a = make_uuid(1, 2);
    const Uuid b = make_uuid(1, 2);
    const Uuid c = make_uuid(1, 3);
    EXPECT_EQ(a, b);
    EXPECT_EQ(UuidHash{}(a), UuidHash{}(b));
    EXPECT_NE(a, c);
    EXPECT_NE(UuidHash{}(a), UuidHash{}(c));
    EXPECT_LT(Uuid{}, a);
}

}  // namespace
}  // namespace penstock
