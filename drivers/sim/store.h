// io::Store in memory, with the failures that the coordinator must survive.
//
// A StoreMedium is what lies on the disk; it outlives the Store that works on it, as a file outlives its process. Two
// Stores on one medium are two writers: the one whose revision is behind is refused.
// A transaction is durable when it is processed; poll() processes whatever waits unless hold() stopped it. Between
// submit and poll a crash may find it applied or not, but always the first of a queue before the later ones.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "io/store.h"

namespace penstock::sim {

struct StoreMedium {
    uint64_t revision = 0;
    std::map<std::string, std::string> rows;
};

inline constexpr size_t store_queue_max = 64;

class Store final : public io::Store {
public:
    explicit Store(StoreMedium& medium) : medium_(medium) {}

    io::StoreRole role(Nanos) override { return role_; }
    Result<io::StoreContents> load() override;
    Result<void> submit(io::StoreTransaction transaction) override;
    size_t poll(std::span<io::StoreCompletion> out) override;

    /// Another coordinator becomes active, or this one.
    void set_role(io::StoreRole role) { role_ = role; }
    /// While held nothing is processed: a slow disk.
    void hold(bool held) { held_ = held; }
    /// Processes up to `count` waiting transactions, also while held; their completions come with the next poll.
    size_t process(size_t count);
    /// The power goes: the first `applied` of the waiting transactions reached the medium, no completion will come,
    /// and this Store answers nothing any more. Go on with a new one on the same medium.
    void crash(size_t applied);

    /// The next transaction to be processed fails. With `applied` it reached the medium all the same, as when the
    /// final sync fails: the caller cannot know.
    void fail_next(Error error, bool applied = false);
    void fail_load(Error error) { load_failure_ = error; }

    size_t waiting() const { return waiting_.size(); }

private:
    struct Failure {
        Error error;
        bool applied = false;
    };

    io::StoreCompletion apply(const io::StoreTransaction& transaction);
    void write(const io::StoreTransaction& transaction);

    StoreMedium& medium_;
    io::StoreRole role_ = io::StoreRole::active;
    std::deque<io::StoreTransaction> waiting_;
    std::deque<io::StoreCompletion> finished_;
    std::optional<Failure> failure_;
    std::optional<Error> load_failure_;
    bool held_ = false;
    bool crashed_ = false;
};

}  // namespace penstock::sim
