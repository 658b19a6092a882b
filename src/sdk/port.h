// A port's lanes: each client has one as long as it lives.
#pragma once

#include "sdk/handles.h"

namespace penstock::sdk {

/// False when all are taken.
bool take_lane(penstock_port& port, uint16_t& lane);
void give_back_lane(penstock_port& port, uint16_t lane);

}  // namespace penstock::sdk
