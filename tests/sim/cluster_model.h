// What a correct cluster may answer: every record ever sent, what was promised of it, and what clients saw since.
//
// The model never looks into a broker: clients tell it what they sent, what was acknowledged, and what they read. An
// offset that a client saw, in an answer to a producer or in a record that it read, names that record for ever.
// Memory topics promise less: a crash of a broker may take a suffix of the log, acknowledged or not; what comes instead
// has a higher leader epoch.
// Whatever is wrong ends in fail_run().
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "history.h"

namespace penstock::sim {

/// What a producer was promised of a record that it was told to be written.
enum class Promise : uint8_t {
    exactly_once,    ///< idempotent, acks=all
    at_least_once,   ///< acks=all: what is tried again may be there twice
    by_leader,       ///< acks=1: until another one leads
    nothing,         ///< acks=0
};

struct RecordName {
    uint32_t producer = 0;
    uint32_t partition = 0;   ///< the model's number of it
    uint64_t number = 0;      ///< of the producer, in this partition
    friend auto operator<=>(const RecordName&, const RecordName&) = default;
};
std::string to_text(const RecordName& name);
/// The only value that a record of this name has: its size and bytes follow from it.
std::string value_of(const RecordName& name);

struct ModelCounters {
    uint64_t sent = 0, acknowledged = 0, given_up = 0, read = 0, commits = 0;
};

class ClusterModel {
public:
    ClusterModel(History& history, bool replicated) : history_(history), replicated_(replicated) {}

    /// The number by which the model knows it.
    uint32_t add_partition(const std::string& topic, int32_t index, bool memory);
    uint32_t add_producer(Promise promise);
    uint32_t find(const std::string& topic, int32_t index) const { return by_name_.at({topic, index}); }

    // Producers.
    /// What its next record there is to be called; then, that it was sent.
    RecordName next_name(uint32_t producer, uint32_t partition);
    void sent(const RecordName& name);
    /// `offset` -1: it was not told.
    void acknowledged(const RecordName& name, int64_t offset);
    /// It may be there or not.
    void given_up(const RecordName& name);
    /// The producer is no more: the same holds for all that it still waited for.
    void forget(uint32_t producer);

    // Consumers, each with a name of its own.
    struct Read {
        uint32_t partition = 0;
        int64_t offset = 0;
        int32_t epoch = -1;
        int64_t high_watermark = -1;
        std::string value;
    };
    void read(const std::string& reader, const Read& record);
    /// It begins anew: nothing is compared with what it saw before.
    void reader_starts(const std::string& reader);

    // A group, whose members share what they read.
    /// The group's coordinator has confirmed it.
    void committed(uint32_t partition, int64_t offset);
    int64_t committed(uint32_t partition) const { return partitions_[partition].committed; }
    /// A member was given one of its records; `since`: what had been committed when it was assigned the partition.
    void member_read(uint32_t partition, int64_t first, int64_t next, int64_t since);
    int64_t members_at(uint32_t partition) const { return partitions_[partition].members_at; }

    // The cluster, as clients and brokers see it.
    void leads(uint32_t partition, int32_t epoch, int32_t broker);
    /// From now on a memory topic may have lost what was not durable.
    void memory_lost() { ++losses_; }

    /// When all is healed: where a partition ends, by all that is known.
    int64_t end_of(uint32_t partition) const;
    /// After one reader has read everything from the start: all that was promised is there, once and in order.
    void check_whole(const std::string& reader) const;

    size_t partitions() const { return partitions_.size(); }
    const std::string& topic_of(uint32_t partition) const { return partitions_[partition].topic; }
    int32_t index_of(uint32_t partition) const { return partitions_[partition].index; }
    bool in_memory(uint32_t partition) const { return partitions_[partition].memory; }
    const ModelCounters& counters() const { return counters_; }

private:
    enum class Fate : uint8_t { waits, acknowledged, unknown };

    struct Record {
        Fate fate = Fate::waits;
        int64_t offset = -1;      ///< where it was seen first
        uint64_t losses = 0;      ///< of memory topics, when it was sent
    };
    /// What an offset names.
    struct Slot {
        bool known = false;
        RecordName name;
        int32_t epoch = -1;       ///< -1: not told
    };
    struct Partition {
        std::string topic;
        int32_t index = 0;
        bool memory = false;
        std::vector<Slot> slots;
        std::map<int32_t, int32_t> leaders;   ///< by epoch
        int64_t committed = -1;
        int64_t members_at = 0;
    };
    struct Producer {
        Promise promise = Promise::exactly_once;
        std::map<uint32_t, std::vector<Record>> records;   ///< by partition and number
    };
    struct Reader {
        std::map<uint32_t, int64_t> next, high_watermark;  ///< by partition
    };

    Record& record(const RecordName& name);
    const Record& record(const RecordName& name) const;
    void names(int64_t offset, int32_t epoch, const RecordName& name);
    void cut(Partition& partition, int64_t offset);
    std::string text_of(uint32_t partition, int64_t offset) const;
    bool promised(const RecordName& name) const;

    History& history_;
    const bool replicated_;
    std::vector<Partition> partitions_;
    std::map<std::pair<std::string, int32_t>, uint32_t> by_name_;
    std::vector<Producer> producers_;
    std::map<std::string, Reader> readers_;
    uint64_t losses_ = 0;
    ModelCounters counters_;
};

}  // namespace penstock::sim
