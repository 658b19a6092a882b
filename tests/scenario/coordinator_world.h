// A coordinator and some brokers' links in one thread under virtual time, joined by byte queues.
//
// Every frame that crosses counts as one step, in both directions; a scenario may cut the connection at any of them,
// with the frame lost or delivered, and may crash the coordinator with its transaction applied or not.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "broker/coordinator_link.h"
#include "coordinator/coordinator.h"
#include "limits.h"
#include "scenario/link_options.h"
#include "sim/clock.h"
#include "sim/store.h"
#include "wire/node/frame_cutter.h"

namespace penstock::scenario {

inline Uuid uuid_of(uint64_t number) { return make_uuid(mix64(number), mix64(number + 1)); }

class World {
public:
    struct Cut {
        uint64_t at_frame = 0;      ///< counted from 1; 0: never
        bool delivered = false;     ///< the frame arrives before the connection ends
    };
    struct Node {
        Node(const broker::LinkOptions& given, Nanos now) : link(given, now), options(given) {}
        broker::CoordinatorLink link;
        broker::LinkOptions options;
        std::optional<io::ConnectionId> connection;
        wire::node::FrameCutter to_coordinator{limits::node_request_bytes_max};
        std::shared_ptr<const broker::ClusterView> view;
        std::vector<broker::AdminResult> results;
        std::vector<broker::InSyncResult> in_sync_results;
        std::vector<broker::ProducerIdBlock> id_blocks;
        size_t id_blocks_wanted = 0;
        bool reachable = true;      ///< false: connects fail, what is connected ends
        bool deaf = false;          ///< what the coordinator sends is lost, the connection stays
        bool confirms = true;       ///< confirms every view at once
    };

    explicit World(int64_t session_timeout_ns = 500 * millisecond_ns) : session_timeout_ns_(session_timeout_ns) {}

    // The coordinator.
    void start_coordinator() {
        store_ = std::make_unique<sim::Store>(medium);
        auto contents = store_->load();
        auto state = coordinator::State::load(*contents);
        if (!state) {
            load_failure = state.error();
            return;
        }
        coordinator::CoordinatorOptions options = coordinator_options;
        options.session_timeout_ns = session_timeout_ns_;
        options.seed = ++starts_;
        coordinator_.emplace(options, std::move(*state), clock.now());
        store_held = false;
    }
    /// Its connections end; what it had given to the store is applied or not.
    void crash_coordinator(bool transaction_applied) {
        if (!coordinator_) return;
        store_->crash(transaction_applied ? store_->waiting() : 0);
        coordinator_.reset();
        for (auto& node : nodes) close(*node, "the coordinator crashed");
    }
    coordinator::Coordinator& coordinator() { return *coordinator_; }
    bool coordinator_up() const { return coordinator_.has_value(); }
    sim::Store& store() { return *store_; }

    // Brokers.
    static broker::LinkOptions options_of(int32_t id, uint64_t incarnation = 1, uint64_t storage = 0) {
        broker::LinkOptions options = link_options(id, "host" + std::to_string(id));
        options.incarnation = uuid_of(1000u * static_cast<uint64_t>(id) + incarnation);
        options.storage_id = uuid_of(storage != 0 ? storage : 500'000u + static_cast<uint64_t>(id));
        options.shard_count = 2;
        return options;
    }
    Node& add(const broker::LinkOptions& options) {
        nodes.push_back(std::make_unique<Node>(options, clock.now()));
        return *nodes.back();
    }
    Node& add(int32_t id) { return add(options_of(id)); }
    void remove(Node& node) {
        close(node, "the broker ended");
        std::erase_if(nodes, [&](const auto& n) { return n.get() == &node; });
    }

    /// Runs for so long, in steps to the next deadline.
    void run(int64_t ns) {
        const Nanos end = clock.now() + ns;
        while (clock.now() < end) {
            settle();
            Nanos next = coordinator_ ? coordinator_->next_deadline() : never;
            for (auto& node : nodes) next = std::min(next, node->link.next_deadline());
            if (restart_at_) next = std::min(next, *restart_at_);
            // Whoever still wants a turn after having had all of them would keep a core busy.
            EXPECT_GT(next, clock.now());
            clock.advance_to(std::min(end, std::max(next, clock.now() + microsecond_ns)));
        }
        settle();
    }
    /// Everything that can happen without time passing.
    void settle() {
        for (int round = 0; turn(); ++round) ASSERT_LT(round, 1000);
    }
    template <class Condition>
    bool run_until(Condition condition, int64_t ns_max = 60 * second_ns) {
        const Nanos end = clock.now() + ns_max;
        while (!condition() && clock.now() < end) run(5 * millisecond_ns);
        return condition();
    }

    sim::Clock clock;
    sim::StoreMedium medium;
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<std::string> notes;
    std::string load_failure;
    coordinator::CoordinatorOptions coordinator_options;  ///< of the next start, but for its seed and session timeout
    Cut cut;
    uint64_t frames = 0;
    bool store_held = false;             ///< transactions wait
    uint64_t transactions = 0;
    uint64_t crash_at_transaction = 0;   ///< counted from 1; 0: never
    bool crash_applies = false;
    int64_t restart_after_ns = 20 * millisecond_ns;

private:
    bool turn() {
        bool worked = false;
        if (restart_at_ && *restart_at_ <= clock.now()) {
            restart_at_.reset();
            start_coordinator();
        }
        for (auto& node : nodes) worked |= turn_node(*node);
        if (coordinator_) worked |= turn_coordinator();
        return worked;
    }

    bool turn_node(Node& node) {
        if (node.id_blocks.size() < node.id_blocks_wanted) node.link.want_producer_ids();
        node.link.on_turn(clock.now());
        bool worked = false;
        if (node.link.poll_close()) {
            close(node, "");
            worked = true;
        }
        if (node.link.poll_connect()) {
            worked = true;
            if (coordinator_ && node.reachable) {
                node.connection = io::ConnectionId{++connections_};
                node.to_coordinator.reset();
                node.link.on_connected(clock.now());
            } else {
                node.link.on_closed("connection refused", clock.now());
            }
        }
        if (node.connection && !node.reachable) close(node, "unreachable");
        auto bytes = node.link.poll_send();
        if (!bytes.empty() && node.connection) {
            worked = true;
            node.to_coordinator.push(bytes);
            node.link.on_sent();
            while (node.connection) {
                auto frame = node.to_coordinator.next();
                if (!frame) break;
                const bool cut_here = ++frames == cut.at_frame;
                if (!cut_here || cut.delivered) coordinator_->on_frame(*node.connection, *frame, clock.now());
                if (cut_here) close(node, "cut");
            }
        }
        if (auto view = node.link.poll_view()) {
            worked = true;
            node.view = view;
            if (node.confirms) node.link.confirm_applied(view->revision);
        }
        if (auto block = node.link.poll_producer_ids()) {
            worked = true;
            node.id_blocks.push_back(*block);
        }
        while (auto result = node.link.poll_in_sync_result()) {
            worked = true;
            node.in_sync_results.push_back(std::move(*result));
        }
        while (auto result = node.link.poll_result()) {
            worked = true;
            node.results.push_back(std::move(*result));
        }
        return worked;
    }

    bool turn_coordinator() {
        bool worked = false;
        std::array<io::StoreCompletion, 4> completions;
        store_->hold(store_held);
        for (size_t i = 0, n = store_->poll(completions); i < n; ++i) {
            coordinator_->on_stored(completions[i], clock.now());
            worked = true;
        }
        coordinator_->on_turn(clock.now());
        if (auto transaction = coordinator_->poll_transaction()) {
            worked = true;
            if (!store_->submit(std::move(*transaction))) std::abort();
            if (++transactions == crash_at_transaction) {
                crash_coordinator(crash_applies);
                restart_at_ = clock.now() + restart_after_ns;
                return true;
            }
        }
        while (auto frame = coordinator_->poll_frame()) {
            worked = true;
            for (auto& node : nodes)
                if (node->connection == frame->connection) deliver(*node, frame->bytes);
        }
        while (auto id = coordinator_->poll_close()) {
            worked = true;
            for (auto& node : nodes)
                if (node->connection == *id) close(*node, "closed by the coordinator");
        }
        while (auto note = coordinator_->poll_note()) notes.push_back(note->text);
        return worked;
    }

    // In pieces, as TCP may cut them.
    void deliver(Node& node, const std::vector<std::byte>& bytes) {
        if (node.deaf) return;
        const bool cut_here = ++frames == cut.at_frame;
        if (!cut_here || cut.delivered) {
            const size_t half = bytes.size() / 2;
            node.link.on_received(std::span(bytes).first(half), clock.now());
            node.link.on_received(std::span(bytes).subspan(half), clock.now());
        }
        if (cut_here) close(node, "cut");
    }

    void close(Node& node, std::string_view why) {
        if (node.connection && coordinator_) coordinator_->on_closed(*node.connection);
        node.connection.reset();
        node.link.on_closed(why, clock.now());
    }

    int64_t session_timeout_ns_;
    std::unique_ptr<sim::Store> store_;
    std::optional<coordinator::Coordinator> coordinator_;
    std::optional<Nanos> restart_at_;
    uint64_t starts_ = 0;
    uint64_t connections_ = 0;
};

}  // namespace penstock::scenario
