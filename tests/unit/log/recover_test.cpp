#include "log/recover.h"

#include "store_fixture.h"

namespace penstock::log {
namespace {

class RecoverTest : public StoreFixture {};

TEST_F(RecoverTest, a_journaled_batch_does_not_wipe_its_direct_neighbour) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 100, 'a');
    settle(log);
    append(log, 300'000, 'b');
    settle(log);
    append(log, 200, 'c');
    settle(log);
    crash({sim::CrashMode::none});
    open();
    Log& again = *store_->find(key_of(1));
    ASSERT_EQ(again.end_offset(), Offset(3));
    expect_batch(again, 0, 100, 'a');
    expect_batch(again, 1, 300'000, 'b');
    expect_batch(again, 2, 200, 'c');
    stop();
}

}  // namespace
}  // namespace penstock::log
