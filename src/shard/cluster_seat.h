// Shard 0's seat in the cluster: drives the link to the coordinator over a stream of its own, hands out views, and
// serves the calls that change topics and partitions, propose in-sync sets or take a producer id, from every shard.
//
// Stepped by shard 0: on_event() for the link's connection, on_call/on_cancel, on_turn(), then poll_view() and
// poll_answer(); on_applied() when every shard has applied a view.
// Of several coordinators one is active, and the seat does not know which: each attempt goes to the next of the list,
// with the link's backoff between, until one registers this broker.
// Invariant: a change is answered only after all shards have applied a view that is at least as new as it, so whoever
// is told of a new topic finds it everywhere. A producer id is given once; those at hand are lost with the process.
// What it does not do: apply views, or say anything (reason() is for main's log).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/call.h"
#include "broker/coordinator_link.h"
#include "io/stream.h"

namespace penstock::shard {

class ClusterSeat {
public:
    /// At least one coordinator.
    ClusterSeat(broker::LinkOptions options, std::vector<io::Address> coordinators, io::Streams& streams, Nanos now);

    /// Of the streams; those of connections before the present one are ignored.
    void on_event(const io::StreamEvent& event, Nanos now);
    void on_call(broker::TopicsCall& call);
    /// Answers now. The change itself may still happen.
    void on_cancel(broker::TopicsCall& call);
    void on_call(broker::InSyncCall& call);
    void on_call(broker::ProducerIdCall& call);
    void on_cancel(broker::ProducerIdCall& call);
    bool on_turn(Nanos now);
    /// Others are to take over what this broker leads: link().may_stop() says when they have.
    void want_to_stop() { link_.want_to_stop(); }
    /// All shards have applied the view of `revision`.
    void on_applied(uint64_t revision, Nanos now);

    std::shared_ptr<const broker::ClusterView> poll_view() { return link_.poll_view(); }
    broker::Call* poll_answer();
    Nanos next_deadline() const;
    const broker::CoordinatorLink& link() const { return link_; }
    /// The one of the present attempt or connection, else of the last.
    const io::Address& coordinator() const { return coordinators_[coordinator_]; }

    /// Ends the connection; nothing is served any more.
    void close();

private:
    void connect(Nanos now);
    void send(Nanos now);
    Result<void> forward(const broker::TopicsCall& call);
    void on_result(broker::AdminResult result);
    void propose();
    void on_result(const broker::InSyncResult& result);
    void answer(size_t index);
    void answer_applied();
    bool give_producer_ids();
    void answer(broker::ProducerIdCall& call, broker::ErrorCode error, int64_t id);
    void answer(broker::InSyncCall& call);

    broker::CoordinatorLink link_;
    std::vector<io::Address> coordinators_;
    size_t coordinator_;                      ///< each attempt goes to the one behind it
    io::Streams& streams_;
    io::ConnectionId connection_;
    bool connection_open_ = false;
    bool closed_ = false;

    std::vector<broker::TopicsCall*> calls_;  ///< held, in no order
    std::vector<broker::Call*> answers_;
    /// Held, in order, while ids are on their way. No more than there are requests.
    IntrusiveList<broker::ProducerIdCall, broker::OwnerQueue> id_calls_;
    /// Proposals, no more than there are partitions: first those that wait, then those that were sent, by token.
    std::vector<broker::InSyncCall*> proposals_, proposed_;
    broker::ProducerIdBlock ids_;             ///< at hand, with the next ones
    broker::ProducerIdBlock next_ids_;
    uint64_t last_token_ = 0;
    uint64_t applied_revision_ = 0;
    uint64_t confirmed_revision_ = 0;
    Nanos confirm_at_ = never;
};

}  // namespace penstock::shard
