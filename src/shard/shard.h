// One shard: its connections, its partitions and its store, stepped together, one turn at a time.
//
// Whoever owns the thread calls turn(now) again and again; between two turns it submits and reaps the driver's ring,
// wakes the shards in to_wake(), and may sleep until the turn's deadline when nothing was done. No other method is
// called from another thread. Shard 0 also has the seat at the coordinator.
//
// A turn: stream events, what the disk finished, mailboxes, timers, the cluster's view, then requests and answers until
// both are quiet, what the followers get, then what leaves as datagrams and the store's commit. Each step is bounded,
// so one busy neighbour cannot hold up the others.
// Invariant: everything appended in a turn is in the commit that ends it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "broker/listener.h"
#include "broker/options.h"
#include "broker/owner.h"
#include "broker/topic_table.h"
#include "group/groups.h"
#include "log/recover.h"
#include "log/store.h"
#include "shard/cluster_seat.h"
#include "shard/mailboxes.h"
#include "shard/peers.h"
#include "shard/roads.h"

namespace penstock::shard {

struct ShardOptions {
    broker::BrokerOptions broker;   ///< shard and shard_count among them
    log::StoreOptions store;
    bool listening = false;         ///< the streams listen already; otherwise the first view of the cluster starts it
    std::vector<io::Address> coordinators;   ///< of shard 0, as is the link
    std::optional<broker::LinkOptions> link;
};

/// What a shard meets others with. All must outlive it.
struct Networks {
    io::Streams& tcp;
    transport::Streams* native = nullptr;   ///< of clients that send datagrams; null: there is only TCP
    transport::Streams* nodes = nullptr;    ///< to the cluster's other nodes; a shard without replicates nothing
};

struct TurnResult {
    bool did_work = false;          ///< turn again at once
    Nanos next_deadline = never;    ///< otherwise: at the latest then
};

/// Of a broker that wants to stop: how it stands with what it leads.
enum class HandOver : uint8_t {
    under_way,        ///< the coordinator is asked to let others lead
    done,             ///< others lead whatever they could
    nobody,           ///< no other broker is alive
    no_coordinator,   ///< there is no session with one: nobody can be asked
};

class Shard final : private broker::Exchange {
public:
    /// All references must outlive it.
    Shard(const ShardOptions& options, log::StoreImage image, io::Disk& disk, const Networks& networks,
          Mailboxes& mailboxes, Time time);
    ~Shard();

    TurnResult turn(Time time);
    /// Shards to be woken after this turn.
    std::span<const uint32_t> to_wake() { return mailbox_.to_wake(); }

    /// Of shard 0, before begin_stop(): others are to take over what this broker leads. Meanwhile it serves as before.
    void want_to_stop();
    HandOver hand_over() const;
    size_t partitions_led() const;           ///< by this broker, as the view says

    // Graceful stop, in steps: all shards must have finished one before any begins the next, since they serve each
    // other's last calls.
    void begin_stop(Nanos now);              ///< no new connections or requests; those under way end soon
    bool requests_stopped() const;
    void begin_store_stop();                 ///< tails and checkpoints are written
    bool stopped() const { return store_stopping_ && store_.drained(); }

    // What main reports.
    bool serving() const { return listening_; }
    const std::optional<Error>& listen_error() const { return listen_error_; }
    const ClusterSeat* seat() const { return seat_.get(); }
    const Peers* peers() const { return peers_.get(); }
    const broker::ClusterView& view() const { return topics_.view(); }
    const broker::Listener& listener() const { return listener_; }
    const broker::Owner& owner() const { return owner_; }
    const log::Store& store() const { return store_; }

private:
    void ask(broker::Call& call, broker::Ask what) override;

    bool turn_datagrams();
    bool take_stream_events();
    bool take_node_events();
    bool drain_mailboxes();
    void serve(broker::Call& call);
    void cancel(broker::Call& call);
    void on_home_answer(broker::Call& call);
    bool deliver_answers();
    bool ask_for_proposals();
    bool replicate();

    enum class ViewStep : uint8_t { none, preparing, publishing };

    bool follow_cluster();
    void spread(const std::shared_ptr<const broker::ClusterView>& view, bool publish);
    void prepare(std::shared_ptr<const broker::ClusterView> view);
    void publish();

    static constexpr size_t events_at_once = 64;

    const ShardOptions options_;
    transport::Streams *native_, *nodes_;
    Roads streams_;
    Time time_;
    Mailbox mailbox_;
    log::Store store_;
    broker::TopicTable topics_;
    broker::Owner owner_;
    broker::Listener listener_;
    group::Groups groups_;
    std::unique_ptr<ClusterSeat> seat_;
    std::unique_ptr<Peers> peers_;

    ViewStep view_step_ = ViewStep::none;       ///< of shard 0: what all shards are at
    broker::ViewCall* view_call_ = nullptr;     ///< from shard 0, to be answered when its step is done
    std::vector<std::unique_ptr<broker::ViewCall>> view_calls_;  ///< of shard 0, one for each other shard
    uint32_t view_calls_open_ = 0;

    std::array<io::StreamEvent, events_at_once> events_;   ///< too large to be made anew in each turn

    bool listening_ = false;
    std::optional<Error> listen_error_;
    bool stopping_ = false, store_stopping_ = false;
    Nanos stop_deadline_ = never;
};

}  // namespace penstock::shard
