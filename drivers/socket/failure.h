// Why a driver could not start: the error for the program, the sentence for the operator.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"

namespace penstock::socket {

struct Failure {
    Error error;
    std::string detail;  ///< what failed and what to do about it
};

template <class T>
using Opened = std::expected<T, Failure>;

}  // namespace penstock::socket
