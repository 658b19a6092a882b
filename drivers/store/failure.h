// Why a store cannot go on: for the program, and for the operator.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"

namespace penstock::store {

struct Failure {
    Error error;
    std::string detail;   ///< what, where, and what to do
};

template <class T>
using Checked = std::expected<T, Failure>;

}  // namespace penstock::store
