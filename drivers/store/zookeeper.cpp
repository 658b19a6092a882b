#include "store/zookeeper.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "store/zookeeper_election.h"
#include "store/zookeeper_session.h"
#include "store/zookeeper_state.h"

namespace penstock::store {

namespace {

constexpr size_t news_max = 64;
/// Of the session's timeout: the rest is for clocks that differ in rate, and for a turn that asked just before the end.
constexpr int64_t lease_share_percent = 90;

}  // namespace

struct ZooKeeper::Impl {
    ZooKeeperOptions options;
    Wake wake;
    std::atomic<io::StoreRole> role = io::StoreRole::standby;
    std::thread thread;

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<io::StoreTransaction> waiting;
    std::deque<io::StoreCompletion> finished;
    std::deque<std::string> news;
    Failure failure{{Errc::io}, "the session ended"};
    size_t under_way = 0;    // submitted, and its completion not polled
    bool poked = false;
    bool stopping = false;

    std::unique_ptr<Session> session;   // the last of what others need: its threads poke until it has gone
    std::unique_ptr<EnsembleState> state;

    void poke();
    void tell(std::string sentence);
    void call() const;
    void lose(Failure why);
    void run();
    Checked<void> become_active();
    Checked<void> connect();
    Checked<void> stand();
    Checked<void> be_active();
    Checked<void> write(const io::StoreTransaction& transaction);
    void complete(uint64_t token, const Result<void>& result);
    void refuse_waiting();
    bool wait_for_poke(int64_t ns);
};

// --- The user's side

ZooKeeper::ZooKeeper(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Checked<std::unique_ptr<ZooKeeper>> ZooKeeper::open(const ZooKeeperOptions& options, Wake wake) {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->wake = wake;
    const Wake poke{[](void* self) { static_cast<Impl*>(self)->poke(); }, impl.get()};
    auto session = Session::open(options.servers, options.session_timeout_ns, poke);
    if (!session) return std::unexpected(std::move(session.error()));
    impl->session = std::move(*session);
    impl->state = std::make_unique<EnsembleState>(*impl->session, options.root);
    try {
        impl->thread = std::thread([self = impl.get()] { self->run(); });
    } catch (const std::system_error& error) {
        return std::unexpected(
            Failure{{Errc::failed}, std::string("cannot start the store's thread: ") + error.what()});
    }
    return std::unique_ptr<ZooKeeper>(new ZooKeeper(std::move(impl)));
}

ZooKeeper::~ZooKeeper() {
    {
        std::lock_guard guard(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->changed.notify_one();
    impl_->session->end();
    impl_->thread.join();
}

io::StoreRole ZooKeeper::role(Nanos now) {
    const io::StoreRole role = impl_->role;
    if (role != io::StoreRole::active) return role;
    const int64_t lease_ns = impl_->session->timeout_ns() * lease_share_percent / 100;
    if (impl_->session->over()) {
        impl_->lose({{Errc::io}, "the session with ZooKeeper ended"});
    } else {
        if (now - impl_->session->confirmed_at() < lease_ns) return io::StoreRole::active;
        impl_->lose({{Errc::io}, "ZooKeeper has not confirmed for " + std::to_string(lease_ns / millisecond_ns) +
                                     " ms that this coordinator is the active one"});
    }
    return io::StoreRole::lost;
}

Result<io::StoreContents> ZooKeeper::load() {
    PENSTOCK_ASSERT(impl_->role != io::StoreRole::standby);
    auto contents = impl_->state->load();
    if (contents) return std::move(*contents);
    const Error error = contents.error().error;
    impl_->lose(std::move(contents.error()));
    return std::unexpected(error);
}

Result<void> ZooKeeper::submit(io::StoreTransaction transaction) {
    {
        std::lock_guard guard(impl_->mutex);
        if (impl_->role != io::StoreRole::active) return fail(Errc::failed);
        if (impl_->under_way >= limits::store_transactions_max) return fail(Errc::would_block);
        ++impl_->under_way;
        impl_->waiting.push_back(std::move(transaction));
    }
    impl_->changed.notify_one();
    return {};
}

size_t ZooKeeper::poll(std::span<io::StoreCompletion> out) {
    std::lock_guard guard(impl_->mutex);
    const size_t count = std::min(out.size(), impl_->finished.size());
    for (io::StoreCompletion& completion : out.first(count)) {
        completion = impl_->finished.front();
        impl_->finished.pop_front();
    }
    impl_->under_way -= count;
    return count;
}

std::optional<std::string> ZooKeeper::poll_news() {
    std::lock_guard guard(impl_->mutex);
    if (impl_->news.empty()) return std::nullopt;
    std::optional<std::string> first = std::move(impl_->news.front());
    impl_->news.pop_front();
    return first;
}

Failure ZooKeeper::failure() const {
    std::lock_guard guard(impl_->mutex);
    return impl_->failure;
}

// --- From any thread

void ZooKeeper::Impl::poke() {
    {
        std::lock_guard guard(mutex);
        poked = true;
    }
    changed.notify_one();
}

void ZooKeeper::Impl::call() const {
    if (wake.call != nullptr) wake.call(wake.context);
}

/// The first reason counts.
void ZooKeeper::Impl::lose(Failure why) {
    {
        std::lock_guard guard(mutex);
        if (role == io::StoreRole::lost) return;
        failure = std::move(why);
        role = io::StoreRole::lost;
    }
    session->end();
    changed.notify_one();
    call();
}

// --- The store's thread

void ZooKeeper::Impl::tell(std::string sentence) {
    {
        std::lock_guard guard(mutex);
        if (news.size() < news_max) news.push_back(std::move(sentence));
    }
    call();
}

void ZooKeeper::Impl::run() {
    auto went = become_active();
    if (went) went = be_active();
    if (!went) lose(std::move(went.error()));
    refuse_waiting();
}

Checked<void> ZooKeeper::Impl::become_active() {
    if (auto connected = connect(); !connected) return connected;
    if (auto prepared = state->prepare(); !prepared) return prepared;
    if (auto elected = stand(); !elected) return elected;
    if (auto taken = state->take_over(); !taken) return taken;
    std::lock_guard guard(mutex);
    if (role == io::StoreRole::standby) role = io::StoreRole::active;
    return {};
}

Checked<void> ZooKeeper::Impl::connect() {
    bool said = false;
    while (true) {
        const Outcome outcome = session->wait_connected(options.session_timeout_ns);
        if (outcome == Outcome::over) return std::unexpected(Failure{{Errc::io}, "no session with ZooKeeper"});
        if (outcome == Outcome::done) break;
        if (!std::exchange(said, true))
            tell("no ZooKeeper server of " + options.servers + " answers: trying on (zookeeper.servers)");
    }
    tell("connected with ZooKeeper at " + options.servers + ", root " + options.root + ", session timeout " +
         std::to_string(session->timeout_ns() / millisecond_ns) + " ms");
    return {};
}

/// Until it is elected. The guard is set before anything is written that needs it.
Checked<void> ZooKeeper::Impl::stand() {
    const auto failed = [this](Outcome outcome) {
        const bool ended = outcome == Outcome::over;
        return std::unexpected(Failure{{ended ? Errc::io : Errc::failed},
                                       "the election in ZooKeeper, " + options.root + ": " +
                                           (ended ? "the session ended" : session->text())});
    };
    Election election(*session, options.root + "/election");
    if (const Outcome stood = election.stand(options.name); stood != Outcome::done) return failed(stood);
    session->guard(election.node());
    std::string told;
    while (true) {
        if (const Outcome looked = election.look(); looked != Outcome::done) return failed(looked);
        if (election.elected()) break;
        if (told != election.active()) tell("standing by: " + (told = election.active()) + " is active");
        wait_for_poke(options.session_timeout_ns);
    }
    // The lease begins with a confirmation, not with a listing that may have been an old one.
    if (const Outcome confirmed = session->write({}); confirmed != Outcome::done) return failed(confirmed);
    return {};
}

bool ZooKeeper::Impl::wait_for_poke(int64_t ns) {
    std::unique_lock guard(mutex);
    changed.wait_for(guard, std::chrono::nanoseconds(ns), [this] { return poked || stopping || !waiting.empty(); });
    poked = false;
    return !waiting.empty();
}

Checked<void> ZooKeeper::Impl::be_active() {
    call();
    while (true) {
        if (wait_for_poke(session->renewal_ns())) {
            std::unique_lock guard(mutex);
            const io::StoreTransaction transaction = std::move(waiting.front());
            waiting.pop_front();
            guard.unlock();
            if (auto written = write(transaction); !written) return written;
            continue;
        }
        {
            std::lock_guard guard(mutex);
            if (stopping) return {};
        }
        if (session->renew() != Outcome::done)
            return std::unexpected(Failure{{Errc::io}, "the session with ZooKeeper ended: another coordinator "
                                                       "becomes active"});
    }
}

Checked<void> ZooKeeper::Impl::write(const io::StoreTransaction& transaction) {
    auto written = state->commit(transaction);
    complete(transaction.token, written ? Result<void>() : std::unexpected(written.error().error));
    return written ? state->compact() : std::move(written);
}

void ZooKeeper::Impl::complete(uint64_t token, const Result<void>& result) {
    {
        std::lock_guard guard(mutex);
        finished.push_back({token, result.has_value(), result ? Error{} : result.error()});
    }
    call();
}

void ZooKeeper::Impl::refuse_waiting() {
    while (true) {
        uint64_t token = 0;
        {
            std::lock_guard guard(mutex);
            if (waiting.empty()) return;
            token = waiting.front().token;
            waiting.pop_front();
        }
        complete(token, fail(Errc::failed));
    }
}

}  // namespace penstock::store
