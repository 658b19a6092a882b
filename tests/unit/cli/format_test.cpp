#include "cli/format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace penstock::cli {
namespace {

constexpr ShownHeader headers[] = {{"host", "web-1"}, {"empty", std::nullopt}};

ShownRecord record() {
    return {.topic = "games", .partition = 2, .offset = 42, .timestamp_ms = 1795363200123, .key = "ham:ars",
            .value = "Kick-off", .headers = headers};
}

std::string print(std::string_view format, const ShownRecord& r) {
    const auto parsed = RecordFormat::parse(format);
    EXPECT_TRUE(parsed) << format;
    std::string out;
    if (parsed) parsed->print(r, out);
    return out;
}

TEST(RecordFormat, PrintsEachField) {
    EXPECT_EQ(print("%v", record()), "Kick-off");
    EXPECT_EQ(print("%k=%v\\n", record()), "ham:ars=Kick-off\n");
    EXPECT_EQ(print("%t/%p@%o", record()), "games/2@42");
    EXPECT_EQ(print("%T", record()), "1795363200123");
    EXPECT_EQ(print("%h", record()), "host=web-1,empty=");
    EXPECT_EQ(print("%K %V", record()), "7 8");
    EXPECT_EQ(print("100%% \\\\ \\x41\\t", record()), "100% \\ A\t");
    EXPECT_EQ(print("", record()), "");
}

TEST(RecordFormat, NullsAreNothingButHaveNoSize) {
    ShownRecord r = record();
    r.key.reset();
    r.value.reset();
    r.headers = {};
    EXPECT_EQ(print("[%k][%v][%h][%K][%V]", r), "[][][][-1][-1]");
}

TEST(RecordFormat, BytesPassUnchanged) {
    ShownRecord r = record();
    const std::string raw("\x00\xff\n%v", 5);
    r.value = raw;
    EXPECT_EQ(print("%v", r), raw);
}

TEST(RecordFormat, RefusesUnknownFieldsAndEscapes) {
    for (const char* bad : {"%", "%x", "%v %", "\\q", "\\", "\\x4", "\\xzz"}) {
        const auto parsed = RecordFormat::parse(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().kind, FailureKind::usage);
    }
}

TEST(PrintJson, IsOneObjectALine) {
    std::string out;
    print_json(record(), out);
    ASSERT_TRUE(out.ends_with('\n'));
    const auto json = nlohmann::json::parse(out);
    EXPECT_EQ(json["topic"], "games");
    EXPECT_EQ(json["partition"], 2);
    EXPECT_EQ(json["offset"], 42);
    EXPECT_EQ(json["timestamp"], "2026-11-22T16:00:00.123Z");
    EXPECT_EQ(json["key"], "ham:ars");
    EXPECT_EQ(json["value"], "Kick-off");
    EXPECT_EQ(json["headers"][0]["key"], "host");
    EXPECT_EQ(json["headers"][1]["value"], nullptr);
}

TEST(PrintJson, EncodesWhatIsNotText) {
    ShownRecord r = record();
    r.key.reset();
    r.value = std::string_view("\xff\x00z", 3);
    std::string out;
    print_json(r, out);
    const auto json = nlohmann::json::parse(out);
    EXPECT_EQ(json["key"], nullptr);
    EXPECT_EQ(json["value_base64"], "/wB6");
    EXPECT_FALSE(json.contains("value"));
}

TEST(Utf8, KnowsGoodFromBad) {
    for (const char* good : {"", "a", "é", "€", "𝄞", "\xf4\x8f\xbf\xbf"}) EXPECT_TRUE(is_utf8(good)) << good;
    for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
                            "\xe2\x82", "\xf0\x80\x80\x80"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

TEST(Base64, Pads) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace penstock::cli
