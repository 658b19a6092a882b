// Which station on the wire has which address: what ARP says, and what to ask it. Pure: time is told. Where ARP is the
// kernel's it is the kernel that is asked, in another rhythm: that costs the wire nothing.
//
// For the shards of a port together, each on its thread: calls lock. They are for who is not known to the caller yet,
// and for what ARP brings; version() says, without a lock, when what was looked up may be out of date.
//
// Against stations that lie: only who was asked for is believed, as long as the question is open, and the first answer
// counts. Somebody who answers in that time still can be believed: datagrams carry proofs of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "base/units.h"
#include "dpdk/frame.h"

namespace penstock::dpdk {

struct Subnet {
    Ipv4 own;
    uint8_t prefix_bits = 24;
    Ipv4 gateway{};          ///< for everybody outside; zero: they cannot be reached
};

/// When an address is asked for again.
struct AskRhythm {
    int64_t first_pause_ns = second_ns;    ///< without an answer; each is twice as long as the one before
    int64_t longest_pause_ns = second_ns;
    int64_t fresh_ns = 30 * second_ns;     ///< with an answer, which is used meanwhile
};
inline constexpr AskRhythm ask_wire;
/// It knows in a moment or in some seconds, and sooner than we when an address moved.
inline constexpr AskRhythm ask_kernel{.first_pause_ns = millisecond_ns, .fresh_ns = second_ns};

class Neighbours {
public:
    static constexpr size_t entries_max = 4096;
    static constexpr int64_t answer_within_ns = 3 * second_ns;   ///< after the latest question
    static constexpr int64_t stale_ns = 60 * second_ns;          ///< forgotten if nobody answered until then

    explicit Neighbours(const Subnet& subnet, const AskRhythm& rhythm = ask_wire) : subnet_(subnet), rhythm_(rhythm) {}

    /// Who on this wire takes what goes to `to`; nobody where that is outside, and there is no gateway, or where it is
    /// no station's address at all.
    std::optional<Ipv4> next_hop(Ipv4 to) const;

    struct Found {
        std::optional<Mac> mac;
        bool ask = false;   ///< a question is due, and the caller's to ask
    };
    /// Of a next hop.
    Found find(Ipv4 hop, Nanos now);

    /// To a question. False: nobody had asked.
    bool on_answer(Ipv4 from, const Mac& mac, Nanos now);

    /// An ARP request, which says where its sender is, too. That is not believed, but a reason to ask: a machine that
    /// was replaced is found within a second.
    void on_request(Ipv4 from, const Mac& mac);

    /// Changes with every address that becomes another, or is forgotten.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }
    size_t size() const;

private:
    struct Entry {
        std::optional<Mac> mac;
        Nanos known_at, asked_at;
        bool asked = false;   ///< and not answered
        bool doubted = false;
        int64_t pause_ns = 0;   ///< from asked_at to the next question
    };

    bool make_room(Nanos now);
    void changed() { version_.fetch_add(1, std::memory_order_release); }

    const Subnet subnet_;
    const AskRhythm rhythm_;
    mutable std::mutex mutex_;
    std::map<Ipv4, Entry> entries_;
    std::atomic<uint64_t> version_ = 1;
};

}  // namespace penstock::dpdk
