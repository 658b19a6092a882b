// A consumer group, asked through its coordinator, which is looked up when it is needed and again when it has moved.
//
// Blocking, one thread, deadlines as in client.h. What the group itself refuses is in the reply, and up to the caller;
// a coordinator that is loading, gone or elsewhere is asked again until the deadline.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

/// Who commits; from outside a group generation -1 and an empty id.
struct MemberName {
    std::string member_id;
    int32_t generation = -1;
};

using TopicPartition = std::pair<std::string, int32_t>;
using Offsets = std::map<TopicPartition, int64_t>;

class GroupClient {
public:
    GroupClient(Client& client, std::string group) : client_(client), group_(std::move(group)) {}

    const std::string& group() const { return group_; }
    Client& client() { return client_; }

    /// `error_of` gives the error of a reply that concerns the whole of it.
    template <class Response, class Request, class ErrorOf>
    Outcome<Reply<Response>> call(const Request& request, Deadline deadline, ErrorOf error_of) {
        return client_.retry(deadline, [&]() -> Outcome<Reply<Response>> {
            auto connection = coordinator(deadline);
            if (!connection) return std::unexpected(std::move(connection.error()));
            auto reply = (*connection)->template call<Response>(request, deadline);
            if (!reply) {
                // Even an interrupted wait leaves an answer under way that nobody will take.
                client_.drop(*connection);
                coordinator_ = -1;
                return reply;
            }
            const ErrorCode error = error_of(*reply);
            if (!coordinator_moved(error)) return reply;
            coordinator_ = -1;
            return std::unexpected(refusal("group '" + group_ + "'", error));
        });
    }

    /// What the group has committed for these, or (without) for everything; what it has not is left out.
    Outcome<Offsets> committed(const std::vector<TopicPartition>& wanted, Deadline deadline);
    Outcome<Offsets> committed(Deadline deadline);

    /// The first error of a partition, if there is one.
    Outcome<ErrorCode> commit(const MemberName& member, const Offsets& offsets, Deadline deadline);

private:
    static bool coordinator_moved(ErrorCode error);
    Outcome<Connection*> coordinator(Deadline deadline);
    Outcome<int32_t> find(Deadline deadline);
    Outcome<Offsets> fetch_offsets(const std::vector<TopicPartition>* wanted, Deadline deadline);

    Client& client_;
    std::string group_;
    int32_t coordinator_ = -1;  ///< -1: not known
};

}  // namespace penstock::cli
