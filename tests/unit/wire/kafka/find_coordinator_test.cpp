#include "wire/kafka/find_coordinator.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(FindCoordinator, request) {
    std::vector<std::string_view> keys{"g", "h"};
    FindCoordinatorRequest message;
    message.coordinator_key = "g";
    message.key_type = coordinator_of_transaction;
    message.coordinator_keys = keys;
    expect_golden(message, 0, "0001 'g'");
    expect_golden(message, 1, "0001 'g' 01");
    expect_golden(message, 3, "02 'g' 01 00");
    expect_golden(message, 4, "01 03 02 'g' 02 'h' 00");
    expect_all_versions(message, 0, 6);
}

TEST(FindCoordinator, response) {
    std::vector<FindCoordinatorResponse::Coordinator> coordinators{{"g", 1, "h", 9092, ErrorCode::none, {}}};
    FindCoordinatorResponse message;
    message.error_code = ErrorCode::coordinator_not_available;
    message.error_message = "no";
    message.node_id = 1;
    message.host = "h";
    message.port = 9092;
    message.coordinators = coordinators;
    expect_golden(message, 0, "000f 00000001 0001 'h' 00002384");
    expect_golden(message, 1, "00000000 000f 0002 'no' 00000001 0001 'h' 00002384");
    expect_golden(message, 3, "00000000 000f 03 'no' 00000001 02 'h' 00002384 00");
    expect_golden(message, 4, "00000000 02 02 'g' 00000001 02 'h' 00002384 0000 00 00 00");
    expect_all_versions(message, 0, 6);
}

}  // namespace
}  // namespace penstock::wire::kafka
