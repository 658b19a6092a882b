// Endpoints of tests by what people write.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "io/link.h"

namespace penstock::socket {

inline io::Endpoint endpoint(const char* ipv6, uint16_t port) {
    io::Endpoint made{.port = port};
    EXPECT_EQ(::inet_pton(AF_INET6, ipv6, made.ip.data()), 1);
    return made;
}

}  // namespace penstock::socket
