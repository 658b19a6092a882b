// penstock-coordinator: reads its settings, and serves brokers over the transport until SIGTERM, from the state in its
// store. One thread turns, the store has another.
//
// With SQLite it is active from the start. With ZooKeeper it stands by, and refuses connections so that brokers try
// the next one, until it is elected; then it loads the state and serves. When it is no longer the active one it drops
// all that it knows and begins anew as a standby, in the same process: nothing of one candidacy is used in the next.
//
// Exit codes: 0 stopped as asked, 1 could not start or go on, 2 the settings are wrong.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include <spdlog/spdlog.h>

#include "base/assert.h"
#include "coordinator/server.h"
#include "limits.h"
#include "main/cluster_file.h"
#include "main/process.h"
#include "main/secret_file.h"
#include "main/setting.h"
#include "main/settings.h"
#include "socket/clock.h"
#include "store/sqlite.h"
#include "store/zookeeper.h"
#include "transport/streams.h"
#include "uring/link.h"
#include "uring/ring.h"

namespace penstock {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_settings = 2;
constexpr int64_t stop_patience_ns = 1500 * millisecond_ns;  // a graceful stop ends within two seconds

std::atomic<int> signals_seen{0};
std::atomic<uring::Waker*> signal_waker{nullptr};

void on_signal(int) {
    if (signals_seen.fetch_add(1) > 0) ::_exit(exit_failed);  // asked twice: at once
    if (uring::Waker* waker = signal_waker.load()) waker->notify();
}

void catch_signals(uring::Waker& waker) {
    signal_waker = &waker;
    struct sigaction action = {};
    action.sa_handler = on_signal;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

void wake_ring(void* waker) { static_cast<uring::Waker*>(waker)->notify(); }

/// One candidacy, which with SQLite is the only one.
struct Candidacy {
    // In the order in which they depend on each other: destroyed from the last to the first.
    std::unique_ptr<store::Sqlite> sqlite;
    std::unique_ptr<store::ZooKeeper> zookeeper;
    std::unique_ptr<uring::Link> link;
    std::unique_ptr<transport::Streams> streams;
    std::optional<coordinator::Coordinator> coordinator;
    std::optional<coordinator::Server> server;   ///< while it is active

    io::Store& store() const { return sqlite ? static_cast<io::Store&>(*sqlite) : *zookeeper; }
    std::string store_failure() const { return sqlite ? sqlite->detail() : zookeeper->failure().detail; }
};

enum class Ending { stopped, failed, deposed };

bool open_store(const CoordinatorSettings& settings, uring::Ring& ring, Candidacy& own) {
    const store::Wake wake{wake_ring, &ring.waker()};
    if (settings.store_kind == StoreKind::sqlite) {
        auto opened = store::Sqlite::open(settings.data_directory, wake);
        if (!opened) return spdlog::error("{}", opened.error().detail), false;
        own.sqlite = std::move(*opened);
        return true;
    }
    auto opened = store::ZooKeeper::open({.servers = address_text(settings.zookeeper_servers),
                                          .root = settings.zookeeper_root,
                                          .name = address_text(settings.listen),
                                          .session_timeout_ns = settings.zookeeper_session_timeout_ms * millisecond_ns},
                                         wake);
    if (!opened) return spdlog::error("{}", opened.error().detail), false;
    own.zookeeper = std::move(*opened);
    return true;
}

/// The port is taken from the start, and refuses: silence would cost brokers a time-out.
bool take_port(CoordinatorSettings& settings, const Secret& secret, uring::Ring& ring, Candidacy& own) {
    auto link = uring::Link::create(ring);
    if (!link) return spdlog::error("{}", link.error().detail), false;
    own.link = std::move(*link);
    transport::StreamsOptions options = node_streams_options(secret);
    options.connections_max = options.endpoint.connections_max = limits::coordinator_connections_max;
    own.streams = std::make_unique<transport::Streams>(*own.link, options);
    settings.listen.road = io::Road::native;
    if (!port_is_free(settings.listen)) return false;
    const Result<uint16_t> port = own.streams->listen(settings.listen);
    if (!port) {
        spdlog::error("cannot listen on {}: {}", address_text(settings.listen),
                      port.error().os_error != 0 ? std::strerror(port.error().os_error) : to_string(port.error().code));
        return false;
    }
    own.streams->stop_listening();
    settings.listen.port = *port;   // the same in each candidacy
    return true;
}

/// Loads the state and serves it.
bool become_active(const CoordinatorSettings& settings, Candidacy& own) {
    const std::string where = own.sqlite ? settings.data_directory : "ZooKeeper, " + settings.zookeeper_root;
    auto contents = own.store().load();
    if (!contents) return spdlog::error("{}", own.store_failure()), false;
    auto state = coordinator::State::load(*contents);
    if (!state) {
        spdlog::error("the state in {} does not make sense: {}; restore a backup", where, state.error());
        return false;
    }
    if (own.zookeeper) {
        const auto ours = check_cluster(settings.data_directory, where, state->cluster_id());
        if (!ours) return spdlog::error("{}", ours.error()), false;
    }
    spdlog::info("state in {}: revision {}, {} brokers, {} topics, {} partitions", where, state->revision(),
                 state->brokers().size(), state->topics().size(), state->partition_count());
    coordinator::CoordinatorOptions options;
    options.session_timeout_ns = settings.session_timeout_ms * millisecond_ns;
    options.seed = random_word();
    own.coordinator.emplace(options, std::move(*state), socket::monotonic_now());
    own.server.emplace(*own.coordinator, *own.streams, own.store());
    const Result<uint16_t> port = own.streams->listen(settings.listen);   // taken already: it cannot fail
    PENSTOCK_ASSERT(port.has_value());
    spdlog::info("cluster {}: listening for brokers on {}", own.coordinator->state().cluster_id().text(),
                 address_text(settings.listen));
    return true;
}

void log_news(Candidacy& own) {
    while (own.zookeeper) {
        const auto sentence = own.zookeeper->poll_news();
        if (!sentence) break;
        spdlog::info("{}", *sentence);
    }
    while (own.server) {
        const auto note = own.coordinator->poll_note();
        if (!note) break;
        if (note->warning) spdlog::warn("{}", note->text);
        else spdlog::info("{}", note->text);
    }
}

/// Another coordinator may be active from now on. Brokers hear that their connections end, and look for it.
Ending step_down(Candidacy& own, Nanos now) {
    const store::Failure why = own.zookeeper->failure();
    own.streams->shut_down();
    own.streams->turn(now);
    if (why.error.code != Errc::io) return spdlog::error("{}", why.detail), Ending::failed;
    spdlog::warn("{}{}: standing by again", own.server ? "no longer the active coordinator: " : "", why.detail);
    return Ending::deposed;
}

Ending serve(const CoordinatorSettings& settings, uring::Ring& ring, Candidacy& own) {
    std::optional<Nanos> stop_by;
    bool worked = true;
    while (true) {
        const Nanos deadline = own.server ? own.server->next_deadline() : own.streams->next_deadline();
        if (worked) ring.submit_and_reap();
        else ring.wait_until(std::min(deadline, stop_by.value_or(never)));
        const Nanos now = socket::monotonic_now();
        const io::StoreRole role = own.store().role(now);
        log_news(own);
        if (role == io::StoreRole::lost) return step_down(own, now);
        if (role == io::StoreRole::standby) {
            worked = own.streams->turn(now);
            if (signals_seen.load() > 0) return Ending::stopped;
            continue;
        }
        if (!own.server) {
            if (become_active(settings, own)) continue;
            return own.store().role(now) == io::StoreRole::lost ? step_down(own, now) : Ending::failed;
        }
        worked = own.server->turn(now);
        if (own.coordinator->failure() && own.sqlite) {
            spdlog::error("the state cannot be written, so nothing can be promised any more: {}", own.store_failure());
            return Ending::failed;
        }
        if (signals_seen.load() > 0 && !stop_by) {
            spdlog::info("stopping");
            own.server->begin_stop();
            stop_by = now + stop_patience_ns;
        }
        if (!stop_by || !(own.server->drained() || *stop_by <= now)) continue;
        own.server->close_all(now);
        return Ending::stopped;
    }
}

int run(int argc, const char* const* argv) {
    auto settings = load_coordinator_settings(argc, argv);
    if (!settings) return settings.error();
    start_log("coordinator", settings->log_level);
    spdlog::info("penstock-coordinator {}", PENSTOCK_VERSION);
    const auto secret = secret_of_node(settings->secret_file, std::span(&settings->listen, 1));
    if (!secret) {
        spdlog::error("{}", secret.error());
        return exit_settings;
    }
    auto ring = uring::Ring::create();
    if (!ring) return spdlog::error("{}", ring.error().detail), exit_failed;
    catch_signals((*ring)->waker());
    Ending ending = Ending::deposed;
    while (ending == Ending::deposed) {
        Candidacy own;
        ending = Ending::failed;
        if (open_store(*settings, **ring, own) && take_port(*settings, *secret, **ring, own))
            ending = serve(*settings, **ring, own);
    }
    if (ending == Ending::stopped) spdlog::info("stopped");
    signal_waker = nullptr;
    return ending == Ending::stopped ? 0 : exit_failed;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) { return penstock::run(argc, argv); }
