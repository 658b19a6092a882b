// penstock-coordinator: reads its settings, loads the cluster's state from SQLite, and serves brokers over the
// transport until SIGTERM. One thread turns, the store has another.
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

#include "coordinator/server.h"
#include "limits.h"
#include "main/process.h"
#include "main/secret_file.h"
#include "main/settings.h"
#include "socket/clock.h"
#include "store/sqlite.h"
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

struct Process {
    // In the order in which they depend on each other: destroyed from the last to the first.
    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<store::Sqlite> store;
    std::unique_ptr<uring::Link> link;
    std::unique_ptr<transport::Streams> streams;
    std::optional<coordinator::Coordinator> coordinator;
    std::optional<coordinator::Server> server;
};

bool open_store(const CoordinatorSettings& settings, Process& process) {
    auto opened = store::Sqlite::open(settings.data_directory, {wake_ring, &process.ring->waker()});
    if (!opened) return spdlog::error("{}", opened.error().detail), false;
    process.store = std::move(*opened);
    auto contents = process.store->load();
    if (!contents) return spdlog::error("{}", process.store->detail()), false;
    auto state = coordinator::State::load(*contents);
    if (!state) {
        spdlog::error("the state in {} does not make sense: {}; restore a backup", settings.data_directory,
                      state.error());
        return false;
    }
    spdlog::info("state in {}: revision {}, {} brokers, {} topics, {} partitions", settings.data_directory,
                 state->revision(), state->brokers().size(), state->topics().size(), state->partition_count());
    coordinator::CoordinatorOptions options;
    options.session_timeout_ns = settings.session_timeout_ms * millisecond_ns;
    options.seed = random_word();
    process.coordinator.emplace(options, std::move(*state), socket::monotonic_now());
    return true;
}

bool start(const CoordinatorSettings& settings, const Secret& secret, Process& process) {
    auto ring = uring::Ring::create();
    if (!ring) return spdlog::error("{}", ring.error().detail), false;
    process.ring = std::move(*ring);
    catch_signals(process.ring->waker());
    if (!open_store(settings, process)) return false;
    auto link = uring::Link::create(*process.ring);
    if (!link) return spdlog::error("{}", link.error().detail), false;
    process.link = std::move(*link);
    transport::StreamsOptions options = node_streams_options(secret);
    options.connections_max = options.endpoint.connections_max = limits::coordinator_connections_max;
    process.streams = std::make_unique<transport::Streams>(*process.link, options);
    io::Address listen = settings.listen;
    listen.road = io::Road::native;
    if (!port_is_free(listen)) return false;
    const Result<uint16_t> port = process.streams->listen(listen);
    if (!port) {
        spdlog::error("cannot listen on {}:{}: {}", settings.listen.host, settings.listen.port,
                      port.error().os_error != 0 ? std::strerror(port.error().os_error) : to_string(port.error().code));
        return false;
    }
    process.server.emplace(*process.coordinator, *process.streams, *process.store);
    spdlog::info("cluster {}: listening for brokers on {}:{}", process.coordinator->state().cluster_id().text(),
                 settings.listen.host, *port);
    return true;
}

void log_notes(coordinator::Coordinator& coordinator) {
    while (auto note = coordinator.poll_note()) {
        if (note->warning) spdlog::warn("{}", note->text);
        else spdlog::info("{}", note->text);
    }
}

int serve(Process& process) {
    std::optional<Nanos> stop_by;
    bool worked = true;
    while (true) {
        if (worked) process.ring->submit_and_reap();
        else process.ring->wait_until(std::min(process.server->next_deadline(), stop_by.value_or(never)));
        const Nanos now = socket::monotonic_now();
        worked = process.server->turn(now);
        log_notes(*process.coordinator);
        if (process.coordinator->failure()) {
            spdlog::error("the state cannot be written, so nothing can be promised any more: {}",
                          process.store->detail());
            return exit_failed;
        }
        if (signals_seen.load() > 0 && !stop_by) {
            spdlog::info("stopping");
            process.server->begin_stop();
            stop_by = now + stop_patience_ns;
        }
        if (!stop_by || !(process.server->drained() || *stop_by <= now)) continue;
        process.server->close_all(now);
        return 0;
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
    Process process;
    const int code = start(*settings, *secret, process) ? serve(process) : exit_failed;
    if (code == 0) spdlog::info("stopped");
    signal_waker = nullptr;
    return code;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) { return penstock::run(argc, argv); }
