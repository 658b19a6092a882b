// IncrementalAlterConfigs: the configs that are named are set, removed, or changed as lists; others stay.
#include "wire/kafka/incremental_alter_configs.h"

#include "broker/alter_request.h"
#include "broker/handlers.h"

namespace penstock::broker {

namespace {

using Steps =
    AlterSteps<wire::kafka::IncrementalAlterConfigsRequest, wire::kafka::IncrementalAlterConfigsResponse, false>;

}  // namespace

const Handler incremental_alter_configs_handler{wire::kafka::ApiKey::incremental_alter_configs, Steps::start,
                                                Steps::resume};

}  // namespace penstock::broker
