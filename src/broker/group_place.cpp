#include "broker/group_place.h"

namespace penstock::broker {

namespace {

/// String.hashCode(), which counts UTF-16 units; ids are UTF-8.
int32_t java_hash(std::string_view text) {
    uint32_t hash = 0;
    const auto add = [&](uint32_t unit) { hash = 31 * hash + unit; };
    for (size_t i = 0; i < text.size();) {
        const auto first = static_cast<uint8_t>(text[i++]);
        const uint32_t more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        uint32_t point = more == 0 ? first : first & (0x3fu >> more);
        for (uint32_t k = 0; k < more && i < text.size(); ++k) {
            point = point << 6 | (static_cast<uint8_t>(text[i++]) & 0x3fu);
        }
        if (point < 0x10000) {
            add(point);
            continue;
        }
        add(0xd800 + ((point - 0x10000) >> 10));
        add(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
    return static_cast<int32_t>(hash);
}

}  // namespace

int32_t group_partition(std::string_view group_id, int32_t partitions) {
    // As Utils.abs() does: the sign bit goes, INT_MIN becomes 0.
    const int32_t hash = java_hash(group_id);
    const int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
    return positive % partitions;
}

Place find_group(const Serving& serving, std::string_view group_id) {
    const Topic* topic = serving.topics.find(offsets_topic);
    if (topic == nullptr || topic->view->partitions.empty()) {
        Place nowhere;
        nowhere.error = ErrorCode::coordinator_not_available;
        return nowhere;
    }
    const auto partitions = static_cast<int32_t>(topic->view->partitions.size());
    Place place = find_place(serving, topic, group_partition(group_id, partitions), false);
    if (place.error != ErrorCode::none) place.error = ErrorCode::not_coordinator;
    return place;
}

}  // namespace penstock::broker
