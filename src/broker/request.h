// One Kafka request of a connection, from its whole frame to the last byte of its response.
//
// Pooled: Listener takes one for each frame and takes it back when the response is sent and every call is answered.
// Who holds its memory: the frame until the answer is encoded, the arena until the response is sent, lent slices (of
// fetch calls) until they are released at their owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "base/timer_heap.h"
#include "broker/call.h"
#include "broker/frame_assembler.h"
#include "broker/group_call.h"
#include "limits.h"
#include "wire/frame.h"

namespace penstock::broker {

class Connection;
struct Handler;
struct FlightList;
struct RequestList;

enum class RequestStage : uint8_t {
    idle,       ///< in the pool
    running,    ///< its handler works, or waits for calls
    answered,   ///< the response waits for its turn; none if there is nothing to say
    sending,
    finishing,  ///< over for the client; lent slices are on their way back
};

/// The timer is the request's deadline: then its calls are cancelled, and it answers with what there is.
struct Request : Timer, ListLink<FlightList>, ListLink<RequestList> {
    Request() : arena(limits::request_arena_bytes, limits::request_arena_kept_bytes) {}

    Connection* connection = nullptr;   ///< null once the client is gone
    const Handler* handler = nullptr;
    RequestStage stage = RequestStage::idle;
    bool timed_out = false;             ///< the deadline has come, or nobody waits any more
    bool closes = false;                ///< instead of a response the connection ends

    Frame frame;
    FrameMemory* memory = nullptr;      ///< that the frame is of
    Arena arena;
    size_t arena_counted = 0;           ///< bytes of the arena that the shard's bound knows of
    wire::RequestHeader header;
    void* state = nullptr;              ///< the handler's, in the arena

    uint32_t open_calls = 0;            ///< calls with asks that are not answered
    std::vector<Call*> calls;           ///< all calls started and not known to be answered: for cancelling
    std::vector<FetchCall*> fetch_calls;         ///< taken from the pool; may lend slices
    std::unique_ptr<TopicsCall> topics_call;
    std::unique_ptr<ReplicaStateCall> replica_state_call;
    std::vector<std::unique_ptr<GroupCall>> group_calls;

    std::span<const Fragment> response;
    size_t fragments_handed = 0;        ///< of the response, to the driver
    uint32_t offset_in_fragment = 0;    ///< the same: bytes of the next fragment
    uint32_t sends_open = 0;

    template <class State>
    State& state_as() { return *static_cast<State*>(state); }
};

}  // namespace penstock::broker
