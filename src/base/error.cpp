#include "base/error.h"

namespace penstock {

const char* to_string(Errc code) noexcept {
    switch (code) {
        case Errc::malformed: return "malformed";
        case Errc::unsupported: return "unsupported";
        case Errc::too_large: return "too large";
        case Errc::would_block: return "would block";
        case Errc::not_ready: return "not ready";
        case Errc::out_of_range: return "out of range";
        case Errc::not_found: return "not found";
        case Errc::exists: return "exists";
        case Errc::io: return "input/output error";
        case Errc::disk_full: return "disk full";
        case Errc::corrupt: return "corrupt";
        case Errc::failed: return "failed";
        case Errc::refused: return "refused";
    }
    return "unknown";
}

}  // namespace penstock
