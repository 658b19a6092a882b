// One Kafka connection: bytes in, frames out; responses in, bytes out, strictly in the order of the requests.
//
// Stepped by the Listener. Requests move through two rows: in flight (running or answered), then sending. A response
// leaves the first row only from its front, so a later one that is ready waits.
// Requests run one after the other, as in Kafka, with one exception: those that append (Produces, and what leaders
// send) run together where they follow each other; they append in order because calls to one owner stay in order.
// What bounds it: requests in both rows, and response bytes that were not sent yet. Beyond these it stops reading.
// What it does not do: run handlers, or give memory back (Listener does).
#pragma once

#include <cstdint>
#include <string>

#include "base/intrusive_list.h"
#include "base/timer_heap.h"
#include "base/units.h"
#include "broker/frame_assembler.h"
#include "broker/request.h"
#include "io/stream.h"

namespace penstock::broker {

struct WorkList;
struct StarvedList;
struct ConnectionList;

class Connection : public Timer,
                   public ListLink<WorkList>,
                   public ListLink<StarvedList>,
                   public ListLink<ConnectionList> {
public:
    Connection(io::ConnectionId connection_id, io::Streams& streams, FrameMemory& memory, uint32_t frame_bytes_max,
               Nanos now);

    const io::ConnectionId id;
    std::string client_host;   ///< as Kafka writes it: "/1.2.3.4"
    io::Road road = io::Road::tcp;
    bool node = false;         ///< the peer is a node of the cluster: it may replicate
    FrameAssembler frames;

    // Receiving.
    void on_received(const io::ReceiveBuffer& buffer, Nanos now);
    /// The peer sends no more: what is here already is still served.
    void on_ended() { peer_ended_ = true; }
    bool peer_ended() const { return peer_ended_; }
    void pause();
    void resume();
    /// Whether a request of this API may run beside those in flight.
    bool may_start(int16_t api_key) const;
    void add(Request& request);

    // Sending.
    /// The request at the front if it is answered; null when it has to wait.
    Request* front_answered();
    /// Moves it from the first row to the second, or out if there is nothing to send (then false).
    bool start_sending(Request& request, Nanos now);
    /// Hands responses to the driver until it has enough. False: it refused for good, the connection must end.
    bool hand_over();
    /// One send is done. Returns the request whose response is over with it, if any.
    Request* on_sent(Nanos now);
    bool sending() const { return sending_count_ > 0; }

    /// The rows, for the end of the connection.
    Request* pop_in_flight();
    Request* pop_sending();

    /// No more requests are read; it ends when those in flight are answered and sent.
    void end_when_drained() { ending_ = true; }
    bool ending() const { return ending_; }
    /// The driver was told to close: what it still sends from stays ours until it says `closed`.
    void begin_close() { closing_ = ending_ = true; }
    bool closing() const { return closing_; }
    bool drained() const { return in_flight_count_ == 0 && sending_count_ == 0; }
    uint32_t requests() const { return in_flight_count_ + sending_count_; }
    IntrusiveList<Request, FlightList>& in_flight() { return in_flight_; }

    /// Call after the assembler was asked for frames: times the one that is half received, unless we do not read.
    void note_frame(Nanos now);
    /// When overdue() is to be asked next.
    Nanos check_time(Nanos now) const;
    /// Too slow in what it sends or reads, or silent for too long.
    bool overdue(Nanos now) const;

private:
    static constexpr int64_t check_interval_ns = 5 * second_ns;

    bool hand_piece(Request& request, bool& accepted);

    io::Streams& streams_;
    IntrusiveList<Request, FlightList> in_flight_;
    IntrusiveList<Request, FlightList> sending_;
    uint32_t in_flight_count_ = 0, sending_count_ = 0;
    uint32_t appending_in_flight_ = 0;
    uint64_t unsent_bytes_ = 0;
    Request* next_to_hand_ = nullptr;  ///< the first of sending_ that is not with the driver as a whole
    bool paused_ = false;
    bool peer_ended_ = false;
    bool ending_ = false;
    bool closing_ = false;
    Nanos last_received_;
    Nanos frame_began_ = never;
    Nanos last_sent_;
};

}  // namespace penstock::broker
