// The SDK's producer as `penstock produce` uses it: takes records, counts what became of them, and why.
//
// Stepped by its command: add() while there is something to add, step(), and when that did nothing, SdkClient::wait().
// Memory: add() says when the SDK has as much as it takes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cli/sdk_client.h"

namespace penstock::cli {

struct SenderOptions {
    std::string topic;
    int32_t acks = -1;  ///< -1 all in-sync replicas, 1 the leader, 0 nobody: then `delivered` counts what was sent
    penstock_compression compression = PENSTOCK_COMPRESSION_NONE;
    uint64_t batch_bytes = 64 * 1024;
    Duration linger = std::chrono::milliseconds(5);
    Duration delivery_timeout = std::chrono::seconds(30);   ///< from the end of lingering
};

struct SendReport {
    uint64_t delivered = 0;
    uint64_t failed = 0;
    uint64_t retried_batches = 0;
    std::map<std::string, uint64_t> failures;  ///< reason → records
};

class Sender {
public:
    /// The client must outlive it.
    static Outcome<Sender> create(SdkClient& client, SenderOptions options);

    /// False: there is no room now. A record that can never be taken counts as failed.
    bool add(std::optional<int32_t> partition, std::optional<std::string_view> key, std::string_view value,
             std::span<const penstock_header> headers);
    /// No more records will come: partial batches need not linger.
    void finish() { finishing_ = true; }
    bool idle() const { return penstock_producer_unsettled(producer_.get()) == 0; }
    /// Sends and receives what can be, without waiting. True if something happened: there may be room again.
    bool step();

    const SendReport& report() const { return report_; }

private:
    struct Destroy {
        void operator()(penstock_producer* producer) const { penstock_producer_destroy(producer); }
    };
    Sender(SdkClient& client, SenderOptions options, penstock_producer* producer)
        : client_(client), options_(std::move(options)), producer_(producer) {}
    void settle(const penstock_completion& completion);
    std::string reason(const penstock_completion& completion) const;

    SdkClient& client_;
    SenderOptions options_;
    std::unique_ptr<penstock_producer, Destroy> producer_;
    SendReport report_;
    bool finishing_ = false;
};

}  // namespace penstock::cli
