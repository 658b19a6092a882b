// Groups over a log in memory: what it appends is kept when the test says that it is durable.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/group_place.h"
#include "group/groups.h"

namespace penstock::group {

/// Stands in for the owner of the internal topic's partitions. Answers nothing by itself: see GroupsFixture::turn().
struct FakeOwner final : broker::Exchange {
    void ask(broker::Call& call, broker::Ask what) override {
        if (what == broker::Ask::release) return static_cast<broker::FetchCall&>(call).slices.clear();
        ++call.asks;
        EXPECT_EQ(call.request, nullptr);
        open.push_back(&call);
    }

    void append(broker::AppendCall& call) {
        call.error = refuse_appends;
        if (refuse_appends != broker::ErrorCode::none) return;
        Log& log = logs[call.key.partition];
        std::vector<std::byte> bytes(call.batch.header, call.batch.header + log::batch_header_size);
        for (const Fragment& piece : call.batch.body) bytes.insert(bytes.end(), piece.data, piece.data + piece.size);
        wire::stamp_leader(std::span(bytes).first<wire::batch_header_bytes>(), Offset(log.end), LeaderEpoch(0));
        log.batches.push_back({log.end, std::move(bytes)});
        log.end += call.batch.last_offset_delta + 1;
        ++appends;
    }

    void fetch(broker::FetchCall& call) {
        broker::FetchPart& part = call.parts.front();
        part.error = refuse_fetches;
        if (refuse_fetches != broker::ErrorCode::none) return;
        Log& log = logs[part.key.partition];
        part.high_watermark = log.end;
        part.log_start_offset = log.start;
        if (part.from.value < log.start) {
            part.error = broker::ErrorCode::offset_out_of_range;
            return;
        }
        for (const Batch& batch : log.batches) {
            if (batch.base < part.from.value || !call.slices.empty()) continue;
            call.slices.push_back({batch.bytes.data(), static_cast<uint32_t>(batch.bytes.size()), nullptr});
        }
    }

    struct Batch {
        int64_t base;
        std::vector<std::byte> bytes;
    };
    struct Log {
        int64_t start = 0, end = 0;
        std::vector<Batch> batches;
    };
    std::map<int32_t, Log> logs;
    std::deque<broker::Call*> open;
    broker::ErrorCode refuse_appends = broker::ErrorCode::none, refuse_fetches = broker::ErrorCode::none;
    int appends = 0;
};

class GroupsFixture : public testing::Test {
protected:
    GroupsFixture() { start(); }
    ~GroupsFixture() override { stop(); }

    void start(int32_t partitions = 1) {
        options.groups.initial_rebalance_delay_ms = 0;
        options.node_id = NodeId(1);
        topics = std::make_unique<broker::TopicTable>(broker::BrokerOptions{});
        groups = std::make_unique<Groups>(options, owner);
        show(partitions, NodeId(1));
    }
    void stop() {
        show(0, NodeId(1));
        settle();
        for (broker::GroupCall* call : held) EXPECT_FALSE(call->held);
        held.clear();
        groups.reset();
    }
    void restart() {
        stop();
        start();
        settle();
    }

    void show(int32_t partitions, NodeId leader) {
        auto view = std::make_shared<broker::ClusterView>();
        if (partitions > 0) {
            broker::TopicView topic;
            topic.name = broker::offsets_topic;
            topic.id = topic_id;
            topic.revision = ++revision;
            topic.partitions.resize(static_cast<size_t>(partitions), {.leader = leader, .replicas = {}, .isr = {}});
            view->topics.push_back(std::make_shared<const broker::TopicView>(std::move(topic)));
        }
        view->seal();
        (void)topics->prepare(std::move(view));
        topics->publish();
        groups->on_view(*topics, time);
    }

    /// Hands over to the owner what is staged.
    void turn() {
        groups->on_turn(time);
        groups->flush();
        take_answers();
    }
    void take_answers() {
        while (groups->poll_answer() != nullptr) {}
    }
    /// The owner answers what it was asked, and everything that follows.
    void settle() {
        for (turn(); !owner.open.empty(); turn()) {
            broker::Call* call = owner.open.front();
            owner.open.pop_front();
            if (call->kind == broker::CallKind::append) owner.append(static_cast<broker::AppendCall&>(*call));
            else owner.fetch(static_cast<broker::FetchCall&>(*call));
            groups->on_answered(*call);
        }
    }
    void advance(int64_t ms) {
        time.now = time.now + ms * millisecond_ns;
        time.wall_ms += ms;
        settle();
    }

    template <class C>
    C& ask(C& call, std::string_view group_id = "g") {
        call.key = {topic_id, 0};
        call.group_id = group_id;
        groups->on_call(call, time);
        take_answers();
        held.push_back(&call);
        return call;
    }

    struct Commit {
        std::string topic, metadata;
        broker::CommitOffsetsCall::Offset offset;
        broker::CommitOffsetsCall call;
    };
    Commit& commit(const std::string& topic, int32_t partition, int64_t offset, std::string_view group_id = "g",
                   broker::MemberIdentity who = {}) {
        Commit& made = commits.emplace_back();
        made.topic = topic;
        made.metadata = "about " + topic;
        made.offset = {made.topic, make_uuid(7, 7), partition, offset, 3, made.metadata};
        made.call.offsets = {&made.offset, 1};
        made.call.member = who;
        ask(made.call, group_id);
        return made;
    }

    /// What is committed there, as a client hears it.
    int64_t committed(const std::string& topic, int32_t partition, std::string_view group_id = "g") {
        const broker::FetchOffsetsCall::Wanted wanted{topic, partition};
        broker::FetchOffsetsCall call;
        call.wanted = {&wanted, 1};
        ask(call, group_id);
        settle();
        held.pop_back();
        EXPECT_FALSE(call.held);
        EXPECT_EQ(call.error, broker::ErrorCode::none);
        return call.offsets.size() == 1 ? call.offsets[0].offset : -2;
    }

    /// A member by itself in a stable group.
    std::string join(std::string_view group_id = "g") {
        const broker::JoinGroupCall::Protocol protocol{"range", {}};
        broker::JoinGroupCall& call = joins.emplace_back();
        call.session_timeout_ms = 10'000;
        call.rebalance_timeout_ms = 10'000;
        call.protocol_type = "consumer";
        call.protocols = {&protocol, 1};
        call.client_id = "c";
        ask(call, group_id);
        settle();
        EXPECT_EQ(call.error, broker::ErrorCode::none);
        const broker::SyncGroupCall::Assignment all{call.member_id, std::as_bytes(std::span("everything", 10))};
        broker::SyncGroupCall sync;
        sync.member = {call.member_id, std::nullopt, call.generation};
        sync.assignments = {&all, 1};
        ask(sync, group_id);
        EXPECT_TRUE(sync.held) << "not durable yet";
        settle();
        held.pop_back();
        EXPECT_EQ(sync.assignment, "everything");
        return call.member_id;
    }

    broker::ErrorCode heartbeat(const std::string& member, int32_t generation) {
        broker::HeartbeatCall call;
        call.member = {member, std::nullopt, generation};
        ask(call);
        held.pop_back();
        return call.error;
    }

    broker::BrokerOptions options;
    Uuid topic_id = make_uuid(5, 5);
    uint64_t revision = 0;
    Time time{Nanos(second_ns), 1'700'000'000'000};
    FakeOwner owner;
    std::unique_ptr<broker::TopicTable> topics;
    std::unique_ptr<Groups> groups;
    std::deque<Commit> commits;
    std::deque<broker::JoinGroupCall> joins;
    std::vector<broker::GroupCall*> held;
};

}  // namespace penstock::group
