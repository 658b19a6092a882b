// One run of a broker in a simulation: its shards, and the disks, streams and links that they stand on, over a
// directory and networks that outlive it.
//
// Stepped by whoever owns the world: turn() gives a turn to each shard that has something to do, and next_deadline()
// says when one has without input. It ends in one of two ways: begin_stop() and turns until stopped(), or at any moment
// in the destructor, as kill -9 ends a process: its peers find their connections reset, and what it had submitted may
// still reach the directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "log/recover.h"
#include "shard/shard.h"
#include "sim/datagram_network.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "sim/link.h"
#include "sim/stream.h"
#include "transport/streams.h"

namespace penstock::scenario {

struct BrokerProcessOptions {
    uint32_t shards = 2;
    broker::BrokerOptions broker;      ///< the numbers of shards, and where they listen, are filled in
    broker::LinkOptions link;          ///< ports, shards and what the directory knows are filled in
    Uuid storage_id;                   ///< pretended; zero: the directory's
    std::vector<io::Address> coordinators;
    std::string host = "broker";
    uint16_t kafka_port = 9092;
    uint16_t native_port = 9192;       ///< of shard 0; 0: clients use TCP only
    std::string secret;                ///< of the nodes; empty: nothing is proven
    uint64_t journal_bytes = 4 * mib;
    uint64_t cache_bytes = 16 * mib;   ///< of each shard
    uint64_t pool_bytes = 16 * mib;
    uint64_t scrub_bytes_per_s = 0;    ///< of each shard
    uint32_t receive_buffers = 64;
    uint64_t seed = 1;
};

class BrokerProcess {
public:
    BrokerProcess(sim::Network& network, sim::DatagramNetwork& datagrams, sim::Directory& directory,
                  const BrokerProcessOptions& options, Time time);
    ~BrokerProcess();

    /// Why it could not start: then it does nothing. Empty if it runs.
    const std::string& refusal() const { return refusal_; }
    /// Of the directory, if it runs.
    const Uuid& storage_id() const { return storage_id_; }

    /// How many shards had a turn.
    uint32_t turn(Time time);
    /// When a shard wants a turn; what has arrived for one counts as long past.
    Nanos next_deadline() const;

    void begin_stop(Nanos now);
    bool stopping() const { return stage_ != Stage::running; }
    /// Everything is on the disk, and the directory says so. Nothing is to be done but to end it.
    bool stopped() const { return stage_ == Stage::stopped; }

    bool serving() const;
    /// By the coordinator, at present.
    bool refused() const;
    /// Why not, if it is known: what its seat at the coordinator says, or its shards' view.
    std::string waits_for() const;
    /// Of the cluster, as shard 0 knows it.
    const broker::ClusterView& view() const { return seats_.front()->shard->view(); }
    /// All that lies on its disk was read and verified since it runs, and nothing of it is rotten.
    bool scrubbed() const;

private:
    enum class Stage : uint8_t { running, stopping_requests, stopping_stores, stopped };

    /// What one shard stands on. Destroyed from the last to the first.
    struct Seat {
        std::unique_ptr<sim::Disk> disk;
        std::unique_ptr<sim::Streams> tcp;
        std::unique_ptr<sim::Link> link, node_link;
        std::unique_ptr<transport::Streams> native, nodes;
        std::unique_ptr<shard::Shard> shard;
        Nanos deadline;   ///< at first: at once

        bool has_input() const;
    };

    void open_seat(uint32_t number, log::OpenedDirectory& opened, Time time);
    void go_on_stopping();
    void sever();
    void drain();

    sim::Network& network_;
    sim::DatagramNetwork& datagrams_;
    sim::Directory& directory_;
    const BrokerProcessOptions options_;
    std::string refusal_;
    Uuid storage_id_;
    Stage stage_ = Stage::running;
    Time time_;
    std::unique_ptr<shard::Mailboxes> mailboxes_;
    std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace penstock::scenario
