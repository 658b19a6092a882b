#include "scenario/broker_world.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "scenario/topic_calls.h"
#include "wire/compression.h"

namespace penstock::scenario {

namespace {

constexpr uint16_t kafka_port = 9092;
constexpr uint16_t coordinator_port = 9090;
constexpr uint16_t native_port = 9192;
const std::string native_host = "broker";

}  // namespace

io::Road road_of_this_run() {
    const char* road = std::getenv("PENSTOCK_ROAD");
    return road != nullptr && std::string_view(road) == "native" ? io::Road::native : io::Road::tcp;
}

BrokerWorld::BrokerWorld(const BrokerWorldOptions& its_options)
    : NodeWorld(its_options.seed, its_options.network),
      directory(std::make_unique<sim::Directory>(sim::DirectoryOptions{.seed = its_options.seed})),
      options(its_options) {
    if (options.coordinator) start_coordinator();
    start_broker();
}

BrokerWorld::~BrokerWorld() {
    // Every scenario ends in a graceful stop, whatever the clients were doing.
    directory->clear_faults();
    directory->set_capacity(0);
    if (!shards.empty()) stop_broker();
    stop_coordinator();
    EXPECT_TRUE(directory->violations().empty()) << directory->violations().front();
}

void BrokerWorld::start_coordinator() {
    store_ = std::make_unique<sim::Store>(medium_);
    auto state = coordinator::State::load(*store_->load());
    ASSERT_TRUE(state.has_value());
    coordinator::CoordinatorOptions coordinator_options;
    coordinator_options.seed = options.seed + ++starts_;
    coordinator_.emplace(coordinator_options, std::move(*state), clock.now());
    coordinator_link_ = std::make_unique<sim::Link>(datagrams, sim::LinkOptions{.host = "coordinator"});
    coordinator_streams_ = std::make_unique<transport::Streams>(*coordinator_link_, node_options(options.secret));
    ASSERT_TRUE(coordinator_streams_->listen({"coordinator", coordinator_port, io::Road::native}).has_value());
    server_ = std::make_unique<coordinator::Server>(*coordinator_, *coordinator_streams_, *store_);
}

/// It says good-bye, as the program does.
void BrokerWorld::stop_coordinator() {
    if (server_ != nullptr) server_->close_all(clock.now());
    server_.reset();
    coordinator_.reset();
    coordinator_streams_.reset();
    coordinator_link_.reset();
}

void BrokerWorld::start_broker() {
    sim::Disk opener(*directory);
    auto opened = log::open_directory(
        opener,
        {.shard_count = options.shards, .journal_bytes = 4 * mib, .random_high = 7, .random_low = options.seed});
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    mailboxes_ = std::make_unique<shard::Mailboxes>(options.shards);
    for (uint32_t number = 0; number < options.shards; ++number) {
        shard::ShardOptions shard_options;
        shard_options.broker = options.broker;
        shard_options.broker.shard = number;
        shard_options.broker.shard_count = options.shards;
        shard_options.store = {.shard = number,
                               .shard_count = options.shards,
                               .cache_bytes = options.cache_bytes,
                               .pool_bytes = 16 * mib};
        shard_options.broker.listen = {"broker", kafka_port};
        if (number == 0) {
            node_link_ = std::make_unique<sim::Link>(datagrams, sim::LinkOptions{.host = native_host});
            nodes_ = std::make_unique<transport::Streams>(*node_link_, node_options(options.secret));
            shard_options.coordinators = options.silent_coordinators;
            shard_options.coordinators.push_back({"coordinator", coordinator_port, io::Road::native});
            broker::LinkOptions& link = shard_options.link.emplace();
            link.incarnation = make_uuid(options.seed, ++starts_);
            link.storage_id = opened->report.storage_id;
            link.advertised_host = "broker";
            link.advertised_port = kafka_port;
            if (options.road == io::Road::native) link.native_port = native_port;
            link.shard_count = options.shards;
            link.seed = options.seed;
        }
        disks_.push_back(std::make_unique<sim::Disk>(*directory));
        streams_.push_back(std::make_unique<sim::Streams>(
            network, sim::StreamOptions{.host = "broker", .receive_buffers = options.receive_buffers}));
        const shard::Networks networks{.tcp = *streams_.back(), .native = add_native(number),
                                       .nodes = number == 0 ? nodes_.get() : nullptr};
        shards.push_back(std::make_unique<shard::Shard>(shard_options, std::move(opened->shards[number]),
                                                        *disks_.back(), networks, *mailboxes_, clock.time()));
    }
    if (coordinator_) {
        ASSERT_TRUE(run_until([&] {
            return std::ranges::all_of(shards, [](const auto& shard) { return shard->serving(); });
        }));
    }
}

/// Null: clients use TCP, and there is no need for it.
transport::Streams* BrokerWorld::add_native(uint32_t shard) {
    if (options.road == io::Road::tcp) return nullptr;
    links_.push_back(std::make_unique<sim::Link>(
        datagrams, sim::LinkOptions{.host = native_host, .receive_buffers = options.receive_buffers}));
    native_.push_back(std::make_unique<transport::Streams>(*links_.back(), native_options()));
    const auto port = static_cast<uint16_t>(native_port + shard);
    EXPECT_TRUE(native_.back()->listen({native_host, port, io::Road::native}).has_value());
    return native_.back().get();
}

/// The power goes: what the medium holds then is decided by `seed`. The old processes end on the old medium.
void BrokerWorld::crash_broker(uint64_t seed) {
    const std::vector<sim::CrashChoice> choices = directory->crash_choices(16, seed);
    std::unique_ptr<sim::Directory> found = directory->crash(choices[seed % choices.size()]);
    stop_broker();
    directory = std::move(found);
}

void BrokerWorld::stop_broker() {
    for (auto& shard : shards) shard->begin_stop(clock.now());
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(shards, [](const auto& shard) { return shard->requests_stopped(); });
    }));
    for (auto& shard : shards) shard->begin_store_stop();
    ASSERT_TRUE(
        run_until([&] { return std::ranges::all_of(shards, [](const auto& shard) { return shard->stopped(); }); }));
    shards.clear();
    nodes_->shut_down();
    nodes_->turn(clock.now());
    nodes_.reset();
    node_link_.reset();
    streams_.clear();
    native_.clear();
    links_.clear();
    disks_.clear();
    mailboxes_.reset();
    sim::Disk closer(*directory);
    ASSERT_TRUE(log::mark_clean(closer).has_value());
}

Client& BrokerWorld::connect() {
    io::Address broker{native_host, kafka_port, options.road};
    // As the kernel does with TCP connections, native clients end at any shard.
    if (options.road == io::Road::native)
        broker.port = static_cast<uint16_t>(native_port + next_seed() % options.shards);
    clients.push_back(
        std::make_unique<Client>(*this, "client" + std::to_string(clients.size()), broker, native_options()));
    return *clients.back();
}

bool BrokerWorld::turn_nodes() {
    directory->step(clock.now());
    bool worked = server_ != nullptr && server_->turn(clock.now());
    shards_deadline_ = never;
    for (auto& shard : shards) {
        const shard::TurnResult turned = shard->turn(clock.time());
        worked |= turned.did_work || !shard->to_wake().empty();
        shards_deadline_ = std::min(shards_deadline_, turned.next_deadline);
    }
    return worked;
}

Nanos BrokerWorld::next_of_nodes() const {
    const Nanos next = std::min(directory->next_completion(), shards_deadline_);
    return server_ != nullptr ? std::min(next, server_->next_deadline()) : next;
}

Uuid BrokerWorld::make_topic(const std::string& name, int32_t partitions,
                             std::vector<std::pair<std::string, std::string>> configs) {
    const Uuid id = create_topic(connect(), name, partitions, -1, configs);
    clients.pop_back();
    return id;
}

int32_t BrokerWorld::partition_of(const Uuid& topic, int32_t partitions, uint32_t shard) const {
    for (int32_t partition = 0; partition < partitions; ++partition)
        if (log::shard_of({topic, partition}, options.shards) == shard) return partition;
    return -1;
}

// --- batches ---------------------------------------------------------------------------------------------------------

std::vector<std::byte> make_batch(const std::vector<std::string>& values, wire::Codec codec, int64_t timestamp_ms) {
    wire::BatchBuilder builder;
    for (size_t i = 0; i < values.size(); ++i)
        builder.add(timestamp_ms + static_cast<int64_t>(i), std::nullopt, std::as_bytes(std::span(values[i])));
    std::vector<std::byte> batch;
    EXPECT_TRUE(builder.finish(codec, batch).has_value());
    return batch;
}

std::vector<std::byte> make_batch(const std::vector<std::string>& values, const ProducerStamp& producer) {
    std::vector<std::byte> batch = make_batch(values);
    const auto bytes = std::span(batch).first<wire::batch_header_bytes>();
    wire::BatchHeader header = wire::parse_batch_header(bytes);
    header.producer_id = producer.id;
    header.producer_epoch = producer.epoch;
    header.base_sequence = producer.sequence;
    header.attributes = static_cast<int16_t>(header.attributes | producer.attributes);
    wire::write_batch_header(bytes, header);
    const Fragment body{batch.data() + bytes.size(), static_cast<uint32_t>(batch.size() - bytes.size())};
    header.crc = wire::batch_crc(bytes, {&body, 1});
    wire::write_batch_header(bytes, header);
    return batch;
}

std::vector<std::string> values_of(std::span<const Fragment> records, int64_t offset) {
    std::vector<std::byte> bytes;
    for (const Fragment& fragment : records) bytes.insert(bytes.end(), fragment.data, fragment.data + fragment.size);
    std::vector<std::string> values;
    for (size_t at = 0; bytes.size() - at >= wire::batch_header_bytes;) {
        const auto rest = std::span<const std::byte>(bytes).subspan(at);
        const wire::BatchHeader header = wire::parse_batch_header(rest.first<wire::batch_header_bytes>());
        const auto size = static_cast<size_t>(header.total_bytes());
        if (size > rest.size()) break;
        const auto body = rest.subspan(wire::batch_header_bytes, size - wire::batch_header_bytes);
        const Fragment fragment{body.data(), static_cast<uint32_t>(body.size())};
        EXPECT_EQ(wire::batch_crc(rest.first<wire::batch_header_bytes>(), {&fragment, 1}), header.crc);
        std::vector<std::byte> plain;
        EXPECT_TRUE(wire::decompress(header.codec(), body, 64 * mib, plain).has_value());
        wire::RecordCursor cursor(plain, header.record_count);
        wire::Record record;
        while (cursor.next(record)) {
            if (header.base_offset.value + record.offset_delta < offset) continue;
            values.emplace_back(reinterpret_cast<const char*>(record.value->data()), record.value->size());
        }
        EXPECT_FALSE(cursor.failed());
        at += size;
    }
    return values;
}

}  // namespace penstock::scenario
