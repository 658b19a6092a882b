// What groups have committed, and who their members are, through power cuts at any moment: at least what was
// acknowledged comes back, and nothing that nobody sent.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "scenario/kafka_calls.h"
#include "wire/kafka/heartbeat.h"
#include "wire/kafka/join_group.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_fetch.h"
#include "wire/kafka/sync_group.h"

namespace penstock::scenario {
namespace {

using namespace wire::kafka;

constexpr int32_t partitions = 4;
constexpr int16_t commit_version = 7;
constexpr int16_t fetch_version = 7;

bool is_loading(ErrorCode error) {
    return error == ErrorCode::coordinator_load_in_progress || error == ErrorCode::coordinator_not_available ||
           error == ErrorCode::not_coordinator;
}

/// Asks again while the group is being loaded.
template <class Response, class Request, class Error>
Response ask_loaded(BrokerWorld& world, Client& client, const Request& request, int16_t version, Error error) {
    for (int i = 0; i < 200; ++i) {
        const Response response = client.ask<Response>(request, version);
        if (!is_loading(error(response))) return response;
        world.run(50 * millisecond_ns);
    }
    ADD_FAILURE() << "the group is never loaded";
    return {};
}

struct Commit {
    Commit(std::string name, int32_t partition, int64_t offset) : group(std::move(name)), note(std::to_string(offset)) {
        row.partition_index = partition;
        row.committed_offset = offset;
        row.committed_metadata = note;
        topic.name = "t";
        topic.partitions = {&row, 1};
        request.group_id = group;
        request.topics = {&topic, 1};
    }
    Commit(const Commit&) = delete;
    std::string group, note;
    OffsetCommitRequest::Partition row;
    OffsetCommitRequest::Topic topic;
    OffsetCommitRequest request;
};

struct Known {
    int64_t acknowledged = -1;
    int64_t sent = -1;
};

class GroupLives {
public:
    explicit GroupLives(uint64_t seed) : random_(seed), world_({.shards = 2, .seed = seed}) {
        world_.make_topic("t", partitions);
        client_ = &world_.connect();
        Commit first("g0", 0, 0);  // the internal topic is made
        ask_loaded<OffsetCommitResponse>(world_, *client_, first.request, commit_version,
                                         [](const auto& r) { return r.topics[0].partitions[0].error_code; });
        committed_[{"g0", 0}] = {0, 0};
    }

    void join() {
        JoinGroupRequest join;
        join.group_id = "members";
        join.session_timeout_ms = 600'000;
        join.rebalance_timeout_ms = 60'000;
        join.protocol_type = "consumer";
        join.group_instance_id = "static";
        JoinGroupRequest::Protocol protocol;
        protocol.name = "range";
        join.protocols = {&protocol, 1};
        const auto joined = ask_loaded<JoinGroupResponse>(world_, *client_, join, 5,
                                                          [](const auto& r) { return r.error_code; });
        ASSERT_EQ(joined.error_code, ErrorCode::none);
        member_ = joined.member_id;
        generation_ = joined.generation_id;
        SyncGroupRequest sync;
        sync.group_id = "members";
        sync.generation_id = generation_;
        sync.member_id = member_;
        sync.group_instance_id = "static";
        ASSERT_EQ(client_->ask<SyncGroupResponse>(sync, 3).error_code, ErrorCode::none);
    }

    /// Sends some commits at once; the answers to the first of them are read.
    void commit_some() {
        std::vector<std::unique_ptr<Commit>> commits;
        std::vector<int32_t> sent;
        const uint64_t count = random_.between(1, 20);
        for (uint64_t i = 0; i < count; ++i) {
            const std::string group = "g" + std::to_string(random_.below(5));
            const auto partition = static_cast<int32_t>(random_.below(partitions));
            commits.push_back(std::make_unique<Commit>(group, partition, ++offsets_));
            committed_[{group, partition}].sent = offsets_;
            sent.push_back(client_->send(commits.back()->request, commit_version));
        }
        const uint64_t read = random_.below(count + 1);
        for (uint64_t i = 0; i < read; ++i) {
            const auto answer = client_->receive<OffsetCommitResponse>(sent[i], commit_version);
            const ErrorCode error = answer.topics[0].partitions[0].error_code;
            if (is_loading(error)) continue;
            ASSERT_EQ(error, ErrorCode::none);
            auto& known = committed_[{commits[i]->group, commits[i]->row.partition_index}];
            known.acknowledged = std::max(known.acknowledged, commits[i]->row.committed_offset);
        }
    }

    void cut_and_restart() {
        client_->close();
        world_.crash_broker(random_.next());
        world_.start_broker();
        client_ = &world_.connect();
    }

    void check() {
        for (auto& [place, known] : committed_) {
            OffsetFetchRequest::Topic topic;
            topic.name = "t";
            topic.partition_indexes = {&place.second, 1};
            OffsetFetchRequest request;
            request.group_id = place.first;
            request.topics = wire::Array<OffsetFetchRequest::Topic>(&topic, 1);
            const auto found = ask_loaded<OffsetFetchResponse>(world_, *client_, request, fetch_version,
                                                               [](const auto& r) { return r.error_code; });
            ASSERT_EQ(found.error_code, ErrorCode::none);
            const auto& row = found.topics[0].partitions[0];
            EXPECT_GE(row.committed_offset, known.acknowledged) << place.first << " " << place.second;
            EXPECT_LE(row.committed_offset, known.sent) << "nobody committed that";
            if (row.committed_offset >= 0) {
                EXPECT_EQ(row.metadata, std::to_string(row.committed_offset)) << "torn";
            }
            known = {row.committed_offset, row.committed_offset};
        }
        HeartbeatRequest alive;
        alive.group_id = "members";
        alive.generation_id = generation_;
        alive.member_id = member_;
        alive.group_instance_id = "static";
        const auto answer = ask_loaded<HeartbeatResponse>(world_, *client_, alive, 3,
                                                          [](const auto& r) { return r.error_code; });
        EXPECT_EQ(answer.error_code, ErrorCode::none) << "the member was let in, and its group was stable";
    }

private:
    Random random_;
    BrokerWorld world_;
    Client* client_ = nullptr;
    int64_t offsets_ = 0;
    std::map<std::pair<std::string, int32_t>, Known> committed_;  ///< by group and partition
    std::string member_;
    int32_t generation_ = -1;
};

TEST(GroupCrash, what_was_committed_and_who_joined_survive_power_cuts) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        GroupLives lives(seed);
        ASSERT_NO_FATAL_FAILURE(lives.join());
        for (int life = 0; life < 8; ++life) {
            ASSERT_NO_FATAL_FAILURE(lives.commit_some());
            lives.cut_and_restart();
            ASSERT_NO_FATAL_FAILURE(lives.check());
            if (testing::Test::HasFailure()) return;
        }
    }
}

}  // namespace
}  // namespace penstock::scenario
