// A ZooKeeper server of the test's own, from Debian's package: on a port of the loopback, its data in a folder that
// goes with it. And a road to it that can be cut at the worst moment.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace penstock::tests {

class ZooKeeperServer {
public:
    /// Null where java or the package is missing. Waits until it serves.
    static std::unique_ptr<ZooKeeperServer> start();
    ~ZooKeeperServer();
    ZooKeeperServer(const ZooKeeperServer&) = delete;
    ZooKeeperServer& operator=(const ZooKeeperServer&) = delete;

    uint16_t port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// kill -9, and a start with the same data; sessions go on.
    void restart();

private:
    explicit ZooKeeperServer(std::string folder) : folder_(std::move(folder)) {}
    void launch();
    void kill();
    bool serves() const;

    std::string folder_;
    uint16_t port_ = 0;
    pid_t child_ = -1;
};

/// Forwards bytes both ways.
class CuttableRoad {
public:
    explicit CuttableRoad(uint16_t to_port);
    ~CuttableRoad();
    CuttableRoad(const CuttableRoad&) = delete;
    CuttableRoad& operator=(const CuttableRoad&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// The next request of at least so many bytes reaches the server, which answers it; instead of the answer the
    /// client sees the end of its connection.
    void cut_behind_request(size_t bytes) { cut_bytes_ = bytes; }
    int cuts() const { return cuts_; }

private:
    void run();
    void carry(int client, int server);

    uint16_t to_port_;
    uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<size_t> cut_bytes_{0};
    std::atomic<int> cuts_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace penstock::tests
