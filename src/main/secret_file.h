// The cluster's secret, which its nodes prove to each other: read from a file that only its owner should see.
//
// Used once, at start. The bytes of the file are the secret, all of them: give every node a copy of one file.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "io/stream.h"
#include "transport/streams.h"

namespace penstock {

inline constexpr size_t secret_bytes_min = 16, secret_bytes_max = 1024;

using Secret = std::vector<std::byte>;

/// What the file holds, or a sentence for the log why it cannot be used.
std::expected<Secret, std::string> read_secret_file(const std::string& path);

/// The secret of a node that meets others at these addresses. Without a file it is empty, and they must be of the
/// loopback: there, who can send packets can as well read the file.
std::expected<Secret, std::string> secret_of_node(const std::string& path, std::span<const io::Address> addresses);

/// For connections between nodes: proven ones only, if there is a secret.
transport::StreamsOptions node_streams_options(const Secret& secret);

}  // namespace penstock
