// A stream of a connection: its two directions, and what must still be said about it.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "transport/receive_stream.h"
#include "transport/send_stream.h"

namespace penstock::transport {

struct SendList;

struct Stream : ListLink<SendList> {
    Stream(uint32_t number, uint64_t send_limit, uint64_t receive_window)
        : id(number), out(send_limit), in(receive_window) {}

    uint32_t id;
    SendStream out;
    ReceiveStream in;

    bool credit_due = false;        ///< the peer is to be told in.limit()
    bool reset_due = false;         ///< and that we gave our direction up
    bool stop_due = false;          ///< and that we want no more of its own
    bool was_reset = false;         ///< our direction is given up
    bool reset_arrived = false;
    bool was_stopped = false;       ///< nobody reads the peer's direction any more
    bool readable_told = false;

    bool has_control() const { return credit_due || reset_due || stop_due; }
    bool wants_to_send() const { return has_control() || out.wants_to_send(); }
    /// Neither end will say anything more about it.
    bool is_over() const { return (was_reset ? reset_arrived : out.finished()) && in.at_end(); }
};

}  // namespace penstock::transport
