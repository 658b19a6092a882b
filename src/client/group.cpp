#include "client/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "limits.h"
#include "wire/kafka/find_coordinator.h"
#include "wire/kafka/heartbeat.h"
#include "wire/kafka/join_group.h"
#include "wire/kafka/leave_group.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_fetch.h"
#include "wire/kafka/sync_group.h"

namespace penstock::client {

using namespace wire::kafka;

namespace {

constexpr std::string_view protocol_name = "range";
constexpr int64_t group_pause_ns = 50 * millisecond_ns;
/// A topic that a member reads and that does not exist must not keep the others waiting.
constexpr int64_t assign_patience_ns = 5 * second_ns;

}  // namespace

Group::Group(Cluster& cluster, GroupOptions options, GroupListener& listener)
    : cluster_(cluster), options_(std::move(options)), listener_(listener) {}

Group::~Group() {
    cluster_.forget(*this);
    watch({});
}

void Group::subscribe(std::vector<std::string> topics) {
    topics_ = std::move(topics);
    if (state_ == State::stable || state_ == State::joining || state_ == State::assigning ||
        state_ == State::syncing) {
        rejoin(state_ == State::stable);
    } else {
        state_ = State::to_join;
    }
    cluster_.wake();
}

void Group::commit(const std::vector<GroupOffset>& offsets) {
    if (!send_commit(offsets)) {
        to_commit_.insert(to_commit_.end(), offsets.begin(), offsets.end());
        cluster_.wake();
    }
}

void Group::leave() {
    state_ = member_.id.empty() || topics_.empty() ? State::left : State::leaving;
    cluster_.wake();
}

// Stepping.

void Group::step(Nanos now) {
    now_ = now;
    if (now < not_before_) return;
    if (!to_commit_.empty() && send_commit(to_commit_)) to_commit_.clear();
    if (!wanted_offsets_.empty()) ask_offsets();
    switch (state_) {
        case State::to_join: ask_join(); break;
        case State::assigning: assign_if_known(); break;
        case State::stable:
            if (now >= next_heartbeat_) ask_heartbeat();
            if (leads_) {
                for (const auto& [topic, count] : counts_) {
                    const Topic* known = cluster_.find(topic);
                    if (known != nullptr && static_cast<int32_t>(known->partitions.size()) > count) return rejoin(true);
                }
            }
            break;
        case State::leaving: ask_leave(); break;
        default: break;
    }
}

Nanos Group::next_deadline() const {
    const bool waiting = state_ == State::to_join || state_ == State::leaving || !to_commit_.empty() ||
                         !wanted_offsets_.empty();
    Nanos next = waiting && not_before_ > now_ ? not_before_ : never;
    // Before the pause is over step() does nothing, whatever is due.
    if (state_ == State::stable) next = std::min(next, std::max(next_heartbeat_, not_before_));
    if (state_ == State::assigning) next = std::min(next, std::max(assign_by_, not_before_));
    return next;
}

Connection* Group::coordinator() {
    if (coordinator_ >= 0) {
        Connection* connection = cluster_.broker(coordinator_, Purpose::group);
        return connection;
    }
    const bool asking = std::any_of(asks_.begin(), asks_.end(),
                                    [](const auto& one) { return one.second == What::find; });
    Connection* any = asking ? nullptr : cluster_.any(Purpose::control);
    const auto version = any == nullptr ? refuse(PENSTOCK_EMPTY, "") : any->version_of(ApiKey::find_coordinator);
    if (!version) return nullptr;
    FindCoordinatorRequest request;
    request.coordinator_key = options_.name;
    const auto asked = any->ask(*this, request, *version,
                                {.deadline = now_ + cluster_.options().request_timeout_ns, .expected = now_});
    if (asked) asks_.emplace_back(*asked, What::find);
    return nullptr;
}

template <class Request>
bool Group::ask(What what, const Request& request, int64_t patience_ms) {
    const bool asked_already = what != What::commit &&
        std::any_of(asks_.begin(), asks_.end(), [&](const auto& one) { return one.second == what; });
    Connection* connection = asked_already ? nullptr : coordinator();
    if (connection == nullptr) return false;
    const auto version = connection->version_of(Request::key);
    if (!version) {
        cluster_.report(version.error());
        fail(version.error().code);
        return false;
    }
    const int64_t patience_ns = cluster_.options().request_timeout_ns + patience_ms * millisecond_ns;
    const auto asked = connection->ask(*this, request, *version,
        {.deadline = now_ + patience_ns, .expected = now_ + patience_ns - cluster_.options().request_timeout_ns});
    if (!asked) {
        fail(asked.error().code);
        return false;
    }
    asks_.emplace_back(*asked, what);
    return true;
}

Group::What Group::take(uint64_t ask) {
    const auto found = std::find_if(asks_.begin(), asks_.end(), [&](const auto& one) { return one.first == ask; });
    PENSTOCK_ASSERT(found != asks_.end());
    const What what = found->second;
    asks_.erase(found);
    return what;
}

void Group::on_lost(uint64_t ask, const Failure& why, Nanos now) {
    now_ = now;
    const What what = take(ask);
    cluster_.report(why);
    not_before_ = now + group_pause_ns;
    if (what != What::find) coordinator_ = -1;
    switch (what) {
        case What::join:
        case What::sync:
            if (state_ == State::joining || state_ == State::syncing) state_ = State::to_join;
            break;
        case What::commit: listener_.on_committed(PENSTOCK_UNKNOWN); break;
        case What::leave: state_ = State::left; break;
        default: break;
    }
}

void Group::on_answer(uint64_t ask, const Answer& answer, Nanos now) {
    now_ = now;
    switch (take(ask)) {
        case What::find: return on_found(answer, now);
        case What::join: return on_joined(answer, now);
        case What::sync: return on_synced(answer, now);
        case What::heartbeat: return on_heartbeat(answer, now);
        case What::commit: return on_committed(answer);
        case What::fetch: return on_offsets(answer, now);
        case What::leave: state_ = State::left; return;
    }
}

void Group::on_found(const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    FindCoordinatorResponse message;
    if (!answer.decode(arena, message)) return fail(PENSTOCK_MALFORMED);
    if (message.error_code == ErrorCode::none) {
        coordinator_ = message.node_id;
        return;
    }
    not_before_ = now + group_pause_ns;
    if (!is_retriable(message.error_code)) fail(code_of(message.error_code));
}

// Joining.

void Group::ask_join() {
    const std::vector<std::byte> subscription = encode_subscription(topics_);
    const JoinGroupRequest::Protocol protocol{protocol_name, subscription};
    JoinGroupRequest request;
    request.group_id = options_.name;
    request.session_timeout_ms = options_.session_timeout_ms;
    request.rebalance_timeout_ms = options_.rebalance_timeout_ms;
    const std::string member_id = member_.id;
    request.member_id = member_id;
    if (options_.instance) request.group_instance_id = *options_.instance;
    request.protocol_type = consumer_protocol_type;
    request.protocols = {&protocol, 1};
    if (ask(What::join, request, options_.rebalance_timeout_ms)) state_ = State::joining;
}

void Group::on_joined(const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    JoinGroupResponse message;
    if (!answer.decode(arena, message)) return fail(PENSTOCK_MALFORMED);
    if (state_ != State::joining) return;
    if (message.error_code == ErrorCode::member_id_required) {
        member_.id = message.member_id;
        state_ = State::to_join;
        return;
    }
    if (message.error_code != ErrorCode::none) {
        state_ = State::to_join;
        return on_error(message.error_code, now);
    }
    member_ = {.id = std::string(message.member_id), .generation = message.generation_id};
    leads_ = message.leader == message.member_id;
    if (!leads_ || message.skip_assignment) {
        watch({});
        state_ = State::syncing;
        return ask_sync({});
    }
    subscribers_.clear();
    std::set<std::string> topics;
    for (const JoinGroupResponse::Member& row : message.members) {
        Subscriber subscriber{.member_id = std::string(row.member_id), .instance_id = {}, .topics = {}};
        if (row.group_instance_id) subscriber.instance_id = std::string(*row.group_instance_id);
        // Who does not say what it reads reads nothing.
        subscriber.topics = decode_subscription(row.metadata).value_or(std::vector<std::string>());
        topics.insert(subscriber.topics.begin(), subscriber.topics.end());
        subscribers_.push_back(std::move(subscriber));
    }
    watch({topics.begin(), topics.end()});
    assign_by_ = now + assign_patience_ns;
    state_ = State::assigning;
    assign_if_known();
}

void Group::watch(const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) cluster_.watch(topic, false);
    for (const std::string& topic : watched_) cluster_.unwatch(topic);
    watched_ = topics;
    if (topics.empty()) leads_ = false;
}

void Group::assign_if_known() {
    const bool all_known = std::all_of(watched_.begin(), watched_.end(), [&](const std::string& topic) {
        return cluster_.find(topic) != nullptr;
    });
    if (!all_known && now_ < assign_by_) return;
    counts_.clear();
    for (const std::string& topic : watched_) {
        const Topic* known = cluster_.find(topic);
        const bool usable = known != nullptr && known->error == PENSTOCK_OK;
        counts_[topic] = usable ? static_cast<int32_t>(known->partitions.size()) : 0;
    }
    state_ = State::syncing;
    ask_sync(assign_ranges(subscribers_, counts_));
}

void Group::ask_sync(const std::map<std::string, Assignment>& assigned) {
    std::map<std::string, std::vector<std::byte>> bytes;
    for (const auto& [member, assignment] : assigned) bytes[member] = encode_assignment(assignment);
    std::vector<SyncGroupRequest::Assignment> assignments;
    for (const auto& [member, encoded] : bytes) assignments.push_back({member, encoded});
    SyncGroupRequest request;
    request.group_id = options_.name;
    request.generation_id = member_.generation;
    request.member_id = member_.id;
    if (options_.instance) request.group_instance_id = *options_.instance;
    request.protocol_type = consumer_protocol_type;
    request.protocol_name = protocol_name;
    request.assignments = assignments;
    if (!ask(What::sync, request, options_.rebalance_timeout_ms)) state_ = State::to_join;
}

void Group::on_synced(const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    SyncGroupResponse message;
    if (!answer.decode(arena, message)) return fail(PENSTOCK_MALFORMED);
    if (state_ != State::syncing) return;
    if (message.error_code != ErrorCode::none) {
        state_ = State::to_join;
        if (message.error_code != ErrorCode::invalid_request) return on_error(message.error_code, now);
        // Some coordinators say this to who syncs after its leader did: the next generation may be luckier.
        not_before_ = now + group_pause_ns;
        return cluster_.report({code_of(message.error_code), "the coordinator refused to sync group " + options_.name});
    }
    const auto ours = decode_assignment(message.assignment ? *message.assignment : wire::Bytes());
    if (!ours) return fail(PENSTOCK_MALFORMED);
    state_ = State::stable;
    next_heartbeat_ = now + options_.heartbeat_interval_ms * millisecond_ns;
    listener_.on_assigned(*ours);
}

// Staying.

void Group::ask_heartbeat() {
    HeartbeatRequest request;
    request.group_id = options_.name;
    request.generation_id = member_.generation;
    request.member_id = member_.id;
    if (options_.instance) request.group_instance_id = *options_.instance;
    next_heartbeat_ = now_ + options_.heartbeat_interval_ms * millisecond_ns;
    if (!ask(What::heartbeat, request)) next_heartbeat_ = now_ + group_pause_ns;
}

void Group::on_heartbeat(const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    HeartbeatResponse message;
    if (!answer.decode(arena, message)) return fail(PENSTOCK_MALFORMED);
    if (message.error_code != ErrorCode::none && state_ == State::stable) on_error(message.error_code, now);
}

void Group::on_error(ErrorCode error, Nanos now) {
    switch (error) {
        case ErrorCode::rebalance_in_progress: return rejoin(true);
        case ErrorCode::illegal_generation: return rejoin(false);
        case ErrorCode::unknown_member_id:
            member_ = {};
            return rejoin(false);
        case ErrorCode::not_coordinator:
        case ErrorCode::coordinator_not_available:
            coordinator_ = -1;
            not_before_ = now + group_pause_ns;
            return;
        default: break;
    }
    not_before_ = now + group_pause_ns;
    if (!is_retriable(error)) fail(code_of(error));
}

void Group::rejoin(bool may_commit) {
    const bool had = state_ == State::stable;
    if (had) listener_.on_revoked(may_commit);
    state_ = State::to_join;
    cluster_.wake();
}

void Group::fail(penstock_error error) {
    if (state_ == State::failed || state_ == State::left) return;
    if (state_ == State::leaving) {
        state_ = State::left;
        return;
    }
    if (state_ == State::stable) listener_.on_revoked(false);
    if (state_ != State::outside) state_ = State::failed;
    listener_.on_group_failed(error);
}

void Group::ask_leave() {
    const LeaveGroupRequest::Member member{member_.id, {}, {}};
    LeaveGroupRequest request;
    request.group_id = options_.name;
    request.member_id = member_.id;
    request.members = {&member, 1};
    ask(What::leave, request);
}

// Offsets.

bool Group::send_commit(const std::vector<GroupOffset>& offsets) {
    std::map<std::string_view, std::vector<OffsetCommitRequest::Partition>> rows;
    for (const GroupOffset& one : offsets) {
        auto& row = rows[one.topic].emplace_back();
        row.partition_index = one.partition;
        row.committed_offset = one.offset;
        row.committed_metadata = "";
    }
    std::vector<OffsetCommitRequest::Topic> topics;
    for (const auto& [name, partitions] : rows) {
        auto& topic = topics.emplace_back();
        topic.name = name;
        topic.partitions = partitions;
    }
    OffsetCommitRequest request;
    request.group_id = options_.name;
    request.generation_id = member_.generation;
    const std::string member_id = member_.id;
    request.member_id = member_id;
    if (options_.instance && !member_id.empty()) request.group_instance_id = *options_.instance;
    request.topics = topics;
    return ask(What::commit, request);
}

void Group::on_committed(const Answer& answer) {
    Arena arena(limits::client_answer_arena_bytes_max);
    OffsetCommitResponse message;
    penstock_error error = PENSTOCK_OK;
    ErrorCode first = ErrorCode::none;
    if (!answer.decode(arena, message)) error = PENSTOCK_MALFORMED;
    for (const auto& topic : message.topics) {
        for (const auto& row : topic.partitions) {
            if (row.error_code != ErrorCode::none && first == ErrorCode::none) first = row.error_code;
        }
    }
    if (first != ErrorCode::none) error = code_of(first);
    listener_.on_committed(error);
    if (first != ErrorCode::none && state_ == State::stable) on_error(first, now_);
}

void Group::ask_offsets() {
    std::map<std::string_view, std::vector<int32_t>> rows;
    for (const GroupOffset& one : wanted_offsets_) rows[one.topic].push_back(one.partition);
    std::vector<OffsetFetchRequest::Topic> topics;
    for (const auto& [name, partitions] : rows) {
        auto& topic = topics.emplace_back();
        topic.name = name;
        topic.partition_indexes = partitions;
    }
    OffsetFetchRequest request;
    request.group_id = options_.name;
    request.topics = wire::Array<OffsetFetchRequest::Topic>(topics);
    request.require_stable = true;
    ask(What::fetch, request);
}

void Group::on_offsets(const Answer& answer, Nanos now) {
    Arena arena(limits::client_answer_arena_bytes_max);
    OffsetFetchResponse message;
    if (!answer.decode(arena, message)) return fail(PENSTOCK_MALFORMED);
    ErrorCode error = message.error_code;
    std::vector<GroupOffset> offsets;
    for (const auto& topic : message.topics) {
        for (const auto& row : topic.partitions) {
            if (error == ErrorCode::none) error = row.error_code;
            offsets.push_back({std::string(topic.name), row.partition_index, row.committed_offset});
        }
    }
    if (error != ErrorCode::none) {   // asked again, unless it is for good
        not_before_ = now + group_pause_ns;
        return on_error(error, now);
    }
    std::erase_if(wanted_offsets_, [&](const GroupOffset& wanted) {
        return std::any_of(offsets.begin(), offsets.end(), [&](const GroupOffset& one) {
            return one.partition == wanted.partition && one.topic == wanted.topic;
        });
    });
    listener_.on_offsets(offsets);
}

}  // namespace penstock::client
