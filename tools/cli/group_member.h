// A member of a consumer group that reads one topic, by the classic protocol: joins, syncs, and stays alive.
//
// Blocking, one thread. join() waits for all members; between two joins keep_alive() must be called at next_heartbeat()
// or soon after. Everything is given back before a rebalance (Kafka's "eager"), so commit before joining again.
// The leader assigns with Kafka's range assignor, also topics that only other members read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/consumer_protocol.h"
#include "cli/group_client.h"
#include "wire/kafka/join_group.h"

namespace penstock::cli {

using client::Assignment;

struct GroupTimes {
    Duration session = std::chrono::seconds(10);    ///< silence after which the others read what was ours
    Duration rebalance = std::chrono::seconds(60);  ///< how long the others are waited for
    Duration heartbeat = std::chrono::seconds(3);
};

class GroupMember {
public:
    GroupMember(Client& client, std::string group, std::string topic, const GroupTimes& times = {})
        : group_(client, std::move(group)), topic_(std::move(topic)), times_(times) {}

    /// The partitions of the topic that are ours now. Also to join again.
    Outcome<std::vector<int32_t>> join();

    /// Sends a heartbeat when it is due. False: join again.
    Outcome<bool> keep_alive();
    Deadline next_heartbeat() const { return next_heartbeat_; }

    /// False: the offsets are not committed, since we no longer belong to the generation: join again.
    Outcome<bool> commit(const Offsets& offsets);

    /// So that the others need not wait for the session to end. Best effort.
    void leave();

    GroupClient& group() { return group_; }

private:
    using JoinReply = Reply<wire::kafka::JoinGroupResponse>;

    /// Nothing: try again.
    Outcome<std::optional<JoinReply>> join_once(Deadline deadline);
    Outcome<std::optional<std::vector<int32_t>>> sync_once(const JoinReply& joined, Deadline deadline);
    Outcome<std::map<std::string, Assignment>> assign(const JoinReply& joined, Deadline deadline);
    /// Whether the group says no more than "join again"; forgets the member id where the group has.
    bool to_join_again(ErrorCode error);
    Failure refused(const std::string& what, ErrorCode error) const;

    GroupClient group_;
    std::string topic_;
    GroupTimes times_;
    MemberName name_;
    Deadline next_heartbeat_ = Deadline::max();
};

}  // namespace penstock::cli
