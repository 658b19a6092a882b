#include "shard/shard.h"

#include <algorithm>

#include "base/assert.h"
#include "limits.h"

namespace penstock::shard {

using broker::Ask;
using broker::Call;
using broker::CallKind;

Shard::Shard(const ShardOptions& options, log::StoreImage image, io::Disk& disk, const Networks& networks,
             Mailboxes& mailboxes, Time time)
    : options_(options),
      native_(networks.native),
      nodes_(networks.nodes),
      streams_(networks.tcp, networks.native),
      time_(time),
      mailbox_(mailboxes, options.broker.shard),
      store_(options.store, std::move(image), disk, time),
      topics_(options.broker),
      owner_(options_.broker, store_),
      listener_(options_.broker, topics_, streams_, *this),
      groups_(options_.broker, *this),
      listening_(options.listening) {
    if (nodes_ != nullptr) peers_ = std::make_unique<Peers>(owner_, *nodes_, options.broker);
    if (!options.link) return;
    PENSTOCK_ASSERT(options.broker.shard == 0 && nodes_ != nullptr);
    seat_ = std::make_unique<ClusterSeat>(*options.link, options.coordinators, *nodes_, time.now);
    for (uint32_t shard = 1; shard < options.broker.shard_count; ++shard) {
        auto call = std::make_unique<broker::ViewCall>();
        call->owner = shard;
        view_calls_.push_back(std::move(call));
    }
}

Shard::~Shard() = default;

TurnResult Shard::turn(Time time) {
    time_ = time;
    listener_.begin_turn(time);
    bool worked = turn_datagrams();
    worked |= take_stream_events();
    worked |= take_node_events();
    worked |= store_.on_turn(time);
    worked |= owner_.on_turn(time);
    worked |= drain_mailboxes();
    worked |= listener_.on_timers();
    worked |= groups_.on_turn(time);
    worked |= follow_cluster();
    for (uint32_t round = 0; round < limits::rounds_per_turn; ++round) {
        const bool answered = deliver_answers();
        const bool flushed = groups_.flush();
        if (!listener_.step() && !answered && !flushed) break;
        worked = true;
    }
    if (stop_deadline_ <= time.now) {
        stop_deadline_ = never;
        listener_.close_all();
        owner_.end_waiting();
        worked = true;
    }
    worked |= replicate();
    // What is ready to leave does not wait for a commit to be put together; the ring takes both after the turn.
    worked |= turn_datagrams();
    worked |= store_.submit(time);
    Nanos deadline = std::min(
        {store_.next_deadline(), owner_.next_deadline(), listener_.next_deadline(), groups_.next_deadline(),
         stop_deadline_});
    if (peers_ != nullptr) deadline = std::min(deadline, peers_->next_deadline());
    if (native_ != nullptr) deadline = std::min(deadline, native_->next_deadline());
    if (nodes_ != nullptr) deadline = std::min(deadline, nodes_->next_deadline());
    if (seat_ != nullptr) deadline = std::min(deadline, seat_->next_deadline());
    return {worked, deadline};
}

bool Shard::turn_datagrams() {
    bool worked = native_ != nullptr && native_->turn(time_.now);
    if (nodes_ != nullptr) worked |= nodes_->turn(time_.now);
    return worked;
}

bool Shard::take_stream_events() {
    bool worked = false;
    for (size_t taken = 0; taken < limits::stream_events_per_turn;) {
        const size_t count = streams_.poll(events_);
        for (const io::StreamEvent& event : std::span(events_).first(count)) listener_.on_event(event);
        worked |= count > 0;
        taken += count;
        if (count < events_.size()) break;
    }
    return worked;
}

bool Shard::take_node_events() {
    if (nodes_ == nullptr) return false;
    const size_t count = nodes_->poll(events_);   // what is left over makes the streams' deadline now
    for (const io::StreamEvent& event : std::span(events_).first(count)) {
        if (peers_->on_event(event, time_.now)) continue;
        if (seat_ != nullptr) seat_->on_event(event, time_.now);
        else if (event.kind == io::StreamEventKind::received) nodes_->release(event.buffer);
    }
    return count > 0;
}

bool Shard::drain_mailboxes() {
    bool worked = false;
    Mail mail;
    for (uint32_t peer = 0; peer < mailbox_.shard_count(); ++peer) {
        if (peer == options_.broker.shard) continue;
        while (mailbox_.next_answer(peer, mail)) {
            worked = true;
            on_home_answer(*mail.call);
        }
        while (mailbox_.next_ask(peer, mail)) {
            worked = true;
            if (mail.what == Ask::start) {
                serve(*mail.call);
                continue;
            }
            if (mail.what == Ask::cancel) cancel(*mail.call);
            else owner_.on_release(static_cast<broker::FetchCall&>(*mail.call));
            mailbox_.answer(*mail.call, mail.what);
        }
    }
    return worked;
}

void Shard::serve(Call& call) {
    if (call.kind == CallKind::topics) {
        PENSTOCK_ASSERT(seat_ != nullptr);
        seat_->on_call(static_cast<broker::TopicsCall&>(call));
    } else if (call.kind == CallKind::producer_id) {
        PENSTOCK_ASSERT(seat_ != nullptr);
        seat_->on_call(static_cast<broker::ProducerIdCall&>(call));
    } else if (call.kind == CallKind::in_sync) {
        PENSTOCK_ASSERT(seat_ != nullptr);
        seat_->on_call(static_cast<broker::InSyncCall&>(call));
    } else if (call.kind == CallKind::view) {
        PENSTOCK_ASSERT(view_call_ == nullptr);
        view_call_ = static_cast<broker::ViewCall*>(&call);
        if (view_call_->publish) publish();
        else prepare(view_call_->view);
    } else if (call.kind == CallKind::group) {
        groups_.on_call(static_cast<broker::GroupCall&>(call), time_);
    } else {
        owner_.on_call(call, time_);
    }
}

void Shard::cancel(Call& call) {
    if (call.kind == CallKind::topics) seat_->on_cancel(static_cast<broker::TopicsCall&>(call));
    else if (call.kind == CallKind::group) groups_.on_cancel(static_cast<broker::GroupCall&>(call), time_);
    else if (call.kind == CallKind::producer_id) seat_->on_cancel(static_cast<broker::ProducerIdCall&>(call));
    else owner_.on_cancel(call, time_);
}

void Shard::ask(Call& call, Ask what) {
    ++call.asks;
    if (call.owner != options_.broker.shard) return mailbox_.ask(call, what);
    if (what == Ask::start) return serve(call);
    if (what == Ask::cancel) cancel(call);
    else owner_.on_release(static_cast<broker::FetchCall&>(call));
    --call.asks;
}

/// Sends the answers that this shard's partitions and seat have ready to where they belong.
bool Shard::deliver_answers() {
    bool worked = false;
    const auto deliver = [&](Call& call) {
        worked = true;
        if (call.home == options_.broker.shard) on_home_answer(call);
        else mailbox_.answer(call, Ask::start);
    };
    while (Call* call = owner_.poll_answer()) deliver(*call);
    while (Call* call = groups_.poll_answer()) deliver(*call);
    worked |= ask_for_proposals();
    if (seat_ == nullptr) return worked;
    while (Call* call = seat_->poll_answer()) deliver(*call);
    return worked;
}

/// What this shard's leaders propose.
bool Shard::ask_for_proposals() {
    bool worked = false;
    while (broker::InSyncCall* call = owner_.poll_proposal()) {
        call->home = options_.broker.shard;
        call->owner = 0;
        ask(*call, Ask::start);
        worked = true;
    }
    return worked;
}

/// What was appended leaves for the followers beside the leader's own write. When the last answers are given nobody
/// waits for them any more.
bool Shard::replicate() {
    if (peers_ == nullptr) return false;
    if (stopping_ && !peers_->stopping() && listener_.stopped() && groups_.quiet()) peers_->begin_stop();
    return peers_->turn(time_.now);
}

void Shard::on_home_answer(Call& call) {
    if (call.kind == CallKind::in_sync) {
        --call.asks;
        return owner_.on_proposal_answered(static_cast<broker::InSyncCall&>(call));
    }
    if (call.kind != CallKind::view) {
        if (call.request == nullptr) return groups_.on_answered(call);
        return listener_.on_answered(call);
    }
    --call.asks;
    PENSTOCK_ASSERT(view_calls_open_ > 0);
    --view_calls_open_;
}

/// Takes the view's next step. Shard 0 leads: a step begins when all shards have finished the one before.
bool Shard::follow_cluster() {
    bool worked = false;
    if (view_call_ != nullptr && !owner_.applying()) {
        mailbox_.answer(*view_call_, Ask::start);
        view_call_ = nullptr;
        worked = true;
    }
    if (seat_ == nullptr) return worked;
    worked |= seat_->on_turn(time_.now);
    if (view_calls_open_ > 0 || owner_.applying() || stopping_) return worked;
    if (view_step_ == ViewStep::preparing) {
        view_step_ = ViewStep::publishing;
        spread(nullptr, true);
        publish();
        return true;
    }
    if (view_step_ == ViewStep::publishing) {
        view_step_ = ViewStep::none;
        seat_->on_applied(topics_.view().revision, time_.now);
        return true;
    }
    std::shared_ptr<const broker::ClusterView> view = seat_->poll_view();
    if (view == nullptr) return worked;
    view_step_ = ViewStep::preparing;
    spread(view, false);
    prepare(std::move(view));
    return true;
}

/// Asks all other shards for a step.
void Shard::spread(const std::shared_ptr<const broker::ClusterView>& view, bool publish) {
    for (auto& call : view_calls_) {
        call->view = view;
        call->publish = publish;
        ++view_calls_open_;
        ask(*call, Ask::start);
    }
}

/// Requests do not see the view yet: they would be sent to owners that do not know its partitions.
void Shard::prepare(std::shared_ptr<const broker::ClusterView> view) {
    const broker::ClusterView& next = *view;
    const std::vector<const broker::Topic*> changed = topics_.prepare(std::move(view));
    owner_.apply(next, changed);
}

void Shard::publish() {
    topics_.publish();
    if (peers_ != nullptr) peers_->on_view(topics_.view());
    groups_.on_view(topics_, time_);
    listener_.begin_serving();
    if (listening_ || stopping_) return;
    const Result<uint16_t> port = streams_.listen(options_.broker.listen);
    if (port) listening_ = true;
    else listen_error_ = port.error();
}

void Shard::want_to_stop() {
    PENSTOCK_ASSERT(seat_ != nullptr);
    seat_->want_to_stop();
}

HandOver Shard::hand_over() const {
    PENSTOCK_ASSERT(seat_ != nullptr);
    if (seat_->link().state() != broker::LinkState::registered) return HandOver::no_coordinator;
    if (seat_->link().may_stop()) return HandOver::done;
    const auto other = [&](const broker::BrokerView& broker) {
        return broker.alive && broker.id != options_.broker.node_id;
    };
    return std::ranges::any_of(view().brokers, other) ? HandOver::under_way : HandOver::nobody;
}

size_t Shard::partitions_led() const {
    size_t led = 0;
    for (const auto& topic : view().topics)
        led += static_cast<size_t>(std::ranges::count(topic->partitions, options_.broker.node_id,
                                                      &broker::PartitionView::leader));
    return led;
}

void Shard::begin_stop(Nanos now) {
    stopping_ = true;
    stop_deadline_ = now + limits::stop_timeout_ns;
    streams_.stop_listening();
    if (seat_ != nullptr) seat_->close();
    owner_.begin_stop();
    listener_.begin_stop();
}

bool Shard::requests_stopped() const {
    const bool replicating = (peers_ != nullptr && !peers_->stopped()) || owner_.proposals_open() > 0;
    return stopping_ && listener_.stopped() && groups_.quiet() && !replicating && view_calls_open_ == 0;
}

void Shard::begin_store_stop() {
    PENSTOCK_ASSERT(requests_stopped());
    store_stopping_ = true;
    store_.begin_stop();
}

}  // namespace penstock::shard
