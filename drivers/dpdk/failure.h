// Why a port cannot be used: the error for the program, the sentence for the operator.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"

namespace penstock::dpdk {

struct Failure {
    Error error;
    std::string detail;   ///< what failed and what to do about it
};

template <class T>
using Opened = std::expected<T, Failure>;

/// `code` is an errno, as DPDK gives them, of either sign.
Failure failure_of(std::string what, int code);

}  // namespace penstock::dpdk
