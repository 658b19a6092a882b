// One life of a broker's storage: open_directory and a Store per shard on a simulated directory, driven by a random
// workload and checked against the model after every step.
//
// A world is a pure function of its directory, model and seed. Whatever is wrong ends in fail_run().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "log/recover.h"
#include "log/store.h"
#include "sim/clock.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "storage_model.h"

namespace penstock::sim {

struct WorldOptions {
    uint64_t seed = 1;
    uint32_t shard_count = 1;
    uint64_t journal_bytes = mib;
    uint64_t cache_bytes = 2 * mib;
    uint64_t pool_bytes = 4 * mib;
    uint64_t disk_limit_bytes = 40 * mib;
    uint32_t logs_max = 6;
    uint32_t batch_bytes_max = 100 * kib;
    uint32_t compact_odds = 3;  ///< one new log in so many is compacted
    uint32_t follower_odds = 3; ///< one new log in so many is a follower's; 1: and they are cut often
    bool faults = false;       ///< the disk may refuse: failed logs, refused appends and failed reads are right answers
    bool disk_may_fill = false;
    bool rot = false;          ///< `corrupt` is a right answer
    bool replica = false;      ///< which has all that rots, unless it was compacted: then it is not
};

struct WorldCounters {
    uint64_t turns = 0, appends = 0, refusals = 0, reads = 0, reads_pending = 0, reads_busy = 0, corrupt = 0,
             failed = 0, creates = 0, removes = 0, starts_moved = 0, checkpoints = 0, commits = 0, commit_bytes = 0,
             cold_reads = 0, files_freed = 0, producers_checked = 0, duplicates = 0, compactions = 0, deletes = 0,
             repaired = 0, cuts = 0, cuts_recovered = 0, uncut_recovered = 0, holes = 0, recreates = 0;
    void add(const WorldCounters& other);
};

class World {
public:
    World(Directory& directory, Model& model, const Clock& clock, const WorldOptions& options);
    ~World();

    /// Opens and compares what came back with the bounds. False when recovery refused, with `refusal` set.
    bool open(const Snapshot& bounds);
    const std::string& refusal() const { return refusal_; }
    const log::OpenReport& report() const { return report_; }

    void work(uint32_t turns);
    void turn(bool produce);
    /// Turns without new work until nothing is under way; then everything is durable.
    void rest();
    /// Lets the time pass, turning, so that timers run.
    void idle(int64_t ns);
    /// Reads every log whole.
    void verify_all();
    /// Graceful stop; what must hold afterwards.
    Snapshot stop();
    /// Ends without stopping, once nothing happens to be under way.
    void end();

    /// What must hold if the power goes now.
    Snapshot bounds() const;
    const Clock& clock() const { return clock_; }
    const Model& model() const { return model_; }
    WorldCounters counters() const;
    bool any_failed() const;
    log::Store& store(uint32_t shard) { return *stores_[shard]; }
    log::Store& store_of(const log::LogKey& key) { return *stores_[log::shard_of(key, options_.shard_count)]; }

    /// One append of `size` bytes; the store's answer, which the model has noted.
    Result<Offset> append(size_t log_index, uint32_t size);
    ModelLog* create_log(const log::LogConfig& config);
    ModelLog* create_log(const log::LogKey& key, const log::LogConfig& config, int64_t start);

private:
    struct Lent {
        log::Store* store = nullptr;
        std::vector<log::Slice> slices;
        std::vector<std::byte> copy;  ///< of the bytes when lent: they must not change while we hold them
        uint64_t until_turn = 0;
    };

    void match_logs(const Snapshot& bounds);
    void match_log(ModelLog& log, const LogBounds& bounds, log::Log* found, const Snapshot& all);
    bool fits_cut(const ModelLog& log, int64_t end);
    void match_epochs(const ModelLog& log, const log::Log* found);
    void match_producers(ModelLog& log, const log::Log* found, bool faults, bool cut);
    void finish_cuts();
    void finish_cut(ModelLog& log);
    void answer_repairs(log::Store& store);
    void pass_time(bool produce);
    void start_turn();
    void check_advanced(log::Store& store);
    void random_step();
    void random_append();
    void random_producer(ModelLog& log, int32_t records_count);
    void random_create();
    void random_remove();
    void random_epoch();
    void random_configure();
    void random_delete();
    void random_truncate();
    void stamp_as_leader(ModelLog& log);
    void check_refusals(ModelLog& log);
    void random_read();
    void random_timestamp();
    log::LogConfig random_config(bool compact);
    uint32_t random_size(const ModelLog& log);
    int32_t next_records_count();
    log::ReadStatus read_once(ModelLog& log, const ReadExpectation& want, int64_t& next);
    void read_whole(ModelLog& log);
    void keep_or_release(log::Store& store, std::vector<log::Slice>& slices);
    void give_back(bool all);
    void check_disk();

    Directory& directory_;
    Model& model_;
    Clock clock_;
    WorldOptions options_;
    Random random_;
    std::vector<std::unique_ptr<Disk>> disks_;
    std::vector<std::unique_ptr<log::Store>> stores_;
    const Snapshot* opening_ = nullptr;
    std::string refusal_;
    log::OpenReport report_;
    std::vector<Lent> lent_;
    MadeBatch made_;
    std::map<std::string, int64_t> last_seen_;  ///< offsets by key, in the log that read_whole() reads
    WorldCounters counters_;
    bool stopping_ = false;
    std::vector<log::Slice> slices_;
};

}  // namespace penstock::sim
