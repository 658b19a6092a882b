#include "cli/partition_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/values.h"

namespace penstock::cli {

namespace {

template <class T>
T value_or_throw(const std::string& option, Outcome<T> parsed) {
    if (!parsed) throw CLI::ValidationError(option, parsed.error().message);
    return std::move(*parsed);
}

}  // namespace

Outcome<PartitionSelection> parse_partition_selection(std::string_view text) {
    const size_t colon = text.rfind(':');
    PartitionSelection selection{.topic = std::string(text.substr(0, colon)), .partition = {}};
    if (const std::string fault = topic_name_fault(selection.topic); !fault.empty()) return misuse(fault);
    if (colon == std::string_view::npos) return selection;
    selection.partition = parse_number<int32_t>(text.substr(colon + 1));
    if (!selection.partition || *selection.partition < 0)
        return misuse(fmt::format("'{}' is not a partition: write TOPIC:NUMBER", printable(text)));
    return selection;
}

Outcome<std::vector<int32_t>> parse_broker_list(std::string_view text, char separator) {
    std::vector<int32_t> ids;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(separator, at), text.size());
        const auto id = parse_number<int32_t>(text.substr(at, end - at));
        if (!id || *id < 0)
            return misuse(fmt::format("'{}' is not a list of brokers: write 1{}2{}3", printable(text), separator,
                                      separator));
        if (std::ranges::find(ids, *id) != ids.end())
            return misuse(fmt::format("broker {} stands twice in '{}'", *id, printable(text)));
        ids.push_back(*id);
        at = end + 1;
    }
    return ids;
}

Outcome<std::vector<std::vector<int32_t>>> parse_assignment(std::string_view text) {
    std::vector<std::vector<int32_t>> assignment;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        auto replicas = parse_broker_list(text.substr(at, end - at), ':');
        if (!replicas) return std::unexpected(std::move(replicas.error()));
        assignment.push_back(std::move(*replicas));
        at = end + 1;
    }
    return assignment;
}

CLI::Option* add_partition_selection(CLI::App& app, PartitionSelection& target) {
    const auto set = [&target](const std::string& text) {
        target = value_or_throw("TOPIC", parse_partition_selection(text));
    };
    return app.add_option_function<std::string>("TOPIC", set, "A topic, or one partition of it: TOPIC:NUMBER")
        ->required()
        ->type_name("");
}

CLI::Option* add_replicas(CLI::App& app, std::vector<int32_t>& target) {
    const auto set = [&target](const std::string& text) {
        target = value_or_throw("--replicas", parse_broker_list(text));
    };
    return app.add_option_function<std::string>(
                  "--replicas", set,
                  "Brokers, the preferred leader first; of a whole topic, each partition begins with the next of them")
        ->type_name("ID,…");
}

}  // namespace penstock::cli
