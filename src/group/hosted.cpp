#include "group/hosted.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "limits.h"

namespace penstock::group {

using broker::ErrorCode;

void GroupContext::answer(broker::GroupCall& call) {
    PENSTOCK_ASSERT(call.held && call.held_by == nullptr);
    call.held = false;
    answers.push_back(call);
}

/// As Kafka makes them: the name, then a UUID in hexadecimal.
std::string Hosted::new_member_id(std::string_view prefix) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string id(prefix);
    const uint64_t words[] = {context.random.next(), context.random.next()};
    for (size_t i = 0; i < 32; ++i) {
        if (i == 0 || i == 8 || i == 12 || i == 16 || i == 20) id += '-';
        id += digits[words[i / 16] >> (4 * (i % 16)) & 15];
    }
    return id;
}

Group* Hosted::find(std::string_view group_id) {
    const auto at = groups.find(group_id);
    return at == groups.end() ? nullptr : at->second.get();
}

Group& Hosted::make(std::string_view group_id) {
    auto& slot = groups[std::string(group_id)];
    if (slot == nullptr) slot = std::make_unique<Group>(std::string(group_id), *this);
    return *slot;
}

Write& Hosted::staged() {
    context.staged = true;
    const bool last_is_under_way = writing && writes.size() == 1;
    if (writes.empty() || last_is_under_way || writes.back()->records.size() >= limits::group_batch_bytes)
        writes.push_back(std::make_unique<Write>());
    return *writes.back();
}

void Hosted::stage(std::span<const std::byte> name, wire::OptionalBytes value) {
    staged().records.add(context.time.wall_ms, name, value);
}

void Hosted::commit(Group& group, const broker::CommitOffsetsCall& call) {
    for (const broker::CommitOffsetsCall::Offset& asked : call.offsets) {
        group.put_offset(asked.topic, asked.partition,
                         {asked.offset, asked.leader_epoch, std::string(asked.metadata), context.time.wall_ms,
                          asked.topic_id});
        // Home has bounded all lengths.
        encode(OffsetKey{group.id(), asked.topic, asked.partition}, key_bytes_);
        encode(OffsetValue{asked.offset, asked.leader_epoch, asked.metadata, context.time.wall_ms,
                                           asked.topic_id},
               value_bytes_);
        stage(key_bytes_, value_bytes_);
    }
}

void Hosted::stage_removal(const std::string& group, const std::string& topic, int32_t partition) {
    encode(OffsetKey{group, topic, partition}, key_bytes_);
    stage(key_bytes_, std::nullopt);
}

void Hosted::remove_offset(Group& group, const std::string& topic, int32_t partition) {
    if (!group.erase_offset(topic, partition)) return;
    stage_removal(group.id(), topic, partition);
}

void Hosted::remove(Group& group) {
    PENSTOCK_ASSERT(!group.has_members());
    for (const auto& [topic, partitions] : group.offsets()) {
        for (const auto& [partition, _] : partitions) stage_removal(group.id(), topic, partition);
    }
    encode(GroupKey{group.id()}, key_bytes_);
    stage(key_bytes_, std::nullopt);
    groups.erase(groups.find(group.id()));
}

void Hosted::forget_unused(Group& group) {
    if (group.has_members() || group.generation() > 0 || !group.offsets().empty()) return;
    if (group.state() == GroupState::empty) groups.erase(groups.find(group.id()));
}

void Hosted::store(Group& group, bool waited_for) {
    arena_.reset();
    encode(GroupKey{group.id()}, key_bytes_);
    if (!encode(group.to_record(arena_), value_bytes_)) {
        // More than fits a record: its members stay, but only until the next restart.
        if (waited_for) group.on_stored(group.generation());
        return;
    }
    stage(key_bytes_, value_bytes_);
    if (waited_for) writes.back()->groups.push_back({group.id(), group.generation()});
}

/// Kafka's rule: a group's offsets go when it has been empty for so long; those of consumers that were never a group,
/// each when it was not committed again for so long.
void Hosted::remove_expired(int64_t retention_ms) {
    const int64_t before_ms = context.time.wall_ms - retention_ms;
    for (auto at = groups.begin(); at != groups.end();) {
        Group& group = *(at++)->second;
        if (group.has_members() || group.state() != GroupState::empty) continue;
        if (!group.protocol_type().empty()) {
            if (group.empty_since_ms() < before_ms) remove(group);
            continue;
        }
        std::vector<std::pair<std::string, int32_t>> old;
        for (const auto& [topic, partitions] : group.offsets()) {
            for (const auto& [partition, offset] : partitions)
                if (offset.commit_timestamp < before_ms) old.emplace_back(topic, partition);
        }
        for (const auto& [topic, partition] : old) remove_offset(group, topic, partition);
        if (group.offsets().empty()) remove(group);
    }
}

void Hosted::answer_behind_writes(broker::GroupCall& call) {
    if (writes.empty()) context.answer(call);
    else writes.back()->calls.push_back(call);
}

bool Hosted::begin_write(Time time) {
    if (writing || writes.empty() || append.asks > 0) return false;
    if (!writes.front()->records.finish(wire::Codec::none, batch)) return false;
    writing = true;
    const std::span<const std::byte> bytes(batch);
    const wire::BatchHeader header = wire::parse_batch_header(bytes.first<wire::batch_header_bytes>());
    static_assert(log::batch_header_size == wire::batch_header_bytes);
    std::ranges::copy(bytes.first(wire::batch_header_bytes), append.batch.header);
    const auto rest = bytes.subspan(wire::batch_header_bytes);
    body = {rest.data(), static_cast<uint32_t>(rest.size())};
    append.batch.body = {&body, 1};
    append.batch.last_offset_delta = header.last_offset_delta;
    append.batch.max_timestamp = time.wall_ms;
    append.key = key;
    append.error = ErrorCode::none;
    return true;
}

void Hosted::end_write() {
    PENSTOCK_ASSERT(writing);
    const std::unique_ptr<Write> done = std::move(writes.front());
    writes.pop_front();
    writing = false;
    context.staged |= !writes.empty();
    while (broker::Call* call = done->calls.pop_front()) context.answer(static_cast<broker::GroupCall&>(*call));
    for (const Write::Stored& stored : done->groups) {
        if (Group* group = find(stored.group)) group->on_stored(stored.generation);
    }
}

bool Hosted::take_batches(std::span<const std::byte> bytes) {
    bool any = false;
    while (bytes.size() >= wire::batch_header_bytes) {
        const wire::BatchHeader header = wire::parse_batch_header(bytes.first<wire::batch_header_bytes>());
        if (header.total_bytes() < static_cast<int64_t>(wire::batch_header_bytes) ||
            header.total_bytes() > static_cast<int64_t>(bytes.size())) {
            break;
        }
        const auto size = static_cast<size_t>(header.total_bytes());
        any = true;
        if (header.last_offset() >= next && header.codec() == wire::Codec::none && !header.is_control()) {
            wire::RecordCursor cursor(bytes.first(size).subspan(wire::batch_header_bytes), header.record_count);
            for (wire::Record record; cursor.next(record);) take_record(record);
        }
        next = header.last_offset() + 1;
        bytes = bytes.subspan(size);
    }
    return any;
}

void Hosted::take_record(const wire::Record& record) {
    arena_.reset();
    StoredRecord stored;
    if (!record.key || !decode(*record.key, record.value, arena_, stored)) return;
    if (stored.group_key) {
        make(stored.group_key->group).load(stored.group.value_or(GroupValue{}));
        return;
    }
    const OffsetKey& at = *stored.offset_key;
    if (stored.offset) {
        const OffsetValue& value = *stored.offset;
        make(at.group).put_offset(at.topic, at.partition,
                                  {value.offset, value.leader_epoch, std::string(value.metadata),
                                   value.commit_timestamp, value.topic_id});
        return;
    }
    if (Group* group = find(at.group)) group->erase_offset(at.topic, at.partition);
}

void Hosted::end_load() {
    state = HostedState::active;
    std::erase_if(groups, [](const auto& g) {
        return g.second->offsets().empty() && !g.second->has_members() && g.second->protocol_type().empty();
    });
    for (auto& [_, group] : groups) group->start_sessions();
}

void Hosted::drop(ErrorCode error) {
    for (const auto& write : writes) {
        while (broker::Call* call = write->calls.pop_front()) {
            auto& waiting = static_cast<broker::GroupCall&>(*call);
            waiting.error = error;
            context.answer(waiting);
        }
    }
    writes.clear();
    writing = false;
    for (auto& [_, group] : groups) group->disband(error);
    groups.clear();
    next = {};
    state = HostedState::unloaded;
}

}  // namespace penstock::group
