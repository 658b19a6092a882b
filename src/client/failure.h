// What the client's parts tell each other when something did not work: a code of penstock.h and a sentence for humans.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "client/penstock.h"
#include "wire/kafka/errors.h"

namespace penstock::client {

struct Failure {
    penstock_error code = PENSTOCK_OK;
    std::string detail;
};

template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> refuse(penstock_error code, std::string detail) {
    return std::unexpected(Failure{code, std::move(detail)});
}

inline penstock_error code_of(wire::kafka::ErrorCode error) { return static_cast<penstock_error>(error); }

}  // namespace penstock::client
