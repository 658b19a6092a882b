#include "broker/fetch_response.h"

#include <gtest/gtest.h>

#include <array>

#include "wire/batch.h"

namespace penstock::broker {
namespace {

/// A batch's prefix that claims so many bytes in all, padded to `size`.
std::vector<std::byte> batch_of(size_t size) {
    std::vector<std::byte> bytes(size);
    store_be(bytes.data() + 8, static_cast<int32_t>(size - wire::batch_length_prefix_bytes));
    return bytes;
}

TEST(CutBatches, keeps_as_much_as_fits_behind_a_whole_first_batch) {
    const std::vector<std::byte> first = batch_of(100), second = batch_of(200);
    // The first lies in three pieces, the length among them split.
    std::array<Fragment, 4> chain{Fragment{first.data(), 9}, {first.data() + 9, 2}, {first.data() + 11, 89},
                                  {second.data(), 200}};
    const auto kept = cut_batches(chain, 150);
    ASSERT_EQ(kept.size(), 4u);
    EXPECT_EQ(total_size(kept), 150u);
    EXPECT_EQ(kept[3].size, 50u);
}

TEST(CutBatches, keeps_nothing_of_a_first_batch_that_does_not_fit) {
    const std::vector<std::byte> first = batch_of(100);
    std::array<Fragment, 1> chain{Fragment{first.data(), 100}};
    EXPECT_TRUE(cut_batches(chain, 99).empty());
    EXPECT_TRUE(cut_batches(chain, 0).empty());
    EXPECT_EQ(total_size(cut_batches(chain, 100)), 100u);
}

TEST(CutBatches, trusts_no_length) {
    std::vector<std::byte> bytes = batch_of(100);
    store_be(bytes.data() + 8, int32_t{-50});
    std::array<Fragment, 1> chain{Fragment{bytes.data(), 100}};
    EXPECT_TRUE(cut_batches(chain, 1000).empty());
    std::array<Fragment, 1> tiny{Fragment{bytes.data(), 5}};
    EXPECT_TRUE(cut_batches(tiny, 1000).empty());
}

}  // namespace
}  // namespace penstock::broker
