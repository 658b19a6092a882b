#include "wire/kafka/init_producer_id.h"

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(InitProducerId, request) {
    InitProducerIdRequest message;
    message.transaction_timeout_ms = 6;
    expect_golden(message, 0, "ffff 00000006");
    expect_golden(message, 2, "00 00000006 00");
    expect_golden(message, 3, "00 00000006 ffffffffffffffff ffff 00");
    message.transactional_id = "tx";
    message.producer_id = 7;
    message.producer_epoch = 2;
    expect_golden(message, 1, "0002 'tx' 00000006");
    expect_golden(message, 5, "03 'tx' 00000006 0000000000000007 0002 00");
    expect_all_versions(message, 0, 5);
}

TEST(InitProducerId, response) {
    InitProducerIdResponse message;
    message.throttle_time_ms = 1;
    message.error_code = ErrorCode::coordinator_load_in_progress;
    message.producer_id = 9;
    message.producer_epoch = 3;
    expect_golden(message, 0, "00000001 000e 0000000000000009 0003");
    expect_golden(message, 2, "00000001 000e 0000000000000009 0003 00");
    expect_all_versions(message, 0, 5);
}

}  // namespace
}  // namespace penstock::wire::kafka
