#include "cluster_clients.h"

#include <algorithm>
#include <array>

#include "client/failure.h"
#include "trail.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/offset_fetch.h"

namespace penstock::sim {

namespace {

constexpr const char* group_name = "readers";

client::ClusterOptions cluster_options(uint64_t seed) {
    // Some lose patience while what they sent waits for a disk or a replica, and ask again.
    const int64_t patience_ns = (250 * millisecond_ns) << (seed % 5);
    return {.name = {},
            .connect_timeout_ns = 2 * second_ns,
            .request_timeout_ns = patience_ns,
            .metadata_age_ns = 30 * second_ns,
            .seed = seed};
}

std::string text_of(const penstock_bytes& bytes) {
    return bytes.data == nullptr ? std::string() : std::string(static_cast<const char*>(bytes.data), bytes.size);
}

/// Hands each record of the batch to the model.
void read_batch(ClusterModel& model, const std::string& reader, client::ReceivedBatch& batch, uint32_t partition) {
    penstock_record_view record;
    while (batch.next(record) == PENSTOCK_OK)
        model.read(reader, {.partition = partition,
                            .offset = record.offset,
                            .epoch = batch.header().leader_epoch.value,
                            .high_watermark = batch.high_watermark,
                            .value = text_of(record.value)});
}

/// Of a consumer: what no fault explains.
void check_error(const std::string& reader, penstock_error error) {
    if (error == PENSTOCK_MALFORMED || error == PENSTOCK_TOO_LARGE)
        fail_run(reader + " was given records that make no sense: " + penstock_error_name(error));
}

}  // namespace

// --- ClusterClient ---------------------------------------------------------------------------------------------------

ClusterClient::ClusterClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed)
    : world_(world), model_(model), host_(std::move(host)), random_(seed), road_(road) {
    world_.inhabitants.push_back(this);
    world_.client_hosts.push_back(host_);
}

ClusterClient::~ClusterClient() {
    std::erase(world_.inhabitants, this);
    std::erase(world_.client_hosts, host_);
}

void ClusterClient::start() {
    world_.history.note(host_ + " starts");
    const uint64_t seed = random_.next();
    process_ = std::make_unique<scenario::SdkProcess>(
        world_.network, world_.datagrams,
        scenario::SdkProcessOptions{.road = road_, .host = host_, .bootstrap = world_.addresses(road_),
                                    .receive_buffers = 16, .cluster = cluster_options(seed), .seed = seed});
    metadata_seen_ = 0;
    wake();
    open();
}

void ClusterClient::kill() {
    if (!up()) return;
    world_.history.note(host_ + " ends");
    process_->sever();
    close();
    process_.reset();
}

bool ClusterClient::turn(const Time& time) {
    if (!up()) return false;
    process_->turn(time);
    note_leaders();
    act(time);
    deadline_ = std::min(process_->next_deadline(), next_act());
    return true;
}

Nanos ClusterClient::next_deadline() const {
    if (!up()) return never;
    return process_->has_input() ? Nanos(0) : deadline_;
}

void ClusterClient::note_leaders() {
    if (metadata_seen_ == cluster().revision()) return;
    metadata_seen_ = cluster().revision();
    for (uint32_t number = 0; number < model_.partitions(); ++number) {
        const client::Topic* topic = cluster().find(model_.topic_of(number));
        const auto index = static_cast<size_t>(model_.index_of(number));
        if (topic == nullptr || index >= topic->partitions.size()) continue;
        const client::PartitionPlace& place = topic->partitions[index];
        model_.leads(number, place.leader_epoch, place.leader);
    }
}

// --- ProducingClient -------------------------------------------------------------------------------------------------

ProducingClient::ProducingClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road,
                                 uint64_t seed, const Options& options)
    : ClusterClient(world, model, std::move(host), road, seed), options_(options) {
    for (uint32_t number = 0; number < model.partitions(); ++number)
        if (model.topic_of(number) == options.topic) partitions_.push_back(number);
}

void ProducingClient::open() {
    client::ProducerOptions options;
    options.acks = static_cast<int16_t>(options_.promise == Promise::nothing     ? 0
                                        : options_.promise == Promise::by_leader ? 1
                                                                                 : -1);
    options.idempotent = options_.promise == Promise::exactly_once;
    options.linger_ns = millisecond_ns;
    options.buffer_bytes = mib;
    options.delivery_timeout_ns = 60 * second_ns;
    id_ = model_.add_producer(options_.promise);
    sent_.clear();
    producer_ = std::make_unique<client::Producer>(cluster(), options_.topic, options);
}

void ProducingClient::close() {
    producer_.reset();
    model_.forget(id_);
}

void ProducingClient::rest(bool rest) {
    resting_ = rest;
    wake();
}

void ProducingClient::act(const Time& time) {
    take_completions();
    if (resting_ || time.now < next_row_) return;
    next_row_ = time.now + static_cast<int64_t>(random_.below(static_cast<uint64_t>(2 * options_.pause_ns)));
    for (uint64_t count = random_.between(1, options_.records_max); count > 0; --count)
        if (!send(partitions_[random_.below(partitions_.size())])) return;
}

bool ProducingClient::send(uint32_t partition) {
    const RecordName name = model_.next_name(id_, partition);
    const std::string value = value_of(name);
    penstock_record record = PENSTOCK_RECORD_INIT;
    record.value = {value.data(), value.size()};
    record.partition = model_.index_of(partition);
    record.tag = ++tags_;
    if (producer_->send(record, world_.clock.time().wall_ms) != PENSTOCK_OK) return false;
    model_.sent(name);
    sent_[record.tag] = name;
    return true;
}

bool ProducingClient::send_to_all() {
    if (!up() || producer_->partitions() == 0) return false;
    wake();
    return std::ranges::all_of(partitions_, [&](uint32_t partition) { return send(partition); });
}

void ProducingClient::take_completions() {
    std::array<penstock_completion, 16> completions;
    while (const size_t count = producer_->completions(completions)) {
        for (const penstock_completion& one : std::span(completions).first(count)) {
            for (size_t i = 0; i < one.records; ++i) {
                const auto at = sent_.find(one.tags[i]);
                if (at == sent_.end()) fail_run(host_ + " was told twice of one record");
                if (one.error == PENSTOCK_OK) {
                    const auto behind = static_cast<int64_t>(i);
                    model_.acknowledged(at->second, one.first_offset < 0 ? -1 : one.first_offset + behind);
                } else {
                    ++given_up_;
                    model_.given_up(at->second);
                    world_.history.note(host_ + " gives up " + to_text(at->second) + ": " +
                                        penstock_error_name(one.error));
                }
                sent_.erase(at);
            }
        }
    }
}

// --- ReadingClient ---------------------------------------------------------------------------------------------------

ReadingClient::ReadingClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed,
                             std::vector<std::string> topics)
    : ClusterClient(world, model, std::move(host), road, seed), topics_(std::move(topics)) {}

void ReadingClient::open() {
    client::ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_EARLIEST;
    options.fetcher.partition_bytes = 128 * kib;
    consumer_ = std::make_unique<client::Consumer>(cluster(), options);
    model_.reader_starts(host_);
    positions_.clear();
    assign();
}

void ReadingClient::close() { consumer_.reset(); }

/// From where it is in each partition.
void ReadingClient::assign() {
    std::vector<penstock_position> positions;
    for (uint32_t number = 0; number < model_.partitions(); ++number) {
        const std::string& topic = model_.topic_of(number);
        if (std::ranges::find(topics_, topic) == topics_.end()) continue;
        const auto at = positions_.find(number);
        const int64_t offset = at == positions_.end() ? PENSTOCK_OFFSET_EARLIEST : at->second;
        positions.push_back({topic.c_str(), model_.index_of(number), offset, -1});
    }
    if (consumer_->assign(positions) != PENSTOCK_OK) fail_run(host_ + " cannot be assigned its partitions");
}

void ReadingClient::act(const Time&) {
    penstock_error error = PENSTOCK_OK;
    while (error == PENSTOCK_OK) {
        auto batch = consumer_->next(error);
        if (!batch) break;
        const uint32_t partition = model_.find(batch->partition->topic, batch->partition->index);
        read_batch(model_, host_, *batch, partition);
        positions_[partition] = batch->next_offset();
        consumer_->release(std::move(batch));
    }
    if (error == PENSTOCK_EMPTY) return;
    check_error(host_, error);
    assign();   // the partition that it told of rests until then
}

int64_t ReadingClient::position(uint32_t partition) const {
    const auto at = positions_.find(partition);
    return at == positions_.end() ? 0 : at->second;
}

// --- GroupClient -----------------------------------------------------------------------------------------------------

GroupClient::GroupClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed,
                         std::string topic)
    : ClusterClient(world, model, std::move(host), road, seed), topic_(std::move(topic)) {}

void GroupClient::open() {
    client::ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_EARLIEST;
    options.fetcher.partition_bytes = 128 * kib;
    options.commit_interval_ns = 0;
    options.group = client::GroupOptions{.name = group_name,
                                         .instance = {},
                                         .session_timeout_ms = 10'000,
                                         .rebalance_timeout_ms = 10'000,
                                         .heartbeat_interval_ms = 1'000};
    consumer_ = std::make_unique<client::Consumer>(cluster(), options);
    since_.clear();
    released_.clear();
    committing_.clear();
    next_commit_ = world_.clock.now() + second_ns;
    if (consumer_->subscribe({topic_}) != PENSTOCK_OK) fail_run(host_ + " cannot subscribe");
}

void GroupClient::close() { consumer_.reset(); }

void GroupClient::act(const Time& time) {
    take_events();
    take_records();
    if (time.now < next_commit_) return;
    next_commit_ = time.now + static_cast<int64_t>(random_.below(2 * second_ns));
    if (consumer_->committing() || released_.empty()) return;
    committing_ = released_;
    consumer_->commit();
    if (!consumer_->committing()) committing_.clear();   // there was nothing new
}

void GroupClient::take_events() {
    while (const auto event = consumer_->next_event()) {
        switch (event->kind) {
            case PENSTOCK_EVENT_ASSIGNED:
                world_.history.note(host_ + " is assigned " + std::to_string(consumer_->positions().size()) +
                                    " partitions");
                for (const penstock_position& mine : consumer_->positions()) {
                    const uint32_t partition = model_.find(mine.topic, mine.partition);
                    since_[partition] = model_.committed(partition);
                }
                break;
            case PENSTOCK_EVENT_REVOKED:
                since_.clear();
                released_.clear();
                committing_.clear();
                break;
            case PENSTOCK_EVENT_COMMITTED:
                world_.history.note(host_ + " hears of its commit: " + penstock_error_name(event->error));
                if (event->error == PENSTOCK_OK)
                    for (const auto& [partition, offset] : committing_) model_.committed(partition, offset);
                committing_.clear();
                break;
            case PENSTOCK_EVENT_FAILED:
                world_.history.note(host_ + " hears from its group: " + penstock_error_name(event->error));
                break;
        }
    }
}

void GroupClient::take_records() {
    penstock_error error = PENSTOCK_OK;
    while (error == PENSTOCK_OK) {
        auto batch = consumer_->next(error);
        if (!batch) break;
        const uint32_t partition = model_.find(batch->partition->topic, batch->partition->index);
        const auto since = since_.find(partition);
        model_.member_read(partition, batch->first_offset(), batch->next_offset(),
                           since == since_.end() ? -1 : since->second);
        since_.erase(partition);
        released_[partition] = batch->next_offset();
        consumer_->release(std::move(batch));
    }
    if (error == PENSTOCK_EMPTY) return;
    check_error(host_, error);
    // The partition that it told of rests until it is sought.
    for (const penstock_position& mine : consumer_->positions())
        if (mine.offset >= 0) consumer_->seek(mine);
}

// --- AdminClient -----------------------------------------------------------------------------------------------------

template <class Response, class Request, class ErrorOf, class Take>
bool AdminClient::ask(client::CallOptions options, const Request& request, ErrorOf error_of, Take take) {
    options.deadline = world_.clock.now() + 60 * second_ns;
    client::Typed<Request, Response, ErrorOf> call(cluster(), std::move(options), request, error_of);
    wake();
    if (!world_.run_until([&] { return call.done(); }, 90 * second_ns)) return false;
    if (call.failure().code != PENSTOCK_OK) return false;
    take(call.response());
    return true;
}

bool AdminClient::create_topic(const std::string& name, int32_t partitions, bool memory) {
    using wire::kafka::CreateTopicsRequest;
    using wire::kafka::CreateTopicsResponse;
    std::vector<CreateTopicsRequest::Config> configs = {{"retention.ms", "-1"}};
    if (memory) configs.push_back({"durability", "memory"});
    CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = world_.options.replicas;
    topic.configs = configs;
    CreateTopicsRequest request;
    request.topics = {&topic, 1};
    const auto error_of = [](const CreateTopicsResponse& response) {
        if (response.topics.size() != 1) return client::Failure{PENSTOCK_MALFORMED, ""};
        const auto error = response.topics[0].error_code;
        if (error == wire::kafka::ErrorCode::topic_already_exists) return client::Failure();
        return client::Failure{client::code_of(error), ""};
    };
    return ask<CreateTopicsResponse>({.target = client::Target::any, .group = {}, .deadline = {}}, request, error_of,
                                     [](const auto&) {});
}

std::optional<std::map<std::pair<std::string, int32_t>, int64_t>> AdminClient::committed() {
    using wire::kafka::OffsetFetchRequest;
    using wire::kafka::OffsetFetchResponse;
    OffsetFetchRequest request;
    request.group_id = group_name;
    std::map<std::pair<std::string, int32_t>, int64_t> offsets;
    const bool asked = ask<OffsetFetchResponse>(
        {.target = client::Target::coordinator, .group = group_name, .deadline = {}}, request,
        [](const OffsetFetchResponse& response) {
            return client::Failure{client::code_of(response.error_code), ""};
        },
        [&](const OffsetFetchResponse& response) {
            for (const auto& topic : response.topics)
                for (const auto& row : topic.partitions)
                    offsets[{std::string(topic.name), row.partition_index}] = row.committed_offset;
        });
    if (!asked) return std::nullopt;
    return offsets;
}

}  // namespace penstock::sim
