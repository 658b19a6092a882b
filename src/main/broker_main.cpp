// penstock-broker: reads its settings, recovers the data directory, runs one thread for each shard until SIGTERM.
//
// Exit codes: 0 stopped as asked, 1 could not start or go on, 2 the settings are wrong.
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <vector>

#include <spdlog/fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "dpdk/device.h"
#include "log/recover.h"
#include "main/process.h"
#include "main/secret_file.h"
#include "main/setting.h"
#include "main/settings.h"
#include "main/shard_thread.h"
#include "socket/clock.h"
#include "socket/datagram_socket.h"
#include "uring/directory.h"
#include "uring/disk.h"
#include "uring/ring.h"

namespace penstock {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_settings = 2;
constexpr uint32_t receive_buffer_bytes = 64 * 1024;
constexpr uint16_t native_port_default = 9192;

std::vector<uint32_t> allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<uint32_t> cores;
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return {0};
    for (uint32_t core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &set)) cores.push_back(core);
    return cores;
}

/// The number of shards, or the reason why these settings make no sense on this machine.
std::expected<uint32_t, std::string> shard_count(const BrokerSettings& settings, size_t cores) {
    const uint64_t count = settings.shards_count == 0 ? cores : settings.shards_count;
    if (settings.shards_idle == IdleStrategy::spin && count > cores && !settings.shards_allow_oversubscription) {
        return std::unexpected(fmt::format(
            "{} spinning shards on {} cores would ruin each other's latency: lower shards.count, set shards.idle to "
            "\"backoff\" or \"block\", or set shards.allow_oversubscription",
            count, cores));
    }
    return static_cast<uint32_t>(count);
}

uint32_t power_of_two_below(uint64_t n) { return static_cast<uint32_t>(std::bit_floor(std::max<uint64_t>(n, 1))); }

/// Recovers the directory on a ring of its own, which is gone when the shards start.
std::optional<log::OpenedDirectory> recover(const uring::DataDirectory& directory, const BrokerSettings& settings,
                                            uint32_t shards) {
    auto ring = uring::Ring::create();
    if (!ring) return spdlog::error("{}", ring.error().detail), std::nullopt;
    auto disk = uring::Disk::create(**ring, directory);
    if (!disk) return spdlog::error("{}", disk.error().detail), std::nullopt;
    auto opened = log::open_directory(**disk, {.shard_count = shards,
                                               .journal_bytes = settings.storage_journal_bytes,
                                               .random_high = random_word(),
                                               .random_low = random_word()});
    if (!opened) {
        spdlog::error("cannot open the data directory {}: {}", directory.path(), opened.error().detail);
        return std::nullopt;
    }
    const log::OpenReport& report = opened->report;
    const std::string storage = report.storage_id.text();
    if (report.created) spdlog::info("made the data directory {}: storage {}", directory.path(), storage);
    else spdlog::info("opened the data directory {}: storage {}, {} logs, last stop {}, {} commits replayed, {} cut",
                      directory.path(), storage, report.logs, report.clean ? "clean" : "unclean",
                      report.commits_replayed, report.commits_cut);
    return std::move(*opened);
}

void mark_clean(const uring::DataDirectory& directory) {
    auto ring = uring::Ring::create();
    if (!ring) return;
    auto disk = uring::Disk::create(**ring, directory);
    if (!disk || log::mark_clean(**disk)) return;
    spdlog::warn("cannot note the clean stop: the next start looks for torn ends");
}

/// Where a shard takes datagrams: each at a port of its own, so that the network can steer them.
std::optional<io::Address> native_address(const BrokerSettings& settings, uint32_t shard) {
    io::Address address = settings.native_listen;
    if (address.host.empty()) return std::nullopt;
    address.road = io::Road::native;
    address.port = static_cast<uint16_t>(address.port + shard);
    return address;
}

/// For native.listen with port 0: shards have ports in a row, so somebody must find one that is free.
bool choose_native_ports(BrokerSettings& settings, uint32_t shards) {
    if (settings.native_listen.host.empty() || settings.native_listen.port != 0) return true;
    constexpr uint16_t first = 20'000, last = 32'000;   // below what the kernel gives to others
    for (int tries = 0; tries < 100; ++tries) {
        settings.native_listen.port = static_cast<uint16_t>(first + random_word() % (last - first - shards));
        bool free = true;
        for (uint32_t shard = 0; shard < shards && free; ++shard) {
            free = socket::probe_datagram_port(*native_address(settings, shard), 0).has_value();
        }
        if (free) return true;
    }
    spdlog::error("no {} free ports in a row for datagrams at {}: set native.listen", shards,
                  settings.native_listen.host);
    return false;
}

/// False, and said why, if one of them is not. Those that nobody chose are chosen here.
bool native_ports_are_free(BrokerSettings& settings, uint32_t shards) {
    if (!choose_native_ports(settings, shards)) return false;
    for (uint32_t shard = 0; shard < shards; ++shard) {
        const auto native = native_address(settings, shard);
        if (native && !port_is_free(*native)) return false;
    }
    return true;
}

/// The address that dpdk.address names, without its prefix.
std::string device_host(const BrokerSettings& settings) {
    return settings.dpdk_address.substr(0, settings.dpdk_address.find('/'));
}

dpdk::DeviceOptions device_options(const BrokerSettings& settings, uint32_t shards) {
    dpdk::DeviceOptions options;
    options.device = settings.dpdk_device;
    options.address = settings.dpdk_address;
    options.gateway = settings.dpdk_gateway;
    options.vlan = static_cast<uint16_t>(settings.dpdk_vlan);
    options.mtu = static_cast<uint32_t>(settings.dpdk_mtu);
    options.tap = settings.dpdk_tap;
    options.memory_bytes = settings.dpdk_memory_bytes;
    options.huge_pages = settings.dpdk_huge_pages;
    options.arguments = settings.dpdk_arguments;
    options.queues = static_cast<uint16_t>(shards);
    options.lanes = static_cast<uint16_t>(2 * shards);   // see ShardThread
    options.receive_bytes = settings.limits_receive_buffer_bytes;
    // Clients' first, and behind them those of what the shards begin themselves: the kernel's own are never among them.
    const uint32_t last = settings.native_listen.port + 2 * shards - 1;
    options.first_free_port = settings.native_listen.port;
    options.last_free_port = static_cast<uint16_t>(std::min<uint32_t>(last, UINT16_MAX));
    return options;
}

/// What network.driver asks for: null where the kernel carries the datagrams; or, said already, the exit code.
std::expected<std::unique_ptr<dpdk::Device>, int> open_device(BrokerSettings& settings, uint32_t shards) {
    const bool must = settings.network_driver == NetworkDriver::dpdk;
    if (settings.network_driver == NetworkDriver::socket) return nullptr;
    if (settings.dpdk_device.empty() && !must) return nullptr;
    std::string why;
    io::Address& listen = settings.native_listen;
    const std::string host = device_host(settings);
    if (settings.dpdk_device.empty()) {
        why = "network.driver is \"dpdk\", and dpdk.device is empty: name a PCI address, or a virtual device of DPDK's";
    } else if (listen.host.empty()) {
        why = "native.listen is empty: nobody would use the DPDK port";
    } else if (listen.host != "0.0.0.0" && listen.host != "::" && listen.host != host) {
        why = fmt::format("native.listen is at {}, and the DPDK port at {} (dpdk.address)", listen.host, host);
    } else {
        if (listen.port == 0) listen.port = native_port_default;
        auto device = dpdk::open_device(device_options(settings, shards));
        if (device) {
            spdlog::info("DPDK carries datagrams: {} at {}", settings.dpdk_device, settings.dpdk_address);
            listen.host = host;
            return std::move(*device);
        }
        why = device.error().detail;
    }
    if (must) {
        spdlog::error("{}", why);
        return std::unexpected(exit_settings);
    }
    spdlog::warn("the kernel carries datagrams, not DPDK (network.driver is \"auto\"): {}", why);
    return nullptr;
}

/// What all shards of this run have alike beside the settings.
struct Identity {
    Uuid storage_id;
    Uuid incarnation;
    bool clean;                  ///< the storage was shut down cleanly before
    Secret secret;
    dpdk::Device* device;        ///< null: the kernel carries datagrams
};

ShardThreadOptions options_of(const BrokerSettings& settings, uint32_t shard, uint32_t shards,
                              const Identity& identity) {
    ShardThreadOptions options;
    broker::BrokerOptions& broker = options.shard.broker;
    broker.node_id = NodeId(static_cast<int32_t>(settings.node_id));
    broker.incarnation = identity.incarnation;
    broker.loopback_is_node = identity.secret.empty();
    broker.shard = shard;
    broker.shard_count = shards;
    broker.listen = settings.kafka_listen;
    broker.data_directory = std::filesystem::absolute(settings.data_directory).lexically_normal().string();
    broker.broker_connections_max = static_cast<int64_t>(settings.limits_connections_max);
    broker.auto_create_topics = settings.topics_auto_create;
    broker.default_partitions = static_cast<int32_t>(settings.topics_default_partitions);
    broker.groups = {.session_timeout_min_ms = static_cast<int32_t>(settings.groups_session_timeout_min_ms),
                     .session_timeout_max_ms = static_cast<int32_t>(settings.groups_session_timeout_max_ms),
                     .initial_rebalance_delay_ms = static_cast<int32_t>(settings.groups_initial_rebalance_delay_ms),
                     .offsets_retention_ms = settings.groups_offsets_retention_ms};
    broker.seed = random_word();
    broker.offsets_partitions = static_cast<int32_t>(settings.groups_offsets_partitions);
    broker.default_log = {.segment_bytes = static_cast<uint64_t>(settings.topics_default_segment_bytes),
                          .segment_ms = settings.topics_default_segment_ms,
                          .retention_bytes = settings.topics_default_retention_bytes,
                          .retention_ms = settings.topics_default_retention_ms};
    broker.default_min_insync_replicas = static_cast<int32_t>(settings.topics_default_min_insync_replicas);
    broker.catch_up_bytes_per_s = settings.replication_catch_up_bytes_per_s;
    broker.request_bytes_max = static_cast<uint32_t>(settings.limits_request_bytes_max);
    broker.request_memory_bytes = settings.limits_request_memory_bytes;
    broker.connections_max = static_cast<uint32_t>(std::max<uint64_t>(settings.limits_connections_max / shards, 1));
    broker.lent_bytes_max = settings.storage_cache_bytes / 2;
    options.shard.store = {.shard = shard,
                           .shard_count = shards,
                           .cache_bytes = settings.storage_cache_bytes,
                           .pool_bytes = settings.storage_pool_bytes,
                           .pool_refill_bytes_per_s = settings.storage_pool_refill_bytes_per_s,
                           .compaction_bytes_per_s = settings.storage_compaction_bytes_per_s,
                           .compaction_memory_bytes = settings.storage_compaction_memory_bytes,
                           .scrub_bytes_per_s = settings.storage_scrub_bytes_per_s};
    options.streams.connections_max = broker.connections_max;
    options.streams.receive_buffer_bytes = receive_buffer_bytes;
    options.streams.receive_buffers = power_of_two_below(settings.limits_receive_buffer_bytes / receive_buffer_bytes);
    options.native = native_address(settings, shard);
    options.link.receive_buffers = options.streams.receive_buffers;
    options.device = identity.device;
    options.native_streams.connections_max = broker.connections_max;
    // Other brokers come to the same ports as clients, and prove that they are none.
    options.native_streams.endpoint.secret = identity.secret;
    transport::Seed& seed = options.native_streams.endpoint.seed;
    for (size_t at = 0; at < seed.size(); at += sizeof(uint64_t)) store_le(seed.data() + at, random_word());
    options.node_streams = node_streams_options(identity.secret);
    options.idle = settings.shards_idle;
    if (shard == 0) {
        options.shard.coordinators = settings.coordinator_address;
        for (io::Address& address : options.shard.coordinators) address.road = io::Road::native;
        broker::LinkOptions& link = options.shard.link.emplace();
        link.node_id = broker.node_id;
        link.incarnation = identity.incarnation;
        link.storage_id = identity.storage_id;
        link.clean = identity.clean;
        link.rack = settings.broker_rack;
        const io::Address advertised =
            advertised_address(settings, identity.device != nullptr ? device_host(settings) : "");
        link.advertised_host = advertised.host;
        link.advertised_port = advertised.port != 0 ? advertised.port : settings.kafka_listen.port;
        link.shard_count = shards;
        if (!settings.native_listen.host.empty()) link.native_port = settings.native_listen.port;
        link.seed = random_word();
        // Where others stand by, a coordinator that is silent for a while has a successor to be looked for.
        if (settings.coordinator_address.size() > 1) {
            link.answer_timeout_ns = second_ns;
            link.connect_timeout_ns = link.backoff_max_ns = 500 * millisecond_ns;
        }
    }
    return options;
}

/// Blocks the signals that end us, so that only wait_for_signal() sees them.
sigset_t block_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return set;
}

/// A second signal means that somebody does not want to wait.
void exit_on_second_signal(const sigset_t& set, const std::atomic<bool>& done) {
    const timespec pause{0, 50'000'000};
    while (!done.load()) {
        if (::sigtimedwait(&set, nullptr, &pause) > 0) {
            spdlog::warn("stopped at once on a second signal");
            ::_exit(exit_failed);
        }
    }
}

/// While the broker still serves, others take over what it leads. Ends when they have, when that makes no sense, when
/// the time is over, and on another signal.
void hand_over(const BrokerSettings& settings, ShardGroup& group, const sigset_t& signals) {
    if (settings.broker_controlled_shutdown_ms == 0 || group.failed) return;
    const Nanos end = socket::monotonic_now() + settings.broker_controlled_shutdown_ms * millisecond_ns;
    const timespec pause{0, 20'000'000};
    group.leave();
    while (!group.may_stop.load()) {
        if (::sigtimedwait(&signals, nullptr, &pause) > 0)
            return spdlog::warn("stopping on a second signal: others have not taken over yet");
        if (socket::monotonic_now() >= end)
            return spdlog::warn("stopping although others have not taken over within {} ms "
                                "(broker.controlled_shutdown_ms)", settings.broker_controlled_shutdown_ms);
    }
}

int run_shards(const BrokerSettings& settings, const uring::DataDirectory& directory, log::OpenedDirectory opened,
               const std::vector<uint32_t>& cores, const sigset_t& signals, const Secret& secret,
               dpdk::Device* device) {
    const auto count = static_cast<uint32_t>(opened.shards.size());
    const Identity identity{opened.report.storage_id, make_uuid(random_word(), random_word()), opened.report.clean,
                            secret, device};
    ShardGroup group(count);
    std::vector<std::unique_ptr<ShardThread>> threads;
    std::string failure;
    uint16_t port = settings.kafka_listen.port;
    std::vector<uint16_t> native_ports;
    for (uint32_t shard = 0; shard < count; ++shard) {
        ShardThreadOptions options = options_of(settings, shard, count, identity);
        options.shard.broker.listen.port = port;
        if (settings.shards_pin_cores && cores.size() >= count) options.core = cores[shard];
        threads.push_back(
            std::make_unique<ShardThread>(std::move(options), std::move(opened.shards[shard]), directory, group));
        if (failure.empty()) failure = threads.back()->failure();
        port = threads.back()->port();
        native_ports.push_back(threads.back()->native_port());
    }
    if (failure.empty()) {
        if (threads.front()->native_port() != 0)
            spdlog::info("taking datagrams at {}: ports {}", settings.native_listen.host,
                         fmt::join(native_ports, ", "));
        spdlog::info("{} shards, waiting for the coordinator at {}", count, address_text(settings.coordinator_address));
        int signal = 0;
        sigwait(&signals, &signal);
        spdlog::info("stopping on {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
        hand_over(settings, group, signals);
    } else {
        spdlog::error("{}", failure);
        group.failed = true;
    }
    group.stop();
    std::atomic<bool> done{false};
    std::thread impatience([&] { exit_on_second_signal(signals, done); });
    threads.clear();
    done = true;
    impatience.join();
    return group.failed ? exit_failed : 0;
}

int run(BrokerSettings settings) {
    start_log("broker", settings.log_level);
    const std::vector<uint32_t> cores = allowed_cores();
    const auto shards = shard_count(settings, cores.size());
    if (!shards) {
        spdlog::error("{}", shards.error());
        return exit_settings;
    }
    const sigset_t signals = block_signals();
    spdlog::info("penstock-broker {}, node {}", PENSTOCK_VERSION, settings.node_id);
    const auto secret = secret_of_node(settings.secret_file, settings.coordinator_address);
    if (!secret) {
        spdlog::error("{}", secret.error());
        return exit_settings;
    }
    const auto device = open_device(settings, *shards);
    if (!device) return device.error();
    if (!port_is_free(settings.kafka_listen)) return exit_failed;
    if (*device == nullptr && !native_ports_are_free(settings, *shards)) return exit_failed;
    auto directory = uring::DataDirectory::open({.path = settings.data_directory});
    if (!directory) {
        spdlog::error("{}", directory.error().detail);
        return exit_failed;
    }
    for (const std::string& note : (*directory)->notes()) spdlog::warn("{}", note);
    std::optional<log::OpenedDirectory> opened = recover(**directory, settings, *shards);
    if (!opened) return exit_failed;
    const int code = run_shards(settings, **directory, std::move(*opened), cores, signals, *secret, device->get());
    if (code == 0) {
        mark_clean(**directory);
        spdlog::info("stopped");
    }
    return code;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
    const auto settings = penstock::load_broker_settings(argc, argv);
    if (!settings) return settings.error();
    return penstock::run(*settings);
}
