// The clients of a simulated cluster: the SDK's core as applications use it, on either road, each telling the model
// what it sent, what it was told, and what it read.
//
// A client is a process: kill() ends it as power does, start() begins it anew. Everything that it does by itself (when
// it sends, what, where to) follows from its seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/call.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "cluster_model.h"
#include "cluster_world.h"
#include "scenario/sdk_process.h"

namespace penstock::sim {

/// What all clients share: a process on a host of its own, up or down.
class ClusterClient : public Inhabitant {
public:
    ClusterClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed);
    ~ClusterClient() override;

    bool turn(const Time& time) final;
    Nanos next_deadline() const final;
    void start();
    void kill();
    bool up() const { return process_ != nullptr; }
    const std::string& host() const { return host_; }

protected:
    /// After start(): what it uses of the SDK, on cluster().
    virtual void open() = 0;
    /// It must be let go of.
    virtual void close() = 0;
    /// After each turn of the SDK.
    virtual void act(const Time& time) = 0;
    /// When act() has something to do by itself.
    virtual Nanos next_act() const = 0;
    client::Cluster& cluster() { return process_->cluster(); }
    /// Something was asked of it from outside: it has a turn at once.
    void wake() { deadline_ = Nanos(0); }

    ClusterWorld& world_;
    ClusterModel& model_;
    const std::string host_;
    Random random_;

private:
    void note_leaders();

    const io::Road road_;
    std::unique_ptr<scenario::SdkProcess> process_;
    uint64_t metadata_seen_ = 0;
    Nanos deadline_;
};

/// Sends now and then, to all partitions of one topic. With each start it is another producer to the model.
class ProducingClient final : public ClusterClient {
public:
    struct Options {
        std::string topic;
        Promise promise = Promise::exactly_once;
        int64_t pause_ns = 20 * millisecond_ns;   ///< between two rows of records, at most twice as long
        uint32_t records_max = 8;                 ///< in a row
    };
    ProducingClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed,
                    const Options& options);
    ~ProducingClient() override { kill(); }

    /// From now on it sends nothing, until it is told to go on.
    void rest(bool rest);
    /// Sends one record to each partition. False: not yet.
    bool send_to_all();
    /// All that it sent since it started was answered, one way or the other.
    bool settled() const { return up() && producer_->unsettled() == 0 && !producer_->has_completions(); }
    uint64_t given_up() const { return given_up_; }
    Promise promise() const { return options_.promise; }

private:
    void open() override;
    void close() override;
    void act(const Time& time) override;
    Nanos next_act() const override { return resting_ ? never : next_row_; }
    void take_completions();
    bool send(uint32_t partition);

    const Options options_;
    std::vector<uint32_t> partitions_;   ///< the model's numbers
    std::unique_ptr<client::Producer> producer_;
    uint32_t id_ = 0;
    std::map<uint64_t, RecordName> sent_;   ///< by tag
    uint64_t tags_ = 0;
    uint64_t given_up_ = 0;
    bool resting_ = false;
    Nanos next_row_;
};

/// Reads all partitions of these topics, from the start.
class ReadingClient final : public ClusterClient {
public:
    ReadingClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed,
                  std::vector<std::string> topics);
    ~ReadingClient() override { kill(); }

    /// Where it reads next.
    int64_t position(uint32_t partition) const;

private:
    void open() override;
    void close() override;
    void act(const Time& time) override;
    Nanos next_act() const override { return never; }
    void assign();

    const std::vector<std::string> topics_;
    std::unique_ptr<client::Consumer> consumer_;
    std::map<uint32_t, int64_t> positions_;   ///< of the model's partitions
};

/// A member of a consumer group that reads one topic and commits now and then.
class GroupClient final : public ClusterClient {
public:
    GroupClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed,
                std::string topic);
    ~GroupClient() override { kill(); }

private:
    void open() override;
    void close() override;
    void act(const Time& time) override;
    Nanos next_act() const override { return next_commit_; }
    void take_events();
    void take_records();

    const std::string topic_;
    std::unique_ptr<client::Consumer> consumer_;
    Nanos next_commit_;
    std::map<uint32_t, int64_t> since_;      ///< of partitions not begun yet: what was committed when they came
    std::map<uint32_t, int64_t> released_;   ///< of those that are ours
    std::map<uint32_t, int64_t> committing_;
};

/// Makes topics, and asks what groups committed: turns the world until it knows.
class AdminClient final : public ClusterClient {
public:
    AdminClient(ClusterWorld& world, ClusterModel& model, std::string host, io::Road road, uint64_t seed)
        : ClusterClient(world, model, std::move(host), road, seed) {}
    ~AdminClient() override { kill(); }

    /// False: not within a minute.
    bool create_topic(const std::string& name, int32_t partitions, bool memory);
    /// By topic and partition.
    std::optional<std::map<std::pair<std::string, int32_t>, int64_t>> committed();

private:
    void open() override {}
    void close() override {}
    void act(const Time&) override {}
    Nanos next_act() const override { return never; }
    template <class Response, class Request, class ErrorOf, class Take>
    bool ask(client::CallOptions options, const Request& request, ErrorOf error_of, Take take);
};

}  // namespace penstock::sim
