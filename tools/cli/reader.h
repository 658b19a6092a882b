// The SDK's consumer as `penstock consume` uses it: reads partitions of one topic from given offsets, record by record.
//
// Blocking in style, stepped by who prints the records. What was visited before a step began is released in it, so a
// member of a group (group_reader.h) commits no record that nobody saw; of a batch that was shown in part only, what
// was shown. A silent broker is asked from time to time whether it is still there: the SDK itself would try for ever.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/sdk_client.h"

namespace penstock::cli {

/// False: stop here.
using RecordVisitor = std::function<bool(const ShownRecord&)>;

struct ReadPosition {
    int32_t partition = 0;
    int64_t next = 0;  ///< offset to read next
    int64_t end = 0;   ///< stop before this offset, if at all
};

class Reader {
public:
    /// The clients must outlive it.
    static Outcome<std::unique_ptr<Reader>> create(Client& client, SdkClient& sdk, std::string topic,
                                                   penstock_consumer_options options);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// Outside of groups: what to read, and whether up to the ends only.
    Outcome<void> assign(const std::vector<ReadPosition>& positions, bool stop_at_end);
    /// In a group, which says what to read: where to stop.
    void set_ends(std::optional<std::map<int32_t, int64_t>> ends) { ends_ = std::move(ends); }

    /// Visits what came, or waits for it, at most until `until`. True when every position has come to its end, or the
    /// visitor had enough.
    Outcome<bool> step(Deadline until, const RecordVisitor& visitor);

    /// For what the group decides: nothing is released or visited in these.
    penstock_consumer* consumer() const { return consumer_.get(); }
    const std::string& topic() const { return topic_; }
    /// The partitions change hands: nothing of them is ours to keep.
    void forget();
    /// All that was visited is released, and of batches that were shown in part, what was shown.
    void release_all();

    static constexpr int32_t fetch_wait_ms = 500;

private:
    struct Destroy {
        void operator()(penstock_consumer* consumer) const { penstock_consumer_destroy(consumer); }
    };
    struct Kept {
        penstock_batch* batch;
        int64_t next;   ///< behind what was shown of it
    };

    Reader(Client& client, SdkClient& sdk, std::string topic, penstock_consumer* consumer)
        : client_(client), sdk_(sdk), topic_(std::move(topic)), consumer_(consumer) {}
    bool at_end() const;
    void release_visited();
    Outcome<bool> take(const RecordVisitor& visitor);
    Outcome<void> visit(penstock_batch* batch, const RecordVisitor& visitor);
    void read_headers(penstock_batch* batch);
    Failure failure_of(penstock_error error);
    Failure out_of_range();
    Outcome<void> look_for_brokers();

    Client& client_;
    SdkClient& sdk_;
    std::string topic_;
    std::unique_ptr<penstock_consumer, Destroy> consumer_;
    std::optional<std::map<int32_t, int64_t>> ends_;   ///< of all partitions, once they are known; else without end
    std::vector<penstock_batch*> visited_;    ///< to be released
    std::map<int32_t, Kept> kept_;            ///< of each partition the first that was not shown to its end
    std::vector<ShownHeader> headers_;
    bool stopped_ = false;
    Deadline heard_ = Clock::now();           ///< from a broker
    std::string last_error_;
};

}  // namespace penstock::cli
