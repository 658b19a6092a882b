// The client of the SDK (penstock.h) as `produce` and `consume` use it: made from the global options, waited for
// together with Ctrl-C and what else the command waits for.
//
// Stepped by its command: poll(), take what there is, wait(). One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/socket.h"
#include "client/penstock.h"

namespace penstock::cli {

/// Options of the SDK in milliseconds; what they cannot say is cut off.
int32_t whole_ms(Duration duration);

/// "NOT_LEADER_OR_FOLLOWER (6)"; an error of the SDK's own as a sentence without its full stop.
std::string show_sdk_error(penstock_error error);

/// How records travel: "tcp", "udp" (to the bootstrap brokers' native ports, where they are the default ones), or
/// "udp://HOST:PORT,...".
void add_via(CLI::App& verb, std::string& via);

class SdkClient {
public:
    static Outcome<SdkClient> create(const Globals& globals, const std::string& via = "tcp");

    penstock_client* get() const { return client_.get(); }
    /// Does what is due, without waiting. True if something happened: look at it, and poll again before waiting.
    bool poll() { return penstock_client_poll(client_.get(), 0) != 0; }
    /// Until poll() has something to do, one of `others` is ready, the deadline, or an interrupt: then it fails.
    Outcome<void> wait(std::vector<pollfd>& others, Deadline deadline);
    /// What went wrong last; empty if nothing did.
    std::string last_error() const { return penstock_client_last_error(client_.get()); }

private:
    struct Destroy {
        void operator()(penstock_client* client) const { penstock_client_destroy(client); }
    };
    explicit SdkClient(penstock_client* client) : client_(client) {}

    std::unique_ptr<penstock_client, Destroy> client_;
};

}  // namespace penstock::cli
