// The client SDK's core in a world with a broker: on the same simulated networks, on either road.
#pragma once

#include <string>
#include <string_view>

#include "client/cluster.h"
#include "scenario/broker_world.h"
#include "scenario/sdk_process.h"

namespace penstock::scenario {

/// One process that uses the SDK. Its members (producers, consumers) must end before it.
class SdkClient final : public Participant {
public:
    explicit SdkClient(BrokerWorld& world, const std::string& host = "sdk");
    ~SdkClient() override;

    bool turn() override { return process_.turn(world_.clock.time()); }
    Nanos next_deadline() const override { return process_.next_deadline(); }
    int64_t wall_ms() const { return world_.clock.time().wall_ms; }

private:
    BrokerWorld& world_;
    SdkProcess process_;

public:
    client::Cluster* const cluster = &process_.cluster();
};

/// Counts how often the world finds something to do.
class Turns final : public Participant {
public:
    bool turn() override {
        ++count;
        return false;
    }
    Nanos next_deadline() const override { return never; }

    uint64_t count = 0;
};

inline penstock_bytes bytes_of(std::string_view text) { return {text.data(), text.size()}; }

/// Key and value; an empty key is none.
inline penstock_record record_of(std::string_view key, std::string_view value, uint64_t tag = 0) {
    penstock_record record = PENSTOCK_RECORD_INIT;
    if (!key.empty()) record.key = bytes_of(key);
    record.value = bytes_of(value);
    record.tag = tag;
    return record;
}

}  // namespace penstock::scenario
