// Any text as a configuration file: settings within their bounds, or problems; and what was understood reads back.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "main/settings_file.h"
#include "main/settings_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace penstock;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    BrokerSettings broker;
    Settings rows = settings_of(broker);
    const bool understood = read_settings(text, "fuzz.toml", rows).empty();
    CoordinatorSettings coordinator;
    Settings coordinator_rows = settings_of(coordinator);
    read_settings(text, "fuzz.toml", coordinator_rows);
    if (!understood) return 0;

    // A relative path gets its folder put in front again, here the empty one.
    BrokerSettings again;
    Settings rows_again = settings_of(again);
    const std::string documented = document("penstock-broker", rows);
    PENSTOCK_ASSERT(read_settings(documented, "fuzz.toml", rows_again).empty());
    PENSTOCK_ASSERT(document("penstock-broker", rows_again) == documented);
    return 0;
}
