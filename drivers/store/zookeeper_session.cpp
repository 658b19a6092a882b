#include "store/zookeeper_session.h"

#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "base/assert.h"

namespace penstock::store {

namespace {

int64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * second_ns + t.tv_nsec;
}

// Whether to send it again. A time-out is the client's: it gave the connection up.
bool connection_broke(int code) {
    return code == ZCONNECTIONLOSS || code == ZOPERATIONTIMEOUT || code == ZSESSIONMOVED;
}

/// Answers to requests that were sent side by side.
struct Answers {
    struct One {
        Answers* all = nullptr;
        Node node;
        int code = ZOK;
    };
    std::mutex mutex;
    std::condition_variable changed;
    size_t missing = 0;
    std::vector<One> each;

    static void take(int code, const char* value, int size, const Stat* stat, const void* context) {
        auto& one = *static_cast<One*>(const_cast<void*>(context));
        if (code == ZOK) one.node = {std::string(value, size > 0 ? static_cast<size_t>(size) : 0), stat->version};
        one.all->answer(one, code);
    }
    void answer(One& one, int code) {
        std::lock_guard guard(mutex);
        one.code = code;
        if (--missing == 0) changed.notify_one();
    }
    void wait() {
        std::unique_lock guard(mutex);
        changed.wait(guard, [this] { return missing == 0; });
    }
};

void fill(zoo_op_t& operation, const Change& change) {
    const int size = static_cast<int>(change.data.size());
    switch (change.kind) {
        case Change::Kind::create:
            return zoo_create_op_init(&operation, change.path.c_str(), change.data.data(), size,
                                      &ZOO_OPEN_ACL_UNSAFE, 0, nullptr, 0);
        case Change::Kind::set:
            return zoo_set_op_init(&operation, change.path.c_str(), change.data.data(), size, change.version, nullptr);
        case Change::Kind::remove: return zoo_delete_op_init(&operation, change.path.c_str(), -1);
    }
}

}  // namespace

Checked<std::unique_ptr<Session>> Session::open(const std::string& servers, int64_t timeout_ns, Wake poke) {
    zoo_set_debug_level(static_cast<ZooLogLevel>(0));  // it would write to standard error, in a form of its own
    std::unique_ptr<Session> session(new Session(poke));
    const int timeout_ms = static_cast<int>(timeout_ns / millisecond_ns);
    session->handle_ = zookeeper_init(servers.c_str(), on_event, timeout_ms, nullptr, session.get(), 0);
    if (session->handle_ != nullptr) return session;
    const int why = errno;
    return std::unexpected(Failure{{Errc::io, why}, "cannot use the ZooKeeper servers " + servers + ": " +
                                                        std::strerror(why) + ": check zookeeper.servers"});
}

Session::~Session() {
    end();
    if (handle_ != nullptr) zookeeper_close(handle_);
}

void Session::on_event(_zhandle*, int type, int state, const char*, void* context) {
    auto& self = *static_cast<Session*>(context);
    if (type == ZOO_SESSION_EVENT) {
        std::lock_guard guard(self.mutex_);
        self.connected_ = state == ZOO_CONNECTED_STATE;
        self.over_ |= state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE;
        self.changed_.notify_all();
    }
    if (self.poke_.call != nullptr) self.poke_.call(self.poke_.context);
}

Outcome Session::wait_connected(int64_t patience_ns) {
    std::unique_lock guard(mutex_);
    const bool heard = changed_.wait_for(guard, std::chrono::nanoseconds(patience_ns),
                                         [this] { return connected_ || over_; });
    if (over_) return Outcome::over;
    return heard ? Outcome::done : Outcome::unknown;
}

bool Session::connected() const {
    std::lock_guard guard(mutex_);
    return connected_;
}

bool Session::over() const {
    std::lock_guard guard(mutex_);
    return over_;
}

void Session::end() {
    std::lock_guard guard(mutex_);
    over_ = true;
    changed_.notify_all();
}

int64_t Session::timeout_ns() const { return zoo_recv_timeout(handle_) * millisecond_ns; }
uint64_t Session::id() const { return static_cast<uint64_t>(zoo_client_id(handle_)->client_id); }

std::string Session::text() const {
    std::lock_guard guard(mutex_);
    return text_;
}

Outcome Session::outcome_of(int code, std::string_view path) {
    switch (code) {
        case ZOK: return Outcome::done;
        case ZNONODE: return Outcome::missing;
        case ZNODEEXISTS: return Outcome::exists;
        case ZBADVERSION: return Outcome::changed;
        case ZSESSIONEXPIRED:
        case ZINVALIDSTATE:
        case ZCLOSING: return Outcome::over;
        default: break;
    }
    if (connection_broke(code)) return Outcome::unknown;
    std::lock_guard guard(mutex_);
    text_ = std::string(path) + ": " + zerror(code);
    return Outcome::refused;
}

/// `request` gives an Outcome; unknown is asked again.
template <class Request>
Outcome Session::insist(Request request) {
    while (true) {
        // A client that has lost its connection would keep the request, and send it who knows when.
        if (wait_connected(second_ns) == Outcome::over) return Outcome::over;
        if (!connected()) continue;
        if (const Outcome outcome = request(); outcome != Outcome::unknown) return outcome;
        std::unique_lock guard(mutex_);  // the event of the loss may come behind the answer: do not spin until then
        changed_.wait_for(guard, std::chrono::milliseconds(20), [this] { return over_ || !connected_; });
    }
}

Outcome Session::create(const std::string& path, std::string_view data) {
    return insist([&] {
        return outcome_of(zoo_create(handle_, path.c_str(), data.data(), static_cast<int>(data.size()),
                                     &ZOO_OPEN_ACL_UNSAFE, 0, nullptr, 0), path);
    });
}

Outcome Session::create_numbered(const std::string& path, std::string_view data) {
    return outcome_of(zoo_create(handle_, path.c_str(), data.data(), static_cast<int>(data.size()),
                                 &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, nullptr, 0), path);
}

Outcome Session::children(const std::string& path, std::vector<std::string>& names) {
    return insist([&] {
        String_vector found{};
        const int code = zoo_get_children(handle_, path.c_str(), 0, &found);
        if (code != ZOK) return outcome_of(code, path);
        names.assign(found.data, found.data + found.count);
        deallocate_String_vector(&found);
        return Outcome::done;
    });
}

Outcome Session::watch(const std::string& path) {
    return insist([&] {
        Stat stat{};
        return outcome_of(zoo_wexists(handle_, path.c_str(), on_event, this, &stat), path);
    });
}

Outcome Session::get(const std::string& path, Node& node) {
    std::vector<Node> nodes;
    const Outcome outcome = get(std::span(&path, 1), nodes);
    if (outcome == Outcome::done) node = std::move(nodes.front());
    return outcome;
}

Outcome Session::get(std::span<const std::string> paths, std::vector<Node>& nodes) {
    return insist([&] {
        Answers answers;
        answers.each.resize(paths.size());
        answers.missing = paths.size();
        for (size_t i = 0; i < paths.size(); ++i) {
            answers.each[i].all = &answers;
            const int code = zoo_aget(handle_, paths[i].c_str(), 0, Answers::take, &answers.each[i]);
            if (code != ZOK) answers.answer(answers.each[i], code);  // then nothing is called
        }
        answers.wait();
        nodes.clear();
        for (size_t i = 0; i < paths.size(); ++i) {
            const Outcome outcome = outcome_of(answers.each[i].code, paths[i]);
            if (outcome != Outcome::done) return outcome;
            nodes.push_back(std::move(answers.each[i].node));
        }
        return Outcome::done;
    });
}

Outcome Session::write(std::span<const Change> changes) {
    PENSTOCK_ASSERT(!guard_.empty());
    std::vector<zoo_op_t> operations(changes.size() + 1);
    std::vector<zoo_op_result_t> results(operations.size());
    zoo_check_op_init(&operations[0], guard_.c_str(), -1);
    for (size_t i = 0; i < changes.size(); ++i) fill(operations[i + 1], changes[i]);
    return insist([&] {
        const int64_t sent_at_ns = now_ns();
        const int code = zoo_multi(handle_, static_cast<int>(operations.size()), operations.data(), results.data());
        if (code == ZOK) confirmed_at_ns_ = sent_at_ns;
        if (code == ZNONODE && results[0].err == ZNONODE) return Outcome::over;
        return outcome_of(code, changes.empty() ? std::string_view(guard_) : changes.front().path);
    });
}

Outcome Session::renew() {
    if (over()) return Outcome::over;
    return now_ns() - confirmed_at_ns_ < renewal_ns() ? Outcome::done : write({});
}

}  // namespace penstock::store
