// Who of several coordinators is active: each has a node that lives as long as its session, numbered in the order of
// their coming; the first is active, and each of the others watches only the one before it, so that an end wakes one.
//
//     ROOT/election/c-<session>-0000000007    its text names the coordinator, for the others' logs
// Used by the store's thread. Numbers are never given again, so a node's name is proof enough that it is the same.
#pragma once

#include <string>
#include <string_view>

#include "store/zookeeper_session.h"

namespace penstock::store {

class Election {
public:
    Election(Session& session, std::string folder) : session_(session), folder_(std::move(folder)) {}

    /// Once.
    Outcome stand(std::string_view name);
    /// done: elected() and ahead() are as of now, and the session pokes when to look again. over: the node is gone.
    Outcome look();
    bool elected() const { return elected_; }
    /// The name of the coordinator that is active, as it gave it; empty when elected.
    const std::string& active() const { return active_; }
    std::string node() const { return folder_ + "/" + own_; }

private:
    Outcome list(std::vector<std::string>& names);

    Session& session_;
    std::string folder_;
    std::string own_;
    std::string active_;
    bool elected_ = false;
};

}  // namespace penstock::store
