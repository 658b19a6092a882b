#include "coordinator/rows.h"

#include <charconv>

namespace penstock::coordinator {

namespace {

constexpr std::string_view cluster_text = "cluster";
constexpr std::string_view producer_ids_text = "producer_ids";
constexpr std::string_view epoch_prefix = "epoch/";
constexpr std::string_view broker_prefix = "broker/";
constexpr std::string_view topic_prefix = "topic/";
constexpr std::string_view partition_prefix = "partition/";
constexpr std::string_view deleted_prefix = "deleted/";
constexpr size_t uuid_digits = 22;
constexpr size_t number_digits = 10;
constexpr size_t partition_digits = 8;

// Fixed width, so that the order of keys is the order of numbers.
std::string padded(int32_t number, size_t digits) {
    std::string text = std::to_string(number);
    return std::string(digits - text.size(), '0') + text;
}

std::optional<int32_t> parse_padded(std::string_view text, size_t digits) {
    int32_t number = -1;
    if (text.size() != digits) return {};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 0) return {};
    return number;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace

std::string to_text(const RowKey& key) {
    switch (key.kind) {
        case RowKind::cluster: return std::string(cluster_text);
        case RowKind::producer_ids: return std::string(producer_ids_text);
        case RowKind::epoch: return std::string(epoch_prefix) + padded(key.epoch, number_digits);
        case RowKind::broker: return std::string(broker_prefix) + padded(key.broker.value, number_digits);
        case RowKind::topic: return std::string(topic_prefix) + key.topic.text();
        case RowKind::deleted: return std::string(deleted_prefix) + key.topic.text();
        case RowKind::partition:
            return std::string(partition_prefix) + key.topic.text() + "/" + padded(key.partition, partition_digits);
    }
    PENSTOCK_ASSERT(false);
}

std::optional<RowKey> parse_row_key(std::string_view text) {
    if (text == cluster_text) return cluster_key();
    if (text == producer_ids_text) return producer_ids_key();
    if (take_prefix(text, epoch_prefix)) {
        auto epoch = parse_padded(text, number_digits);
        return epoch ? std::optional(epoch_key(*epoch)) : std::nullopt;
    }
    if (take_prefix(text, broker_prefix)) {
        auto id = parse_padded(text, number_digits);
        return id ? std::optional(broker_key(NodeId{*id})) : std::nullopt;
    }
    const bool topic = take_prefix(text, topic_prefix);
    const bool deleted = !topic && take_prefix(text, deleted_prefix);
    if (topic || deleted) {
        auto id = Uuid::parse(text);
        if (!id) return {};
        return topic ? topic_key(*id) : deleted_key(*id);
    }
    if (!take_prefix(text, partition_prefix) || text.size() <= uuid_digits || text[uuid_digits] != '/') return {};
    auto id = Uuid::parse(text.substr(0, uuid_digits));
    auto partition = parse_padded(text.substr(uuid_digits + 1), partition_digits);
    if (!id || !partition) return {};
    return partition_key(*id, *partition);
}

}  // namespace penstock::coordinator
