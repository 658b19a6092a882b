// The settings of the two programs, as plain structs, and how they come to be: defaults, then the TOML file, then
// `--set key=value`. What exists, its bounds, its default and its documentation stand in one table each
// (settings_table.cpp); nothing about a single setting is written anywhere else.
//
// Used once, at start, by the mains; the core gets plain values. Nothing here throws, nothing is reread at run time.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "io/stream.h"

namespace penstock {

/// What a shard does when a turn found nothing to do.
enum class IdleStrategy : uint8_t {
    spin,     ///< turns again at once: lowest latency, a whole core
    backoff,  ///< spins for a while, then blocks: near spin under load, near block at rest
    block,    ///< waits in the kernel until something happens or a deadline comes
};

/// What drives the network of datagrams.
enum class NetworkDriver : uint8_t {
    automatic,  ///< DPDK where a device is named and can be used, otherwise the kernel
    dpdk,       ///< DPDK, or no start
    socket,     ///< the kernel
};

/// Where the coordinator keeps the cluster's state.
enum class StoreKind : uint8_t { sqlite, zookeeper };

enum class LogLevel : uint8_t { debug, info, warn, error };

/// A default-constructed object holds the defaults of the table.
struct BrokerSettings {
    BrokerSettings();

    int64_t node_id;
    std::string broker_rack;                     ///< empty: not said
    int64_t broker_controlled_shutdown_ms;       ///< 0: stops without asking anybody
    std::vector<io::Address> coordinator_address;
    std::string secret_file;         ///< empty: none
    std::string data_directory;      ///< absolute, or relative to the current directory

    io::Address kafka_listen;        ///< port 0: the kernel chooses
    io::Address kafka_advertised;    ///< host empty: see advertised_address(); port 0: the port in use

    io::Address native_listen;       ///< of shard 0, the others behind it; host empty: none. Port 0: the kernel chooses

    NetworkDriver network_driver;
    std::string dpdk_device;         ///< empty: none
    std::string dpdk_address;        ///< with its prefix
    std::string dpdk_gateway;        ///< empty: none
    int64_t dpdk_vlan;               ///< 0: frames have no tag
    int64_t dpdk_mtu;
    std::string dpdk_tap;            ///< empty: none
    uint64_t dpdk_memory_bytes;      ///< of the whole broker
    bool dpdk_huge_pages;
    std::string dpdk_arguments;

    uint64_t shards_count;           ///< 0: one for each core that the process may run on
    bool shards_pin_cores;
    IdleStrategy shards_idle;
    bool shards_allow_oversubscription;

    bool topics_auto_create;
    int64_t topics_default_partitions;
    int64_t topics_default_retention_ms;     ///< -1: no limit
    int64_t topics_default_retention_bytes;  ///< -1: no limit
    int64_t topics_default_segment_bytes;
    int64_t topics_default_segment_ms;
    int64_t topics_default_min_insync_replicas;

    int64_t groups_offsets_partitions;
    int64_t groups_offsets_retention_ms;
    int64_t groups_initial_rebalance_delay_ms;
    int64_t groups_session_timeout_min_ms;
    int64_t groups_session_timeout_max_ms;

    // Each of these is for one shard.
    uint64_t storage_journal_bytes;
    uint64_t storage_cache_bytes;
    uint64_t storage_pool_bytes;
    uint64_t storage_pool_refill_bytes_per_s;
    uint64_t storage_compaction_bytes_per_s;
    uint64_t storage_compaction_memory_bytes;
    uint64_t storage_scrub_bytes_per_s;
    uint64_t replication_catch_up_bytes_per_s;
    uint64_t limits_receive_buffer_bytes;
    uint64_t limits_request_memory_bytes;

    uint64_t limits_request_bytes_max;
    uint64_t limits_connections_max;         ///< of the whole broker

    LogLevel log_level;
};

struct CoordinatorSettings {
    CoordinatorSettings();

    io::Address listen;              ///< port 0: the kernel chooses
    std::string secret_file;         ///< empty: none
    std::string data_directory;      ///< absolute, or relative to the current directory
    int64_t session_timeout_ms;
    StoreKind store_kind;
    std::vector<io::Address> zookeeper_servers;
    std::string zookeeper_root;
    int64_t zookeeper_session_timeout_ms;
    LogLevel log_level;
};

/// Where clients are told to come back to; its host is never empty. `device_host` is the address of a device past the
/// kernel, if there is one.
io::Address advertised_address(const BrokerSettings& settings, const std::string& device_host);

/// Reads the command line and the file that it names. Where the program should not start (a wrong setting, --help,
/// --check, --version, --print-config) everything was said already, and the error is the exit code to return from main.
std::expected<BrokerSettings, int> load_broker_settings(int argc, const char* const* argv);
std::expected<CoordinatorSettings, int> load_coordinator_settings(int argc, const char* const* argv);

}  // namespace penstock
