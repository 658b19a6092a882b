// Topics and clusters of tests by a number.
#pragma once

#include "base/uuid.h"

namespace penstock::broker {

inline Uuid uuid_of(uint8_t first) {
    Uuid made;
    made.bytes[0] = first;
    return made;
}

}  // namespace penstock::broker
