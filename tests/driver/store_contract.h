// What every io::Store must do, as tests that a driver's own test file instantiates with its name and its world.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/store.h"

namespace penstock::tests {

/// An empty place and the store on it, which is active.
class StoreWorld {
public:
    virtual ~StoreWorld() = default;
    virtual io::Store& store() = 0;
    /// Returns when the store may have something to poll.
    virtual void wait() = 0;
    /// Ends the store in an orderly way and opens the same place again.
    virtual void reopen() = 0;
};

struct StoreDriver {
    const char* name;
    std::unique_ptr<StoreWorld> (*make)();  ///< null where the machine lacks what it takes: the test is skipped
};

/// With a token that belongs to its revision.
io::StoreTransaction transaction(uint64_t revision, std::vector<io::StoreRow> puts,
                                 std::vector<std::string> removes = {});
std::map<std::string, std::string> rows(const io::StoreContents& contents);
/// Of the clock that stores with a thread of their own use.
Nanos monotonic_now();

class StoreContract : public testing::TestWithParam<StoreDriver> {
protected:
    void SetUp() override;
    io::Store& store() { return world_->store(); }
    io::StoreCompletion next();
    /// Submits, and waits until it is durable.
    void write(io::StoreTransaction transaction);
    io::StoreContents load();

    std::unique_ptr<StoreWorld> world_;
};

inline std::string store_driver_name(const testing::TestParamInfo<StoreDriver>& info) { return info.param.name; }

}  // namespace penstock::tests
