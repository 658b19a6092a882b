#include "store/zookeeper_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>

/// Asked by the leak sanitizer. The library forgets some 170 bytes of each multi whose connection is lost under it.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:zoo_amulti\n"; }

namespace penstock::tests {

namespace {

constexpr const char* jar = "/usr/share/java/zookeeper.jar";

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int listen_on_any_port(uint16_t& port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener, 16);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return listener;
}

int connect_to(uint16_t port) {
    const int stream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (::connect(stream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return stream;
    ::close(stream);
    return -1;
}

}  // namespace

std::unique_ptr<ZooKeeperServer> ZooKeeperServer::start() {
    if (!std::filesystem::exists(jar) || !std::filesystem::exists("/usr/bin/java")) return nullptr;
    char folder[] = "/tmp/penstock-zookeeper-XXXXXX";
    if (::mkdtemp(folder) == nullptr) return nullptr;
    std::unique_ptr<ZooKeeperServer> server(new ZooKeeperServer(folder));
    ::close(listen_on_any_port(server->port_));
    std::ofstream(server->folder_ + "/zoo.cfg") << "tickTime=200\nmaxClientCnxns=0\nadmin.enableServer=false\n"
                                                << "4lw.commands.whitelist=ruok\ndataDir=" << folder
                                                << "/data\nclientPortAddress=127.0.0.1\nclientPort=" << server->port_
                                                << "\n";
    server->launch();
    return server;
}

ZooKeeperServer::~ZooKeeperServer() {
    kill();
    std::filesystem::remove_all(folder_);
}

void ZooKeeperServer::launch() {
    const std::string config = folder_ + "/zoo.cfg", log = folder_ + "/log";
    child_ = ::fork();
    if (child_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);   // a test that is killed leaves no server behind
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execl("/usr/bin/java", "java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dzookeeper.forceSync=no", "-cp", jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                config.c_str(), nullptr);
        ::_exit(127);
    }
    while (!serves()) ::poll(nullptr, 0, 20);   // there is no event to wait for in another process
}

void ZooKeeperServer::kill() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

void ZooKeeperServer::restart() {
    kill();
    launch();
}

bool ZooKeeperServer::serves() const {
    const int stream = connect_to(port_);
    if (stream < 0) return false;
    std::array<char, 8> answer{};
    const bool right = ::send(stream, "ruok", 4, MSG_NOSIGNAL) == 4 && ::recv(stream, answer.data(), 4, 0) == 4 &&
                       std::string_view(answer.data()) == "imok";
    ::close(stream);
    return right;
}

CuttableRoad::CuttableRoad(uint16_t to_port)
    : to_port_(to_port), listener_(listen_on_any_port(port_)), thread_([this] { run(); }) {}

CuttableRoad::~CuttableRoad() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

/// One connection after the other: a session has one at a time.
void CuttableRoad::run() {
    while (true) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0 || stopping_) break;
        const int server = connect_to(to_port_);
        if (server >= 0) carry(client, server);
        ::close(client);
        if (server >= 0) ::close(server);
    }
}

void CuttableRoad::carry(int client, int server) {
    std::array<char, 64 * 1024> bytes;
    bool cutting = false;
    while (!stopping_) {
        std::array<pollfd, 3> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}, {listener_, 0, 0}}};
        if (::poll(ends.data(), ends.size(), -1) < 0 || ends[2].revents != 0) return;
        for (const int from : {client, server}) {
            if (ends[from == client ? 0 : 1].revents == 0) continue;
            const ssize_t size = ::recv(from, bytes.data(), bytes.size(), 0);
            if (size <= 0) return;
            if (from == server && cutting) return void(++cuts_);
            const size_t least = cut_bytes_;
            if (from == client && least > 0 && static_cast<size_t>(size) >= least) {
                cutting = true;
                cut_bytes_ = 0;
            }
            const int to = from == client ? server : client;
            if (::send(to, bytes.data(), static_cast<size_t>(size), MSG_NOSIGNAL) != size) return;
        }
    }
}

}  // namespace penstock::tests
