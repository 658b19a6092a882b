// How a store's thread calls for its user.
#pragma once

namespace penstock::store {

/// Called on another thread when there may be something to poll, or to ask again.
struct Wake {
    void (*call)(void* context) = nullptr;
    void* context = nullptr;
};

}  // namespace penstock::store
