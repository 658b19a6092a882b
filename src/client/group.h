// A member of a consumer group, by the classic protocol: finds the coordinator, joins, syncs, stays alive, and keeps
// the group's offsets. Without a subscription it only reads and commits offsets.
//
// Stepped by its Consumer, which is the GroupListener. All its requests ride one connection, so they reach the
// coordinator in order: a commit that is sent before a join belongs to the generation that ends. Before a rebalance
// everything is given back (Kafka's "eager"); the leader assigns with the range assignor, and starts a rebalance when
// the topics' partitions grow.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster.h"
#include "client/consumer_protocol.h"

namespace penstock::client {

struct GroupOptions {
    std::string name;
    std::optional<std::string> instance;
    int32_t session_timeout_ms = 45'000;
    int32_t rebalance_timeout_ms = 60'000;
    int32_t heartbeat_interval_ms = 3'000;
};

struct GroupOffset {
    std::string topic;
    int32_t partition = 0;
    int64_t offset = -1;   ///< -1: none is committed
};

class GroupListener {
public:
    virtual ~GroupListener() = default;
    /// The group agreed.
    virtual void on_assigned(const Assignment& assignment) = 0;
    /// Nothing is ours any more. While this runs, commit() still belongs to the generation that ends, if `may_commit`.
    virtual void on_revoked(bool may_commit) = 0;
    /// To fetch_offsets().
    virtual void on_offsets(const std::vector<GroupOffset>& offsets) = 0;
    /// A commit() ended.
    virtual void on_committed(penstock_error error) = 0;
    /// The group refuses us for good.
    virtual void on_group_failed(penstock_error error) = 0;
};

class Group final : private Requester {
public:
    Group(Cluster& cluster, GroupOptions options, GroupListener& listener);
    ~Group() override;

    /// Joins for these topics, again if they changed.
    void subscribe(std::vector<std::string> topics);
    /// The offsets of these partitions, for on_offsets().
    void fetch_offsets(std::vector<GroupOffset> wanted) { wanted_offsets_ = std::move(wanted); }
    /// Sent with the next step, or at once where there is a connection. on_committed() follows.
    void commit(const std::vector<GroupOffset>& offsets);
    /// Leaves; left() once that is known, or cannot be.
    void leave();
    bool left() const { return state_ == State::left; }

    void step(Nanos now);
    Nanos next_deadline() const;

private:
    enum class State : uint8_t { outside, to_join, joining, assigning, syncing, stable, failed, leaving, left };
    enum class What : uint8_t { find, join, sync, heartbeat, commit, fetch, leave };

    struct Member {
        std::string id;
        int32_t generation = -1;
    };

    Connection* coordinator();
    template <class Request>
    bool ask(What what, const Request& request, int64_t patience_ms = 0);
    void ask_join();
    void ask_sync(const std::map<std::string, Assignment>& assigned);
    void ask_heartbeat();
    bool send_commit(const std::vector<GroupOffset>& offsets);
    void ask_offsets();
    void ask_leave();
    void on_answer(uint64_t ask, const Answer& answer, Nanos now) override;
    void on_lost(uint64_t ask, const Failure& why, Nanos now) override;
    What take(uint64_t ask);
    void on_found(const Answer& answer, Nanos now);
    void on_joined(const Answer& answer, Nanos now);
    void on_synced(const Answer& answer, Nanos now);
    void on_heartbeat(const Answer& answer, Nanos now);
    void on_committed(const Answer& answer);
    void on_offsets(const Answer& answer, Nanos now);
    void assign_if_known();
    void watch(const std::vector<std::string>& topics);
    /// What an error of the coordinator means for us; nothing for one that is not ours to handle.
    void on_error(wire::kafka::ErrorCode error, Nanos now);
    void rejoin(bool may_commit);
    void fail(penstock_error error);

    Cluster& cluster_;
    const GroupOptions options_;
    GroupListener& listener_;
    std::vector<std::string> topics_;
    State state_ = State::outside;
    Member member_;
    int32_t coordinator_ = -1;
    std::vector<std::pair<uint64_t, What>> asks_;
    Nanos now_, not_before_, next_heartbeat_ = never;
    std::vector<GroupOffset> wanted_offsets_;
    std::vector<GroupOffset> to_commit_;

    // As the group's leader.
    std::vector<Subscriber> subscribers_;
    std::vector<std::string> watched_;
    std::map<std::string, int32_t> counts_;   ///< partitions that were shared out
    bool leads_ = false;
    Nanos assign_by_ = never;
};

}  // namespace penstock::client
