// A consumer: partitions that are read, in a group or not, and what the application is done with.
//
// A Member of its cluster. What the application releases counts as consumed, batch by batch in the order in which they
// were handed out, and that is what is committed: never more than was released, so after a crash records come again
// rather than get lost.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/fetcher.h"
#include "client/group.h"

namespace penstock::client {

struct ConsumerOptions {
    FetcherOptions fetcher;                ///< its reset: also where a partition starts that nobody committed
    std::optional<GroupOptions> group;
    int64_t commit_interval_ns = 5 * second_ns;   ///< 0: only when told
};

class Consumer final : public Member, private GroupListener {
public:
    Consumer(Cluster& cluster, const ConsumerOptions& options);
    ~Consumer() override;

    penstock_error assign(std::span<const penstock_position> positions);
    penstock_error subscribe(std::vector<std::string> topics);
    penstock_error seek(const penstock_position& position);

    /// Null with the error: a partition that cannot be read, or PENSTOCK_EMPTY.
    std::unique_ptr<ReceivedBatch> next(penstock_error& error);
    void release(std::unique_ptr<ReceivedBatch> batch);
    bool has_news() const { return fetcher_.has_batches() || fetcher_.has_failures() || !events_.empty(); }
    /// Views of names that live until the next change.
    std::span<const penstock_position> positions();
    std::optional<penstock_event> next_event();

    /// False: there is no group. Nothing to commit ends at once.
    bool commit();
    bool committing() const { return commits_ > 0; }
    penstock_error commit_error() const { return commit_error_; }
    void leave();
    bool left() const { return !group_ || (group_->left() && !committing()); }

    void step(const Time& time) override;
    Nanos next_deadline() const override;

private:
    void on_assigned(const Assignment& assignment) override;
    void on_revoked(bool may_commit) override;
    void on_offsets(const std::vector<GroupOffset>& offsets) override;
    void on_committed(penstock_error error) override;
    void on_group_failed(penstock_error error) override;
    void set(std::vector<PartitionPtr> partitions);
    bool has_to_commit() const;
    void tell(penstock_event_kind kind, penstock_error error = PENSTOCK_OK);

    Cluster& cluster_;
    const ConsumerOptions options_;
    Fetcher fetcher_;
    std::optional<Group> group_;
    bool subscribed_ = false;
    uint32_t commits_ = 0;
    penstock_error commit_error_ = PENSTOCK_OK;
    Nanos next_commit_ = never;
    std::deque<penstock_event> events_;
    std::vector<penstock_position> positions_;
};

}  // namespace penstock::client
