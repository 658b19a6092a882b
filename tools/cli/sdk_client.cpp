#include "cli/sdk_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "cli/connection.h"
#include "cli/options.h"

namespace penstock::cli {

int32_t whole_ms(Duration duration) {
    return static_cast<int32_t>(std::clamp<int64_t>(duration / std::chrono::milliseconds(1), 1, INT32_MAX));
}

std::string show_sdk_error(penstock_error error) {
    if (error >= INT16_MIN && error <= INT16_MAX && error > PENSTOCK_FULL) {
        return show_error(static_cast<ErrorCode>(error));
    }
    std::string text = penstock_error_message(error);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

namespace {

constexpr uint16_t native_port = 9192;   // the broker's default

bool is_road(const std::string& via) { return via == "tcp" || via == "udp" || via.starts_with("udp://"); }

std::string bootstrap_of(const Globals& globals, const std::string& via) {
    if (via.starts_with("udp://")) return via;
    std::string bootstrap = via + "://";
    for (Address address : globals.bootstrap) {
        if (via == "udp") address.port = native_port;
        if (!bootstrap.ends_with('/')) bootstrap += ',';
        bootstrap += address.text();
    }
    return bootstrap;
}

}  // namespace

void add_via(CLI::App& verb, std::string& via) {
    verb.add_option("--via", via,
                    "How records travel: tcp, udp (to port 9192 of the bootstrap\n"
                    "hosts), or udp://HOST:PORT,… if the brokers' datagrams have\n"
                    "another port")
        ->type_name("ROAD")
        ->capture_default_str()
        ->check(CLI::Validator(
            [](std::string& text) {
                return is_road(text) ? std::string{} : fmt::format("'{}' is not tcp, udp or udp://HOST:PORT", text);
            },
            ""));
}

Outcome<SdkClient> SdkClient::create(const Globals& globals, const std::string& via) {
    PENSTOCK_ASSERT(is_road(via));
    const std::string bootstrap = bootstrap_of(globals, via);
    const std::string client_id(Connection::client_id);
    penstock_client_options options = PENSTOCK_CLIENT_OPTIONS_INIT;
    options.bootstrap = bootstrap.c_str();
    options.client_id = client_id.c_str();
    options.connect_timeout_ms = options.request_timeout_ms = whole_ms(globals.timeout);
    penstock_client* client = nullptr;
    if (const penstock_error error = penstock_client_create(&options, &client); error != PENSTOCK_OK) {
        return refuse(fmt::format("cannot use {}: {}", bootstrap, show_sdk_error(error)));
    }
    return SdkClient(client);
}

Outcome<void> SdkClient::wait(std::vector<pollfd>& others, Deadline deadline) {
    others.push_back({.fd = penstock_client_descriptor(client_.get()), .events = POLLIN, .revents = 0});
    const auto waited = wait_for_any(others, deadline);
    others.pop_back();
    if (!waited) return std::unexpected(waited.error());
    return {};
}

}  // namespace penstock::cli
