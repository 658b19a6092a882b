#include "cli/connection.h"

#include <algorithm>

#include "wire/kafka/api_versions.h"

namespace penstock::cli {

namespace {

constexpr size_t error_code_at = 4;  // behind the correlation id, in every version of the ApiVersions answer

int16_t error_code_of(const std::vector<std::byte>& frame) {
    return frame.size() < error_code_at + sizeof(int16_t) ? int16_t{0} : load_be<int16_t>(&frame[error_code_at]);
}

}  // namespace

std::string show_error(ErrorCode code) {
    return fmt::format("{} ({})", wire::kafka::to_string(code), static_cast<int16_t>(code));
}

VersionRange own_versions(ApiKey key) {
    const wire::Api& api = wire::kafka::api_of(key);
    VersionRange range{api.first, api.last};
    // Above these, topics are named by id; Produce below 3 and Fetch below 4 carry the old message formats.
    if (key == ApiKey::produce) range = {std::max<int16_t>(range.first, 3), std::min<int16_t>(range.last, 12)};
    if (key == ApiKey::offset_commit || key == ApiKey::offset_fetch) range.last = std::min<int16_t>(range.last, 9);
    if (key == ApiKey::fetch) range = {std::max<int16_t>(range.first, 4), std::min<int16_t>(range.last, 12)};
    return range;
}

Outcome<int16_t> Connection::version_of(ApiKey key) const {
    const wire::Api& api = wire::kafka::api_of(key);
    const VersionRange own = own_versions(key);
    for (const auto& [offered_key, range] : offered_) {
        if (offered_key != api.key) continue;
        const int16_t version = std::min(own.last, range.last);
        if (version >= own.first && version >= range.first) return version;
        const bool broker_is_older = range.last < own.first;
        return refuse(fmt::format("{} speaks {} in versions {} to {}, this program in {} to {}", address_.text(),
                                  api.name, range.first, range.last, own.first, own.last),
                      broker_is_older ? "The broker is too old for this program."
                                      : "This program is too old for the broker.");
    }
    return refuse(fmt::format("{} does not offer {}", address_.text(), api.name),
                  "The broker does not have this function.");
}

Outcome<Connection> Connection::open(const Address& address, Deadline deadline) {
    auto connection = open_at(address, own_versions(ApiKey::api_versions).last, deadline);
    if (connection || !connection.error().connection_lost || Clock::now() >= deadline) return connection;
    // Some brokers hang up on a version that they do not know.
    auto again = open_at(address, 0, deadline);
    return again ? std::move(again) : std::move(connection);
}

Outcome<Connection> Connection::open_at(const Address& address, int16_t version, Deadline deadline) {
    auto socket = Socket::connect(address, deadline);
    if (!socket) return std::unexpected(std::move(socket.error()));
    Connection connection;
    connection.socket_ = std::move(*socket);
    connection.address_ = address;
    auto offer = connection.ask_versions(version, deadline);
    if (offer && offer->unsupported) {
        VersionRange theirs{0, 0};
        for (const auto& [key, range] : offer->rows) {
            if (key == static_cast<int16_t>(ApiKey::api_versions)) theirs = range;
        }
        const int16_t common = std::clamp<int16_t>(theirs.last, 0,
                                                   static_cast<int16_t>(version == 0 ? 0 : version - 1));
        offer = connection.ask_versions(common, deadline);
        if (offer && offer->unsupported) {
            return refuse(fmt::format("{} refuses to say what it speaks", address.text()), "Is this a Kafka broker?");
        }
    }
    if (!offer) return std::unexpected(std::move(offer.error()));
    connection.offered_ = std::move(offer->rows);
    return connection;
}

Outcome<Connection::Offer> Connection::ask_versions(int16_t version, Deadline deadline) {
    wire::kafka::ApiVersionsRequest request;
    request.client_software_name = "penstock";
    request.client_software_version = PENSTOCK_VERSION;
    const auto sent = send(request, version, deadline);
    if (!sent) return std::unexpected(sent.error());
    auto frame = socket_.receive_frame(deadline);
    if (!frame) return std::unexpected(std::move(frame.error()));
    Offer offer;
    offer.unsupported = error_code_of(*frame) == static_cast<int16_t>(ErrorCode::unsupported_version);
    // Whatever was asked, the refusal is in version 0.
    const int16_t answered = offer.unsupported ? int16_t{0} : version;
    const auto reply = decode_reply<wire::kafka::ApiVersionsResponse>(std::move(*frame), *sent, answered);
    if (!reply) return std::unexpected(reply.error());
    if (!offer.unsupported && reply->message.error_code != ErrorCode::none) {
        return refuse(fmt::format("{} refuses ApiVersions: {}", address_.text(),
                                  show_error(reply->message.error_code)));
    }
    for (const auto& row : reply->message.api_keys) {
        offer.rows.emplace_back(row.api_key, VersionRange{row.min_version, row.max_version});
    }
    return offer;
}

std::unexpected<Failure> Connection::malformed(std::string_view api, int16_t version) const {
    return std::unexpected(Failure{
        .message = fmt::format("{} sent a malformed answer to {} version {}", address_.text(), api, version),
        .hint = "Is this a Kafka broker, without TLS?",
        .connection_lost = true});
}

std::unexpected<Failure> Connection::out_of_order(std::string_view api) const {
    return std::unexpected(
        Failure{.message = fmt::format("{} answered {} out of order", address_.text(), api), .connection_lost = true});
}

}  // namespace penstock::cli
