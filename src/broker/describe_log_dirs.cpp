// DescribeLogDirs: one call to each shard that owns partitions that are asked for. All shards share one data directory.
#include "wire/kafka/describe_log_dirs.h"

#include <algorithm>

#include "broker/handlers.h"

namespace penstock::broker::describe_log_dirs {

namespace {

using wire::kafka::DescribeLogDirsRequest;
using wire::kafka::DescribeLogDirsResponse;

struct Asked {
    uint32_t topic = 0;       ///< its place in the view
    int32_t partition = 0;
    friend auto operator<=>(const Asked&, const Asked&) = default;
};

struct Part {
    LogSize size;
    uint32_t owner = 0;
    std::string_view topic;
};

struct State {
    std::span<Part> parts;             ///< in order of topic and partition
    std::span<LogSize> sizes;          ///< the same, shard by shard
    std::span<LogSizesCall> calls;     ///< one for each shard; those with nothing to do were not started
};

size_t count_of(const ClusterView& view, const DescribeLogDirsRequest& asked) {
    size_t count = 0;
    if (!asked.topics) {
        for (const auto& topic : view.topics) count += topic->partitions.size();
        return count;
    }
    for (const DescribeLogDirsRequest::Topic& topic : *asked.topics) count += topic.partitions.size();
    return count;
}

/// Those that exist, in order, each once. `all` has room for them.
std::span<Asked> partitions_of(const ClusterView& view, const DescribeLogDirsRequest& asked, std::span<Asked> all) {
    size_t used = 0;
    const auto add = [&](size_t topic, int32_t partition) {
        if (partition < 0 || static_cast<size_t>(partition) >= view.topics[topic]->partitions.size()) return;
        all[used++] = {static_cast<uint32_t>(topic), partition};
    };
    if (!asked.topics) {
        for (size_t t = 0; t < view.topics.size(); ++t)
            for (size_t p = 0; p < view.topics[t]->partitions.size(); ++p) add(t, static_cast<int32_t>(p));
        return all.first(used);
    }
    for (const DescribeLogDirsRequest::Topic& topic : *asked.topics) {
        const auto name_of = [](const auto& known) { return std::string_view(known->name); };
        const auto at = std::ranges::lower_bound(view.topics, topic.topic, {}, name_of);
        if (at == view.topics.end() || (*at)->name != topic.topic) continue;
        for (const int32_t partition : topic.partitions) add(static_cast<size_t>(at - view.topics.begin()), partition);
    }
    all = all.first(used);
    std::ranges::sort(all);
    return all.first(all.size() - std::ranges::unique(all).size());
}

/// False: there is no memory for so many.
bool divide(Request& request, Serving& serving, State& state, std::span<const Asked> asked) {
    const ClusterView& view = serving.topics.view();
    const uint32_t shards = serving.options.shard_count;
    state.parts = request.arena.make_array<Part>(asked.size());
    state.sizes = request.arena.make_array<LogSize>(asked.size());
    state.calls = request.arena.make_array<LogSizesCall>(shards);
    std::span<size_t> counts = request.arena.make_array<size_t>(shards);
    if (state.parts.size() != asked.size() || state.sizes.size() != asked.size() || state.calls.size() != shards ||
        counts.size() != shards)
        return false;
    uint32_t topic_before = UINT32_MAX;
    for (size_t i = 0; i < asked.size(); ++i) {
        Part& part = state.parts[i];
        const TopicView& topic = *view.topics[asked[i].topic];
        // The view may change before the answer.
        part.topic = asked[i].topic == topic_before ? state.parts[i - 1].topic : request.arena.copy(topic.name);
        if (part.topic.data() == nullptr) return false;
        topic_before = asked[i].topic;
        part.size.key = {topic.id, asked[i].partition};
        part.owner = serving.owner_of(part.size.key);
        ++counts[part.owner];
    }
    size_t at = 0;
    for (uint32_t shard = 0; shard < shards; ++shard) {
        state.calls[shard].logs = state.sizes.subspan(at, counts[shard]);
        at += counts[shard];
        counts[shard] = 0;
    }
    for (const Part& part : state.parts) state.calls[part.owner].logs[counts[part.owner]++] = part.size;
    return true;
}

/// Takes what the shards said into the order of the parts. False: there is no memory.
bool collect(Request& request, State& state) {
    std::span<size_t> next = request.arena.make_array<size_t>(state.calls.size());
    if (next.size() != state.calls.size()) return false;
    for (Part& part : state.parts) part.size = state.calls[part.owner].logs[next[part.owner]++];
    return true;
}

/// False: there is no memory for so many.
bool list_topics(Request& request, const State& state, wire::Array<DescribeLogDirsResponse::Topic>& out) {
    auto partitions = request.arena.make_array<DescribeLogDirsResponse::Partition>(state.parts.size());
    size_t topic_count = 0;
    for (size_t i = 0; i < state.parts.size(); ++i)
        topic_count += i == 0 || state.parts[i].size.key.topic_id != state.parts[i - 1].size.key.topic_id;
    auto topics = request.arena.make_array<DescribeLogDirsResponse::Topic>(topic_count);
    if (topics.size() != topic_count || partitions.size() != state.parts.size()) return false;
    size_t count = 0, used = 0;
    for (size_t i = 0; i < state.parts.size();) {
        const size_t first = used, from = i;
        for (; i < state.parts.size() && state.parts[i].size.key.topic_id == state.parts[from].size.key.topic_id; ++i) {
            const LogSize& size = state.parts[i].size;
            if (size.there) partitions[used++] = {size.key.partition, static_cast<int64_t>(size.bytes), 0, false};
        }
        if (used > first) topics[count++] = {state.parts[from].topic, partitions.subspan(first, used - first)};
    }
    out = topics.first(count);
    return true;
}

void answer(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    DescribeLogDirsResponse::Result result;
    result.log_dir = serving.options.data_directory;
    if (const auto& space = state.calls[serving.options.shard].space) {
        if (!collect(request, state) || !list_topics(request, state, result.topics)) return serving.close(request);
        result.total_bytes = static_cast<int64_t>(std::min<uint64_t>(space->total_bytes, INT64_MAX));
        result.usable_bytes = static_cast<int64_t>(std::min<uint64_t>(space->usable_bytes, INT64_MAX));
    } else {
        result.error_code = ErrorCode::kafka_storage_error;
    }
    DescribeLogDirsResponse response;
    response.results = {&result, 1};
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    DescribeLogDirsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    const ClusterView& view = serving.topics.view();
    const size_t count = count_of(view, asked);
    const std::span<Asked> room = request.arena.make_array<Asked>(count);
    if (room.size() != count || !divide(request, serving, state, partitions_of(view, asked, room)))
        return serving.close(request);
    // This shard in any case: it knows the space.
    for (uint32_t shard = 0; shard < state.calls.size(); ++shard)
        if (shard == serving.options.shard || !state.calls[shard].logs.empty())
            serving.start_call(request, state.calls[shard], shard);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::describe_log_dirs, start, resume};

}  // namespace penstock::broker::describe_log_dirs
