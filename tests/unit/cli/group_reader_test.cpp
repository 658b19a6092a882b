#include "cli/group_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mock_cluster.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

constexpr int per_partition = 20;

std::vector<MockRecord> records(int32_t partition, const std::string& name) {
    std::vector<MockRecord> made;
    for (int i = 0; i < per_partition; ++i)
        made.push_back({"key", name + std::to_string(partition) + "-" + std::to_string(i)});
    return made;
}

// What was shown is committed, and no more; the next one goes on there, up to what is the end when it begins.
TEST(GroupReader, GoesOnWhereTheGroupHasComeTo) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.produce("games", 0, "none", records(0, "a"));
    const Globals globals = cluster.globals();
    std::vector<std::string> seen;
    for (const size_t stop_at : {size_t{3}, size_t{1000}}) {
        Client client(globals);
        auto sdk = SdkClient::create(globals);
        ASSERT_TRUE(sdk);
        auto reader = GroupReader::create(client, *sdk, {.group = "scores", .topic = "games",
                                                         .start = {.kind = StartOffset::Kind::earliest},
                                                         .stop_at_end = true});
        ASSERT_TRUE(reader);
        for (bool over = false; !over;) {
            const auto done = reader->step(Clock::now() + 1s, [&](const ShownRecord& record) {
                seen.emplace_back(*record.value);
                return seen.size() != stop_at;
            });
            ASSERT_TRUE(done) << done.error().message;
            over = *done;
        }
        ASSERT_TRUE(reader->finish());
        GroupClient group(client, "scores");
        const auto committed = group.committed({{"games", 0}}, client.deadline());
        ASSERT_TRUE(committed) << committed.error().message;
        EXPECT_EQ(static_cast<size_t>(committed->at({"games", 0})), std::min<size_t>(stop_at, per_partition));
    }
    ASSERT_EQ(seen.size(), static_cast<size_t>(per_partition));
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], "a0-" + std::to_string(i));
}

}  // namespace
}  // namespace penstock::cli
