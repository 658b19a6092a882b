// A link with a bandwidth, a queue, a delay and losses, between two network interfaces: what netem does where there is
// one.
//
//   net_forwarder IFACE IFACE [--delay-ms 10] [--rate-mbit 1000] [--queue-bytes 2500000] [--loss-per-million 10000]
//                             [--mtu 1500] [--seed 1]
//
// Frames that arrive at one interface leave at the other; each direction is a link of its own with these values. The
// kernel stamps the arrivals, so that the model does not depend on when this program gets to run: only the departures
// may be late. Frames larger than the MTU are dropped without a word. The interfaces must not hand over what is to be
// segmented (gso_max_segs 1 on the other end). SIGTERM ends it and prints what became of the frames, as JSON.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

namespace {

/// Of virtio_net.h, which C++ cannot read: what precedes each frame.
constexpr size_t vnet_header_bytes = 10;
constexpr size_t slots_max = 16'384, slot_bytes = vnet_header_bytes + ETH_HLEN + 9'000 + 8;
constexpr unsigned burst_max = 64;
constexpr int64_t second_ns = 1'000'000'000, look_every_ns = 100'000;

volatile std::sig_atomic_t stopped = 0;

struct Options {
    double delay_ms = 0, rate_mbit = 0;   // no rate: as fast as it goes
    uint64_t queue_bytes = 0;             // 0: whatever fits
    uint32_t loss_per_million = 0, mtu = 1500;
    uint64_t seed = 1;
};

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "net_forwarder: %s: %s\n", what, std::strerror(errno));
    std::exit(2);
}

int64_t read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

int open_interface(const char* name) {
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (fd < 0) die("packet socket");
    const int on = 1, buffer = 64 << 20;
    // With the kernel's header before each frame: checksums that the sender left to its device stay left to it.
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) die("PACKET_VNET_HDR");
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) die("PACKET_IGNORE_OUTGOING");
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) die("SO_TIMESTAMPNS");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) die("SO_RCVBUFFORCE");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0) die("SO_SNDBUFFORCE");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(name));
    if (address.sll_ifindex == 0) die(name);
    packet_mreq everything{};
    everything.mr_ifindex = address.sll_ifindex;
    everything.mr_type = PACKET_MR_PROMISC;
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything) != 0) die("promiscuous");
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
    return fd;
}

/// Where frames wait; a slot that was just given back is used first, while it is in the cache.
class Slots {
public:
    Slots() : memory_(new std::byte[slots_max * slot_bytes]) {
        for (uint32_t i = slots_max; i-- > 0;) free_.push_back(i);
    }
    size_t count() const { return free_.size(); }
    uint32_t take() {
        const uint32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }
    void give_back(uint32_t slot) { free_.push_back(slot); }
    std::byte* operator[](uint32_t slot) { return memory_.get() + slot * slot_bytes; }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::vector<uint32_t> free_;
};

/// One direction.
class Way {
public:
    Way(int from, int to, const Options& options, Slots& slots, uint64_t seed)
        : from_(from), to_(to), options_(options), slots_(slots), chance_(seed),
          ns_per_byte_(options.rate_mbit > 0 ? 8e3 / options.rate_mbit : 0), frames_(slots_max) {}

    /// Takes what arrived; true if there may be more.
    bool receive() {
        const unsigned wanted = std::min<unsigned>(burst_max, static_cast<unsigned>(slots_.count()));
        if (wanted == 0) return false;   // the kernel's buffer holds them, with their stamps
        for (unsigned i = 0; i < wanted; ++i) {
            taken_[i] = slots_.take();
            vectors_[i] = {slots_[taken_[i]], slot_bytes};
            messages_[i].msg_hdr = {};
            messages_[i].msg_hdr.msg_iov = &vectors_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
            messages_[i].msg_hdr.msg_control = control_[i].data();
            messages_[i].msg_hdr.msg_controllen = control_[i].size();
        }
        const int got = recvmmsg(from_, messages_.data(), wanted, MSG_DONTWAIT | MSG_TRUNC, nullptr);
        if (got < 0 && errno != EAGAIN && errno != ENETDOWN && errno != EINTR) die("recvmmsg");
        const auto count = static_cast<unsigned>(std::max(got, 0));
        const int64_t since_epoch = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < count; ++i)
            admit(taken_[i], messages_[i].msg_len, stamp_of(messages_[i].msg_hdr) - since_epoch);
        for (unsigned i = count; i < wanted; ++i) slots_.give_back(taken_[i]);
        return count == wanted;
    }

    /// Sends what is due.
    void send(int64_t now) {
        while (head_ != tail_ && at(head_).due <= now) {
            unsigned count = 0;
            for (; count < burst_max && head_ + count != tail_ && at(head_ + count).due <= now; ++count) {
                const Frame& frame = at(head_ + count);
                vectors_[count] = {slots_[frame.slot], frame.bytes};
                messages_[count].msg_hdr = {};
                messages_[count].msg_hdr.msg_iov = &vectors_[count];
                messages_[count].msg_hdr.msg_iovlen = 1;
            }
            const int sent = sendmmsg(to_, messages_.data(), count, MSG_DONTWAIT);
            // What the interface does not take, since it is down, say, is lost there.
            const auto gone = sent > 0 ? static_cast<unsigned>(sent) : 1u;
            if (sent > 0) forwarded_ += gone;
            else ++refused_;
            late_ns_max_ = std::max(late_ns_max_, now - at(head_).due);
            for (unsigned i = 0; i < gone; ++i) slots_.give_back(at(head_++).slot);
        }
    }

    int64_t next_due() const { return head_ == tail_ ? INT64_MAX : frames_[head_ % slots_max].due; }

    void print(const char* name) const {
        std::printf("\"%s\": {\"forwarded\": %llu, \"lost\": %llu, \"lost_bytes\": %llu, \"overflowed\": %llu, "
                    "\"too_large\": %llu, \"refused\": %llu, \"queued_ms_max\": %.3f, \"queued_ms_mean\": %.3f, "
                    "\"late_ms_max\": %.3f}",
                    name, forwarded_, lost_, lost_bytes_, overflowed_, too_large_, refused_,
                    static_cast<double>(queued_ns_max_) / 1e6,
                    forwarded_ == 0 ? 0. : static_cast<double>(queued_ns_) / 1e6 / static_cast<double>(forwarded_),
                    static_cast<double>(late_ns_max_) / 1e6);
    }

private:
    struct Frame {
        uint32_t slot = 0, bytes = 0;
        int64_t due = 0;
    };

    Frame& at(uint64_t index) { return frames_[index % slots_max]; }

    static int64_t stamp_of(msghdr& message) {
        for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
            if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
            timespec stamp{};
            std::memcpy(&stamp, CMSG_DATA(one), sizeof stamp);
            return stamp.tv_sec * second_ns + stamp.tv_nsec;
        }
        return read_clock(CLOCK_REALTIME);
    }

    /// It waits its turn behind those before it, is then as long on the way as its bytes take, and arrives.
    void admit(uint32_t slot, uint32_t bytes, int64_t arrived) {
        const uint32_t size = bytes - static_cast<uint32_t>(vnet_header_bytes);
        if (bytes > slot_bytes || size > options_.mtu + ETH_HLEN) {
            ++too_large_;
            return slots_.give_back(slot);
        }
        if (options_.loss_per_million > 0 && chance_() % 1'000'000 < options_.loss_per_million) {
            ++lost_;
            lost_bytes_ += size;
            return slots_.give_back(slot);
        }
        const double start = std::max(static_cast<double>(arrived - epoch_), free_at_);
        const double queued_ns = start - static_cast<double>(arrived - epoch_);
        if (options_.queue_bytes > 0 && queued_ns > ns_per_byte_ * static_cast<double>(options_.queue_bytes)) {
            ++overflowed_;
            return slots_.give_back(slot);
        }
        queued_ns_ += static_cast<uint64_t>(queued_ns);
        queued_ns_max_ = std::max(queued_ns_max_, static_cast<int64_t>(queued_ns));
        free_at_ = start + ns_per_byte_ * size;
        const auto due = epoch_ + static_cast<int64_t>(free_at_ + options_.delay_ms * 1e6);
        at(tail_++) = {slot, bytes, due};
    }

    int from_, to_;
    const Options& options_;
    Slots& slots_;
    std::mt19937_64 chance_;
    double ns_per_byte_;
    int64_t epoch_ = read_clock(CLOCK_MONOTONIC);   // so that a double counts single nanoseconds
    double free_at_ = 0;                            // when the link has sent what it took
    std::vector<Frame> frames_;
    uint64_t head_ = 0, tail_ = 0;
    std::array<mmsghdr, burst_max> messages_{};
    std::array<iovec, burst_max> vectors_{};
    std::array<uint32_t, burst_max> taken_{};
    alignas(cmsghdr) std::array<std::array<char, 64>, burst_max> control_{};
    unsigned long long forwarded_ = 0, lost_ = 0, lost_bytes_ = 0, overflowed_ = 0, too_large_ = 0, refused_ = 0;
    unsigned long long queued_ns_ = 0;
    int64_t queued_ns_max_ = 0, late_ns_max_ = 0;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const char* value = argv[i + 1];
        if (name == "--delay-ms") options.delay_ms = std::atof(value);
        else if (name == "--rate-mbit") options.rate_mbit = std::atof(value);
        else if (name == "--queue-bytes") options.queue_bytes = std::strtoull(value, nullptr, 10);
        else if (name == "--loss-per-million") options.loss_per_million = static_cast<uint32_t>(std::atoi(value));
        else if (name == "--mtu") options.mtu = static_cast<uint32_t>(std::atoi(value));
        else if (name == "--seed") options.seed = std::strtoull(value, nullptr, 10);
        else {
            std::fprintf(stderr, "net_forwarder: unknown option %s\n", argv[i]);
            std::exit(2);
        }
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: net_forwarder IFACE IFACE [--delay-ms N] [--rate-mbit N] [--queue-bytes N] "
                             "[--loss-per-million N] [--mtu N] [--seed N]\n");
        return 2;
    }
    const Options options = parse(argc, argv);
    std::signal(SIGTERM, [](int) { stopped = 1; });
    std::signal(SIGINT, [](int) { stopped = 1; });
    prctl(PR_SET_TIMERSLACK, 1);
    setpriority(PRIO_PROCESS, 0, -20);   // where it may not, it is late more often
    Slots slots;
    const int first = open_interface(argv[1]), second = open_interface(argv[2]);
    const auto there = std::make_unique<Way>(first, second, options, slots, options.seed);
    const auto back = std::make_unique<Way>(second, first, options, slots, options.seed + 1);
    std::printf("forwarding\n");
    std::fflush(stdout);
    std::array<pollfd, 2> sockets{pollfd{first, POLLIN, 0}, pollfd{second, POLLIN, 0}};
    while (stopped == 0) {
        const bool more = there->receive() | back->receive();
        const int64_t now = read_clock(CLOCK_MONOTONIC);
        there->send(now);
        back->send(now);
        if (more) continue;
        const int64_t due = std::min(there->next_due(), back->next_due());
        // While frames are on their way it looks only so often: to wake up for each costs more than to carry it.
        const bool idle = due == INT64_MAX;
        const timespec timeout{0, idle ? second_ns / 10 : look_every_ns};
        ppoll(sockets.data(), idle ? sockets.size() : 0, &timeout, nullptr);
    }
    std::printf("{");
    there->print("there");
    std::printf(", ");
    back->print("back");
    std::printf("}\n");
    return 0;
}
