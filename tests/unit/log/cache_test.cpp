#include "log/cache.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::log {
namespace {

TEST(CacheTest, the_slab_gives_all_it_has_and_no_more) {
    Slab slab(4 * chunk_size);
    std::vector<Block*> blocks;
    std::set<std::byte*> seen;
    for (int i = 0; i < 3; ++i) blocks.push_back(slab.take(chunk_size));
    for (int i = 0; i < 16; ++i) blocks.push_back(slab.take(page_size));
    for (Block* block : blocks) {
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data) % io::block_size, 0u);
        EXPECT_TRUE(seen.insert(block->data).second);
    }
    EXPECT_EQ(slab.bytes_used(), slab.bytes_total());
    EXPECT_EQ(slab.take(page_size), nullptr);
    EXPECT_EQ(slab.take(chunk_size), nullptr);
    for (Block* block : blocks) slab.give(block);
    EXPECT_EQ(slab.bytes_used(), 0u);
    for (int i = 0; i < 4; ++i) EXPECT_NE(slab.take(chunk_size), nullptr) << "pages came back as a chunk";
}

TEST(CacheTest, a_page_given_back_is_used_again_before_a_chunk_is_split) {
    Slab slab(4 * chunk_size);
    std::vector<Block*> pages;
    for (int i = 0; i < 16; ++i) pages.push_back(slab.take(page_size));
    std::byte* data = pages[5]->data;
    slab.give(pages[5]);
    for (int i = 0; i < 3; ++i) EXPECT_NE(slab.take(chunk_size), nullptr);
    Block* again = slab.take(page_size);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->data, data);
    EXPECT_EQ(again->filled, 0u);
    EXPECT_EQ(again->first_offset, -1);
}

}  // namespace
}  // namespace penstock::log
