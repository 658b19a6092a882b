#include "cluster_disks.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/crc32c.h"
#include "log/recover.h"
#include "sim/disk.h"
#include "trail.h"
#include "wire/batch.h"

namespace penstock::sim {

namespace {

constexpr uint64_t waiter = 1;
constexpr uint32_t rounds_max = 1'000'000;

/// A store over an image of a disk, turned until it has what is asked for.
class Reader {
public:
    explicit Reader(std::unique_ptr<Directory> image) : image_(std::move(image)), disk_(*image_) {
        auto opened = log::open_directory(disk_, {.shard_count = 1, .journal_bytes = mib});
        if (!opened) fail_run("a disk at rest cannot be opened: " + opened.error().detail);
        const log::StoreOptions options{.cache_bytes = 4 * mib, .pool_bytes = mib};
        store_.emplace(options, std::move(opened->shards[0]), disk_, time());
    }
    ~Reader() {
        store_->begin_stop();
        for (uint32_t round = 0; !store_->drained(); ++round) turn(round);
    }

    log::Store& store() { return *store_; }

    /// All whole batches from `from` on that fit one read, behind each other. Nothing if they have rotted.
    std::optional<std::vector<std::byte>> read(log::Log& log, int64_t from) {
        const log::ReadRequest request{.from = Offset(from), .limit = log.end_offset(), .bytes_max = mib,
                                       .at_least_one = true, .waiter = waiter};
        std::vector<log::Slice> slices;
        for (uint32_t round = 0;; ++round) {
            const log::ReadStatus status = store_->read(log, request, slices);
            if (status == log::ReadStatus::ready) break;
            if (status == log::ReadStatus::corrupt) return std::nullopt;
            if (status != log::ReadStatus::pending && status != log::ReadStatus::busy)
                fail_run("a disk at rest cannot be read: partition " + std::to_string(log.key().partition) + " from " +
                         std::to_string(from) + ", which ends at " + std::to_string(log.end_offset().value));
            turn(round);
        }
        std::vector<std::byte> bytes;
        for (const log::Slice& slice : slices) {
            bytes.insert(bytes.end(), slice.data, slice.data + slice.size);
            store_->release(slice);
        }
        return bytes;
    }

private:
    Time time() const { return {image_->now(), 0}; }

    void turn(uint32_t round) {
        if (round > rounds_max) fail_run("reading a disk at rest never ends");
        if (!image_->complete_one()) image_->step(image_->now() + millisecond_ns);
        store_->on_turn(time());
        store_->submit(time());
    }

    std::unique_ptr<Directory> image_;
    Disk disk_;
    std::optional<log::Store> store_;
};

std::optional<StoredLog> read_log(Reader& reader, log::Log& log) {
    StoredLog stored{log.start_offset().value, log.end_offset().value, {}};
    for (int64_t from = stored.start; from < stored.end;) {
        const std::optional<std::vector<std::byte>> bytes = reader.read(log, from);
        if (!bytes) return std::nullopt;
        std::span<const std::byte> rest = *bytes;
        while (!rest.empty()) {
            PENSTOCK_ASSERT(rest.size() >= wire::batch_header_bytes);
            const wire::BatchHeader header = wire::parse_batch_header(rest.first<wire::batch_header_bytes>());
            const auto size = static_cast<size_t>(header.total_bytes());
            PENSTOCK_ASSERT(size <= rest.size());
            stored.batches.push_back(
                {header.base_offset.value, static_cast<uint32_t>(size), crc32c(0, rest.first(size))});
            from = header.last_offset().value + 1;
            rest = rest.subspan(size);
        }
    }
    return stored;
}

}  // namespace

std::map<log::LogKey, StoredLog> read_disk(const Directory& directory, CrashMode mode) {
    Reader reader(directory.crash({.mode = mode}));
    std::map<log::LogKey, StoredLog> logs;
    for (log::Log* log : reader.store().logs()) {
        auto stored = read_log(reader, *log);
        if (!stored) fail_run("a disk at rest has rotted: partition " + std::to_string(log->key().partition));
        logs[log->key()] = std::move(*stored);
    }
    return logs;
}

bool is_whole(const Directory& directory) {
    Reader reader(directory.crash({.mode = CrashMode::all}));
    return std::ranges::all_of(reader.store().logs(),
                               [&](log::Log* log) { return read_log(reader, *log).has_value(); });
}

bool others_have_all(const ClusterWorld& world, const ClusterWorld::Broker& broker) {
    const auto own = read_disk(*broker.directory, CrashMode::all);
    std::map<log::LogKey, int16_t> copies;
    for (const ClusterWorld::Broker& other : world.brokers) {
        if (&other == &broker) continue;
        for (const auto& [key, stored] : read_disk(*other.directory, CrashMode::none)) {
            const auto at = own.find(key);
            if (at != own.end() && stored.end >= at->second.end) ++copies[key];
        }
    }
    return std::ranges::all_of(own, [&](const auto& one) { return copies[one.first] == world.options.replicas - 1; });
}

void check_replicas(const ClusterWorld& world, const ClusterModel& model) {
    std::map<NodeId, std::map<log::LogKey, StoredLog>> disks;
    for (const auto& broker : world.brokers) disks[NodeId(broker.id)] = read_disk(*broker.directory, CrashMode::all);
    const broker::ClusterView& view = world.brokers.front().process->view();
    for (uint32_t number = 0; number < model.partitions(); ++number) {
        const auto index = static_cast<size_t>(model.index_of(number));
        const broker::TopicView* topic = view.topic(model.topic_of(number));
        PENSTOCK_ASSERT(topic != nullptr && index < topic->partitions.size());
        const std::string name = model.topic_of(number) + "-" + std::to_string(index);
        const StoredLog* first = nullptr;
        for (const NodeId replica : topic->partitions[index].replicas) {
            const auto stored = disks[replica].find({topic->id, model.index_of(number)});
            const std::string where = name + " of broker " + std::to_string(replica.value);
            if (stored == disks[replica].end()) fail_run(where + " is not on its disk");
            if (stored->second.end < model.end_of(number))
                fail_run(where + " ends at " + std::to_string(stored->second.end) + ", not at " +
                         std::to_string(model.end_of(number)));
            if (first == nullptr) first = &stored->second;
            if (stored->second.batches != first->batches) fail_run(where + " has other batches than its first replica");
        }
    }
}

}  // namespace penstock::sim
