#include "group/records.h"

#include "base/bytes.h"
#include "limits.h"

namespace penstock::group {

namespace {

constexpr bool is_flexible(const OffsetValue&) { return true; }
template <class M>
constexpr bool is_flexible(const M&) {
    return false;
}

template <class M>
bool encode_message(const M& message, std::vector<std::byte>& out) {
    out.resize(sizeof(int16_t));
    store_be<int16_t>(out.data(), M::version);
    Arena arena(limits::group_record_bytes_max);
    wire::Writer writer(arena);
    wire::Encoder<wire::Writer>(writer, M::version, is_flexible(message)).structure(message);
    if (!writer.ok()) return false;
    for (const Fragment& fragment : writer.finish()) {
        out.insert(out.end(), fragment.data, fragment.data + fragment.size);
    }
    return true;
}

template <class M>
bool decode_message(std::span<const std::byte> bytes, Arena& arena, M& message) {
    if (bytes.size() < sizeof(int16_t) || load_be<int16_t>(bytes.data()) != M::version) return false;
    const Fragment rest{bytes.data() + sizeof(int16_t), static_cast<uint32_t>(bytes.size() - sizeof(int16_t))};
    wire::Reader reader(std::span(&rest, 1), arena);
    wire::Decoder(reader, M::version, is_flexible(message)).structure(message);
    return reader.ok() && reader.remaining() == 0;
}

}  // namespace

bool encode(const OffsetKey& key, std::vector<std::byte>& out) { return encode_message(key, out); }
bool encode(const OffsetValue& value, std::vector<std::byte>& out) { return encode_message(value, out); }
bool encode(const GroupKey& key, std::vector<std::byte>& out) { return encode_message(key, out); }
bool encode(const GroupValue& value, std::vector<std::byte>& out) { return encode_message(value, out); }

bool decode(std::span<const std::byte> key, std::optional<std::span<const std::byte>> value, Arena& arena,
            StoredRecord& record) {
    record = {};
    if (OffsetKey offset; decode_message(key, arena, offset)) {
        record.offset_key = offset;
        return !value || decode_message(*value, arena, record.offset.emplace());
    }
    if (GroupKey group; decode_message(key, arena, group)) {
        record.group_key = group;
        return !value || decode_message(*value, arena, record.group.emplace());
    }
    return false;
}

}  // namespace penstock::group
