// One description of a message serves decoding and encoding, for server and client.
//
// A message is a struct with members, their defaults, and two templates:
//     static constexpr ApiKey key = ApiKey::metadata;                  // top-level messages only
//     template <class C> void fields(C& c) { c.field(name); c.field(topic_id, from(10)); ... }   // in wire order
//     template <class C> void tags(C& c) { c.tag(0, leader, from(12)); ... }                     // if it has any
// `fields` names each member with the versions that have it; nested structs do the same. Every flexible struct's tag
// section is read and written here, so structs without tagged fields need not say anything.
//
// Types: integers, enums, bool, Uuid, std::string_view, Bytes, Records, Array<T>, nested structs, and Nullable<> of
// strings, bytes, arrays and structs. Decoded views point into the frame or into the reader's arena and live as long as
// both. A member out of a version's range is left at its default, and is not written. Bytes from outside never assert.
// Who finds api_of(ApiKey): the table beside the messages (wire/kafka/api.h), through the type of `key`.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/uuid.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace penstock::wire {

template <class T>
using Nullable = std::optional<T>;
using NullableString = Nullable<std::string_view>;
using Bytes = std::span<const std::byte>;       ///< contiguous: copied into the arena where it straddles buffers
using Records = std::span<const Fragment>;      ///< never copied; null on the wire decodes as empty
template <class T>
using Array = std::span<const T>;               ///< fill an Arena::make_array or a vector, then assign

/// The versions of a message in which a field exists.
struct Versions {
    int16_t first = 0;
    int16_t last = std::numeric_limits<int16_t>::max();
    constexpr bool has(int16_t version) const { return version >= first && version <= last; }
};
constexpr Versions from(int16_t first) { return {first}; }
constexpr Versions versions(int16_t first, int16_t last) { return {first, last}; }

/// The first version in which a Nullable<> may be null.
struct NullableFrom {
    int16_t first = 0;
};
constexpr NullableFrom nullable_from(int16_t first) { return {first}; }

inline constexpr uint32_t string_bytes_max = 0x7fff;  ///< Kafka's, also for compact strings

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T>
inline constexpr bool is_array<std::span<const T>> = !std::same_as<T, std::byte> && !std::same_as<T, Fragment>;

template <class T>
inline constexpr bool is_struct = std::is_class_v<T> && !std::same_as<T, std::string_view> &&
                                  !std::same_as<T, Bytes> && !std::same_as<T, Records> && !is_array<T>;

template <class T>
bool is_default(const T& value) {
    if constexpr (is_array<T> || std::same_as<T, Bytes>) return value.empty();
    else return value == T{};
}
}  // namespace detail

/// Writes a message to a Sink: Writer, or Sizer to learn its size.
template <class Sink>
class Encoder {
public:
    Encoder(Sink& sink, int16_t version, bool flexible) : sink_(sink), version_(version), flexible_(flexible) {}

    int16_t version() const { return version_; }

    template <class T>
    void field(const T& value, Versions in = {}, NullableFrom nullable = {}) {
        if (in.has(version_)) put(value, version_ >= nullable.first);
    }

    /// A whole struct with its tag section. `fields` is not const only because decoding shares it.
    template <class T>
    void structure(const T& value) {
        T& shared = const_cast<T&>(value);
        shared.fields(*this);
        if (flexible_) put_tags(shared);
    }

private:
    struct TagCounter {
        int16_t version;
        uint32_t count = 0;
        template <class T>
        void tag(uint32_t, const T& value, Versions in) {
            if (in.has(version) && !detail::is_default(value)) ++count;
        }
        template <class T>
        void tag(uint32_t, const T& value, Versions in, std::type_identity_t<T> absent) {
            if (in.has(version) && value != absent) ++count;
        }
    };

    struct TagWriter {
        Encoder& encoder;
        template <class T>
        void tag(uint32_t id, const T& value, Versions in) {
            if (in.has(encoder.version_) && !detail::is_default(value)) encoder.put_tag(id, value);
        }
        template <class T>
        void tag(uint32_t id, const T& value, Versions in, std::type_identity_t<T> absent) {
            if (in.has(encoder.version_) && value != absent) encoder.put_tag(id, value);
        }
    };

    template <class T>
    void put_tags(T& value) {
        if constexpr (requires(TagCounter& counter) { value.tags(counter); }) {
            TagCounter counter{version_};
            value.tags(counter);
            sink_.uvarint(counter.count);
            TagWriter writer{*this};
            if (counter.count > 0) value.tags(writer);
        } else {
            sink_.uvarint(0);
        }
    }

    template <class T>
    void put_tag(uint32_t id, const T& value) {
        Sizer sizer;
        Encoder<Sizer> measure(sizer, version_, true);
        measure.field(value);
        sink_.uvarint(id);
        sink_.uvarint(static_cast<uint32_t>(sizer.size()));
        put(value, true);
    }

    template <class T>
    void put(const T& value, bool may_be_null) {
        if constexpr (std::is_enum_v<T>) {
            sink_.number(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::integral<T>) {
            sink_.number(value);
        } else if constexpr (std::same_as<T, Uuid>) {
            sink_.bytes(std::as_bytes(std::span(value.bytes)));
        } else if constexpr (detail::is_optional<T>) {
            if (!value && !may_be_null) return sink_.fail(Errc::malformed);
            if constexpr (detail::is_struct<typename T::value_type>) sink_.number(value ? int8_t{1} : int8_t{-1});
            else if (!value) return put_null(*value);
            if (value) put(*value, true);
        } else if constexpr (std::same_as<T, std::string_view>) {
            if (value.size() > string_bytes_max) return sink_.fail(Errc::too_large);
            if (flexible_) sink_.uvarint(static_cast<uint32_t>(value.size() + 1));
            else sink_.number(static_cast<int16_t>(value.size()));
            sink_.bytes(std::as_bytes(std::span(value)));
        } else if constexpr (std::same_as<T, Bytes>) {
            put_count(value.size());
            sink_.bytes(value);
        } else if constexpr (std::same_as<T, Records>) {
            put_count(total_size(value));
            sink_.splice(value);
        } else if constexpr (detail::is_array<T>) {
            put_count(value.size());
            for (const auto& item : value) put(item, false);
        } else {
            structure(value);
        }
    }

    template <class T>
    void put_null(const T&) {
        if (flexible_) sink_.uvarint(0);
        else if constexpr (std::same_as<T, std::string_view>) sink_.number(int16_t{-1});
        else sink_.number(int32_t{-1});
    }

    void put_count(uint64_t count) {
        if (count >= static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) return sink_.fail(Errc::too_large);
        if (flexible_) sink_.uvarint(static_cast<uint32_t>(count + 1));
        else sink_.number(static_cast<int32_t>(count));
    }

    Sink& sink_;
    int16_t version_;
    bool flexible_;
};

/// Reads a message from a Reader. Errors stick to the reader; what was read before them is not to be used.
class Decoder {
public:
    Decoder(Reader& reader, int16_t version, bool flexible)
        : reader_(reader), version_(version), flexible_(flexible) {}

    int16_t version() const { return version_; }

    template <class T>
    void field(T& value, Versions in = {}, NullableFrom nullable = {}) {
        if (in.has(version_)) get(value, version_ >= nullable.first);
    }

    template <class T>
    void structure(T& value) {
        value.fields(*this);
        if (flexible_) get_tags(value);
    }

private:
    struct TagReader {
        Decoder& decoder;
        uint32_t wanted;
        bool found = false;
        template <class T>
        void tag(uint32_t id, T& value, Versions in, const std::type_identity_t<T>& = {}) {
            if (id != wanted || !in.has(decoder.version_)) return;
            found = true;
            decoder.get(value, true);
        }
    };

    // Unknown tags are skipped: they are how newer peers add what older ones may ignore.
    template <class T>
    void get_tags(T& value) {
        for (uint32_t left = reader_.uvarint(); left > 0 && reader_.ok(); --left) {
            uint32_t id = reader_.uvarint();
            uint32_t size = reader_.uvarint();
            if (!reader_.ok() || size > reader_.remaining()) return reader_.fail(Errc::malformed);
            uint64_t after = reader_.remaining() - size;
            TagReader tag{*this, id};
            if constexpr (requires { value.tags(tag); }) value.tags(tag);
            if (!tag.found) reader_.skip(size);
            else if (reader_.remaining() != after) reader_.fail(Errc::malformed);
        }
    }

    template <class T>
    void get(T& value, bool may_be_null) {
        if constexpr (std::same_as<T, bool>) {
            value = reader_.number<int8_t>() != 0;
        } else if constexpr (std::is_enum_v<T>) {
            value = static_cast<T>(reader_.number<std::underlying_type_t<T>>());
        } else if constexpr (std::integral<T>) {
            value = reader_.number<T>();
        } else if constexpr (std::same_as<T, Uuid>) {
            reader_.copy(std::as_writable_bytes(std::span(value.bytes)));
        } else if constexpr (detail::is_optional<T>) {
            typename T::value_type inner{};
            if (get_present(inner)) value = inner;
            else if (may_be_null) value.reset();
            else reader_.fail(Errc::malformed);
        } else if constexpr (std::same_as<T, Records>) {
            get_present(value);
        } else if constexpr (std::same_as<T, std::string_view> || std::same_as<T, Bytes> || detail::is_array<T>) {
            if (!get_present(value)) reader_.fail(Errc::malformed);
        } else {
            structure(value);
        }
    }

    // The values that may be null: false when it is. After an error the answer does not matter.
    bool get_present(std::string_view& value) {
        int64_t size = flexible_ ? int64_t{reader_.uvarint()} - 1 : reader_.number<int16_t>();
        if (size < 0) return size == -1 ? false : (reader_.fail(Errc::malformed), false);
        if (size > string_bytes_max) return reader_.fail(Errc::malformed), false;
        Bytes bytes = reader_.view(static_cast<uint64_t>(size));
        value = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        return true;
    }

    bool get_present(Bytes& value) {
        int64_t size = get_count();
        if (size >= 0) value = reader_.view(static_cast<uint64_t>(size));
        return size >= 0;
    }

    bool get_present(Records& value) {
        int64_t size = get_count();
        value = {};
        if (size > 0) value = reader_.fragments(static_cast<uint64_t>(size));
        return size >= 0;
    }

    template <class T>
    bool get_present(std::span<const T>& value) {
        int64_t count = get_count();
        value = {};
        if (count <= 0) return count == 0;
        // A struct at its defaults is the smallest that it can be, so this bounds memory by what was received.
        Sizer smallest;
        Encoder<Sizer> measure(smallest, version_, flexible_);
        measure.field(T{});
        uint64_t least = smallest.size() > 0 ? smallest.size() : 1;
        if (static_cast<uint64_t>(count) > reader_.remaining() / least) return reader_.fail(Errc::malformed), true;
        std::span<T> items = reader_.arena().make_array<T>(static_cast<size_t>(count));
        if (items.data() == nullptr) return reader_.fail(Errc::too_large), true;
        for (T& item : items) {
            get(item, false);
            if (!reader_.ok()) return true;
        }
        value = items;
        return true;
    }

    template <class T>
        requires detail::is_struct<T>
    bool get_present(T& value) {
        if (reader_.number<int8_t>() < 0) return false;
        structure(value);
        return true;
    }

    // Of bytes, records and arrays: -1 is null.
    int64_t get_count() {
        int64_t count = flexible_ ? int64_t{reader_.uvarint()} - 1 : reader_.number<int32_t>();
        if (count >= -1) return count;
        reader_.fail(Errc::malformed);
        return 0;
    }

    Reader& reader_;
    int16_t version_;
    bool flexible_;
};

template <class M>
constexpr bool is_flexible(int16_t version) {
    return version >= api_of(M::key).flexible_from;
}

/// Reads the body of a message into `message`, which must be fresh. False: see reader.error().
template <class M>
bool decode(Reader& reader, M& message, int16_t version) {
    Decoder(reader, version, is_flexible<M>(version)).structure(message);
    return reader.ok();
}

/// Writes the body of a message. Its Records and whatever they point to must stay until the bytes are sent.
/// False: see writer.error().
template <class M>
bool encode(Writer& writer, const M& message, int16_t version) {
    Encoder<Writer>(writer, version, is_flexible<M>(version)).structure(message);
    return writer.ok();
}

/// The bytes that encode() writes.
template <class M>
uint64_t encoded_size(const M& message, int16_t version) {
    Sizer sizer;
    Encoder<Sizer>(sizer, version, is_flexible<M>(version)).structure(message);
    return sizer.size();
}

/// Behind each message: its codec is compiled once, in the messages.cpp of its folder, not by all who include it.
#define PENSTOCK_MESSAGE(M)                                  \
    extern template bool decode(Reader&, M&, int16_t);       \
    extern template bool encode(Writer&, const M&, int16_t); \
    extern template uint64_t encoded_size(const M&, int16_t)

}  // namespace penstock::wire
