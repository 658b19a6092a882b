#include "broker/topic_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "limits.h"

namespace penstock::broker {

namespace {

enum class Kind : uint8_t { number, choice, no_effect };

struct Row {
    std::string_view key;
    Kind kind = Kind::no_effect;
    int64_t min = 0, max = INT64_MAX;     ///< of numbers
    std::string_view served = {};         ///< of choices, separated by commas
    std::string_view others = {};         ///< Kafka's further choices, known and not served
};

constexpr std::string_view no_other = {};

// In the order of their names.
constexpr std::array rows{
    Row{"cleanup.policy", Kind::choice, 0, 0, "delete", "compact,compact,delete,delete,compact"},
    Row{"compression.gzip.level"},
    Row{"compression.lz4.level"},
    Row{"compression.type", Kind::choice, 0, 0, "producer", "uncompressed,gzip,snappy,lz4,zstd"},
    Row{"compression.zstd.level"},
    Row{"delete.retention.ms"},
    Row{"file.delete.delay.ms"},
    Row{"flush.messages"},
    Row{"flush.ms"},
    Row{"follower.replication.throttled.replicas"},
    Row{"index.interval.bytes"},
    Row{"leader.replication.throttled.replicas"},
    Row{"local.retention.bytes"},
    Row{"local.retention.ms"},
    Row{"max.compaction.lag.ms"},
    Row{"max.message.bytes", Kind::number, 0, 100 * 1024 * 1024},
    Row{"message.downconversion.enable"},
    Row{"message.format.version"},
    Row{"message.timestamp.after.max.ms", Kind::number, 0},
    Row{"message.timestamp.before.max.ms", Kind::number, 0},
    Row{"message.timestamp.type", Kind::choice, 0, 0, "CreateTime,LogAppendTime", no_other},
    Row{"min.cleanable.dirty.ratio"},
    Row{"min.compaction.lag.ms"},
    Row{"min.insync.replicas", Kind::number, 1, INT32_MAX},
    Row{"preallocate"},
    Row{"remote.storage.enable", Kind::choice, 0, 0, "false", "true"},
    Row{"retention.bytes", Kind::number, -1},
    Row{"retention.ms", Kind::number, -1},
    Row{"segment.bytes", Kind::number, 1024 * 1024, INT32_MAX},
    Row{"segment.index.bytes"},
    Row{"segment.jitter.ms"},
    Row{"segment.ms", Kind::number, 1},
    Row{"unclean.leader.election.enable", Kind::choice, 0, 0, "false", "true"},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::key));

const Row* find(std::string_view key) {
    auto at = std::ranges::lower_bound(rows, key, {}, &Row::key);
    return at != rows.end() && at->key == key ? &*at : nullptr;
}

bool lists(std::string_view choices, std::string_view value) {
    if (value.empty()) return false;
    for (size_t at = 0; at <= choices.size();) {
        const size_t end = std::min(choices.find(',', at), choices.size());
        if (choices.substr(at, end - at) == value) return true;
        at = end + 1;
    }
    return false;
}

std::optional<int64_t> number(std::string_view text) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

void read_number(const TopicView& topic, std::string_view key, auto& into) {
    const std::string* text = topic.config(key);
    if (text == nullptr) return;
    const Row* row = find(key);
    const std::optional<int64_t> value = number(*text);
    if (value && *value >= row->min && *value <= row->max) into = static_cast<std::decay_t<decltype(into)>>(*value);
}

}  // namespace

std::optional<std::string> config_problem(std::string_view key, std::string_view value) {
    const Row* row = find(key);
    if (row == nullptr) return "Unknown topic config name: " + std::string(key);
    const std::string given = "Invalid value " + std::string(value) + " for configuration " + std::string(key) + ": ";
    if (row->kind == Kind::number) {
        const std::optional<int64_t> parsed = number(value);
        if (!parsed) return given + "not a number";
        if (*parsed < row->min) return given + "must be at least " + std::to_string(row->min);
        if (*parsed > row->max) return given + "must be at most " + std::to_string(row->max);
    } else if (row->kind == Kind::choice && !lists(row->served, value)) {
        if (lists(row->others, value) || value.find(',') != value.npos)
            return given + "this broker serves only " + std::string(row->served);
        return given + "must be one of " + std::string(row->served);
    }
    return std::nullopt;
}

TopicSettings settings_of(const TopicView& topic, const log::LogConfig& default_log) {
    TopicSettings settings;
    settings.log = default_log;
    read_number(topic, "segment.bytes", settings.log.segment_bytes);
    read_number(topic, "segment.ms", settings.log.segment_ms);
    read_number(topic, "retention.bytes", settings.log.retention_bytes);
    read_number(topic, "retention.ms", settings.log.retention_ms);
    // What is to keep the last record of each key loses none by age or size: offsets that consumers have committed.
    const std::string* policy = topic.config("cleanup.policy");
    if (policy != nullptr && !lists(*policy, "delete")) settings.log.retention_bytes = settings.log.retention_ms = -1;
    read_number(topic, "max.message.bytes", settings.max_message_bytes);
    read_number(topic, "message.timestamp.before.max.ms", settings.timestamp_before_max_ms);
    read_number(topic, "message.timestamp.after.max.ms", settings.timestamp_after_max_ms);
    read_number(topic, "min.insync.replicas", settings.min_insync_replicas);
    const std::string* type = topic.config("message.timestamp.type");
    settings.log_append_time = type != nullptr && *type == "LogAppendTime";
    return settings;
}

bool is_topic_name(std::string_view name) {
    if (name.empty() || name.size() > limits::topic_name_bytes_max || name == "." || name == "..") return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

}  // namespace penstock::broker
