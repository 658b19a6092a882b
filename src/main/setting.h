// One setting as a row of a table: its key, where its value goes, its default, its bounds and its documentation; and
// the text form of its value, as configuration files and `--set` have it ("64MiB", "7d", "127.0.0.1:9092").
//
// Pure functions of their arguments.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "main/settings.h"

namespace penstock {

enum class Unit : uint8_t {
    none,
    bytes,         ///< B, KiB, MiB, GiB, TiB; a bare number is bytes
    milliseconds,  ///< ms, s, min, h, d; a bare number is milliseconds
    path,          ///< of text: a relative path in a file counts from that file's folder
    optional,      ///< of an address: may be empty
    optional_path, ///< a path, or empty
    node_path,     ///< of text: where something lies in ZooKeeper
    label,         ///< of text: a line of at most `max` bytes, or nothing: what a person calls something
};

/// Where the value is stored: the type of the setting.
using Target = std::variant<bool*, int64_t*, uint64_t*, std::string*, io::Address*, std::vector<io::Address>*,
                            IdleStrategy*, NetworkDriver*, StoreKind*, LogLevel*>;

inline constexpr size_t addresses_max = 16;   ///< in a list

struct Setting {
    std::string_view key;      ///< "storage.cache_bytes": table and name in the file
    Target target;
    std::string_view initial;  ///< the default, as text
    Unit unit = Unit::none;
    int64_t min = 0;           ///< of numbers; -1 where -1 is a value of its own ("no limit")
    int64_t max = 0;
    std::string_view doc;      ///< one or two lines: what it is
    std::string_view why;      ///< why this default, or what to think of when changing it
    std::string_view not_below = {};  ///< key of another number that this one must reach; empty: none
    std::string place = "default";  ///< where the value came from: "broker.toml:12", "--set"
};

using Settings = std::vector<Setting>;

/// Parses `text` into the setting's target. The error is a reason ("257 is out of range: 0 to 256"), the target then
/// unchanged.
std::expected<void, std::string> assign(const Setting& setting, std::string_view text);

/// The same for a number of a file, which has no unit.
std::expected<void, std::string> assign(const Setting& setting, int64_t number);

/// What kind of value it takes, for messages and documentation: "a size, 4MiB to 1GiB", "one of spin, backoff, block".
std::string describe_type(const Setting& setting);

/// Whether the file must write the value in quotes. Numbers with a unit may come either way.
bool is_text(const Setting& setting);
bool is_boolean(const Setting& setting);

/// What is wrong between two settings that are each within their bounds, with the places that said so.
std::vector<std::string> broken_relations(const Settings& rows);

/// The value that the target holds now, in a form that assign() takes.
std::string value_text(const Setting& setting);

/// The shortest exact form: "64MiB", "7d".
std::string format_number(Unit unit, int64_t number);

std::optional<int64_t> parse_number(Unit unit, std::string_view text);

/// "host:port" or "[v6]:port"; a port from 0 to 65535.
std::optional<io::Address> parse_address(std::string_view text);

/// The same backwards; empty if the host is.
std::string address_text(const io::Address& address);
/// With commas between.
std::string address_text(const std::vector<io::Address>& addresses);

}  // namespace penstock
