// What the scenarios of the SDK's consumers share: topics with something in them, and what a consumer has seen.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/consumer.h"
#include "client/producer.h"
#include "scenario/sdk_world.h"

namespace penstock::scenario {

inline std::string text_of(const penstock_bytes& bytes) {
    return bytes.data == nullptr ? "(null)" : std::string(static_cast<const char*>(bytes.data), bytes.size);
}

struct Seen {
    std::map<std::pair<std::string, int32_t>, std::vector<std::string>> values;
    std::map<std::pair<std::string, int32_t>, int64_t> next;
    size_t total = 0;
    bool in_order = true;

    /// Everything that there is now; released at once.
    penstock_error take(client::Consumer& consumer) {
        penstock_error error = PENSTOCK_OK;
        while (auto batch = consumer.next(error)) {
            penstock_record_view record;
            const auto key = std::pair(batch->partition->topic, batch->partition->index);
            while ((error = batch->next(record)) == PENSTOCK_OK) {
                in_order &= !next.contains(key) || next[key] == record.offset;
                next[key] = record.offset + 1;
                values[key].push_back(text_of(record.value));
                ++total;
            }
            if (error != PENSTOCK_EMPTY) return error;
            consumer.release(std::move(batch));
        }
        return error;
    }
    const std::vector<std::string>& of(const std::string& topic, int32_t partition) {
        return values[{topic, partition}];
    }
};

/// `count` records, round and round the partitions: "0", "1", ...
inline void fill(BrokerWorld& world, SdkClient& sdk, const std::string& topic, int count, int first = 0,
          client::ProducerOptions options = {}) {
    client::Producer producer(*sdk.cluster, topic, options);
    ASSERT_TRUE(world.run_until([&] { return producer.partitions() > 0; }));
    for (int i = first; i < first + count; ++i) {
        const std::string value = std::to_string(i);
        penstock_record record = record_of("", value);
        record.timestamp = 1'700'000'000'000 + i;
        record.partition = i % producer.partitions();
        ASSERT_EQ(producer.send(record, sdk.wall_ms()), PENSTOCK_OK);
    }
    producer.push();
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }));
}

inline std::vector<std::string> numbers(int first, int count, int step) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(std::to_string(first + i * step));
    return out;
}

inline client::ConsumerOptions in_group(const std::string& name) {
    client::ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_EARLIEST;
    options.group = client::GroupOptions{.name = name, .instance = {}};
    return options;
}

}  // namespace penstock::scenario
