// An Owner on a real store on a simulated disk, with calls made by hand: no connections, one shard.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "broker/owner.h"
#include "log/recover.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "wire/batch.h"
#include "wire/records.h"

namespace penstock::broker {

struct OwnerRigOptions {
    uint64_t cache_bytes = 16 * mib;
    uint64_t pool_bytes = 16 * mib;
    uint64_t lent_bytes_max = 8 * mib;
};

inline constexpr NodeId us{1};

class OwnerRig : public testing::Test {
protected:
    void open(const OwnerRigOptions& rig_options = {}) {
        options_.lent_bytes_max = rig_options.lent_bytes_max;
        disk_ = std::make_unique<sim::Disk>(directory_);
        auto opened = log::open_directory(*disk_, {.shard_count = 1, .journal_bytes = 4 * mib, .random_high = 1});
        ASSERT_TRUE(opened.has_value());
        log::StoreOptions store_options;
        store_options.cache_bytes = rig_options.cache_bytes;
        store_options.pool_bytes = rig_options.pool_bytes;
        store_ = std::make_unique<log::Store>(store_options, std::move(opened->shards[0]), *disk_, time_);
        owner_ = std::make_unique<Owner>(options_, *store_);
    }
    ~OwnerRig() override {
        if (store_ == nullptr) return;
        turns(3);
        owner_.reset();
        store_->begin_stop();
        for (int i = 0; i < 10'000 && !store_->drained(); ++i) store_turn();
    }

    /// Gives the shard a view in which topic 1 has so many partitions.
    void apply(int32_t partitions, NodeId leader = NodeId(1), int32_t epoch = 0) {
        apply_records(std::vector<PartitionView>(static_cast<size_t>(partitions),
                                                 {.leader = leader, .leader_epoch = LeaderEpoch(epoch)}));
    }
    /// The same, as these say of its partitions.
    void apply_records(const std::vector<PartitionView>& records) {
        TopicView topic;
        topic.name = "t";
        topic.id = topic_id_;
        topic.revision = ++view_.revision;
        topic.partitions = records;
        topic_.view = std::make_shared<const TopicView>(topic);
        const Topic* changed = &topic_;
        owner_->apply(view_, {&changed, 1});
        run_until([&] { return !owner_->applying(); });
    }
    void delete_topic() {
        view_.deleted_topics = {topic_id_};
        owner_->apply(view_, {});
        run_until([&] { return !owner_->applying(); });
    }

    void store_turn() {
        time_.now += 100 * microsecond_ns;
        time_.wall_ms = 1'700'000'000'000 + time_.now.value / millisecond_ns;
        directory_.step(time_.now);
        store_->on_turn(time_);
        if (owner_ != nullptr) {
            owner_->on_turn(time_);
            while (Call* call = owner_->poll_answer()) answered_.push_back(call);
        }
        store_->submit(time_);
    }
    void turns(int count) {
        for (int i = 0; i < count; ++i) store_turn();
    }
    template <class Condition>
    void run_until(Condition condition) {
        for (int i = 0; i < 100'000 && !condition(); ++i) store_turn();
        ASSERT_TRUE(condition());
    }
    /// A batch of one record as a leader has stamped it. Lives until the end of the test.
    std::span<const wire::StampedBatch> stamped(int64_t offset, int32_t epoch, size_t size = 100) {
        wire::BatchBuilder builder;
        const std::string value(size, 's');
        builder.add(1000, std::nullopt, std::as_bytes(std::span(value)));
        std::vector<std::byte>& bytes = batches_.emplace_back();
        EXPECT_TRUE(builder.finish(wire::Codec::none, bytes).has_value());
        const auto head = std::span(bytes).first<wire::batch_header_bytes>();
        wire::BatchHeader header = wire::parse_batch_header(head);
        header.base_offset = Offset(offset);
        header.leader_epoch = LeaderEpoch(epoch);
        wire::write_batch_header(head, header);
        bodies_.push_back({bytes.data(), static_cast<uint32_t>(bytes.size())});
        const auto row = wire::read_batch_row({&bodies_.back(), 1}, arena_);
        EXPECT_TRUE(row.has_value());
        return *row;
    }
    bool answered(const Call& call) const { return std::ranges::find(answered_, &call) != answered_.end(); }

    log::LogKey key(int32_t partition = 0) const { return {topic_id_, partition}; }
    log::Log& log(int32_t partition = 0) { return *store_->find(key(partition)); }

    /// A call that appends one batch of one record. Lives until the end of the test.
    AppendCall& append_call(size_t size, int32_t partition = 0, int64_t timestamp_ms = 1000,
                            wire::Codec codec = wire::Codec::none) {
        wire::BatchBuilder builder;
        const std::string value(size, 'v');
        for (int i = 0; i < 3; ++i) builder.add(timestamp_ms + i, std::nullopt, std::as_bytes(std::span(value)));
        std::vector<std::byte>& bytes = batches_.emplace_back();
        EXPECT_TRUE(builder.finish(codec, bytes).has_value());
        AppendCall& call = appends_.emplace_back();
        call.key = key(partition);
        std::memcpy(call.batch.header, bytes.data(), sizeof call.batch.header);
        bodies_.push_back({bytes.data() + log::batch_header_size,
                           static_cast<uint32_t>(bytes.size() - log::batch_header_size)});
        call.batch.body = {&bodies_.back(), 1};
        call.batch.last_offset_delta = 2;
        call.batch.max_timestamp = timestamp_ms + 2;
        return call;
    }
    void append(size_t size, int32_t partition = 0, int64_t timestamp_ms = 1000,
                wire::Codec codec = wire::Codec::none) {
        AppendCall& call = append_call(size, partition, timestamp_ms, codec);
        owner_->on_call(call, time_);
        run_until([&] { return answered(call); });
        ASSERT_EQ(call.error, ErrorCode::none);
    }

    struct Fetch {
        std::vector<FetchPart> parts;
        FetchCall call;
        explicit Fetch(size_t count) : parts(count) { call.parts = parts; }
    };
    Fetch& fetch(std::vector<std::pair<int32_t, int64_t>> from, uint64_t wanted = 1, uint64_t max = 8 * mib,
                 uint32_t part_max = 8 * mib) {
        Fetch& fetch = fetches_.emplace_back(from.size());
        for (size_t i = 0; i < from.size(); ++i) {
            fetch.parts[i].key = key(from[i].first);
            fetch.parts[i].from = Offset(from[i].second);
            fetch.parts[i].bytes_max = part_max;
        }
        fetch.call.bytes_wanted = wanted;
        fetch.call.bytes_max = max;
        owner_->on_call(fetch.call, time_);
        return fetch;
    }
    void give_back(Fetch& fetch) { owner_->on_release(fetch.call); }

    sim::Directory directory_{sim::DirectoryOptions{}};
    Time time_{Nanos(second_ns), 1'700'000'000'000};
    BrokerOptions options_;
    std::unique_ptr<sim::Disk> disk_;
    std::unique_ptr<log::Store> store_;
    std::unique_ptr<Owner> owner_;
    Uuid topic_id_ = make_uuid(1, 2);
    ClusterView view_;
    Topic topic_;
    std::vector<Call*> answered_;
    Arena arena_{1 * mib};
    std::deque<std::vector<std::byte>> batches_;
    std::deque<Fragment> bodies_;
    // Calls that may be held when a test ends live here, and not in its own class.
    std::deque<AppendCall> appends_;
    std::deque<ReplicaStateCall> states_;
    std::deque<ReplicateCall> sent_;
    std::deque<ListOffsetCall> lists_;
    std::deque<Fetch> fetches_;
};

}  // namespace penstock::broker
