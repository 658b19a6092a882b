// The brokers' sessions: who confirmed what and when, and whose time is over.
//
// Stepped by Coordinator. A session counts a heartbeat only if it confirms the last sequence that was sent to the
// broker, so one that can send but not receive expires all the same. Time can stand still for the coordinator (a stall,
// a restart): then every session starts afresh, since silence proves nothing while nobody was listening. Nor does it
// while several brokers have sessions and none is heard: then it is the coordinator that is deaf. What it does not do:
// touch the state. The caller fences whom expired() names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/units.h"
#include "io/stream.h"

namespace penstock::coordinator {

struct Session {
    /// 0: granted at the coordinator's start, the broker has not come back yet
    int64_t id = 0;
    std::optional<io::ConnectionId> connection;
    int64_t sequence = 0;                    ///< the last one sent
    uint64_t applied_revision = 0;           ///< what the broker confirmed
    bool may_stop = false;                   ///< the store has that others took over what they could
    Nanos deadline;
};

class Sessions {
public:
    Sessions(int64_t timeout_ns, Nanos now) : timeout_ns_(timeout_ns), last_turn_(now) {}

    /// A session without a connection: grace for a broker that was alive when the coordinator stopped.
    void grant(NodeId broker, Nanos now);
    /// Replaces the broker's session, if it has one.
    Session& open(NodeId broker, int64_t id, io::ConnectionId connection, Nanos now);
    void end(NodeId broker) { sessions_.erase(broker); }
    Session* find(NodeId broker);

    /// A heartbeat came in. Confirms and renews, if it says the last sequence; moves the sequence on in any case.
    void confirm(Session& session, int64_t sequence, Nanos now);
    void renew(Session& session, Nanos now) const { session.deadline = now + timeout_ns_; }

    /// Why all sessions were renewed.
    enum class Grace : uint8_t {
        none,          ///< they were not, or still for the reason said last
        stood_still,   ///< the coordinator had no turns
        hears_nobody,
    };
    /// Call once a turn, at least every tick_ns() while there are sessions.
    Grace on_turn(Nanos now);
    /// Whose deadline has passed.
    std::vector<NodeId> expired(Nanos now) const;
    Nanos next_deadline() const;
    /// When on_turn() is due, whoever expires: while nobody can be fenced.
    Nanos next_tick() const { return sessions_.empty() ? never : last_turn_ + tick_ns(); }

private:
    bool hears_nobody(Nanos now) const;
    int64_t tick_ns() const { return timeout_ns_ / 4; }

    int64_t timeout_ns_;
    Nanos last_turn_;
    bool heard_ = true;   ///< somebody, since it was said that nobody is
    std::map<NodeId, Session> sessions_;
};

}  // namespace penstock::coordinator
