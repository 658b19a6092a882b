// Why a port cannot be used: the error for the program, the sentence for the operator.
#pragma once

#include <cerrno>
#include <cstring>
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

/// Of a call of the system's, which left its reason in errno.
inline Failure failure_of_call(std::string what) {
    return {{Errc::io, errno}, std::move(what) + ": " + std::strerror(errno)};
}

}  // namespace penstock::dpdk
