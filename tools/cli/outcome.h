// What a step of the CLI gives back: a value, or a failure that the user can act upon.
//
// A failure is a sentence (what went wrong, with the names involved) and, where there is one, a hint (what to do).
// main prints both to stderr and turns the kind into the exit code.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace penstock::cli {

enum class FailureKind : uint8_t {
    operation,    ///< the broker or the world refused: exit 1
    usage,        ///< the arguments are wrong: exit 2
    interrupted,  ///< Ctrl-C while waiting
};

struct Failure {
    std::string message;
    std::string hint{};
    FailureKind kind = FailureKind::operation;
    bool connection_lost = false;  ///< the connection is unusable; another one may do
    int16_t kafka_error = 0;       ///< the broker's code, if it was the broker who refused
};

template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> refuse(std::string message, std::string hint = {}) {
    return std::unexpected(Failure{.message = std::move(message), .hint = std::move(hint)});
}

inline std::unexpected<Failure> misuse(std::string message, std::string hint = {}) {
    return std::unexpected(
        Failure{.message = std::move(message), .hint = std::move(hint), .kind = FailureKind::usage});
}

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

}  // namespace penstock::cli
