// What a rule says of one part of a request: good, or Kafka's code with a sentence for the client.
#pragma once

#include <string>
#include <utility>

#include "wire/kafka/errors.h"

namespace penstock::coordinator {

struct Verdict {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string message;
    bool good() const { return error == wire::kafka::ErrorCode::none; }
};

inline Verdict refuse(wire::kafka::ErrorCode error, std::string message) { return {error, std::move(message)}; }

}  // namespace penstock::coordinator
