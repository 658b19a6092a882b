#include "coordinator/sessions.h"

#include <algorithm>
#include <utility>

namespace penstock::coordinator {

void Sessions::grant(NodeId broker, Nanos now) { renew(sessions_[broker], now); }

Session& Sessions::open(NodeId broker, int64_t id, io::ConnectionId connection, Nanos now) {
    Session& session = sessions_[broker];
    session = {.id = id, .connection = connection, .sequence = 1, .applied_revision = 0, .may_stop = false,
               .deadline = now + timeout_ns_};
    return session;
}

Session* Sessions::find(NodeId broker) {
    auto at = sessions_.find(broker);
    return at == sessions_.end() ? nullptr : &at->second;
}

void Sessions::confirm(Session& session, int64_t sequence, Nanos now) {
    heard_ = true;
    if (sequence == session.sequence) renew(session, now);
    ++session.sequence;
}

Sessions::Grace Sessions::on_turn(Nanos now) {
    // Turns come at least every tick while there are sessions: a gap of two ticks means that we did not run.
    const bool stalled = !sessions_.empty() && now - last_turn_ > 2 * tick_ns();
    const bool alone = !stalled && hears_nobody(now);
    last_turn_ = now;
    if (stalled || alone)
        for (auto& [broker, session] : sessions_) renew(session, now);
    if (stalled) return Grace::stood_still;
    return alone && std::exchange(heard_, false) ? Grace::hears_nobody : Grace::none;
}

/// A session is over, and nobody at all was heard for half of one: several do not fall silent at once. To fence all
/// would end all service; and as long as nobody is heard there is nobody who could take over.
bool Sessions::hears_nobody(Nanos now) const {
    if (sessions_.size() < 2 || expired(now).empty()) return false;
    const auto heard = [&](const auto& entry) { return entry.second.deadline > now + timeout_ns_ / 2; };
    return std::ranges::none_of(sessions_, heard);
}

std::vector<NodeId> Sessions::expired(Nanos now) const {
    std::vector<NodeId> brokers;
    for (const auto& [broker, session] : sessions_)
        if (session.deadline <= now) brokers.push_back(broker);
    return brokers;
}

Nanos Sessions::next_deadline() const {
    Nanos earliest = next_tick();
    for (const auto& [broker, session] : sessions_) earliest = std::min(earliest, session.deadline);
    return earliest;
}

}  // namespace penstock::coordinator
