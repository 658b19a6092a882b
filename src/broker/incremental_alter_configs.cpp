// IncrementalAlterConfigs: the configs that are named are set, removed, or changed as lists; others stay.
#include "wire/kafka/incremental_alter_configs.h"

#include "broker/alter_request.h"
#include "broker/handlers.h"

namespace penstock::broker::incremental_alter_configs {

namespace {

using Steps =
    AlterSteps<wire::kafka::IncrementalAlterConfigsRequest, wire::kafka::IncrementalAlterConfigsResponse, false>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::incremental_alter_configs, Steps::start, Steps::resume};

}  // namespace penstock::broker::incremental_alter_configs
