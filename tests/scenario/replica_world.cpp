#include "scenario/replica_world.h"

#include <algorithm>

#include "log/recover.h"
#include "scenario/topic_calls.h"

namespace penstock::scenario {

namespace {

constexpr uint16_t kafka_port = 9092, coordinator_port = 9090, native_port = 9192;

}  // namespace

bool ReplicaWorld::Node::turn(Time time, Nanos& deadline) {
    bool worked = false;
    directory->step(time.now);
    for (auto& shard : shards) {
        const shard::TurnResult turned = shard->turn(time);
        worked |= turned.did_work || !shard->to_wake().empty();
        deadline = std::min(deadline, turned.next_deadline);
    }
    deadline = std::min(deadline, directory->next_completion());
    return worked;
}

void ReplicaWorld::Node::begin_stop(Nanos now) {
    stores_stop = false;
    for (auto& shard : shards) shard->begin_stop(now);
}

bool ReplicaWorld::Node::step_stop(Nanos now) {
    if (!stores_stop) {
        stores_stop = std::ranges::all_of(shards, [](const auto& shard) { return shard->requests_stopped(); });
        if (!stores_stop) return false;
        for (auto& shard : shards) shard->begin_store_stop();
    }
    if (!std::ranges::all_of(shards, [](const auto& shard) { return shard->stopped(); })) return false;
    shards.clear();
    for (auto* all : {&native, &nodes}) {
        for (auto& streams : *all) {
            streams->shut_down();
            streams->turn(now);
        }
        all->clear();
    }
    tcp.clear();
    links.clear();
    disks.clear();
    mailboxes.reset();
    sim::Disk closer(*directory);
    EXPECT_TRUE(log::mark_clean(closer).has_value());
    return true;
}

ReplicaWorld::ReplicaWorld(const ReplicaWorldOptions& its_options)
    : NodeWorld(its_options.seed, {}), options(its_options) {
    store_ = std::make_unique<sim::Store>(medium_);
    coordinator::CoordinatorOptions coordinator_options;
    coordinator_options.seed = options.seed;
    coordinator_.emplace(coordinator_options, *coordinator::State::load(*store_->load()), clock.now());
    coordinator_link_ = std::make_unique<sim::Link>(datagrams, sim::LinkOptions{.host = "coordinator"});
    coordinator_streams_ = std::make_unique<transport::Streams>(*coordinator_link_, node_options(options.secret));
    EXPECT_TRUE(coordinator_streams_->listen({"coordinator", coordinator_port, io::Road::native}).has_value());
    server_ = std::make_unique<coordinator::Server>(*coordinator_, *coordinator_streams_, *store_);
    for (uint32_t i = 0; i < options.brokers; ++i) {
        auto& made = nodes_.emplace_back(std::make_unique<Node>());
        made->id = static_cast<int32_t>(i) + 1;
        made->directory = std::make_unique<sim::Directory>(sim::DirectoryOptions{.seed = options.seed + i});
    }
    for (const auto& each : nodes_) start(each->id);
}

ReplicaWorld::~ReplicaWorld() {
    for (auto& each : nodes_) each->begin_stop(clock.now());
    EXPECT_TRUE(run_until([&] {
        bool ended = dying_.empty();
        for (auto& each : nodes_)
            if (!each->shards.empty()) ended &= each->step_stop(clock.now());
        return ended;
    }));
    for (const auto& each : nodes_) {
        const std::vector<std::string> violations = each->directory->violations();
        EXPECT_TRUE(violations.empty()) << violations.front();
    }
    server_->close_all(clock.now());
}

void ReplicaWorld::start(int32_t broker) {
    Node& starting = node(broker);
    ++starting.starts;
    starting.host = "broker" + std::to_string(broker) + "." + std::to_string(starting.starts);
    sim::Disk opener(*starting.directory);
    auto opened = log::open_directory(opener, {.shard_count = options.shards, .journal_bytes = 4 * mib,
                                               .random_high = static_cast<uint64_t>(broker),
                                               .random_low = options.seed + starting.starts});
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    starting.mailboxes = std::make_unique<shard::Mailboxes>(options.shards);
    for (uint32_t number = 0; number < options.shards; ++number) add_shard(starting, number, *opened);
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(starting.shards, [](const auto& shard) { return shard->serving(); });
    }));
}

void ReplicaWorld::add_shard(Node& node, uint32_t number, log::OpenedDirectory& opened) {
    const auto id = static_cast<uint64_t>(node.id);
    shard::ShardOptions shard_options;
    broker::BrokerOptions& broker = shard_options.broker;
    broker = options.broker;
    broker.node_id = NodeId(node.id);
    broker.incarnation = make_uuid(id, node.starts);
    broker.shard = number;
    broker.shard_count = options.shards;
    broker.listen = {node.host, kafka_port};
    shard_options.store = {.shard = number, .shard_count = options.shards, .cache_bytes = options.cache_bytes,
                           .pool_bytes = 16 * mib};
    if (number == 0) {
        shard_options.coordinators.push_back({"coordinator", coordinator_port, io::Road::native});
        broker::LinkOptions& link = shard_options.link.emplace();
        link.node_id = broker.node_id;
        link.incarnation = broker.incarnation;
        link.storage_id = opened.report.storage_id;
        link.advertised_host = node.host;
        link.advertised_port = kafka_port;
        link.native_port = native_port;
        link.shard_count = options.shards;
        link.seed = options.seed + id;
    }
    node.disks.push_back(std::make_unique<sim::Disk>(*node.directory));
    node.tcp.push_back(std::make_unique<sim::Streams>(network, sim::StreamOptions{.host = node.host}));
    transport::StreamsOptions native = node_options(options.secret);
    native.proves = native.endpoint.proven_only = false;
    node.links.push_back(std::make_unique<sim::Link>(datagrams, sim::LinkOptions{.host = node.host}));
    node.native.push_back(std::make_unique<transport::Streams>(*node.links.back(), native));
    const io::Address at{node.host, static_cast<uint16_t>(native_port + number), io::Road::native};
    EXPECT_TRUE(node.native.back()->listen(at).has_value());
    node.links.push_back(std::make_unique<sim::Link>(datagrams, sim::LinkOptions{.host = node.host}));
    node.nodes.push_back(std::make_unique<transport::Streams>(*node.links.back(), node_options(options.secret)));
    const shard::Networks networks{.tcp = *node.tcp.back(), .native = node.native.back().get(),
                                   .nodes = node.nodes.back().get()};
    node.shards.push_back(std::make_unique<shard::Shard>(shard_options, std::move(opened.shards[number]),
                                                         *node.disks.back(), networks, *node.mailboxes, clock.time()));
}

void ReplicaWorld::stop(int32_t broker) {
    Node& stopping = node(broker);
    stopping.begin_stop(clock.now());
    ASSERT_TRUE(run_until([&] { return stopping.step_stop(clock.now()); }));
}

void ReplicaWorld::crash(int32_t broker, uint64_t seed) {
    Node& crashing = node(broker);
    const std::vector<sim::CrashChoice> choices = crashing.directory->crash_choices(16, seed);
    std::unique_ptr<sim::Directory> found = crashing.directory->crash(choices[seed % choices.size()]);
    for (const Connected& connected : connected_)
        if (connected.broker == broker) connected.client->close();
    black_out(crashing.host, true);
    crashing.begin_stop(clock.now());
    auto next = std::make_unique<Node>();
    next->id = broker;
    next->starts = crashing.starts;
    next->directory = std::move(found);
    dying_.push_back(std::exchange(nodes_[static_cast<size_t>(broker) - 1], std::move(next)));
}

void ReplicaWorld::cut_off(int32_t broker, bool cut) { black_out(node(broker).host, cut); }

void ReplicaWorld::black_out(const std::string& host, bool dark) {
    sim::PathOptions path;
    path.blackout = dark;
    std::vector<std::string> others{"coordinator"};
    for (const auto& each : nodes_) others.push_back(each->host);
    for (const std::string& other : others) {
        if (other == host) continue;
        datagrams.set_path(sim::endpoint_of(host, 0), sim::endpoint_of(other, 0), path);
        datagrams.set_path(sim::endpoint_of(other, 0), sim::endpoint_of(host, 0), path);
    }
}

bool ReplicaWorld::turn_nodes() {
    bool worked = server_->turn(clock.now());
    deadline_ = server_->next_deadline();
    for (auto& each : nodes_) worked |= each->turn(clock.time(), deadline_);
    for (auto& each : dying_) worked |= each->turn(clock.time(), deadline_);
    std::erase_if(dying_, [&](auto& each) { return each->step_stop(clock.now()); });
    return worked;
}

Nanos ReplicaWorld::next_of_nodes() const { return deadline_; }

Client& ReplicaWorld::connect(int32_t broker) {
    Client& client = connect({node(broker).host, kafka_port}, native_options());
    connected_.push_back({&client, broker});
    return client;
}

Client& ReplicaWorld::connect_native(int32_t broker, uint32_t shard, bool proves) {
    return connect({node(broker).host, static_cast<uint16_t>(native_port + shard), io::Road::native},
                   proves ? node_options(options.secret) : native_options());
}

Client& ReplicaWorld::connect(const io::Address& to, const transport::StreamsOptions& native) {
    const std::string name = "client" + std::to_string(clients.size());
    return *clients.emplace_back(std::make_unique<Client>(*this, name, to, native));
}

Uuid ReplicaWorld::make_topic(const std::string& name, int32_t partitions, int16_t replicas,
                              std::vector<std::pair<std::string, std::string>> configs) {
    return create_topic(connect(1), name, partitions, replicas, configs);
}

const broker::PartitionView* ReplicaWorld::partition(const std::string& topic, int32_t number) const {
    const broker::PartitionView* newest = nullptr;
    for (const auto& each : nodes_) {
        if (each->shards.empty()) continue;
        const broker::TopicView* found = each->shards[0]->view().topic(topic);
        if (found == nullptr) continue;
        const broker::PartitionView& known = found->partitions[static_cast<size_t>(number)];
        if (newest == nullptr || known.partition_epoch > newest->partition_epoch) newest = &known;
    }
    return newest;
}

int32_t ReplicaWorld::leader(const std::string& topic, int32_t number) {
    const auto led_by = [&]() -> int32_t {
        const broker::PartitionView* known = partition(topic, number);
        if (known == nullptr || known->leader.value < 1 || !up(known->leader.value)) return 0;
        const broker::TopicView* own = view(known->leader.value).topic(topic);
        const bool knows = own != nullptr && own->partitions[static_cast<size_t>(number)].leader == known->leader;
        return knows ? known->leader.value : 0;
    };
    EXPECT_TRUE(run_until([&] { return led_by() != 0; }));
    return led_by();
}

bool ReplicaWorld::wait_for_in_sync(const std::string& topic, int32_t number, size_t count) {
    return run_until([&] {
        const broker::PartitionView* known = partition(topic, number);
        return known != nullptr && known->isr.size() == count;
    });
}

}  // namespace penstock::scenario
