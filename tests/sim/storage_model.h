// What a correct store may answer: every batch ever appended, what was acknowledged when, and the checks against it.
//
// The model never looks into the store. It is told of each append, and asks the store's logs for their durable offset
// whenever the simulated power may go. A Snapshot is that moment: the bounds between which a recovery may end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/store.h"

namespace penstock::sim {

struct ModelBatch {
    int64_t base = 0;
    int64_t next = 0;  ///< base of the batch after it
    int64_t max_timestamp = -1;
    std::shared_ptr<const std::vector<std::byte>> bytes;  ///< as stamped by append()
};

/// What a log must know of producers, kept in the plainest way: in order of their last batches.
class ModelProducers {
public:
    using Producer = log::ProducerTable::Producer;
    void record(const log::ProducerBatch& batch);
    /// Null if the producer is unknown, or was idle for too long at this time.
    const Producer* find(int64_t id, int64_t timestamp) const;
    void take(const log::ProducerTable& table);
    void forget_from(int64_t offset);
    /// Empty if the table is right. `some_lost`: batches, the oldest first, may be missing.
    std::string compare(const log::ProducerTable& table, bool some_lost) const;

private:
    std::vector<Producer> producers_;
};

struct ModelLog {
    log::LogKey key;
    log::LogConfig config;
    std::vector<ModelBatch> batches;  ///< from the lowest start that a recovery may still come back with
    ModelProducers producers;         ///< of all that was appended
    ModelProducers producers_before;  ///< when this life began
    std::vector<log::ProducerBatch> produced;  ///< since then
    int64_t producer_clock_ms = 0;    ///< ahead of the world's: producers may be idle for days
    log::Log* log = nullptr;          ///< null once removed
    int64_t created_at = 0;           ///< where it began; above all offsets of a log of that key before it
    bool follower = false;            ///< appended to with a leader's stamps, and cut now and then
    std::vector<log::EpochRange> epochs;
    int64_t cut_to = -1;              ///< where a truncation under way ends the log; -1: there is none
    int64_t cut_durable = 0;          ///< what was durable when it was asked for
    bool may_be_corrupt = false;      ///< no replica has all that has rotted
    bool was_cut = false;             ///< compaction or retention may have dropped records for later ones that are gone
    int64_t start_durable = 0;        ///< a recovery must not come back with a lower one
    int32_t epoch_durable = 0;        ///< nor with a lower epoch
    int32_t epoch = 0;                ///< highest ever begun
    int64_t durable_seen = 0;         ///< when it was removed or last looked at
    int64_t start_seen = 0;
    bool create_durable = false;
    bool failed_seen = false;
    bool removed = false, remove_durable = false;
    int64_t retention_bytes_min = -1;  ///< the strictest ever configured; -1: none
    int64_t retention_ms_min = -1;
    std::set<int64_t> deletes;        ///< starts that delete_before() was asked for

    int64_t end_low = 0;              ///< of a log that was cut down to nothing

    int64_t end() const { return std::max(batches.empty() ? start_durable : batches.back().next, end_low); }
    /// What may be read of a log that lives: all that is appended where its commits may wait.
    int64_t visible() const {
        const int64_t all = config.memory ? end() : durable();
        return cut_to < 0 ? all : std::min(all, cut_to);
    }
    bool must_exist() const { return !removed && (create_durable || durable() > start_durable); }
    int64_t durable() const { return log != nullptr ? log->durable_offset().value : durable_seen; }
    /// Index of the batch that holds `offset`; batches.size() if none does.
    size_t find(int64_t offset) const;
    /// Index of the first batch that ends above `offset`.
    size_t first_above(int64_t offset) const;
    bool ends_at(int64_t offset) const;
    /// Where a truncation to `offset` ends it, if nothing was compacted away.
    int64_t cut_at(int64_t offset) const;
    /// The log ends at `offset`.
    void forget_from(int64_t offset);
    void note_config(const log::LogConfig& config);
    /// Whether retention could have moved the start to `offset` by then.
    bool may_start_at(int64_t offset, int64_t wall_ms) const;
};

/// Bounds of one log. One that is being truncated may come back with what was durable then, or cut.
struct LogBounds {
    bool must_exist = false, may_exist = true;
    int64_t durable = 0;
    int64_t end = 0;
    int64_t start_low = 0;
    int32_t epoch_low = 0, epoch_high = 0;
};

/// The bounds of every log of a Model, in the order of its logs, at one moment.
struct Snapshot {
    std::vector<LogBounds> logs;
    int64_t wall_ms = 0;
    bool faults = false;  ///< logs may have been cut while they ran
};

struct Model {
    std::vector<ModelLog> logs;
    uint64_t batches_made = 0;  ///< no two batches ever are equal
    uint32_t topics_made = 0;

    Snapshot snapshot(int64_t wall_ms) const;
    /// Everything that was asked for so far is durable: nothing is on its way any more.
    void settle();
    ModelLog* find(const log::LogKey& key);
};

/// The batch before append() stamped it: a minimal v2 batch of `size` bytes, records_count offsets.
struct MadeBatch {
    log::BatchToAppend batch;
    std::vector<std::byte> body;
    Fragment pieces[3];  ///< of the body, to be copied from where the network left it

    MadeBatch() = default;
    MadeBatch(const MadeBatch&) = delete;
};
inline constexpr uint32_t batch_size_min = log::batch_header_size + 16;
void make_batch(MadeBatch& out, uint64_t id, uint32_t size, int32_t records_count, int64_t max_timestamp,
                Random& random);
/// The same with real records, of few keys: for a log that is compacted.
void make_keyed_batch(MadeBatch& out, uint64_t id, uint32_t size, int32_t records_count, int64_t max_timestamp,
                      Random& random);
/// After a successful append.
ModelBatch stamped(const MadeBatch& made, Offset base);

/// Compares what a read returned with the model. Empty if it is right.
struct ReadExpectation {
    int64_t from = 0;
    int64_t limit = 0;
    uint32_t bytes_max = 0;
    bool at_least_one = false;
};
std::string check_slices(const ModelLog& log, const ReadExpectation& want, std::span<const log::Slice> slices,
                         int64_t& next_offset);

/// The same for a log that is compacted: what came back are parts of what was appended.
std::string check_compacted_slices(const ModelLog& log, const ReadExpectation& want,
                                   std::span<const log::Slice> slices, int64_t& next_offset,
                                   std::map<std::string, int64_t>& last_seen);
/// Whether the last record of each key that the log ever had in [start, limit) was seen, or, where that is a tombstone,
/// no record of the key at all. Empty if so.
std::string check_table(const ModelLog& log, int64_t start, int64_t limit,
                        const std::map<std::string, int64_t>& last_seen);

std::string to_text(const log::LogKey& key);

}  // namespace penstock::sim
