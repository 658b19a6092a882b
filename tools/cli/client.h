// The cluster as the CLI sees it: bootstrap, metadata, and a connection to each broker that is needed.
//
// Blocking, one thread. Everything takes a deadline; retry() tries again what may succeed later, with a bounded
// backoff.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "cli/command.h"
#include "cli/connection.h"

namespace penstock::cli {

struct BrokerInfo {
    int32_t id = -1;
    Address address;
    std::string rack;
};

struct PartitionInfo {
    int32_t index = 0;
    int32_t leader = -1;  ///< -1: none
    int32_t leader_epoch = -1;
    std::vector<int32_t> replicas, in_sync, offline;
};

struct TopicInfo {
    std::string name;
    Uuid id;
    bool internal = false;
    ErrorCode error = ErrorCode::none;
    std::vector<PartitionInfo> partitions;  ///< by index

    const PartitionInfo* find(int32_t partition) const;
};

struct ClusterInfo {
    std::string id;
    int32_t controller = -1;
    std::vector<BrokerInfo> brokers;  ///< by id
    std::vector<TopicInfo> topics;    ///< by name

    const TopicInfo* find(std::string_view topic) const;
    const BrokerInfo* find_broker(int32_t broker_id) const;
};

/// The partitions with these indexes; without any all of them. A failure names the first that there is not.
Outcome<std::vector<int32_t>> chosen_partitions(const TopicInfo& topic, const std::vector<int64_t>& wanted);

/// A failure that names what was refused, and what to do where we know.
Failure refusal(const std::string& what, ErrorCode code, std::optional<std::string_view> detail = {});

/// What to do about a topic that does not exist.
enum class IfAbsent : uint8_t {
    refuse,  ///< a failure with a suggestion
    create,  ///< ask the broker to create it, and wait
    wait,    ///< it has just been created: wait until all brokers know
};

class Client {
public:
    explicit Client(const Globals& globals) : globals_(globals) {}

    Deadline deadline() const { return Clock::now() + globals_.timeout; }
    Duration timeout() const { return globals_.timeout; }
    int32_t timeout_ms() const;  ///< for requests that carry it

    /// Any broker: the one last used, else the first that answers.
    Outcome<Connection*> any(Deadline deadline);
    /// The broker with this id, as the last metadata named it.
    Outcome<Connection*> broker(int32_t id, Deadline deadline);
    /// A connection of the caller's own to that broker: for requests that stay under way while the client goes on.
    Outcome<Connection> dedicated(int32_t id, Deadline deadline) const;
    /// Where topics are created and deleted.
    Outcome<Connection*> controller(Deadline deadline);
    /// Forgets a connection that failed.
    void drop(const Connection* connection);

    /// All topics.
    Outcome<ClusterInfo> describe(Deadline deadline);
    /// One topic with all its partitions, every one with a leader; waits for leaders.
    Outcome<TopicInfo> topic(const std::string& name, IfAbsent if_absent, Deadline deadline);
    /// The same as it is now, partitions without a leader among them.
    Outcome<TopicInfo> topic_as_it_is(const std::string& name, Deadline deadline);
    /// "there is no topic …", with the nearest name that exists, or `otherwise` as the hint.
    Failure unknown_topic(const std::string& name, const std::string& otherwise, Deadline deadline);

    /// The last metadata.
    const ClusterInfo& cluster() const { return cluster_; }

    /// Runs `attempt` until it gives a value or a failure that stays, or the deadline passes.
    template <class F>
    auto retry(Deadline deadline, F attempt) -> decltype(attempt()) {
        Duration pause = backoff_first;
        while (true) {
            auto result = attempt();
            if (result || !worth_retrying(result.error()) || Clock::now() + pause >= deadline) return result;
            if (auto waited = wait(pause); !waited) return std::unexpected(waited.error());
            pause = std::min(pause * 2, backoff_last);
        }
    }

    /// Sleeps; fails only when interrupted.
    static Outcome<void> wait(Duration duration);

    static constexpr Duration backoff_first = std::chrono::milliseconds(20);
    static constexpr Duration backoff_last = std::chrono::seconds(1);

private:
    static bool worth_retrying(const Failure& failure);
    Outcome<ClusterInfo> metadata(const std::optional<std::string>& topic, bool create, Deadline deadline);
    /// Of the last metadata.
    Outcome<TopicInfo> known_topic(const std::string& name, IfAbsent if_absent, Deadline deadline);
    Outcome<TopicInfo> topic_once(const std::string& name, IfAbsent if_absent, Deadline deadline);
    Outcome<Address> address_of(int32_t broker_id) const;
    Outcome<Connection*> connect(const Address& address, Deadline deadline);

    const Globals& globals_;
    ClusterInfo cluster_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace penstock::cli
