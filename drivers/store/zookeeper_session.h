// One session with a ZooKeeper ensemble: requests that are sent again when a connection breaks, for as long as the
// session may live, and writes that happen only while a certain node exists.
//
// Used by the store's thread; load() on the caller's may read at the same time. The C client has threads of its own,
// which call `poke` when anything happened: a connection made or lost, the session over, a watched node changed.
// Invariant: a write that was guarded happened while the guard existed, whatever became of its answer. A request whose
// answer is lost is sent again, so callers must make sense of finding their own work done: exists, changed, missing.
// What it does not do: know what the nodes hold, elect, begin a new session.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "store/failure.h"
#include "store/wake.h"

struct _zhandle;

namespace penstock::store {

/// What became of a request.
enum class Outcome : uint8_t {
    done,
    unknown,  ///< the connection broke: it may have happened. Only from what is not sent again.
    missing,  ///< there is no such node
    exists,   ///< there is one already
    changed,  ///< the node has another version
    over,     ///< the session ended, or end() was called, or the guard is gone: nothing more will happen
    refused,  ///< the ensemble says no: text() has its words
};

struct Node {
    std::string data;
    int32_t version = 0;
};

struct Change {
    enum class Kind : uint8_t { create, set, remove };
    Kind kind = Kind::create;
    std::string path;
    std::string_view data;
    int32_t version = 0;   ///< of set: the one that the node must have
};

class Session {
public:
    /// `servers` as "host:port,host:port". Does not wait for a connection. `poke` may be called before it returns.
    static Checked<std::unique_ptr<Session>> open(const std::string& servers, int64_t timeout_ns, Wake poke);
    /// Closes the session, if it still is: its ephemeral nodes go at once.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// done, or over, or unknown when there was no connection for so long.
    Outcome wait_connected(int64_t patience_ns);
    bool connected() const;
    bool over() const;
    /// Nothing is sent from here on, and nobody waits. Any thread.
    void end();
    /// Once connected: what the ensemble made of the timeout.
    int64_t timeout_ns() const;
    uint64_t id() const;

    Outcome create(const std::string& path, std::string_view data);
    /// Ephemeral, and numbered by the ensemble. Not sent again: unknown may mean that it exists.
    Outcome create_numbered(const std::string& path, std::string_view data);
    Outcome children(const std::string& path, std::vector<std::string>& names);
    /// Pokes when the node changes or goes; missing if it is gone.
    Outcome watch(const std::string& path);
    Outcome get(const std::string& path, Node& node);
    /// Side by side. missing if one is.
    Outcome get(std::span<const std::string> paths, std::vector<Node>& nodes);

    /// From now on write() happens only while this node exists.
    void guard(std::string path) { guard_ = std::move(path); }
    /// All or nothing. Without changes it asks whether the guard is there, of a majority of the ensemble.
    Outcome write(std::span<const Change> changes);
    /// Asks so when the last confirmation is not of late. Whoever does not write for long calls it, from any thread.
    Outcome renew();
    /// How often, at least: several times within the session's timeout.
    int64_t renewal_ns() const { return timeout_ns() / 4; }
    /// When the last write that was confirmed had been sent: the session lived at least from then for its timeout.
    Nanos confirmed_at() const { return Nanos(confirmed_at_ns_.load()); }

    /// What the ensemble said to the last request that it refused.
    std::string text() const;

private:
    explicit Session(Wake poke) : poke_(poke) {}
    static void on_event(_zhandle* handle, int type, int state, const char* path, void* context);
    template <class Request>
    Outcome insist(Request request);
    Outcome outcome_of(int code, std::string_view path);

    Wake poke_;
    _zhandle* handle_ = nullptr;
    std::string guard_;
    std::atomic<int64_t> confirmed_at_ns_{0};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool connected_ = false;
    bool over_ = false;
    std::string text_;
};

}  // namespace penstock::store
