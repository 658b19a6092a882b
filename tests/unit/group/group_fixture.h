// A group by itself: its surroundings stand in for, its calls kept alive, its time set by the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "group/group.h"

namespace penstock::group {

inline wire::Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

struct FakeHost final : GroupHost {
    broker::GroupOptions settings;
    Time at{Nanos(second_ns), 1'700'000'000'000};
    TimerHeap heap;
    size_t bytes = 0;
    int stored = 0;
    std::vector<int32_t> waited_for;  ///< generations that are to be durable before anybody is told
    int ids = 0;

    const broker::GroupOptions& options() const override { return settings; }
    Time time() const override { return at; }
    TimerHeap& timers() override { return heap; }
    size_t& memory() override { return bytes; }
    void answer(broker::GroupCall& call) override {
        EXPECT_TRUE(call.held) << "answered twice";
        EXPECT_EQ(call.held_by, nullptr);
        call.held = false;
    }
    void store(Group& group, bool waits) override {
        ++stored;
        if (waits) waited_for.push_back(group.generation());
    }
    std::string new_member_id(std::string_view prefix) override {
        return std::string(prefix) + "-" + std::to_string(++ids);
    }
};

struct JoinOptions {
    std::optional<std::string> instance;
    std::vector<std::pair<std::string, std::string>> protocols{{"range", "all"}};
    std::string type = "consumer";
    int32_t session_ms = 10'000;
    int32_t rebalance_ms = 60'000;
    bool id_required = false;
    bool may_skip = false;
};

struct Joining {
    JoinOptions options;
    std::string id;
    std::vector<broker::JoinGroupCall::Protocol> protocols;
    broker::JoinGroupCall call;
    bool waits() const { return call.held; }
};

struct Syncing {
    std::string id;
    std::optional<std::string> instance;
    std::vector<std::pair<std::string, std::string>> given;
    std::vector<broker::SyncGroupCall::Assignment> assignments;
    broker::SyncGroupCall call;
    bool waits() const { return call.held; }
};

class GroupFixture : public testing::Test {
protected:
    ~GroupFixture() override {
        if (group) group->disband(ErrorCode::not_coordinator);
        group.reset();
        EXPECT_EQ(host.bytes, 0u) << "all that was counted is given back";
    }

    Joining& join(const std::string& id, JoinOptions options = {}) {
        Joining& made = joins.emplace_back();
        made.options = std::move(options);
        made.id = id;
        for (const auto& [name, metadata] : made.options.protocols)
            made.protocols.push_back({name, bytes_of(metadata)});
        made.call.group_id = "g";
        made.call.member.member_id = made.id;
        if (made.options.instance) made.call.member.instance_id = *made.options.instance;
        made.call.client_id = "client";
        made.call.client_host = "/127.0.0.1";
        made.call.session_timeout_ms = made.options.session_ms;
        made.call.rebalance_timeout_ms = made.options.rebalance_ms;
        made.call.protocol_type = made.options.type;
        made.call.protocols = made.protocols;
        made.call.id_required = made.options.id_required;
        made.call.may_skip_assignment = made.options.may_skip;
        made.call.held = true;
        group->join(made.call);
        return made;
    }

    Syncing& sync(const std::string& id, std::vector<std::pair<std::string, std::string>> given = {},
                  std::optional<std::string> instance = {}, int32_t generation = -1) {
        Syncing& made = syncs.emplace_back();
        made.id = id;
        made.instance = std::move(instance);
        made.given = std::move(given);
        for (const auto& [member, bytes] : made.given) made.assignments.push_back({member, bytes_of(bytes)});
        made.call.member = {made.id, made.instance, generation < 0 ? group->generation() : generation};
        made.call.assignments = made.assignments;
        made.call.held = true;
        group->sync(made.call);
        return made;
    }

    ErrorCode heartbeat(const std::string& id, int32_t generation = -1) {
        broker::HeartbeatCall call;
        call.member = {id, std::nullopt, generation < 0 ? group->generation() : generation};
        call.held = true;
        group->heartbeat(call);
        EXPECT_FALSE(call.held);
        return call.error;
    }

    ErrorCode leave(const std::string& id, std::optional<std::string> instance = {}) {
        broker::LeaveGroupCall::Member who{id, {}};
        if (instance) who.instance_id = *instance;
        broker::LeaveGroupCall call;
        call.members = {&who, 1};
        call.held = true;
        group->leave(call);
        EXPECT_FALSE(call.held);
        return who.error;
    }

    ErrorCode check_commit(const std::string& id, int32_t generation) {
        return group->check_commit({id, std::nullopt, generation});
    }

    void advance(int64_t ms) {
        const Nanos until = host.at.now + ms * millisecond_ns;
        while (host.heap.next_deadline() <= until) {
            host.at.now = host.heap.next_deadline();
            auto& timer = static_cast<GroupTimer&>(*host.heap.expire(host.at.now));
            timer.group->on_timer(timer);
        }
        host.at.now = until;
    }

    void finish(const Joining& waiting) {
        for (int i = 0; i < 3000 && waiting.waits(); ++i) advance(100);
    }

    /// What was stored is durable now.
    void settle() {
        for (const int32_t generation : std::exchange(host.waited_for, {})) group->on_stored(generation);
    }

    /// `count` members in a stable group; their ids. The first leads.
    std::vector<std::string> stable(int count, const std::vector<JoinOptions>& options = {}) {
        std::vector<Joining*> joined;
        for (int i = 0; i < count; ++i)
            joined.push_back(&join("", options.empty() ? JoinOptions{} : options[static_cast<size_t>(i)]));
        finish(*joined[0]);
        std::vector<std::string> ids;
        for (const Joining* one : joined) {
            EXPECT_EQ(one->call.error, ErrorCode::none);
            ids.push_back(one->call.member_id);
        }
        std::vector<std::pair<std::string, std::string>> given;
        for (const std::string& id : ids) given.emplace_back(id, "of " + id);
        for (const std::string& id : ids) sync(id, id == joined[0]->call.leader_id ? given : decltype(given){});
        settle();
        EXPECT_EQ(group->state(), GroupState::stable);
        return ids;
    }

    FakeHost host;
    std::deque<Joining> joins;
    std::deque<Syncing> syncs;
    std::optional<Group> group{std::in_place, "g", host};
};

}  // namespace penstock::group
