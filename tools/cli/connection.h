// One broker: a socket, what it can speak, and requests that wait for their answers.
//
// open() negotiates with ApiVersions: each API is then used at the highest version that both sides know. A broker that
// does not know our ApiVersions is asked again in version 0. Requests may be pipelined with send() and receive();
// answers come in the order of the requests. After a failure with connection_lost set the connection must be dropped.
// Bytes from the broker are checked and never trusted; a malformed answer is such a failure.
#pragma once

#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "cli/outcome.h"
#include "cli/socket.h"
#include "wire/frame.h"
#include "wire/kafka/api.h"
#include "wire/kafka/errors.h"

namespace penstock::cli {

using wire::kafka::ApiKey;
using wire::kafka::ErrorCode;

/// "NOT_LEADER_OR_FOLLOWER (6)".
std::string show_error(ErrorCode code);

struct VersionRange {
    int16_t first = 0;
    int16_t last = -1;
};

/// The versions that the CLI uses: all that the codec knows, but only those that name topics by name and carry record
/// batches of the present format.
VersionRange own_versions(ApiKey key);

/// A decoded answer with the memory that its views point into.
template <class M>
struct Reply {
    std::vector<std::byte> frame;
    std::unique_ptr<Arena> arena;
    M message;
    int16_t version = 0;

    const M* operator->() const { return &message; }
};

class Connection {
public:
    /// Connects and negotiates.
    static Outcome<Connection> open(const Address& address, Deadline deadline);

    const Address& address() const { return address_; }
    int fd() const { return socket_.fd(); }
    bool is_open() const { return socket_.open(); }
    Socket& socket() { return socket_; }

    /// The version to use for an API; a failure names what is missing on the broker's side.
    Outcome<int16_t> version_of(ApiKey key) const;
    bool offers(ApiKey key) const { return version_of(key).has_value(); }

    /// Sends a request at `version`; its correlation id. What the message points to is free again on return.
    template <class Request>
    Outcome<int32_t> send(const Request& request, int16_t version, Deadline deadline) {
        Arena arena(frame_bytes_max);
        const int32_t correlation_id = next_correlation_id_++;
        const auto frame = wire::request_frame(arena, correlation_id, client_id, request, version);
        if (!frame) return refuse("the request is too large to send");
        if (auto sent = socket_.send(*frame, deadline); !sent) return std::unexpected(std::move(sent.error()));
        return correlation_id;
    }

    /// Waits for the next answer, which must be the one to `correlation_id`.
    template <class Response>
    Outcome<Reply<Response>> receive(int32_t correlation_id, int16_t version, Deadline deadline) {
        auto frame = socket_.receive_frame(deadline);
        if (!frame) return std::unexpected(std::move(frame.error()));
        return decode_reply<Response>(std::move(*frame), correlation_id, version);
    }

    template <class Response>
    Outcome<Reply<Response>> decode_reply(std::vector<std::byte> frame, int32_t correlation_id, int16_t version) {
        Reply<Response> reply{.frame = std::move(frame), .arena = std::make_unique<Arena>(frame_bytes_max),
                              .message = {}, .version = version};
        const Fragment whole{.data = reply.frame.data(), .size = static_cast<uint32_t>(reply.frame.size())};
        wire::Reader reader({&whole, 1}, *reply.arena);
        const wire::Api& api = wire::kafka::api_of(Response::key);
        int32_t answered = 0;
        wire::decode_response_header(reader, api, version, answered);
        wire::decode(reader, reply.message, version);
        if (!reader.ok()) return malformed(api.name, version);
        if (answered != correlation_id) return out_of_order(api.name);
        return reply;
    }

    /// One request, one answer, at the negotiated version.
    template <class Response, class Request>
    Outcome<Reply<Response>> call(const Request& request, Deadline deadline) {
        const auto version = version_of(Request::key);
        if (!version) return std::unexpected(version.error());
        const auto sent = send(request, *version, deadline);
        if (!sent) return std::unexpected(sent.error());
        return receive<Response>(*sent, *version, deadline);
    }

    static constexpr std::string_view client_id = "penstock-cli";

private:
    /// An answer to ApiVersions, without its error being an error of ours.
    struct Offer {
        bool unsupported = false;  ///< asked in a version that the broker does not know
        std::vector<std::pair<int16_t, VersionRange>> rows;
    };

    static Outcome<Connection> open_at(const Address& address, int16_t version, Deadline deadline);
    Outcome<Offer> ask_versions(int16_t version, Deadline deadline);
    std::unexpected<Failure> malformed(std::string_view api, int16_t version) const;
    std::unexpected<Failure> out_of_order(std::string_view api) const;

    Socket socket_;
    Address address_;
    int32_t next_correlation_id_ = 1;
    std::vector<std::pair<int16_t, VersionRange>> offered_;
};

}  // namespace penstock::cli
