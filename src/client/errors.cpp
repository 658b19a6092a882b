#include "client/penstock.h"
#include "wire/kafka/errors.h"

namespace {

struct OwnError {
    penstock_error code;
    const char* name;
    const char* message;
    bool transient;
};

constexpr OwnError own_errors[] = {
    {PENSTOCK_OK, "PENSTOCK_OK", "It worked.", false},
    {PENSTOCK_FULL, "PENSTOCK_FULL", "A bound on memory is reached: poll, then try again.", true},
    {PENSTOCK_EMPTY, "PENSTOCK_EMPTY", "There is nothing now: poll, then try again.", true},
    {PENSTOCK_TIMED_OUT, "PENSTOCK_TIMED_OUT", "It was not done in time, and nothing was changed.", true},
    {PENSTOCK_UNREACHABLE, "PENSTOCK_UNREACHABLE", "No broker could be reached, or the connection broke.", true},
    {PENSTOCK_INVALID, "PENSTOCK_INVALID", "An argument or an option makes no sense.", false},
    {PENSTOCK_UNSUPPORTED, "PENSTOCK_UNSUPPORTED", "The broker, or this build, does not offer it.", false},
    {PENSTOCK_MALFORMED, "PENSTOCK_MALFORMED", "Bytes from a broker break their format.", false},
    {PENSTOCK_TOO_LARGE, "PENSTOCK_TOO_LARGE", "It is above a bound that does not change by waiting.", false},
    {PENSTOCK_UNKNOWN, "PENSTOCK_UNKNOWN", "The answer was lost: it may have happened, or not.", false},
    {PENSTOCK_SYSTEM, "PENSTOCK_SYSTEM", "The operating system refused.", false},
};

const OwnError* find_own(penstock_error error) {
    for (const OwnError& row : own_errors) {
        if (row.code == error) return &row;
    }
    return nullptr;
}

}  // namespace

extern "C" {

const char* penstock_error_name(penstock_error error) {
    if (const OwnError* own = find_own(error)) return own->name;
    if (error < INT16_MIN || error > INT16_MAX) return "UNKNOWN_CODE";
    return penstock::wire::kafka::to_string(static_cast<penstock::wire::kafka::ErrorCode>(error)).data();
}

const char* penstock_error_message(penstock_error error) {
    if (const OwnError* own = find_own(error)) return own->message;
    return penstock_error_is_transient(error) != 0 ? "The broker refused for now: it may work later."
                                                   : "The broker refused; see the error's name.";
}

int penstock_error_is_transient(penstock_error error) {
    if (const OwnError* own = find_own(error)) return own->transient ? 1 : 0;
    if (error < INT16_MIN || error > INT16_MAX) return 0;
    return penstock::wire::kafka::is_retriable(static_cast<penstock::wire::kafka::ErrorCode>(error)) ? 1 : 0;
}

}  // extern "C"
