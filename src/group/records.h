// What the internal topic `__consumer_offsets` holds: Kafka's own records, so that Kafka's tools read them.
//
// A record is a committed offset (key version 1) or a group's metadata (key version 2); a null value removes what the
// key names. Encoded with the codec of the wire: version in front, then the fields of that version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/uuid.h"
#include "wire/codec.h"

namespace penstock::group {

struct OffsetKey {
    static constexpr int16_t version = 1;
    std::string_view group;
    std::string_view topic;
    int32_t partition = 0;

    template <class C>
    void fields(C& c) {
        c.field(group);
        c.field(topic);
        c.field(partition);
    }
};

struct OffsetValue {
    static constexpr int16_t version = 4;
    int64_t offset = -1;
    int32_t leader_epoch = -1;
    std::string_view metadata;
    int64_t commit_timestamp = -1;
    Uuid topic_id;

    template <class C>
    void fields(C& c) {
        c.field(offset);
        c.field(leader_epoch);
        c.field(metadata);
        c.field(commit_timestamp);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, topic_id, wire::from(4));
    }
};

struct GroupKey {
    static constexpr int16_t version = 2;
    std::string_view group;

    template <class C>
    void fields(C& c) {
        c.field(group);
    }
};

struct GroupValue {
    static constexpr int16_t version = 3;

    struct Member {
        std::string_view id;
        wire::NullableString instance_id;
        std::string_view client_id;
        std::string_view client_host;
        int32_t rebalance_timeout_ms = 0;
        int32_t session_timeout_ms = 0;
        wire::Bytes subscription;
        wire::Bytes assignment;

        template <class C>
        void fields(C& c) {
            c.field(id);
            c.field(instance_id);
            c.field(client_id);
            c.field(client_host);
            c.field(rebalance_timeout_ms);
            c.field(session_timeout_ms);
            c.field(subscription);
            c.field(assignment);
        }
    };

    std::string_view protocol_type;
    int32_t generation = 0;
    wire::NullableString protocol;
    wire::NullableString leader;
    int64_t state_timestamp = -1;  ///< since when the group is in its state, Unix milliseconds
    wire::Array<Member> members;

    template <class C>
    void fields(C& c) {
        c.field(protocol_type);
        c.field(generation);
        c.field(protocol);
        c.field(leader);
        c.field(state_timestamp);
        c.field(members);
    }
};

/// Replaces `out`. False: something is longer than its format allows.
bool encode(const OffsetKey& key, std::vector<std::byte>& out);
bool encode(const OffsetValue& value, std::vector<std::byte>& out);
bool encode(const GroupKey& key, std::vector<std::byte>& out);
bool encode(const GroupValue& value, std::vector<std::byte>& out);

/// One record, read. Views point into the record's bytes or into the arena.
struct StoredRecord {
    std::optional<OffsetKey> offset_key;
    std::optional<OffsetValue> offset;  ///< null beside its key: removed
    std::optional<GroupKey> group_key;
    std::optional<GroupValue> group;    ///< the same
};

/// False: it is none of ours, or broken. `value` without bytes: null.
bool decode(std::span<const std::byte> key, std::optional<std::span<const std::byte>> value, Arena& arena,
            StoredRecord& record);

}  // namespace penstock::group
