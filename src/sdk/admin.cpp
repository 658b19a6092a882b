// penstock.h: administration. Each function makes one request (or one to each broker) and polls until it is settled.
#include <algorithm>
#include <cstring>

#include "client/call.h"
#include "sdk/handles.h"
#include "wire/kafka/create_partitions.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/delete_groups.h"
#include "wire/kafka/delete_topics.h"
#include "wire/kafka/describe_configs.h"
#include "wire/kafka/describe_groups.h"
#include "wire/kafka/incremental_alter_configs.h"
#include "wire/kafka/list_groups.h"
#include "wire/kafka/metadata.h"
#include "wire/kafka/offset_fetch.h"

using namespace penstock;
using namespace penstock::wire::kafka;
using client::CallOptions;
using client::Failure;
using client::Target;

/// Rows for the application, and the strings that they point to.
template <class Row>
struct Listing {
    std::vector<Row> rows;
    std::vector<std::unique_ptr<std::string>> strings;

    const char* keep(std::string_view text) {
        return strings.emplace_back(std::make_unique<std::string>(text))->c_str();
    }
    const Row* get(size_t index) const { return index < rows.size() ? &rows[index] : nullptr; }
};

struct penstock_topics : Listing<penstock_topic_info> {};
struct penstock_configs : Listing<penstock_config> {};
struct penstock_groups : Listing<penstock_group_info> {};
struct penstock_offsets : Listing<penstock_position> {};

namespace {

class Deadline {
public:
    explicit Deadline(int timeout_ms) : at_(timeout_ms < 0 ? never : sdk::Edge::now() + timeout_ms * millisecond_ns) {}
    operator Nanos() const { return at_; }

private:
    Nanos at_;
};

Failure failure_of(ErrorCode error, const wire::NullableString& message = {}) {
    const penstock_error code = client::code_of(error);
    return {code, std::string(message.value_or(penstock_error_name(code)))};
}

Failure missing() { return {PENSTOCK_MALFORMED, "the broker's answer leaves out what was asked for"}; }

/// Of an answer with one row, which lies in `rows`.
template <class Rows>
Failure only_row(const Rows& rows) {
    if (rows.size() != 1) return missing();
    if constexpr (requires { rows[0].error_message; }) return failure_of(rows[0].error_code, rows[0].error_message);
    else return failure_of(rows[0].error_code);
}

/// Asks, polls, and gives the response to `then` if all is well.
template <class Response, class Request, class ErrorOf, class Then>
penstock_error run(penstock_client* client, CallOptions options, const Request& request, ErrorOf error_of, Then then) {
    client::Typed<Request, Response, ErrorOf> call(client->edge->cluster(), std::move(options), request, error_of);
    while (!call.done()) client->edge->poll(-1);
    if (call.failure().code == PENSTOCK_OK) then(call.response());
    return call.failure().code;
}

constexpr auto nothing = [](const auto&) {};

int32_t whole_ms(Nanos deadline) {
    return static_cast<int32_t>(std::clamp<int64_t>((deadline - sdk::Edge::now()) / millisecond_ns, 1, 60'000));
}

bool named(const char* name) { return name != nullptr && *name != '\0' && std::strlen(name) <= INT16_MAX; }

bool sane(const penstock_config* configs, size_t count) {
    return std::all_of(configs, configs + count, [](const penstock_config& one) {
        return named(one.name) && (one.value == nullptr || std::strlen(one.value) <= INT16_MAX);
    });
}

/// Until every partition of a new topic has a leader that the broker knows.
penstock_error wait_for_topic(penstock_client* client, const char* name, Nanos deadline) {
    MetadataRequest::Topic topic;
    topic.name = name;
    MetadataRequest request;
    request.topics = wire::Array<MetadataRequest::Topic>(&topic, 1);
    request.allow_auto_topic_creation = false;
    const auto error_of = [](const MetadataResponse& response) {
        if (response.topics.size() != 1) return missing();
        if (response.topics[0].error_code != ErrorCode::none) return failure_of(response.topics[0].error_code);
        for (const auto& partition : response.topics[0].partitions) {
            if (partition.leader_id < 0) return failure_of(ErrorCode::leader_not_available);
        }
        return Failure();
    };
    return run<MetadataResponse>(client, {.group = {}, .deadline = deadline}, request, error_of, nothing);
}

penstock_error broker_ids(penstock_client* client, Nanos deadline, std::vector<int32_t>& ids) {
    MetadataRequest request;
    request.topics = wire::Array<MetadataRequest::Topic>();
    const auto error_of = [](const MetadataResponse&) { return Failure(); };
    return run<MetadataResponse>(client, {.group = {}, .deadline = deadline}, request, error_of,
                                 [&](const MetadataResponse& response) {
        for (const auto& broker : response.brokers) ids.push_back(broker.node_id);
    });
}

}  // namespace

extern "C" {

// Topics.

penstock_error penstock_topic_create(penstock_client* client, const char* name, int32_t partitions,
                                     int16_t replication, const penstock_config* configs, size_t config_count,
                                     int timeout_ms) {
    if (!named(name) || !sane(configs, config_count)) return PENSTOCK_INVALID;
    const Deadline deadline(timeout_ms);
    std::vector<CreateTopicsRequest::Config> rows;
    for (const penstock_config& one : std::span(configs, config_count)) {
        auto& row = rows.emplace_back();
        row.name = one.name;
        if (one.value != nullptr) row.value = one.value;
    }
    CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = replication;
    topic.configs = rows;
    CreateTopicsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = whole_ms(deadline);
    const penstock_error error = run<CreateTopicsResponse>(
        client, {.target = Target::controller, .group = {}, .deadline = deadline, .repeatable = false}, request,
        [](const CreateTopicsResponse& response) { return only_row(response.topics); }, nothing);
    return error != PENSTOCK_OK ? error : wait_for_topic(client, name, deadline);
}

penstock_error penstock_topic_delete(penstock_client* client, const char* name, int timeout_ms) {
    if (!named(name)) return PENSTOCK_INVALID;
    const Deadline deadline(timeout_ms);
    DeleteTopicsRequest::Topic topic;
    topic.name = name;
    const std::string_view name_view = name;
    DeleteTopicsRequest request;
    request.topics = {&topic, 1};
    request.topic_names = {&name_view, 1};
    request.timeout_ms = whole_ms(deadline);
    return run<DeleteTopicsResponse>(
        client, {.target = Target::controller, .group = {}, .deadline = deadline, .repeatable = false}, request,
        [](const DeleteTopicsResponse& response) { return only_row(response.topics); }, nothing);
}

penstock_error penstock_topic_grow(penstock_client* client, const char* name, int32_t partitions, int timeout_ms) {
    if (!named(name)) return PENSTOCK_INVALID;
    const Deadline deadline(timeout_ms);
    CreatePartitionsRequest::Topic topic;
    topic.name = name;
    topic.count = partitions;
    CreatePartitionsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = whole_ms(deadline);
    return run<CreatePartitionsResponse>(
        client, {.target = Target::controller, .group = {}, .deadline = deadline, .repeatable = false}, request,
        [](const CreatePartitionsResponse& response) { return only_row(response.results); }, nothing);
}

penstock_error penstock_topics_list(penstock_client* client, int timeout_ms, penstock_topics** out) {
    *out = nullptr;
    MetadataRequest request;
    request.allow_auto_topic_creation = false;
    return run<MetadataResponse>(
        client, {.group = {}, .deadline = Deadline(timeout_ms)}, request,
        [](const MetadataResponse&) { return Failure(); }, [&](const MetadataResponse& response) {
        auto topics = std::make_unique<penstock_topics>();
        for (const auto& row : response.topics) {
            if (!row.name) continue;
            topics->rows.push_back({topics->keep(*row.name), static_cast<int32_t>(row.partitions.size()),
                                    row.is_internal ? 1 : 0});
        }
        std::sort(topics->rows.begin(), topics->rows.end(), [](const auto& a, const auto& b) {
            return std::strcmp(a.name, b.name) < 0;
        });
        *out = topics.release();
    });
}

size_t penstock_topics_count(const penstock_topics* topics) { return topics->rows.size(); }
const penstock_topic_info* penstock_topics_get(const penstock_topics* topics, size_t index) {
    return topics->get(index);
}
void penstock_topics_destroy(penstock_topics* topics) { delete topics; }

// Configs.

penstock_error penstock_topic_configs(penstock_client* client, const char* name, int timeout_ms,
                                      penstock_configs** out) {
    *out = nullptr;
    if (!named(name)) return PENSTOCK_INVALID;
    DescribeConfigsRequest::Resource resource;
    resource.type = ConfigResourceType::topic;
    resource.name = name;
    DescribeConfigsRequest request;
    request.resources = {&resource, 1};
    return run<DescribeConfigsResponse>(
        client, {.group = {}, .deadline = Deadline(timeout_ms)}, request,
        [](const DescribeConfigsResponse& response) { return only_row(response.results); },
        [&](const DescribeConfigsResponse& response) {
        auto configs = std::make_unique<penstock_configs>();
        for (const auto& row : response.results[0].configs) {
            configs->rows.push_back({configs->keep(row.name), row.value ? configs->keep(*row.value) : nullptr});
        }
        *out = configs.release();
    });
}

size_t penstock_configs_count(const penstock_configs* configs) { return configs->rows.size(); }
const penstock_config* penstock_configs_get(const penstock_configs* configs, size_t index) {
    return configs->get(index);
}
void penstock_configs_destroy(penstock_configs* configs) { delete configs; }

penstock_error penstock_topic_configure(penstock_client* client, const char* name, const penstock_config* configs,
                                        size_t count, int timeout_ms) {
    if (!named(name) || !sane(configs, count)) return PENSTOCK_INVALID;
    std::vector<IncrementalAlterConfigsRequest::Config> rows;
    for (const penstock_config& one : std::span(configs, count)) {
        auto& row = rows.emplace_back();
        row.name = one.name;
        row.operation = one.value != nullptr ? AlterOperation::set : AlterOperation::remove;
        if (one.value != nullptr) row.value = one.value;
    }
    IncrementalAlterConfigsRequest::Resource resource;
    resource.type = ConfigResourceType::topic;
    resource.name = name;
    resource.configs = rows;
    IncrementalAlterConfigsRequest request;
    request.resources = {&resource, 1};
    return run<IncrementalAlterConfigsResponse>(
        client, {.target = Target::controller, .group = {}, .deadline = Deadline(timeout_ms)}, request,
        [](const IncrementalAlterConfigsResponse& response) { return only_row(response.results); }, nothing);
}

// Groups.

penstock_error penstock_groups_list(penstock_client* client, int timeout_ms, penstock_groups** out) {
    *out = nullptr;
    const Deadline deadline(timeout_ms);
    std::vector<int32_t> brokers;
    penstock_error error = broker_ids(client, deadline, brokers);
    auto groups = std::make_unique<penstock_groups>();
    const ListGroupsRequest request;
    for (size_t i = 0; i < brokers.size() && error == PENSTOCK_OK; ++i) {
        error = run<ListGroupsResponse>(
            client, {.target = Target::broker, .broker = brokers[i], .group = {}, .deadline = deadline}, request,
            [](const ListGroupsResponse& response) { return failure_of(response.error_code); },
            [&](const ListGroupsResponse& response) {
            for (const auto& row : response.groups) {
                groups->rows.push_back({groups->keep(row.group_id), groups->keep(row.group_state), -1});
            }
        });
    }
    if (error != PENSTOCK_OK) return error;
    std::sort(groups->rows.begin(), groups->rows.end(), [](const auto& a, const auto& b) {
        return std::strcmp(a.name, b.name) < 0;
    });
    *out = groups.release();
    return PENSTOCK_OK;
}

size_t penstock_groups_count(const penstock_groups* groups) { return groups->rows.size(); }
const penstock_group_info* penstock_groups_get(const penstock_groups* groups, size_t index) {
    return groups->get(index);
}
void penstock_groups_destroy(penstock_groups* groups) { delete groups; }

penstock_error penstock_group_describe(penstock_client* client, const char* name, int timeout_ms,
                                       penstock_groups** out) {
    *out = nullptr;
    if (!named(name)) return PENSTOCK_INVALID;
    const std::string_view name_view = name;
    DescribeGroupsRequest request;
    request.groups = {&name_view, 1};
    return run<DescribeGroupsResponse>(
        client, {.target = Target::coordinator, .group = name, .deadline = Deadline(timeout_ms)}, request,
        [](const DescribeGroupsResponse& response) { return only_row(response.groups); },
        [&](const DescribeGroupsResponse& response) {
        auto groups = std::make_unique<penstock_groups>();
        const auto& row = response.groups[0];
        groups->rows.push_back({groups->keep(row.group_id), groups->keep(row.group_state),
                                static_cast<int32_t>(row.members.size())});
        *out = groups.release();
    });
}

penstock_error penstock_group_offsets(penstock_client* client, const char* name, int timeout_ms,
                                      penstock_offsets** out) {
    *out = nullptr;
    if (!named(name)) return PENSTOCK_INVALID;
    OffsetFetchRequest request;
    request.group_id = name;
    return run<OffsetFetchResponse>(
        client, {.target = Target::coordinator, .group = name, .deadline = Deadline(timeout_ms)}, request,
        [](const OffsetFetchResponse& response) { return failure_of(response.error_code); },
        [&](const OffsetFetchResponse& response) {
        auto offsets = std::make_unique<penstock_offsets>();
        for (const auto& topic : response.topics) {
            const char* topic_name = offsets->keep(topic.name);
            for (const auto& row : topic.partitions) {
                if (row.committed_offset < 0) continue;
                offsets->rows.push_back({topic_name, row.partition_index, row.committed_offset, -1});
            }
        }
        *out = offsets.release();
    });
}

size_t penstock_offsets_count(const penstock_offsets* offsets) { return offsets->rows.size(); }
const penstock_position* penstock_offsets_get(const penstock_offsets* offsets, size_t index) {
    return offsets->get(index);
}
void penstock_offsets_destroy(penstock_offsets* offsets) { delete offsets; }

penstock_error penstock_group_delete(penstock_client* client, const char* name, int timeout_ms) {
    if (!named(name)) return PENSTOCK_INVALID;
    const std::string_view name_view = name;
    DeleteGroupsRequest request;
    request.group_names = {&name_view, 1};
    return run<DeleteGroupsResponse>(
        client, {.target = Target::coordinator, .group = name, .deadline = Deadline(timeout_ms), .repeatable = false},
        request, [](const DeleteGroupsResponse& response) { return only_row(response.results); }, nothing);
}

}  // extern "C"
