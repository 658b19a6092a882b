#include "main/shard_thread.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "log/recover.h"
#include "uring/disk.h"

namespace penstock {
namespace {

class ShardThreadTest : public testing::Test {
protected:
    ShardThreadTest() {
        spdlog::default_logger();   // made before there are threads, as in the broker: TSan cannot see its guard
        char path[] = "/tmp/penstock-shard-XXXXXX";
        path_ = ::mkdtemp(path);
        auto directory = uring::DataDirectory::open({.path = path_});
        if (directory) directory_ = std::move(*directory);
    }
    ~ShardThreadTest() override {
        directory_.reset();
        std::filesystem::remove_all(path_);
    }
    void recover(uint32_t shards) {
        auto ring = uring::Ring::create();
        ASSERT_TRUE(ring.has_value()) << ring.error().detail;
        auto disk = uring::Disk::create(**ring, *directory_);
        ASSERT_TRUE(disk.has_value());
        auto opened = log::open_directory(**disk, {.shard_count = shards, .journal_bytes = 4 * mib, .random_high = 1});
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        images_ = std::move(opened->shards);
    }
    ShardThreadOptions options_of(uint32_t shard, uint32_t shards, uint16_t port) {
        ShardThreadOptions options;
        options.shard.broker.shard = shard;
        options.shard.broker.shard_count = shards;
        options.shard.store = {.shard = shard, .shard_count = shards, .cache_bytes = 4 * mib, .pool_bytes = 16 * mib};
        options.shard.broker.listen = {"127.0.0.1", port};
        options.streams.receive_buffers = 16;
        if (shard > 0) return options;
        options.shard.coordinators = {{"127.0.0.1", 1, io::Road::native}};  // nobody listens there
        options.node_streams.emplace();
        options.shard.link.emplace().advertised_host = "127.0.0.1";
        return options;
    }

    std::string path_;
    std::unique_ptr<uring::DataDirectory> directory_;
    std::vector<log::StoreImage> images_;
};

TEST_F(ShardThreadTest, shards_start_listen_on_one_port_and_stop_together) {
    ASSERT_NE(directory_, nullptr);
    for (const IdleStrategy idle : {IdleStrategy::block, IdleStrategy::backoff, IdleStrategy::spin}) {
        recover(2);
        ShardGroup group(2);
        ShardThreadOptions first = options_of(0, 2, 0);
        first.idle = idle;
        auto one = std::make_unique<ShardThread>(first, std::move(images_[0]), *directory_, group);
        ASSERT_EQ(one->failure(), "");
        EXPECT_NE(one->port(), 0);
        ShardThreadOptions second = options_of(1, 2, one->port());
        second.idle = idle;
        auto two = std::make_unique<ShardThread>(second, std::move(images_[1]), *directory_, group);
        EXPECT_EQ(two->failure(), "");
        group.stop();
        one.reset();
        two.reset();
        EXPECT_EQ(group.stores_stopped.load(), 2u);
        EXPECT_FALSE(group.failed.load());
    }
}

// Nobody listens where the coordinator should be, so there is nothing to wait for.
TEST_F(ShardThreadTest, a_broker_without_a_coordinator_may_stop_at_once) {
    ASSERT_NE(directory_, nullptr);
    recover(1);
    ShardGroup group(1);
    auto only = std::make_unique<ShardThread>(options_of(0, 1, 0), std::move(images_[0]), *directory_, group);
    ASSERT_EQ(only->failure(), "");
    EXPECT_FALSE(group.may_stop.load());
    group.leave();
    group.may_stop.wait(false);
    EXPECT_FALSE(group.stopping.load());
    group.stop();
    only.reset();
}

TEST_F(ShardThreadTest, a_shard_that_cannot_start_says_why_and_lets_the_others_stop) {
    ASSERT_NE(directory_, nullptr);
    recover(2);
    ShardGroup group(2);
    auto good = std::make_unique<ShardThread>(options_of(0, 2, 0), std::move(images_[0]), *directory_, group);
    ShardThreadOptions options = options_of(1, 2, 0);
    options.shard.broker.listen.host = "192.0.2.1";  // of no machine
    auto bad = std::make_unique<ShardThread>(options, std::move(images_[1]), *directory_, group);
    EXPECT_NE(bad->failure().find("cannot listen on 192.0.2.1"), std::string::npos) << bad->failure();
    group.stop();
    bad.reset();
    good.reset();
}

}  // namespace
}  // namespace penstock
