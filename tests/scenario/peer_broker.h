// Another broker of the world's cluster, as far as the coordinator sees one: it registers, heartbeats, follows the view
// and, where it leads, proposes that every living replica is in sync. It has no logs and takes no clients.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "broker/coordinator_link.h"
#include "scenario/broker_world.h"
#include "scenario/link_options.h"

namespace penstock::scenario {

class PeerBroker final : public Participant {
public:
    PeerBroker(BrokerWorld& world, int32_t id, const std::string& rack = "")
        : world_(world),
          id_(id),
          link_(options_of(id, rack), world.clock.now()),
          node_link_(world.datagrams, sim::LinkOptions{.host = "peer" + std::to_string(id)}),
          streams_(node_link_, world.node_options(world.options.secret)) {
        world.participants.push_back(this);
        EXPECT_TRUE(world.run_until([&] { return world.shards[0]->view().alive(id_); }));
    }
    ~PeerBroker() override {
        std::erase(world_.participants, this);
        streams_.shut_down();
        streams_.turn(world_.clock.now());
    }
    PeerBroker(const PeerBroker&) = delete;
    PeerBroker& operator=(const PeerBroker&) = delete;

    bool turn() override {
        bool worked = streams_.turn(world_.clock.now());
        std::array<io::StreamEvent, 16> events;
        const size_t count = streams_.poll(events);
        for (const io::StreamEvent& event : std::span(events).first(count)) take(event);
        link_.on_turn(world_.clock.now());
        worked |= count > 0 || act();
        return streams_.turn(world_.clock.now()) || worked;
    }
    Nanos next_deadline() const override { return std::min(link_.next_deadline(), streams_.next_deadline()); }

    /// Whether it lets replicas that a reassignment brings into the in-sync sets that it decides.
    bool proposes = true;
    std::shared_ptr<const broker::ClusterView> view;

private:
    static broker::LinkOptions options_of(int32_t id, const std::string& rack) {
        broker::LinkOptions options = link_options(id, "peer" + std::to_string(id));
        options.rack = rack;
        return options;
    }

    void take(const io::StreamEvent& event) {
        switch (event.kind) {
            case io::StreamEventKind::connected: link_.on_connected(world_.clock.now()); break;
            case io::StreamEventKind::received:
                link_.on_received({event.buffer.data, event.buffer.size}, world_.clock.now());
                streams_.release(event.buffer);
                break;
            case io::StreamEventKind::sent: link_.on_sent(); break;
            case io::StreamEventKind::ended: streams_.close(connection_); break;
            case io::StreamEventKind::closed: link_.on_closed("", world_.clock.now()); break;
            case io::StreamEventKind::accepted: break;
        }
    }

    bool act() {
        bool worked = false;
        if (link_.poll_connect()) connection_ = *streams_.connect({"coordinator", 9090, io::Road::native});
        if (link_.poll_close()) streams_.close(connection_);
        if (auto newer = link_.poll_view()) {
            worked = true;
            view = newer;
            link_.confirm_applied(view->revision);
        }
        while (link_.poll_in_sync_result()) {
            worked = true;
            proposing_ = false;
        }
        if (proposes && view && !proposing_) propose();
        const std::span<const std::byte> bytes = link_.poll_send();
        if (bytes.empty()) return worked;
        const Fragment fragment{bytes.data(), static_cast<uint32_t>(bytes.size())};
        EXPECT_TRUE(streams_.send(connection_, {&fragment, 1}, 0));
        return true;
    }

    void propose() {
        std::vector<broker::InSyncProposal> proposals;
        for (const auto& topic : view->topics) {
            for (size_t p = 0; p < topic->partitions.size(); ++p) {
                const broker::PartitionView& partition = topic->partitions[p];
                if (partition.leader != id_) continue;
                broker::InSyncProposal proposal;
                proposal.topic = topic->id;
                proposal.partition = static_cast<int32_t>(p);
                proposal.leader_epoch = partition.leader_epoch;
                proposal.partition_epoch = partition.partition_epoch;
                for (const NodeId id : partition.replicas)
                    if (view->alive(id)) proposal.isr.push_back({id, view->broker(id)->incarnation});
                if (proposal.isr.size() > partition.isr.size()) proposals.push_back(std::move(proposal));
            }
        }
        if (!proposals.empty()) proposing_ = link_.alter_partitions(1, proposals).has_value();
    }

    BrokerWorld& world_;
    NodeId id_;
    broker::CoordinatorLink link_;
    sim::Link node_link_;
    transport::Streams streams_;
    io::ConnectionId connection_;
    bool proposing_ = false;
};

}  // namespace penstock::scenario
