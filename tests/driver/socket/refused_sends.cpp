#include "refused_sends.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace penstock::tests {

RefusedSends& refused_sends() {
    static RefusedSends refused;
    return refused;
}

}  // namespace penstock::tests

extern "C" int sendmmsg(int socket, mmsghdr* messages, unsigned count, int flags) {
    penstock::tests::RefusedSends& refused = penstock::tests::refused_sends();
    unsigned pass = 0;
    for (; pass < count && !refused.os_errors.empty(); ++pass) {
        if (refused.only_segmented && messages[pass].msg_hdr.msg_controllen == 0) continue;
        if (refused.messages_before == 0) break;
        --refused.messages_before;
    }
    if (refused.os_errors.empty()) pass = count;
    if (pass == 0) {
        errno = refused.os_errors.front();
        if (!refused.for_ever) refused.os_errors.pop_front();
        return -1;
    }
    return static_cast<int>(::syscall(SYS_sendmmsg, socket, messages, pass, flags));
}
