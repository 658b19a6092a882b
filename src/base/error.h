// The world saying no, as a value. Bugs assert; what a Kafka peer should hear is a Kafka code
// (wire/kafka/errors.h), mapped from Errc in one place.
#pragma once

#include <cstdint>
#include <expected>

namespace penstock {

enum class Errc : uint8_t {
    malformed,      ///< bytes from outside break their format
    unsupported,    ///< well-formed, but not something this build speaks
    too_large,      ///< above a limit of limits.h
    would_block,    ///< a bounded resource is full now: stop reading from whoever asked, try again
    not_ready,      ///< as would_block, but only for what was asked of: others may be ready
    out_of_range,   ///< an offset or position outside what exists
    not_found,
    exists,
    io,             ///< the device or the kernel refused; os_error says how
    disk_full,
    corrupt,        ///< stored bytes fail their checksum: rot
    failed,         ///< poisoned by an earlier failure; only a restart clears it
    refused,        ///< a configuration or state that we do not accept
};

struct Error {
    Errc code = Errc::failed;
    int32_t os_error = 0;  ///< errno value, 0 if none

    friend bool operator==(const Error&, const Error&) = default;
};

/// A static, short name: "malformed", "would block", ...
const char* to_string(Errc code) noexcept;

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, int32_t os_error = 0) noexcept {
    return std::unexpected(Error{code, os_error});
}

}  // namespace penstock
