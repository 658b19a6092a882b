// AlterConfigs: a resource's configs become those that are named.
#include "wire/kafka/alter_configs.h"

#include "broker/alter_request.h"
#include "broker/handlers.h"

namespace penstock::broker::alter_configs {

namespace {

using Steps = AlterSteps<wire::kafka::AlterConfigsRequest, wire::kafka::AlterConfigsResponse, true>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::alter_configs, Steps::start, Steps::resume};

}  // namespace penstock::broker::alter_configs
