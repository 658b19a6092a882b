#include "main/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "main/process.h"

namespace penstock {

namespace {

constexpr mode_t forbidden_modes = S_IWGRP | S_IXGRP | S_IRWXO;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    operator int() const { return fd_; }

private:
    int fd_;
};

bool on_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

std::expected<Secret, std::string> read_secret_file(const std::string& path) {
    const auto refuse = [&](const std::string& why) {
        return std::unexpected(fmt::format("cluster.secret_file {}: {}", path, why));
    };
    // Not blocking, should it be a pipe.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (file < 0 || ::fstat(file, &status) != 0) return refuse(std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return refuse("not a file");
    if ((status.st_mode & forbidden_modes) != 0)
        return refuse(fmt::format("others may read or change it (mode {:o}): chmod 600 it", status.st_mode & 0777));
    Secret secret(secret_bytes_max + 1);
    const ssize_t size = ::read(file, secret.data(), secret.size());
    if (size < 0) return refuse(std::strerror(errno));
    secret.resize(static_cast<size_t>(size));
    if (secret.size() < secret_bytes_min || secret.size() > secret_bytes_max)
        return refuse(fmt::format("{} to {} bytes are a secret: make one with 'head -c 32 /dev/urandom'",
                                  secret_bytes_min, secret_bytes_max));
    return secret;
}

std::expected<Secret, std::string> secret_of_node(const std::string& path, std::span<const io::Address> addresses) {
    if (!path.empty()) return read_secret_file(path);
    const auto open = std::ranges::find_if(addresses, [](const io::Address& a) { return !on_loopback(a.host); });
    if (open == addresses.end()) return Secret();
    return std::unexpected(fmt::format(
        "{} can be reached from other machines, so the nodes of the cluster must know each other: give all of them the "
        "same cluster.secret_file",
        open->host));
}

transport::StreamsOptions node_streams_options(const Secret& secret) {
    transport::StreamsOptions options;
    options.endpoint.secret = secret;
    options.endpoint.proven_only = options.proves = !secret.empty();
    transport::Seed& seed = options.endpoint.seed;
    for (size_t at = 0; at < seed.size(); at += sizeof(uint64_t)) store_le(seed.data() + at, random_word());
    return options;
}

}  // namespace penstock
