#include "broker/topic_config_rows.h"

#include <algorithm>
#include <array>
#include <type_traits>

namespace penstock::broker {

namespace {

using log::LogConfig;

constexpr ConfigRule boolean{ConfigType::boolean};
constexpr ConfigRule text{ConfigType::text};
constexpr ConfigRule any_list{ConfigType::list};
constexpr ConfigRule ratio{ConfigType::real, 0, 1};

constexpr ConfigRule int32(int64_t min, int64_t max = INT32_MAX) { return {ConfigType::int32, min, max}; }
constexpr ConfigRule int64(int64_t min) { return {ConfigType::int64, min, INT64_MAX}; }
constexpr ConfigRule one_of(std::string_view choices) { return {ConfigType::text, 0, 0, choices}; }
constexpr ConfigRule list_of(std::string_view choices) { return {ConfigType::list, 0, 0, choices}; }

constexpr std::string_view longest = "9223372036854775807";
constexpr int64_t message_bytes_max = 100 * 1024 * 1024;   // a batch must fit what a request may be at most
constexpr ConfigEffect served = ConfigEffect::served;
constexpr ConfigEffect no_effect = ConfigEffect::none;
constexpr ConfigEffect fixed = ConfigEffect::fixed;

constexpr std::array rows{
    TopicConfigRow{"cleanup.policy", list_of("compact,delete"), "delete", served, "log.cleanup.policy", {},
        "What happens to old records: delete removes segments by age and size, compact keeps the last record of each "
        "key. Both may be named; an empty list keeps everything."},
    TopicConfigRow{"compression.gzip.level", int32(-1, 9), "-1", no_effect, "compression.gzip.level", {},
        "No effect here: batches are stored as their producers compressed them."},
    TopicConfigRow{"compression.lz4.level", int32(1, 17), "9", no_effect, "compression.lz4.level", {},
        "No effect here: batches are stored as their producers compressed them."},
    TopicConfigRow{"compression.type", one_of("uncompressed,zstd,lz4,snappy,gzip,producer"), "producer", fixed,
        "compression.type", {},
        "The codec of what is stored. This broker serves only producer: batches stay as their producers compressed "
        "them."},
    TopicConfigRow{"compression.zstd.level", int32(-131072, 22), "3", no_effect, "compression.zstd.level", {},
        "No effect here: batches are stored as their producers compressed them."},
    TopicConfigRow{"delete.retention.ms", int64(0), "86400000", served, "log.cleaner.delete.retention.ms",
        &LogConfig::delete_retention_ms,
        "How long a compacted topic keeps the record that deletes a key, so that readers which lag still see it."},
    TopicConfigRow{"durability", one_of("disk,memory"), "disk", served, {}, {},
        "What a record must be before its producer is answered and consumers see it: on the disk, or in memory, on its "
        "way to the disk. With memory, a crash loses the newest records, also acknowledged ones."},
    TopicConfigRow{"file.delete.delay.ms", int64(0), "60000", no_effect, "log.segment.delete.delay.ms", {},
        "No effect here: the space of a removed segment is reused once no reader holds it."},
    TopicConfigRow{"flush.messages", int64(1), longest, no_effect, "log.flush.interval.messages", {},
        "No effect here: when a record must be on the disk is what durability says."},
    TopicConfigRow{"flush.ms", int64(0), longest, no_effect, "log.flush.interval.ms", {},
        "No effect here: when a record must be on the disk is what durability says."},
    TopicConfigRow{"follower.replication.throttled.replicas", any_list, "", fixed, {}, {},
        "Replicas whose followers are throttled. Here replication.catch_up_bytes_per_s throttles what is not in sync."},
    TopicConfigRow{"index.interval.bytes", int32(0), "4096", no_effect, "log.index.interval.bytes", {},
        "No effect here: the index of a segment has an interval of its own."},
    TopicConfigRow{"leader.replication.throttled.replicas", any_list, "", fixed, {}, {},
        "Replicas whose leaders are throttled. Here replication.catch_up_bytes_per_s throttles what is not in sync."},
    TopicConfigRow{"local.retention.bytes", int64(-2), "-2", fixed, "log.local.retention.bytes", {},
        "What tiered storage keeps on the local disk. This broker has no tiered storage."},
    TopicConfigRow{"local.retention.ms", int64(-2), "-2", fixed, "log.local.retention.ms", {},
        "How long tiered storage keeps records on the local disk. This broker has no tiered storage."},
    TopicConfigRow{"max.compaction.lag.ms", int64(1), longest, served, "log.cleaner.max.compaction.lag.ms",
        &LogConfig::max_compaction_lag_ms,
        "How long a record may stay uncompacted, however little there is to gain."},
    TopicConfigRow{"max.message.bytes", int32(0, message_bytes_max), "1048588", served, "message.max.bytes",
        &TopicSettings::max_message_bytes,
        "The largest batch that is taken, as it arrives: compressed, with its header."},
    TopicConfigRow{"message.downconversion.enable", boolean, "true", ConfigEffect::gone,
        "log.message.downconversion.enable", {},
        "No effect here: records are stored and sent in their current format only."},
    TopicConfigRow{"message.format.version", text, "3.0-IV1", ConfigEffect::gone, "log.message.format.version", {},
        "No effect here: records are stored and sent in their current format only."},
    TopicConfigRow{"message.timestamp.after.max.ms", int64(0), "3600000", served, "log.message.timestamp.after.max.ms",
        &TopicSettings::timestamp_after_max_ms,
        "How far ahead of the broker's clock the timestamp of a record may be, where its producer sets it."},
    TopicConfigRow{"message.timestamp.before.max.ms", int64(0), longest, served, "log.message.timestamp.before.max.ms",
        &TopicSettings::timestamp_before_max_ms,
        "How far behind the broker's clock the timestamp of a record may be, where its producer sets it."},
    TopicConfigRow{"message.timestamp.type", one_of("CreateTime,LogAppendTime"), "CreateTime", {},
        "log.message.timestamp.type", {},
        "Whose clock stamps the records: their producer's (CreateTime) or the broker's (LogAppendTime)."},
    TopicConfigRow{"min.cleanable.dirty.ratio", ratio, "0.5", served, "log.cleaner.min.cleanable.ratio",
        &LogConfig::min_cleanable_dirty_ratio,
        "The share of a log that must be uncompacted before it is worth compacting."},
    TopicConfigRow{"min.compaction.lag.ms", int64(0), "0", served, "log.cleaner.min.compaction.lag.ms",
        &LogConfig::min_compaction_lag_ms,
        "How long a record stays as it is before compaction may touch it."},
    TopicConfigRow{"min.insync.replicas", int32(1), "1", served, "min.insync.replicas",
        &TopicSettings::min_insync_replicas,
        "Replicas that must have a record before a producer that asks for all of them is answered; with fewer in sync "
        "it is refused. Where it is not set: 2 with three replicas or more (topics.default_min_insync_replicas)."},
    TopicConfigRow{"preallocate", boolean, "false", no_effect, "log.preallocate", {},
        "No effect here: the files of a log are always written through before they are used."},
    TopicConfigRow{"remote.copy.lag.bytes", int64(-1), "0", fixed, {}, {},
        "What stays out of tiered storage for now. This broker has no tiered storage."},
    TopicConfigRow{"remote.copy.lag.ms", int64(-1), "0", fixed, {}, {},
        "How long records stay out of tiered storage. This broker has no tiered storage."},
    TopicConfigRow{"remote.log.copy.disable", boolean, "false", fixed, {}, {},
        "Whether tiered storage takes no more records. This broker has no tiered storage."},
    TopicConfigRow{"remote.log.delete.on.disable", boolean, "false", fixed, {}, {},
        "Whether records in tiered storage go when it is disabled. This broker has no tiered storage."},
    TopicConfigRow{"remote.storage.enable", boolean, "false", fixed, {}, {},
        "Whether old segments move to tiered storage. This broker has no tiered storage."},
    TopicConfigRow{"retention.bytes", {ConfigType::int64}, "-1", served, "log.retention.bytes",
        &LogConfig::retention_bytes,
        "How much of each partition is kept; older segments beyond it are removed. Below 0: no limit."},
    TopicConfigRow{"retention.ms", int64(-1), "604800000", served, "log.retention.ms", &LogConfig::retention_ms,
        "How long records are kept, counted from the newest record of their segment. -1: no limit."},
    TopicConfigRow{"segment.bytes", int32(1024 * 1024), "1073741824", served, "log.segment.bytes",
        &LogConfig::segment_bytes,
        "The size at which a partition begins a new segment. Retention and compaction work on whole segments."},
    TopicConfigRow{"segment.index.bytes", int32(4), "10485760", no_effect, "log.index.size.max.bytes", {},
        "No effect here: the index of a segment takes what it needs."},
    TopicConfigRow{"segment.jitter.ms", int64(0), "0", no_effect, "log.roll.jitter.ms", {},
        "No effect here: beginning a segment takes no disk time that would have to be spread."},
    TopicConfigRow{"segment.ms", int64(1), "604800000", served, "log.roll.ms", &LogConfig::segment_ms,
        "The age at which a partition begins a new segment, even if it is small."},
    TopicConfigRow{"unclean.leader.election.enable", boolean, "false", fixed, "unclean.leader.election.enable", {},
        "Whether a replica that is not in sync may lead, losing records. This broker never lets one."},
};
static_assert(std::ranges::is_sorted(rows, {}, &TopicConfigRow::name));

// The struct that a member pointer of SettingField is of.
LogConfig& holder(TopicSettings& settings, auto LogConfig::*) { return settings.log; }
TopicSettings& holder(TopicSettings& settings, auto TopicSettings::*) { return settings; }
const LogConfig& holder(const TopicSettings& settings, auto LogConfig::*) { return settings.log; }
const TopicSettings& holder(const TopicSettings& settings, auto TopicSettings::*) { return settings; }

}  // namespace

std::span<const TopicConfigRow> topic_config_rows() { return rows; }

const TopicConfigRow* find_topic_config(std::string_view name) {
    const auto at = std::ranges::lower_bound(rows, name, {}, &TopicConfigRow::name);
    return at != rows.end() && at->name == name ? &*at : nullptr;
}

std::string field_text(const TopicConfigRow& row, const TopicSettings& settings) {
    return std::visit(
        [&](auto field) -> std::string {
            if constexpr (std::is_same_v<decltype(field), std::monostate>) {
                return std::string(row.initial);
            } else {
                const auto value = holder(settings, field).*field;
                if constexpr (std::is_same_v<decltype(value), const double>) return real_text(value);
                else return std::to_string(value);
            }
        },
        row.field);
}

void set_field(const TopicConfigRow& row, std::string_view value, TopicSettings& settings) {
    std::visit(
        [&](auto field) {
            if constexpr (!std::is_same_v<decltype(field), std::monostate>) {
                auto& into = holder(settings, field).*field;
                if constexpr (std::is_same_v<decltype(into), double&>) into = read_real(value).value_or(into);
                else into = static_cast<std::decay_t<decltype(into)>>(
                         read_integer(value).value_or(static_cast<int64_t>(into)));
            }
        },
        row.field);
}

}  // namespace penstock::broker
