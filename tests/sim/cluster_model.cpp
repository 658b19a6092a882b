#include "cluster_model.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/bytes.h"
#include "base/random.h"
#include "trail.h"

namespace penstock::sim {

namespace {

constexpr size_t name_bytes = 16;

/// The name that a value begins with, if the value is the one of that name.
bool parse_value(const std::string& value, RecordName& name) {
    if (value.size() < name_bytes) return false;
    const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
    name = {load_be<uint32_t>(bytes), load_be<uint32_t>(bytes + 4), load_be<uint64_t>(bytes + 8)};
    return value == value_of(name);
}

uint64_t hash_of(const RecordName& name) {
    return mix64(name.number ^ mix64((uint64_t{name.producer} << 32) + name.partition));
}

}  // namespace

std::string to_text(const RecordName& name) {
    return "record " + std::to_string(name.number) + " of producer " + std::to_string(name.producer);
}

std::string value_of(const RecordName& name) {
    Random random(hash_of(name));
    // Mostly small ones, which share commits; some go straight to the segments.
    const uint64_t more = random.chance(1, 30) ? random.below(30'000) : random.below(200);
    std::string value(name_bytes + more, '\0');
    const auto bytes = std::as_writable_bytes(std::span(value));
    store_be(bytes.data(), name.producer);
    store_be(bytes.data() + 4, name.partition);
    store_be(bytes.data() + 8, name.number);
    random.fill(bytes.subspan(name_bytes));
    return value;
}

uint32_t ClusterModel::add_partition(const std::string& topic, int32_t index, bool memory) {
    const auto number = static_cast<uint32_t>(partitions_.size());
    partitions_.push_back({.topic = topic, .index = index, .memory = memory, .slots = {}, .leaders = {}});
    by_name_[{topic, index}] = number;
    return number;
}

uint32_t ClusterModel::add_producer(Promise promise) {
    producers_.push_back({.promise = promise, .records = {}});
    return static_cast<uint32_t>(producers_.size() - 1);
}

ClusterModel::Record& ClusterModel::record(const RecordName& name) {
    return producers_[name.producer].records[name.partition][name.number];
}

const ClusterModel::Record& ClusterModel::record(const RecordName& name) const {
    return producers_[name.producer].records.at(name.partition)[name.number];
}

std::string ClusterModel::text_of(uint32_t partition, int64_t offset) const {
    const Partition& its = partitions_[partition];
    return its.topic + "-" + std::to_string(its.index) + " at " + std::to_string(offset);
}

// Producers.

RecordName ClusterModel::next_name(uint32_t producer, uint32_t partition) {
    return {producer, partition, producers_[producer].records[partition].size()};
}

void ClusterModel::sent(const RecordName& name) {
    producers_[name.producer].records[name.partition].push_back({.losses = losses_});
    ++counters_.sent;
}

void ClusterModel::acknowledged(const RecordName& name, int64_t offset) {
    history_.add(history_.now(), {1, hash_of(name), static_cast<uint64_t>(offset)});
    Record& its = record(name);
    its.fate = Fate::acknowledged;
    ++counters_.acknowledged;
    // Where it is, or was, in a log that may have lost its end meanwhile, the answer does not say.
    if (offset < 0 || (partitions_[name.partition].memory && its.losses != losses_)) return;
    if (producers_[name.producer].promise == Promise::by_leader && replicated_) return;
    names(offset, -1, name);
}

void ClusterModel::given_up(const RecordName& name) {
    history_.add(history_.now(), {2, hash_of(name)});
    record(name).fate = Fate::unknown;
    ++counters_.given_up;
}

void ClusterModel::forget(uint32_t producer) {
    for (auto& [partition, records] : producers_[producer].records)
        for (Record& its : records)
            if (its.fate == Fate::waits) its.fate = Fate::unknown;
}

// What an offset names.

void ClusterModel::names(int64_t offset, int32_t epoch, const RecordName& name) {
    Partition& partition = partitions_[name.partition];
    if (partition.slots.size() <= static_cast<size_t>(offset)) partition.slots.resize(static_cast<size_t>(offset) + 1);
    Slot& slot = partition.slots[static_cast<size_t>(offset)];
    const bool other = slot.known && slot.name != name;
    if (slot.known && partition.memory && slot.epoch >= 0 && epoch >= 0 && slot.epoch > epoch) return;   // came late
    const bool newer = slot.epoch >= 0 && epoch > slot.epoch;
    const bool untold = epoch < 0 || slot.epoch < 0;
    if (slot.known && partition.memory && losses_ > 0 && (newer || (other && untold))) {
        cut(partition, offset);
        return names(offset, epoch, name);
    }
    if (other)
        fail_run(text_of(name.partition, offset) + " named " + to_text(slot.name) + " and now names " + to_text(name));
    if (slot.known && epoch >= 0 && slot.epoch >= 0 && slot.epoch != epoch)
        fail_run(text_of(name.partition, offset) + " was of epoch " + std::to_string(slot.epoch) + " and now is of " +
                 std::to_string(epoch));
    slot.known = true;
    slot.name = name;
    if (epoch >= 0) slot.epoch = epoch;
    Record& its = record(name);
    const Promise promise = producers_[name.producer].promise;
    const bool once = promise == Promise::exactly_once && (!partition.memory || its.losses == losses_);
    if (its.offset >= 0 && its.offset != offset && once)
        fail_run(text_of(name.partition, offset) + " names " + to_text(name) + ", which is at " +
                 std::to_string(its.offset) + " already");
    if (its.offset < 0) its.offset = offset;
}

/// A memory topic has lost what was there.
void ClusterModel::cut(Partition& partition, int64_t offset) {
    for (size_t at = static_cast<size_t>(offset); at < partition.slots.size(); ++at) {
        const Slot& slot = partition.slots[at];
        if (slot.known && record(slot.name).offset == static_cast<int64_t>(at)) record(slot.name).offset = -1;
    }
    partition.slots.resize(static_cast<size_t>(offset));
}

// Consumers.

void ClusterModel::read(const std::string& reader, const Read& its) {
    RecordName name;
    if (!parse_value(its.value, name) || name.producer >= producers_.size() || name.partition != its.partition ||
        name.number >= producers_[name.producer].records[name.partition].size())
        fail_run(reader + ": " + text_of(its.partition, its.offset) + " has bytes that nobody sent there");
    history_.add(history_.now(), {3, hash_of(name), static_cast<uint64_t>(its.offset)});
    ++counters_.read;
    names(its.offset, its.epoch, name);
    if (its.offset >= its.high_watermark)
        fail_run(reader + " was given " + text_of(its.partition, its.offset) + ", which is not below the watermark");
    Reader& reads = readers_[reader];
    if (partitions_[its.partition].memory) {
        reads.next[its.partition] = its.offset + 1;
        return;
    }
    const auto [next, first] = reads.next.try_emplace(its.partition, its.offset);
    if (next->second != its.offset)
        fail_run(reader + " was at " + std::to_string(next->second) + " and was given " +
                 text_of(its.partition, its.offset));
    next->second = its.offset + 1;
    int64_t& seen = reads.high_watermark[its.partition];
    if (its.high_watermark < seen)
        fail_run(reader + " saw the watermark go back from " + std::to_string(seen) + ": " +
                 text_of(its.partition, its.high_watermark));
    seen = its.high_watermark;
}

void ClusterModel::reader_starts(const std::string& reader) { readers_.erase(reader); }

// A group.

void ClusterModel::committed(uint32_t partition, int64_t offset) {
    history_.add(history_.now(), {4, partition, static_cast<uint64_t>(offset)});
    int64_t& known = partitions_[partition].committed;
    known = std::max(known, offset);
    ++counters_.commits;
}

void ClusterModel::member_read(uint32_t partition, int64_t first, int64_t next, int64_t since) {
    int64_t& at = partitions_[partition].members_at;
    if (first > at)
        fail_run("the group was at " + std::to_string(at) + " and went on with " + text_of(partition, first));
    if (first < since)
        fail_run("the group had committed " + std::to_string(since) + " and began again with " +
                 text_of(partition, first));
    at = std::max(at, next);
}

void ClusterModel::leads(uint32_t partition, int32_t epoch, int32_t broker) {
    if (broker < 0) return;
    const auto [leader, first] = partitions_[partition].leaders.try_emplace(epoch, broker);
    if (leader->second != broker)
        fail_run(text_of(partition, 0) + " has two leaders in epoch " + std::to_string(epoch) + ": " +
                 std::to_string(leader->second) + " and " + std::to_string(broker));
    const auto number = static_cast<uint64_t>(epoch), node = static_cast<uint64_t>(broker);
    if (!first) return;
    history_.add(history_.now(), {5, partition, number, node});
    history_.note("broker" + std::to_string(broker) + " leads " + partitions_[partition].topic + "-" +
                  std::to_string(partitions_[partition].index) + " in epoch " + std::to_string(epoch));
}

// The end.

int64_t ClusterModel::end_of(uint32_t partition) const {
    const Partition& its = partitions_[partition];
    size_t end = its.slots.size();
    // What a memory topic had before its last loss may be gone.
    while (its.memory && end > 0 && !(its.slots[end - 1].known && promised(its.slots[end - 1].name))) --end;
    return static_cast<int64_t>(end);
}

/// Whether what was acknowledged must be there at the end.
bool ClusterModel::promised(const RecordName& name) const {
    const Record& its = record(name);
    if (its.fate != Fate::acknowledged) return false;
    if (partitions_[name.partition].memory) return its.losses == losses_;
    switch (producers_[name.producer].promise) {
        case Promise::exactly_once:
        case Promise::at_least_once: return true;
        case Promise::by_leader: return !replicated_;
        case Promise::nothing: return false;
    }
    return false;
}

void ClusterModel::check_whole(const std::string& reader) const {
    const Reader& reads = readers_.at(reader);
    for (uint32_t number = 0; number < partitions_.size(); ++number) {
        const Partition& partition = partitions_[number];
        std::map<uint32_t, uint64_t> last;   // of each producer, one more than the number of its last record
        std::set<RecordName> there;
        for (size_t at = 0; at < partition.slots.size(); ++at) {
            const Slot& slot = partition.slots[at];
            const auto offset = static_cast<int64_t>(at);
            if (!slot.known) {
                if (partition.memory) continue;
                fail_run(text_of(number, offset) + " was read by nobody");
            }
            there.insert(slot.name);
            if (producers_[slot.name.producer].promise != Promise::exactly_once || partition.memory) continue;
            uint64_t& before = last[slot.name.producer];
            if (slot.name.number < before && record(slot.name).fate == Fate::acknowledged)
                fail_run(text_of(number, offset) + " names " + to_text(slot.name) + ", which a later one came before");
            if (record(slot.name).fate == Fate::acknowledged) before = slot.name.number + 1;
        }
        const auto next = reads.next.find(number);
        const int64_t reached = next == reads.next.end() ? 0 : next->second;
        if (!partition.memory && reached != end_of(number))
            fail_run(text_of(number, reached) + " is where the log ends, but it went to " +
                     std::to_string(end_of(number)));
        for (uint32_t producer = 0; producer < producers_.size(); ++producer) {
            const auto records = producers_[producer].records.find(number);
            if (records == producers_[producer].records.end()) continue;
            for (uint64_t i = 0; i < records->second.size(); ++i) {
                const RecordName name{producer, number, i};
                if (!promised(name)) continue;
                if (!there.contains(name) || records->second[i].offset >= reached)
                    fail_run(partition.topic + "-" + std::to_string(partition.index) + " has lost " + to_text(name) +
                             ", which was acknowledged");
            }
        }
    }
}

}  // namespace penstock::sim
