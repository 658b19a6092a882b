// A TCP connection as the CLI uses it: poll, deadlines, and sentences for what goes wrong.
//
// Blocking in style, non-blocking underneath: each call waits with poll until it is done, its deadline passes, or the
// user presses Ctrl-C (see Interrupt). Any failure leaves the connection unusable. One thread.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "cli/outcome.h"
#include "cli/values.h"

namespace penstock::cli {

/// A frame (size prefix, then that many bytes) larger than this is refused before memory is taken for it.
inline constexpr uint32_t frame_bytes_max = 256 * 1024 * 1024;

class Socket {
public:
    Socket() = default;
    ~Socket();
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;

    static Outcome<Socket> connect(const Address& address, Deadline deadline);

    int fd() const { return fd_; }
    bool open() const { return fd_ >= 0; }
    void close();

    /// Sends all fragments.
    Outcome<void> send(std::span<const Fragment> fragments, Deadline deadline);
    /// Waits for one frame and returns what follows its size prefix.
    Outcome<std::vector<std::byte>> receive_frame(Deadline deadline);

private:
    Outcome<void> receive_exactly(std::span<std::byte> into, Deadline deadline);

    int fd_ = -1;
    Address peer_;
};

/// Ctrl-C and SIGTERM as an event: install() once in main or in a command that ends by it. The first signal makes every
/// wait return FailureKind::interrupted; the second one kills as usual.
class Interrupt {
public:
    static void install();
    static bool requested();
    /// Forgets a signal that was acted upon, so that waits work again; the next one kills.
    static void acknowledge();
    static int fd();  ///< readable once a signal came; -1 if not installed
};

/// Waits until `fd` has `events`, the deadline, or an interrupt. False at the deadline.
Outcome<bool> wait_for(int fd, short events, Deadline deadline);

/// The same for several at once; their `revents` are set.
Outcome<bool> wait_for_any(std::vector<pollfd>& waits, Deadline deadline);

}  // namespace penstock::cli
